import type { Agreement, Band, LeadType, Path } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Known, Scores, TraceLine } from "./condition.ts";
import type { Gate, MissingFact } from "./gates.ts";
import { evaluator } from "./condition.ts";
import { truths } from "./compiled.ts";
import { happenedBy } from "./engagements.ts";
import { checkGates, lacksData } from "./gates.ts";
import { accountType } from "../accounts/type.ts";
import { deriveFacts } from "../facts/lead.ts";
import { agingMoments } from "./aging.ts";
import { fitTrace, scoresOf, scoresOn } from "./score.ts";

export type Verdict = "hand-off" | "nurture" | "disqualify" | "needs-data";

/** What the agreement says about a lead at one moment, with everything that led to it. */
export interface Qualification {
  readonly verdict: Verdict;
  /** One sentence for people; no personal data in it. */
  readonly because: string;
  /** The reason of the suppression rule that held. */
  readonly suppression?: string;
  /** What a person must supply or correct before the lead can be judged further. */
  readonly missing: MissingFact[];
  readonly gates: Gate[];
  readonly leadType?: string;
  readonly path?: Path;
  readonly priority?: number;
  readonly band: Band;
  readonly fit: number;
  readonly intent: number;
  readonly checklist: { readonly name: string; readonly result: "met" | "not met" | "unknown" }[];
  readonly trace: TraceLine[];
  /**
   * When the passing of time alone could change the verdict or the lead type; null when it cannot.
   */
  readonly nextChangeAt: Instant | null;
}

/**
 * A lead as known. `matches` is the number of contacts that match this person; absent where it was
 * not looked up.
 */
export type KnownLead = Known & { readonly matches?: number };

/**
 * Judges a lead: suppression first, then required fields, e-mail and unique match, then the lead
 * types, of which the first that is true wins. Unknown never qualifies. No match means nurture.
 * Facts are derived here, so pass them as they were given (docs/agreement.md, "The order of
 * decisions").
 */
export function qualify(agreement: Agreement, lead: KnownLead): Qualification {
  const known = withDerived(agreement, lead);
  const judged = judge(agreement, known);
  return { ...judged, nextChangeAt: nextChange(agreement, known, judged) };
}

/** What a lead's qualification comes down to. */
export type Judgement = Pick<
  Qualification,
  "verdict" | "leadType" | "priority" | "band" | "fit" | "intent"
>;

/**
 * The same verdict and score without gates, checklist, trace and the time of the next change: for
 * callers that show none of them. A tenth of the work (docs/benchmarks.md, "Judging").
 */
export function judgeNow(agreement: Agreement, lead: KnownLead): Judgement {
  const known = withDerived(agreement, lead);
  const isLacking = lacksData(agreement, known);
  const { scores, suppression, won } = outcomeOf(agreement, known, isLacking);
  if (suppression !== undefined) return { verdict: "disqualify", ...scores };
  if (isLacking) return { verdict: "needs-data", ...scores };
  if (won === undefined) return { verdict: "nurture", ...scores };
  return { verdict: "hand-off", ...scores, leadType: won.name, priority: won.priority };
}

function withDerived(agreement: Agreement, lead: KnownLead): KnownLead {
  return { ...lead, facts: deriveFacts(lead.facts, agreement.emailDomains) };
}

/** What the agreement says of handoffs of a type; flagged accounts have one of their own. */
export function leadTypeOf(agreement: Agreement, name: string): LeadType | undefined {
  const ofAccounts = accountType(agreement);
  return (
    agreement.leadTypes.find((type) => type.name === name) ??
    (ofAccounts?.name === name ? ofAccounts : undefined)
  );
}

type Judged = Omit<Qualification, "nextChangeAt">;

function judge(agreement: Agreement, known: KnownLead): Judged {
  const scores = scoresOf(agreement, known);
  const ask = evaluator(known, agreement, scores);
  const suppressed = suppression(agreement, ask);
  const { gates, missing } = checkGates(agreement, known, suppressed.gate);
  // Asked before the lead types: a trace unfolds what has a name where it first occurs.
  const fit = fitTrace(agreement, ask);
  const { won, ...types } =
    suppressed.reason === undefined && missing.length === 0
      ? matchTypes(agreement, ask)
      : { trace: [], open: [] };
  const checklist = agreement.checklist.map((item) => ({ name: item.name, ...ask(item.when) }));
  return {
    missing,
    gates,
    ...scores,
    checklist: checklist.map((item) => ({ name: item.name, result: checklistWord(item.result) })),
    trace: [
      ...suppressed.trace,
      ...fit,
      ...types.trace,
      ...checklist.flatMap((item) => item.trace),
    ],
    ...verdictOf({ reason: suppressed.reason, missing, won, open: types.open, band: scores.band }),
    ...(suppressed.reason === undefined ? {} : { suppression: suppressed.reason }),
    ...(won && { leadType: won.name, path: won.path, priority: won.priority }),
  };
}

