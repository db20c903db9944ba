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
import { DAY, dayNumber, instantReading, MINUTE } from "../time/local-time.ts";
import { dueAt } from "../time/deadline.ts";

/** Every review that an agreement can ask for, the most frequent first. */
export const reviewKinds = ["weekly", "monthly", "quarterly"] as const;
export type ReviewKind = (typeof reviewKinds)[number];

/** The two that sign: the agreement, and every review. */
export const signingParties = ["marketing", "sales"] as const;
export type Party = (typeof signingParties)[number];

/** A review that the agreement asks for, by what rule, on whose hours. */
export interface AgreedReview {
  readonly kind: ReviewKind;
  readonly rule: ReviewRule;
  readonly hours: CalendarDef;
  /** It looks at the re-nurture pool too (`renurture.reviewEvery`). */
  readonly hasPool: boolean;
}

/** The reviews that the agreement asks for. */
export function agreedReviews(
  agreement: Pick<Agreement, "calendars" | "renurture" | "reviews">,
): readonly AgreedReview[] {
  const withPool = agreement.renurture.reviewEvery === "month" ? "monthly" : "quarterly";
  return reviewKinds.flatMap((kind) => {
    const rule = agreement.reviews[kind];
    const hours = rule && agreement.calendars[rule.calendar];
    return rule && hours ? [{ kind, rule, hours, hasPool: kind === withPool }] : [];
  });
}

/** The review of this kind that the agreement asks for; undefined when it asks for none. */
export function agreedReview(
  agreement: Pick<Agreement, "calendars" | "renurture" | "reviews">,
  kind: ReviewKind,
): AgreedReview | undefined {
  return agreedReviews(agreement).find((one) => one.kind === kind);
}

/**
 * Weeks are counted from this Monday, so that every second one never drifts: the number of a week
 * within its year does, for some years have 53.
 */
const firstMonday = dayNumber(2024, 1, 1);

type Rhythm = Pick<AgreedReview, "kind" | "rule" | "hours">;

/**
 * The period in which a moment lies, by the date in the review's zone: `2026-W48`, `2026-11` or
 * `2026-Q4`. Of two weeks it is named after the first.
 */
export function periodOf({ kind, rule, hours }: Rhythm, at: Instant): string {
  const date = localDateOf(hours.zone, at);
  switch (kind) {
    case "weekly":
      return weekName(startOfWeeks(dayOf(date), rule.everyWeeks));
    case "monthly":
      return date.slice(0, 7);
    case "quarterly":
      return `${date.slice(0, 4)}-Q${Math.ceil(Number(date.slice(5, 7)) / 3)}`;
    default:
      return kind satisfies never;
  }
}

const daysBetween: Readonly<Record<ReviewKind, number>> = { weekly: 7, monthly: 30, quarterly: 91 };

/**
 * The day to which something is carried on where nobody says another: a meeting of this kind later
 * than today and than the day it had. All YYYY-MM-DD.
 */
export function carriedTo(kind: ReviewKind, dueOn: string, today: string): string {
  const from = dueOn > today ? dueOn : today;
  return new Date(Date.parse(`${from}T00:00:00Z`) + daysBetween[kind] * DAY)
    .toISOString()
    .slice(0, 10);
}

/** Whether a text names a period of this kind: `2026-W48`, `2026-11` or `2026-Q4`. */
export function isPeriod(kind: ReviewKind, text: string): boolean {
  switch (kind) {
    case "weekly":
      return /^[2-9]\d{3}-W\d\d$/.test(text) && weekName(mondayOf(text)) === text;
    case "monthly":
      return /^[2-9]\d{3}-(0[1-9]|1[0-2])$/.test(text);
    case "quarterly":
      return /^[2-9]\d{3}-Q[1-4]$/.test(text);
    default:
      return kind satisfies never;
  }
}

/** An example of each kind's period, for errors and help. */
export const periodExamples = {
  weekly: "2026-W48",
  monthly: "2026-11",
  quarterly: "2026-Q4",
} as const satisfies Readonly<Record<ReviewKind, string>>;

/** First day and the day after the last, as day numbers. */
interface Days {
  readonly first: number;
  readonly end: number;
}

/** @throws RangeError when the text is not a period of this kind */
function daysOf({ kind, rule }: Rhythm, period: string): Days {
  if (!isPeriod(kind, period))
    throw new RangeError(
      `Expected a ${kind} period such as ${periodExamples[kind]}, found "${period}"`,
    );
  if (kind === "weekly") {
    const first = startOfWeeks(mondayOf(period), rule.everyWeeks);
    return { first, end: first + 7 * rule.everyWeeks };
  }
  const year = Number(period.slice(0, 4));
  const months = kind === "monthly" ? 1 : 3;
  const month = kind === "monthly" ? Number(period.slice(5)) : Number(period.slice(6)) * 3 - 2;
  return {
    first: dayNumber(year, month, 1),
    end: month + months > 12 ? dayNumber(year + 1, 1, 1) : dayNumber(year, month + months, 1),
  };
}

