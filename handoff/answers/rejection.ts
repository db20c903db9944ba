import type { Agreement, RejectionGroup, RejectionReason } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Known, TraceLine } from "../qualify/condition.ts";
import { evaluate } from "../qualify/condition.ts";
import { dayOfDate, localDateOf } from "../time/local-time.ts";

/** A rep's no, as it was given. */
export interface Rejection {
  readonly reason: string;
  /** YYYY-MM-DD: when the lead should be looked at again. */
  readonly revisitOn?: string;
  /** Outreach attempts logged in this handoff so far. */
  readonly attempts: number;
  /** What the contradiction is judged on, at the moment of the rejection. */
  readonly known: Known;
  /** Rejections by this rep on this local day before this one. */
  readonly rejectionsToday: number;
}

export interface RejectionRefused {
  readonly code:
    | "not-a-reason"
    | "attempts-missing"
    | "date-missing"
    | "date-wrong"
    | "date-past"
    | "too-many-today";
  readonly field: "reason" | "attempts" | "revisitOn";
  /** What was expected; for people. */
  readonly message: string;
}

/**
 * What follows from a rejection, or why it is refused. A contested one waits for the manager first.
 */
export type JudgedRejection =
  | { readonly refused: RejectionRefused }
  | {
      readonly then: RejectionReason["then"];
      readonly group: RejectionGroup;
      readonly contested: boolean;
      readonly because: string;
      readonly trace: readonly TraceLine[];
    };

/**
 * Judges a rejection by the agreement's list of reasons, which is complete (docs/agreement.md,
 * "Saying no"). It is contested when the facts contradict it for certain: a fact that is missing
 * contradicts nothing.
 */
export function judgeRejection(agreement: Agreement, rejection: Rejection): JudgedRejection {
  const reason = reasonNamed(agreement, rejection.reason);
  if (!reason) return { refused: unlisted(agreement, rejection.reason) };
  const refused = lacking(reason, rejection) ?? tooMany(agreement, rejection);
  if (refused) return { refused };
  const judged = reason.contradictedBy
    ? evaluate(reason.contradictedBy, rejection.known, agreement)
    : { result: false as const, trace: [] };
  const contested = judged.result === true;
  return {
    // oxlint-disable-next-line no-thenable -- the agreement's own word; this object is never awaited
    then: reason.then,
    group: reason.group,
    contested,
    because: contested
      ? `${rejection.reason} is contradicted by what is known; the manager decides`
      : `${rejection.reason}: ${consequence[reason.then]}`,
    trace: judged.trace,
  };
}

const consequence: Readonly<Record<RejectionReason["then"], string>> = {
  disqualify: "disqualified",
  renurture: "to the re-nurture pool",
  "fix-data": "back for correction of its data",
};

function reasonNamed(agreement: Agreement, name: string): RejectionReason | undefined {
  return Object.hasOwn(agreement.answers.reasons, name)
    ? agreement.answers.reasons[name]
    : undefined;
}

/**
 * Whether a reason says only "not ready", in whatever spelling. It teaches marketing nothing
 * (docs/agreement.md, "Saying no").
 */
export function isNotReady(reason: string): boolean {
  return /^(not|un|isnt)(yet)?ready|^notyet$|^notqualified$|^unqualified$/.test(
    reason.toLowerCase().replace(/[^a-z]/g, ""),
  );
}

function unlisted(agreement: Agreement, name: string): RejectionRefused {
  const list = Object.keys(agreement.answers.reasons).join(", ");
  // Other text is not repeated: people write names into free fields.
  const what = isNotReady(name)
    ? '"not ready" is not a reason, it teaches nobody anything'
    : "this is not a reason of the agreement";
  return { code: "not-a-reason", field: "reason", message: `${what}; expected one of: ${list}` };
}

function lacking(
  reason: RejectionReason,
  { attempts, revisitOn, known }: Rejection,
): RejectionRefused | null {
  const needed = reason.requires.attempts;
  if (needed !== undefined && attempts < needed) {
    return {
      code: "attempts-missing",
      field: "attempts",
      message: `expected at least ${needed} logged attempts before this reason, found ${attempts}`,
    };
  }
  if (revisitOn === undefined) {
    if (reason.requires.revisitOn !== true) return null;
    return {
      code: "date-missing",
      field: "revisitOn",
      message: "expected the date to come back on, as YYYY-MM-DD; this reason needs one",
    };
  }
  return checkDate(revisitOn, known.now);
}

/** A date given with any reason must be a date and lie ahead: it decides when the lead returns. */
function checkDate(revisitOn: string, now: Instant): RejectionRefused | null {
  const day = dayOfDate(revisitOn);
  if (day === null)
    return {
      code: "date-wrong",
      field: "revisitOn",
      message: "expected a date that exists, as YYYY-MM-DD",
    };
  const today = localDateOf("UTC", now);
  return day > dayOfDate(today)!
    ? null
    : { code: "date-past", field: "revisitOn", message: `expected a date after ${today}` };
}

function tooMany(agreement: Agreement, { rejectionsToday }: Rejection): RejectionRefused | null {
  const most = agreement.answers.rejectionsPerRepPerDay;
  if (rejectionsToday < most) return null;
  return {
    code: "too-many-today",
    field: "reason",
    message:
      `expected at most ${most} rejections a day from one rep; this would be number ` +
      `${rejectionsToday + 1}, talk to the manager`,
  };
}
