import type { Agreement, Band, LeadType, Path } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Known, Scores, TraceLine } from "./condition.ts";
import type { Gate, MissingFact } from "./gates.ts";
import { evaluator } from "./condition.ts";
import { checkGates } from "./gates.ts";
import { accountType } from "../accounts/type.ts";
import { deriveFacts } from "../facts/lead.ts";
import { agingMoments } from "./aging.ts";
import { fitTrace, scoresOf } from "./score.ts";

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
 * callers that show none of them.
 */
export function judgeNow(agreement: Agreement, lead: KnownLead): Judgement {
  const { verdict, won, scores } = decide(agreement, withDerived(agreement, lead), false);
  return { verdict, ...scores, ...(won && { leadType: won.name, priority: won.priority }) };
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
  const { verdict, because, won, scores, ask, suppressed, gates, missing, fit, types } = decide(
    agreement,
    known,
    true,
  );
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
    verdict,
    because,
    ...(suppressed.reason === undefined ? {} : { suppression: suppressed.reason }),
    ...(won && { leadType: won.name, path: won.path, priority: won.priority }),
  };
}

interface Decided {
  readonly verdict: Verdict;
  readonly because: string;
  /** The lead type that is handed off. */
  readonly won?: LeadType;
  readonly scores: Scores;
  readonly ask: Ask;
  readonly suppressed: ReturnType<typeof suppression>;
  readonly gates: Gate[];
  readonly missing: MissingFact[];
  readonly fit: TraceLine[];
  readonly types: ReturnType<typeof matchTypes>;
}

function decide(agreement: Agreement, known: KnownLead, isTraced: boolean): Decided {
  const scores = scoresOf(agreement, known);
  const ask = evaluator(known, agreement, scores, isTraced);
  const suppressed = suppression(agreement, ask);
  const { gates, missing } = checkGates(agreement, known, suppressed.gate);
  // Asked before the lead types: a trace unfolds what has a name where it first occurs.
  const fit = isTraced ? fitTrace(agreement, ask) : [];
  const types =
    suppressed.reason === undefined && missing.length === 0
      ? matchTypes(agreement, ask)
      : { trace: [], open: [] };
  const common = { scores, ask, suppressed, gates, missing, fit, types };
  if (suppressed.reason !== undefined)
    return { ...common, verdict: "disqualify", because: `suppressed: ${suppressed.reason}` };
  if (missing.length > 0)
    return {
      ...common,
      verdict: "needs-data",
      because: `cannot be handed off before this is settled: ${missing.map((one) => one.field).join(", ")}`,
    };
  if (types.won)
    return {
      ...common,
      verdict: "hand-off",
      won: types.won,
      because: `${types.won.name} holds; band ${scores.band}`,
    };
  return { ...common, verdict: "nurture", because: nurtureReason(types.open) };
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

/** The first lead type that is true, and those that facts still missing left open. */
function matchTypes(
  agreement: Agreement,
  ask: Ask,
): { won?: LeadType; open: { name: string; missing: string[] }[]; trace: TraceLine[] } {
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

function nurtureReason(open: readonly { name: string; missing: string[] }[]): string {
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
  for (const [i, at] of agingMoments(agreement, known).entries()) {
    if (i >= mostLooks) return at;
    if (outcomeAt(agreement, { ...known, now: at }, judged.missing.length > 0) !== outcome(judged))
      return at;
  }
  return null;
}

/**
 * The outcome of `judge` at another moment, without its trace. What data lacks does not change with
 * time.
 */
function outcomeAt(agreement: Agreement, known: KnownLead, lacksData: boolean): string {
  const ask = evaluator(known, agreement, scoresOf(agreement, known), false);
  const { reason } = suppression(agreement, ask);
  const won =
    reason !== undefined || lacksData
      ? undefined
      : agreement.leadTypes.find((type) => ask(type.when).result === true);
  return outcome({
    ...(reason === undefined ? {} : { suppression: reason }),
    ...(won ? { leadType: won.name } : {}),
  });
}

/** Suppression and lead type tell everything about the verdict that time can change. */
function outcome(judged: Pick<Judged, "suppression" | "leadType">): string {
  return `${judged.suppression ?? ""}|${judged.leadType ?? ""}`;
}