/** The period before this one. */
export function periodBefore(review: Rhythm, period: string): string {
  return periodOf(review, midnight(review.hours.zone, daysOf(review, period).first - 1));
}

/** The time that the figures of a review are about: the period before the one in which it is held. */
export function figuresPeriod(
  review: Rhythm,
  period: string,
): { readonly from: Instant; readonly to: Instant } {
  const { zone } = review.hours;
  return {
    from: midnight(zone, daysOf(review, periodBefore(review, period)).first),
    to: midnight(zone, daysOf(review, period).first),
  };
}

/**
 * When the review of a period is held, at the agreed local time: a weekly one on its weekday, else
 * on the first day of the period; where that is no business day, on the next one. The last one of a
 * week may so be held in the week after.
 * @throws NoOpenTime when the calendar has no business day before the next one of a month or
 * quarter, or within two weeks
 * @throws RangeError when the text is not a period of this kind
 */
export function heldAt(review: Rhythm, period: string): Instant {
  const { kind, rule, hours } = review;
  const { first, end } = daysOf(review, period);
  const wanted = kind === "weekly" ? first + weekdays.indexOf(rule.on.day) : first;
  const last = kind === "weekly" ? wanted + 14 : end;
  const year = yearOf(wanted);
  const day = compileYears(
    { hours, minus: [], from: "agreement" },
    { from: year, to: year + 1 },
  ).businessDays.find((owner) => owner >= wanted);
  if (day === undefined || day >= last)
    throw new NoOpenTime(`The calendar has no business day in ${period}`);
  const [hour = 0, minute = 0] = rule.on.time.split(":").map(Number);
  return instantReading(hours.zone, day * DAY + (hour * 60 + minute) * MINUTE);
}

/**
 * The latest period whose review should be held by now. Not always the one before this one: a
 * Friday's review may be moved by a holiday into the week after.
 */
export function latestPeriod(review: Rhythm, now: Instant): string {
  let period = periodOf(review, now);
  for (let back = 0; back < 3 && !isHeldBy(review, period, now); back += 1)
    period = periodBefore(review, period);
  return period;
}

/** Whether the day of a period's review has come; never in a period without a business day. */
export function isHeldBy(review: Rhythm, period: string, now: Instant): boolean {
  try {
    return heldAt(review, period) <= now;
  } catch (error) {
    if (error instanceof NoOpenTime) return false;
    throw error;
  }
}

const weekdays: readonly string[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function dayOf(date: string): number {
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  return dayNumber(year, month, day);
}

/** The Monday on which the week, or the pair of weeks, of a day begins. */
function startOfWeeks(day: number, everyWeeks: number): number {
  const length = 7 * everyWeeks;
  return firstMonday + Math.floor((day - firstMonday) / length) * length;
}

function yearOf(day: number): number {
  return Number(localDateOf("UTC", day * DAY).slice(0, 4));
}

/** The week of a Monday by ISO 8601: it belongs to the year of its Thursday. */
function weekName(monday: number): string {
  const year = yearOf(monday + 3);
  const week = Math.floor((monday + 3 - dayNumber(year, 1, 1)) / 7) + 1;
  return `${year}-W${String(week).padStart(2, "0")}`;
}

/** The Monday of `2026-W48`; the fourth of January lies in the first week. */
function mondayOf(week: string): number {
  const fourth = dayNumber(Number(week.slice(0, 4)), 1, 4);
  return startOfWeeks(fourth, 1) + 7 * (Number(week.slice(6)) - 1);
}

function midnight(zone: string, day: number): Instant {
  return instantReading(zone, day * DAY);
}

/** The moment at which a day (YYYY-MM-DD) is over in a zone. */
export function dayEndsAt(zone: string, date: string): Instant {
  return midnight(zone, dayOf(date) + 1);
}

/**
 * When a review that opens at `openedAt` is due, and when open questions are called to mind: the
 * first open hour after half time.
 */
export function reviewTimes(
  { rule, hours }: Pick<Rhythm, "rule" | "hours">,
  openedAt: Instant,
): { readonly dueAt: Instant; readonly remindAt: Instant } {
  const calendar = around(hours, openedAt);
  const due = dueAt(rule.signedWithin, openedAt, calendar, { elapsedRoll: { kind: "none" } });
  const half = openedAt + Math.floor((due - openedAt) / 2);
  return { dueAt: due, remindAt: Math.min(nextOpen(calendar, half) ?? half, due) };
}

/** Who is asked and does not act is asked again: every day five times, then once a week. */
export function waitAfter(asked: number): number {
  return asked < 5 ? DAY : 7 * DAY;
}

/** When a review that is overdue is asked for again: within opening hours. */
export function askAgainAt({ hours }: Pick<Rhythm, "hours">, asked: number, now: Instant): Instant {
  const next = now + waitAfter(asked);
  return nextOpen(around(hours, next), next) ?? next;
}

/** Long enough for any `signedWithin`. */
function around(hours: CalendarDef, at: Instant): Calendar {
  const year = Number(localDateOf("UTC", at).slice(0, 4));
  return compileYears({ hours, minus: [], from: "agreement" }, { from: year - 1, to: year + 11 });
}
