import type { Agreement, ExplorationRules } from "../agreement.ts";
import { evaluate, type TraceLine } from "./condition.ts";
import { truths } from "./compiled.ts";
import { happenedBy } from "./engagements.ts";
import type { Stage } from "../stage.ts";
import { deriveFacts } from "../facts/lead.ts";
import type { KnownLead } from "./qualify.ts";
import { scoresOf, scoresOn } from "./score.ts";

/**
 * Exploration (docs/agreement.md, "Exploration"): a share of the leads that no lead type lets through
 * is handed off all the same, so that something is learned about them.
 */
export interface Exploration {
  /** The lead is of those: it is handed off. */
  readonly isDrawn: boolean;
  /** How likely that was; the back-test weighs by it. */
  readonly propensity: number;
  readonly leadType: string;
  readonly trace: readonly TraceLine[];
}

/**
 * Whether a lead in nurture is handed off to explore, with the trace; null where the agreement explores nobody, or
 * nobody like this one.
 */
export function explorationOf(
  agreement: Agreement,
  leadId: string,
  lead: KnownLead,
): Exploration | null {
  const rules = rulesThatExplore(agreement);
  if (rules === null) return null;
  const known = { ...lead, facts: deriveFacts(lead.facts, agreement.emailDomains) };
  const among = rules.when && evaluate(rules.when, known, agreement, scoresOf(agreement, known));
  if (among !== undefined && among.result !== true) return null;
  const draw = drawOf(leadId);
  const isDrawn = draw < rules.share;
  const line: TraceLine = {
    at: "exploration.share",
    field: "draw",
    value: Math.round(draw * 1e6) / 1e6,
    expected: `below ${rules.share}, the share that is explored`,
    result: isDrawn,
  };
  return {
    isDrawn,
    propensity: rules.share,
    leadType: rules.leadType,
    trace: [...(among?.trace ?? []), line],
  };
}

/** The probability that a lead in nurture is handed off to explore, without a trace; 0: never. */
export function propensityOf(agreement: Agreement, lead: KnownLead): number {
  const rules = rulesThatExplore(agreement);
  if (rules === null) return 0;
  if (rules.when === undefined) return rules.share;
  const facts = deriveFacts(lead.facts, agreement.emailDomains);
  const ground = { ...lead, facts, happened: happenedBy(lead.engagements, lead.now) };
  const ask = truths(agreement, { ...ground, scores: scoresOn(agreement, ground) });
  return ask(rules.when) === true ? rules.share : 0;
}

/** Whether a lead in nurture is one of those that are explored. */
export function isExplored(agreement: Agreement, leadId: string, lead: KnownLead): boolean {
  return drawOf(leadId) < propensityOf(agreement, lead);
}

/** Once in a life, and before any handoff. */
export function mayBeExplored(at: { readonly stage: Stage; readonly cycle: number }): boolean {
  return at.cycle === 1 && (at.stage === "new" || at.stage === "nurture");
}

function rulesThatExplore({ exploration }: Agreement): ExplorationRules | null {
  return exploration !== undefined && exploration.share > 0 ? exploration : null;
}

/**
 * A number of 0 or more and less than 1 that belongs to a lead and looks random: FNV-1a over its id,
 * mixed as MurmurHash3 ends. The same whenever it is asked, so a lead is drawn once and no version draws anew.
 */
export function drawOf(leadId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < leadId.length; i++) hash = Math.imul(hash ^ leadId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296;
}
