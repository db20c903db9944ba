import type { Agreement } from "./agreement.ts";
import type { AppliedCalendar } from "./applied-calendar.ts";
import { compileApplied } from "./applied-calendar.ts";
import { cadence } from "./cadence.ts";
import type { Instant } from "./calendar.ts";
import { judgeClocks, type ClocksInput, type ClocksJudged } from "./escalation.ts";
import type { Engagement, Facts } from "./facts.ts";
import { qualify, type Qualification } from "./qualify.ts";
import { judgeRejection } from "./rejection.ts";
import { returns, type PoolExit, type Return } from "./renurture.ts";
import { rejudgeRoute } from "./route.ts";

/**
 * Every decision once more, from what was stored with it. Activities decide through these functions, and `verify` calls
 * the same ones with the stored input: the answers must be equal (product.md, promise 5).
 */

export interface AssessInput {
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
  readonly now: Instant;
  /** Contacts that match this person, itself included. */
  readonly matches: number;
  /** How it entered the re-nurture pool, when it is there. */
  readonly exit: PoolExit | null;
}

export interface Assessed {
  readonly qualification: Qualification;
  readonly returns: Return | null;
}

export function rejudgeAssess(agreement: Agreement, input: AssessInput): Assessed {
  const { exit, ...known } = input;
  return {
    qualification: qualify(agreement, known),
    returns: exit === null ? null : returns(agreement, { ...known, exit }),
  };
}

export interface RejectionInput {
  readonly reason: string;
  /** YYYY-MM-DD. */
  readonly revisitOn?: string;
  readonly attempts: number;
  readonly rejectionsToday: number;
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
  readonly now: Instant;
}

export function rejudgeRejection(
  agreement: Agreement,
  input: RejectionInput,
): ReturnType<typeof judgeRejection> {
  const { facts, engagements, now, ...rejection } = input;
  return judgeRejection(agreement, { ...rejection, known: { facts, engagements, now } });
}

export interface CadenceInput {
  readonly stage: "sal" | "sql";
  readonly acceptedAt: Instant;
  readonly until: Instant;
  readonly attempts: number;
  readonly connected: boolean;
  readonly lastActivityAt: Instant;
  readonly hours: AppliedCalendar;
  readonly now: Instant;
}

export interface ClocksDecisionInput {
  readonly clocks: ClocksInput;
  readonly cadence: CadenceInput | null;
}
export interface ClocksDecided {
  readonly clocks: ClocksJudged;
  readonly cadence: ReturnType<typeof cadence> | null;
}

export function rejudgeClocks(agreement: Agreement, input: ClocksDecisionInput): ClocksDecided {
  const asked = input.cadence;
  return {
    clocks: judgeClocks(agreement, input.clocks),
    cadence:
      asked &&
      cadence(agreement.working, { ...asked, hours: compileApplied(asked.hours, asked.now) }),
  };
}

/** Judges a stored decision again; null where the decision asked no rule. Throws on a kind that is not known. */
export function rejudge(kind: string, input: unknown, agreement: Agreement): unknown {
  if (input === null) return null;
  switch (kind) {
    case "assess":
      return rejudgeAssess(agreement, input as AssessInput);
    case "route":
      return rejudgeRoute(input as Parameters<typeof rejudgeRoute>[0]);
    case "checkClocks":
      return rejudgeClocks(agreement, input as ClocksDecisionInput);
    case "settle":
      return rejudgeRejection(agreement, input as RejectionInput);
    case "hear":
      return "facts" in (input as object) ? rejudgeAssess(agreement, input as AssessInput) : null;
    default:
      throw new Error(`no rule is known for a decision of kind ${kind}`);
  }
}