function verdictOf({
  reason,
  missing,
  won,
  open,
  band,
}: {
  readonly reason: string | undefined;
  readonly missing: readonly MissingFact[];
  readonly won: LeadType | undefined;
  readonly open: OpenTypes;
  readonly band: Band;
}): Pick<Qualification, "verdict" | "because"> {
  if (reason !== undefined) return { verdict: "disqualify", because: `suppressed: ${reason}` };
  if (missing.length > 0)
    return {
      verdict: "needs-data",
      because: `cannot be handed off before this is settled: ${missing.map((one) => one.field).join(", ")}`,
    };
  if (won) return { verdict: "hand-off", because: `${won.name} holds; band ${band}` };
  return { verdict: "nurture", because: nurtureReason(open) };
}

type Asked = { readonly result: boolean | "unknown"; readonly trace: TraceLine[] };
type Ask = ReturnType<typeof evaluator>;

/**
 * The first suppression that holds names the reason. One that is unknown does not suppress; the
 * gate says so.
 */
function suppression(
  agreement: Agreement,
  ask: Ask,
): { reason?: string; gate: Gate; trace: TraceLine[] } {
  const trace: TraceLine[] = [];
  const open: string[] = [];
  for (const rule of agreement.suppress) {
    const asked: Asked = ask(rule.when);
    trace.push(...asked.trace);
    if (asked.result === true)
      return {
        reason: rule.reason,
        gate: { name: "suppression", held: false, why: rule.reason },
        trace,
      };
    if (asked.result === "unknown") open.push(rule.reason);
  }
  if (open.length === 0)
    return { gate: { name: "suppression", held: true, why: "no suppression holds" }, trace };
  return {
    gate: {
      name: "suppression",
      held: "unknown",
      why: `none holds; not known: ${open.join(", ")}`,
    },
    trace,
  };
}

/** Lead types that are not known to hold or not to, and why not. */
type OpenTypes = readonly { readonly name: string; readonly missing: readonly string[] }[];

/** The first lead type that is true, and those that facts still missing left open. */
function matchTypes(
  agreement: Agreement,
  ask: Ask,
): { won?: LeadType; open: OpenTypes; trace: TraceLine[] } {
  const trace: TraceLine[] = [];
  const open: { name: string; missing: string[] }[] = [];
  for (const type of agreement.leadTypes) {
    const asked: Asked = ask(type.when);
    trace.push(...asked.trace);
    if (asked.result === true) return { won: type, open, trace };
    if (asked.result === "unknown")
      open.push({ name: type.name, missing: asked.trace[0]?.missing ?? [] });
  }
  return { open, trace };
}

function nurtureReason(open: OpenTypes): string {
  if (open.length === 0) return "no lead type holds";
  const told = open.map((type) => `${type.name} (${type.missing.join(", ")})`);
  return `no lead type holds; left open by missing facts: ${told.join("; ")}`;
}

function checklistWord(result: Asked["result"]): "met" | "not met" | "unknown" {
  if (result === "unknown") return "unknown";
  return result ? "met" : "not met";
}

/**
 * Walks the moments at which something ages out of a window or the score crosses a threshold, and
 * takes the first at which the outcome differs. Bounded: past that many moments the next one is
 * returned unexamined, an early wake-up that changes nothing.
 */
function nextChange(agreement: Agreement, known: KnownLead, judged: Judged): Instant | null {
  if (known.engagements.length === 0) return null;
  const mostLooks = 32;
  const isLacking = judged.missing.length > 0;
  for (const [i, at] of agingMoments(agreement, known).entries()) {
    if (i >= mostLooks) return at;
    // What data lacks does not change with time.
    const then = outcomeOf(agreement, { ...known, now: at }, isLacking);
    if (then.suppression !== judged.suppression || then.won?.name !== judged.leadType) return at;
  }
  return null;
}

/**
 * Suppression and lead type at `known.now`, without their trace: they tell everything about the
 * verdict that time can change. Pass facts with what follows from them.
 */
function outcomeOf(
  agreement: Agreement,
  known: KnownLead,
  isLacking: boolean,
): {
  readonly scores: Scores;
  readonly suppression: string | undefined;
  /** The lead type that is handed off. */
  readonly won: LeadType | undefined;
} {
  const ground = { ...known, happened: happenedBy(known.engagements, known.now) };
  const scores = scoresOn(agreement, ground);
  const ask = truths(agreement, { ...ground, scores });
  const suppression = agreement.suppress.find(({ when }) => ask(when) === true)?.reason;
  const isJudged = suppression === undefined && !isLacking;
  const won = isJudged ? agreement.leadTypes.find(({ when }) => ask(when) === true) : undefined;
  return { scores, suppression, won };
}
