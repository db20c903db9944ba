import type { Agreement, ReviewRule } from "../agreement.ts";
import { compileYears } from "../time/applied-calendar.ts";
import {
  localDateOf,
  nextOpen,
  NoOpenTime,
  type Calendar,
  type CalendarDef,
  type Instant,
} from "../time/calendar.ts";
import { DAY, dayNumber, firstInstantReading, MINUTE, offsetSpans } from "../time/local-time.ts";
import { dueAt } from "../time/deadline.ts";

/** The reviews that look at the re-nurture pool (`renurture.reviewEvery` of the agreement). */
export const poolReviewKinds = ["monthly", "quarterly"] as const;
export type PoolReviewKind = (typeof poolReviewKinds)[number];

/** Which review looks at the re-nurture pool, by what rule, on whose hours. */
export interface PoolReview {
  readonly kind: PoolReviewKind;
  readonly rule: ReviewRule;
  readonly hours: CalendarDef;
}

/**
 * The review of the re-nurture pool that the agreement asks for; null when it has no review of that
 * rhythm.
 */
export function poolReview(
  agreement: Pick<Agreement, "calendars" | "renurture" | "reviews">,
): PoolReview | null {
  const kind = agreement.renurture.reviewEvery === "month" ? "monthly" : "quarterly";
  const rule = agreement.reviews[kind];
  const hours = rule && agreement.calendars[rule.calendar];
  return rule && hours ? { kind, rule, hours } : null;
}

/** The period in which a moment lies, by the date in the review's zone: `2026-11` or `2026-Q4`. */
export function periodOf({ kind, hours }: Pick<PoolReview, "kind" | "hours">, at: Instant): string {
  const date = localDateOf(hours.zone, at);
  return kind === "monthly"
    ? date.slice(0, 7)
    : `${date.slice(0, 4)}-Q${Math.ceil(Number(date.slice(5, 7)) / 3)}`;
}

/** Whether a text names a period of this kind: `2026-11` for monthly, `2026-Q4` for quarterly. */
export function isPeriod(kind: PoolReviewKind, text: string): boolean {
  return kind === "monthly" ? /^20\d\d-(0[1-9]|1[0-2])$/.test(text) : /^20\d\d-Q[1-4]$/.test(text);
}

/**
 * When the review of a period is held: on the first date of the period that owns opening hours, at
 * the agreed local time.
 * @throws NoOpenTime when the calendar has no business day in the period
 * @throws RangeError when the text is not a period of this kind
 */
export function heldAt({ kind, rule, hours }: PoolReview, period: string): Instant {
  if (!isPeriod(kind, period))
    throw new RangeError(
      `Expected a ${kind} period such as ${kind === "monthly" ? "2026-11" : "2026-Q4"}, found "${period}"`,
    );
  const year = Number(period.slice(0, 4));
  const months = kind === "monthly" ? 1 : 3;
  const month = kind === "monthly" ? Number(period.slice(5)) : Number(period.slice(6)) * 3 - 2;
  const [first, end] = [
    dayNumber(year, month, 1),
    month + months > 12 ? dayNumber(year + 1, 1, 1) : dayNumber(year, month + months, 1),
  ];
  const day = compileYears(
    { hours, minus: [], from: "agreement" },
    { from: year, to: year },
  ).businessDays.find((owner) => owner >= first);
  if (day === undefined || day >= end)
    throw new NoOpenTime(`The calendar has no business day in ${period}`);
  const [hour = 0, minute = 0] = rule.on.time.split(":").map(Number);
  const wall = day * DAY + (hour * 60 + minute) * MINUTE;
  return firstInstantReading(offsetSpans(hours.zone, wall - 2 * DAY, wall + 2 * DAY), wall);
}

/**
 * When a review that opens at `openedAt` is due, and when open questions are called to mind: the
 * first open hour after half time.
 */
export function reviewTimes(
  { rule, hours }: PoolReview,
  openedAt: Instant,
): { readonly dueAt: Instant; readonly remindAt: Instant } {
  const calendar = around(hours, openedAt);
  const due = dueAt(rule.signedWithin, openedAt, calendar, { elapsedRoll: { kind: "none" } });
  const half = openedAt + Math.floor((due - openedAt) / 2);
  return { dueAt: due, remindAt: Math.min(nextOpen(calendar, half) ?? half, due) };
}

/** Long enough for any `signedWithin`. */
function around(hours: CalendarDef, at: Instant): Calendar {
  const year = Number(localDateOf("UTC", at).slice(0, 4));
  return compileYears({ hours, minus: [], from: "agreement" }, { from: year - 1, to: year + 11 });
}
