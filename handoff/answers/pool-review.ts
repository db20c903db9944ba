import type { Agreement } from "../agreement.ts";
import { agreementHours } from "../time/applied-calendar.ts";
import { localDateOf, type Instant } from "../time/calendar.ts";
import { evaluate, type Known } from "../qualify/condition.ts";
import { happenedBy, isMeaningful } from "../qualify/engagements.ts";
import { deriveFacts } from "../facts/lead.ts";
import type { PoolExit } from "./renurture.ts";
import { intentScore } from "../qualify/score.ts";

/** What people can decide about a lead of the re-nurture pool. */
export const reviewDecisions = ["keep", "return", "retire"] as const;
export type ReviewDecision = (typeof reviewDecisions)[number];

/** A lead of the pool, as it is known at the review. `cycles` counts the handoffs it has had. */
export interface PoolLead extends Known {
  readonly exit: PoolExit;
  readonly cycles: number;
}

/**
 * What a reviewer sees of one lead: what it did since it entered the pool, and what we would do. No
 * personal data.
 */
export interface PoolFinding {
  readonly intentThen: number;
  readonly intentNow: number;
  /** By type, the most frequent first. */
  readonly since: readonly {
    readonly type: string;
    readonly count: number;
    readonly lastAt: Instant;
  }[];
  readonly suggestion: ReviewDecision;
  readonly because: string;
}

/** Two whole quarters: longer than a review could have overlooked. */
const silentDays = 180;

/**
 * One lead of the re-nurture pool, looked at with the agreement of today. A person decides; this
 * only suggests.
 */
export function lookAtPoolLead(agreement: Agreement, lead: PoolLead): PoolFinding {
  const did = happenedBy(lead.engagements, lead.now).filter((one) => one.occurredAt > lead.exit.at);
  const byType = new Map<string, { count: number; lastAt: Instant }>();
  for (const { type, occurredAt } of did)
    byType.set(type, { count: (byType.get(type)?.count ?? 0) + 1, lastAt: occurredAt });
  const meaningful = did.filter((one) => isMeaningful(agreement.signals, one)).length;
  return {
    intentThen: lead.exit.intent,
    intentNow: intentScore(lead.engagements, agreement.signals, lead.now),
    since: [...byType]
      .map(([type, seen]) => ({ type, ...seen }))
      .sort((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1)),
    ...suggest(agreement, lead, did.length, meaningful),
  };
}

/**
 * The first row that holds. Re-nurture is for strong fit with wrong timing, so what they do now
 * speaks before what they did not.
 */
function suggest(
  agreement: Agreement,
  lead: PoolLead,
  did: number,
  meaningful: number,
): Pick<PoolFinding, "suggestion" | "because"> {
  const usedUp = lead.cycles >= agreement.renurture.maxCycles;
  const days = Math.floor((lead.now - lead.exit.at) / 86_400_000);
  if (isOutsideIcp(agreement, lead))
    return { suggestion: "retire", because: "it does not match the ICP any more" };
  if (meaningful > 0)
    return {
      suggestion: "return",
      because:
        `${meaningful} meaningful ${meaningful === 1 ? "engagement" : "engagements"} since it ` +
        "entered the " +
        `pool${usedUp ? "; its cycles are used up, so only a person can return it" : ""}`,
    };
  if (
    lead.exit.revisitOn !== undefined &&
    lead.exit.revisitOn > localDateOf(agreementHours(agreement).zone, lead.now)
  )
    return { suggestion: "keep", because: `it is to be revisited on ${lead.exit.revisitOn}` };
  if (usedUp)
    return {
      suggestion: "retire",
      because:
        "nothing meaningful since it entered the pool, and its " +
        `${agreement.renurture.maxCycles} cycles are used up`,
    };
  if (did === 0 && days >= silentDays)
    return { suggestion: "retire", because: `silent for ${days} days` };
  return {
    suggestion: "keep",
    because:
      did === 0
        ? `silent, but only for ${days} ${days === 1 ? "day" : "days"}`
        : "it is still looking, though at nothing meaningful",
  };
}

function isOutsideIcp(agreement: Agreement, lead: PoolLead): boolean {
  const facts = deriveFacts(lead.facts, agreement.emailDomains);
  return (
    evaluate({ kind: "named", name: "icp", at: "icp" }, { ...lead, facts }, agreement).result ===
    false
  );
}
