import { CalendarError, checkCalendar, dayNames, parseShift } from "./calendar-definition.ts";
import type { CalendarDef, Shift } from "./calendar-definition.ts";
import {
  DAY,
  MINUTE,
  dateOfDay,
  dayNumber,
  dayOfDate,
  firstInstantReading,
  formatLocal,
  offsetSpans,
} from "./local-time.ts";
import type { DayNumber, Instant, LocalDate } from "./local-time.ts";
import {
  contains,
  countAtMost,
  earliestAfter,
  firstOpen,
  latestAfter,
  openBefore,
  openSet,
  outside,
  within,
} from "./open-set.ts";
import type { Interval, OpenSet } from "./open-set.ts";

export { CalendarError, checkCalendar } from "./calendar-definition.ts";
export type { CalendarDef, DayName } from "./calendar-definition.ts";
export { endOfDay, formatLocal, localDateOf } from "./local-time.ts";
export type { Instant, LocalDate } from "./local-time.ts";
export type { Interval } from "./open-set.ts";

/**
 * Opening hours worked out for certain years (docs/clocks.md, "Business time"). Questions about
 * instants outside [from, to] throw, because no hours were compiled there.
 */
export type Calendar = {
  readonly zone: string;
  readonly from: Instant;
  readonly to: Instant;
  /** All open time, overlaps joined. */
  readonly open: OpenSet;
  /** The same time as shifts, each with the date that owns it, by opening. */
  readonly shifts: readonly OwnedShift[];
  readonly shiftOpens: Float64Array;
  readonly longestShift: number;
  /** Dates that own a shift, ascending, and the last close of each. */
  readonly businessDays: Float64Array;
  readonly lastCloses: Float64Array;
  /** Exceptions of the definition, for printing a clock's ledger. */
  readonly exceptions: readonly CalendarException[];
};

export type OwnedShift = Interval & { readonly day: DayNumber };
export type CalendarException = {
  readonly zone: string;
  readonly date: LocalDate;
  readonly hours: readonly string[];
};

/**
 * The open time asked for does not exist: the calendar never opens, or not often enough in the
 * years compiled.
 */
export class NoOpenTime extends Error {
  override readonly name = "NoOpenTime";
}

const earliestYear = 1900;
const latestYear = 2200;
const mostYears = 20;
// Bounds memory and time of a hostile definition; a week of ten shifts a day over twenty years
// stays below it.
const mostShifts = 100_000;

/**
 * Validates a definition and works out its open time for UTC years `from` to `to`, both included,
 * at most 20.
 * @throws CalendarError naming the first rule broken and the text that breaks it
 */
export function compile(def: CalendarDef, years: { from: number; to: number }): Calendar {
  const problem = checkCalendar(def)[0];
  if (problem) {
    throw new CalendarError(
      problem.rule,
      `${problem.path.join(".")}: expected ${problem.expected}, found "${problem.found}"`,
    );
  }
  const { from, to } = years;
  if (
    !Number.isInteger(from) ||
    !Number.isInteger(to) ||
    from < earliestYear ||
    to > latestYear ||
    from > to ||
    to - from >= mostYears
  ) {
    throw new CalendarError(
      "years",
      `Expected 1 to ${mostYears} years between ${earliestYear} and ${latestYear}, found ${from} to ${to}`,
    );
  }
  const firstDay = dayNumber(from, 1, 1);
  const endDay = dayNumber(to + 1, 1, 1);
  return build({
    zone: def.zone,
    from: firstDay * DAY,
    to: endDay * DAY,
    // Two dates more on either side: zones reach 14 hours from UTC and a shift can end on the next
    // day.
    shifts: shiftsOf(def, firstDay - 2, endDay + 2),
    exceptions: Object.entries(def.exceptions ?? {}).map(([date, hours]) => ({
      zone: def.zone,
      date,
      hours,
    })),
  });
}

function shiftsOf(def: CalendarDef, firstDay: DayNumber, endDay: DayNumber): OwnedShift[] {
  const week = dayNames.map((day) => parseAll(def.week[day] ?? []));
  const exceptions = new Map(
    Object.entries(def.exceptions ?? {}).map(([date, hours]) => [dayOfDate(date), parseAll(hours)]),
  );
  const spans = offsetSpans(def.zone, (firstDay - 2) * DAY, (endDay + 3) * DAY);
  const shifts: OwnedShift[] = [];
  for (let day = firstDay; day < endDay; day++) {
    // Day 0, 1970-01-01, was a Thursday.
    for (const shift of exceptions.get(day) ?? week[(((day + 3) % 7) + 7) % 7]!) {
      const from = firstInstantReading(spans, day * DAY + shift.fromMinute * MINUTE);
      const to = firstInstantReading(spans, day * DAY + shift.toMinute * MINUTE);
      if (from < to) shifts.push({ from, to, day });
    }
    if (shifts.length > mostShifts) {
      throw new CalendarError(
        "calendar-size",
        `Expected at most ${mostShifts} shifts over the years compiled, reached that on ${dateOfDay(day)}`,
      );
    }
  }
  return shifts;
}

function parseAll(hours: readonly string[]): Shift[] {
  return hours.map(parseShift).filter((shift): shift is Shift => !("rule" in shift));
}

function build(
  parts: Pick<Calendar, "zone" | "from" | "to" | "exceptions"> & { shifts: OwnedShift[] },
): Calendar {
  if (parts.from >= parts.to)
    throw new CalendarError(
      "compiled-years",
      "The calendars to combine were compiled for different years",
    );
  const shifts = parts.shifts.sort((a, b) => a.from - b.from);
  const lastClose = new Map<DayNumber, Instant>();
  let longestShift = 0;
  for (const { day, from, to } of shifts) {
    lastClose.set(day, Math.max(to, lastClose.get(day) ?? to));
    longestShift = Math.max(longestShift, to - from);
  }
  const businessDays = Float64Array.from(lastClose.keys()).sort();
  return {
    ...parts,
    shifts,
    longestShift,
    open: openSet(shifts),
    shiftOpens: Float64Array.from(shifts, (shift) => shift.from),
    businessDays,
    lastCloses: businessDays.map((day) => lastClose.get(day)!),
  };
}

/** True at the opening, false at the close. */
export function isOpen(c: Calendar, at: Instant): boolean {
  return contains(c.open, covered(c, at));
}

/**
 * The first open instant at or after `at`, itself if open; null when none follows in the years
 * compiled.
 */
export function nextOpen(c: Calendar, at: Instant): Instant | null {
  const open = firstOpen(c.open, covered(c, at));
  return open !== null && open <= c.to ? open : null;
}

/**
 * The deadline: the earliest instant by which exactly `ms` of open time have passed since `start`.
 * Filling the day to 17:00 is due at 17:00, not at the next opening; 0 ms is due at the next
 * opening.
 * @throws NoOpenTime when it can never be reached or lies beyond the years compiled
 */
export function addBusinessTime(c: Calendar, start: Instant, ms: number): Instant {
  const used = openBefore(c.open, covered(c, start));
  const due = duration(ms) === 0 ? nextOpen(c, start) : earliestAfter(c.open, used + ms);
  return due !== null && due <= c.to
    ? due
    : unreachable(c, start, `${ms / MINUTE} minutes of open time after`);
}

/**
 * The latest instant from which exactly `ms` of open time pass until `end`; 0 ms gives `end`.
 * @throws NoOpenTime when there is not that much open time before it in the years compiled
 */
export function subtractBusinessTime(c: Calendar, end: Instant, ms: number): Instant {
  const total = openBefore(c.open, covered(c, end)) - duration(ms);
  const start = ms === 0 ? end : total < 0 ? null : latestAfter(c.open, total);
  return start !== null && start >= c.from
    ? start
    : unreachable(c, end, `${ms / MINUTE} minutes of open time before`);
}

/** Open milliseconds in [a, b); negative when b is before a. */
export function businessTimeBetween(c: Calendar, a: Instant, b: Instant): number {
  return openBefore(c.open, covered(c, b)) - openBefore(c.open, covered(c, a));
}

/**
 * The last close of the business date that lies `days` business dates after the one to which
 * `start` belongs. A start outside hours belongs to the date of the next opening; 0 days is the
 * close of its own date.
 * @throws NoOpenTime when there is no such date in the years compiled
 */
export function addBusinessDays(c: Calendar, start: Instant, days: number): Instant {
  if (!Number.isInteger(days) || days < 0)
    throw new RangeError(`Expected a whole number of business days, 0 or more, found ${days}`);
  const open = nextOpen(c, start);
  const close =
    open === null ? undefined : c.lastCloses[dateIndex(c, ownerAt(c, open, "open")) + days];
  return close !== undefined && close <= c.to
    ? close
    : unreachable(c, start, `${days} business days after`);
}

/**
 * How many business dates after that of `start` the date of a deadline lies, so that
 * `addBusinessDays` gives its close. A deadline exactly at a close belongs to the date that closes,
 * not to the next one; one outside hours to the date of the next opening. Never negative.
 * @throws NoOpenTime when either belongs to no date in the years compiled
 */
export function businessDaysUntil(c: Calendar, start: Instant, deadline: Instant): number {
  const first = nextOpen(c, start) ?? unreachable(c, start, "open time after");
  if (deadline > c.to) unreachable(c, start, "compiled date for a deadline after");
  const reached = ownerAt(c, deadline, "deadline");
  const last =
    reached !== Infinity
      ? reached
      : ownerAt(c, nextOpen(c, deadline) ?? unreachable(c, deadline, "open time after"), "open");
  return Math.max(0, dateIndex(c, last) - dateIndex(c, ownerAt(c, first, "open")));
}

/**
 * The earliest date owning a shift around `at`: [open, close) for "open", (open, close] for
 * "deadline"; else Infinity.
 */
function ownerAt(c: Calendar, at: Instant, side: "open" | "deadline"): DayNumber {
  let owner = Infinity;
  for (
    let i = countAtMost(c.shiftOpens, at) - 1;
    i >= 0 && c.shiftOpens[i]! >= at - c.longestShift;
    i--
  ) {
    const shift = c.shifts[i]!;
    const around = side === "open" ? at < shift.to : shift.from < at && at <= shift.to;
    if (around) owner = Math.min(owner, shift.day);
  }
  return owner;
}

function dateIndex(c: Calendar, day: DayNumber): number {
  return countAtMost(c.businessDays, day) - 1;
}

/** Open when either is. Zone and dates of `a` come first; dates of `b` keep their own names. */
export function union(a: Calendar, b: Calendar): Calendar {
  return build({ ...both(a, b), shifts: [...a.shifts, ...b.shifts] });
}

/** Open when both are; business dates are those of `a`. */
export function intersect(a: Calendar, b: Calendar): Calendar {
  return build({
    ...both(a, b),
    shifts: recut(a, (shift) => within(b.open, shift.from, shift.to)),
  });
}

/** Open when `a` is and `b` is not; business dates are those of `a`. */
export function subtract(a: Calendar, b: Calendar): Calendar {
  return build({
    ...both(a, b),
    shifts: recut(a, (shift) => outside(b.open, shift.from, shift.to)),
  });
}

/**
 * Without absences or pauses; `to: null` has not ended. A date whose shifts all fall away is no
 * business date.
 */
export function subtractIntervals(
  c: Calendar,
  away: readonly { readonly from: Instant; readonly to: Instant | null }[],
): Calendar {
  const closed = openSet(away.map(({ from, to }) => ({ from, to: to ?? Infinity })));
  return build({ ...c, shifts: recut(c, (shift) => outside(closed, shift.from, shift.to)) });
}

function both(a: Calendar, b: Calendar): Pick<Calendar, "zone" | "from" | "to" | "exceptions"> {
  return {
    zone: a.zone,
    from: Math.max(a.from, b.from),
    to: Math.min(a.to, b.to),
    exceptions: [...a.exceptions, ...b.exceptions],
  };
}

function recut(c: Calendar, parts: (shift: OwnedShift) => Iterable<Interval>): OwnedShift[] {
  return c.shifts.flatMap((shift) =>
    Array.from(parts(shift), ({ from, to }) => ({ from, to, day: shift.day })),
  );
}

/** Open intervals inside [from, to), in order, cut at both ends. */
export function openIntervals(c: Calendar, from: Instant, to: Instant): Interval[] {
  return [...within(c.open, covered(c, from), covered(c, to))];
}

function covered(c: Calendar, at: Instant): Instant {
  if (!Number.isInteger(at))
    throw new RangeError(`Expected an instant in whole epoch milliseconds, found ${at}`);
  if (at >= c.from && at <= c.to) return at;
  throw new CalendarError(
    "compiled-years",
    `${at} ms is outside the years this calendar was compiled for, ${yearsOf(c)}`,
  );
}

function duration(ms: number): number {
  if (!Number.isSafeInteger(ms) || ms < 0)
    throw new RangeError(`Expected a duration in whole milliseconds, 0 or more, found ${ms}`);
  return ms;
}

function unreachable(c: Calendar, at: Instant, what: string): never {
  if (c.shifts.length === 0)
    throw new NoOpenTime("The calendar never opens, so no business time can pass on it");
  throw new NoOpenTime(
    `There is no ${what} ${formatLocal(c.zone, at)} in the years compiled, ${yearsOf(c)}`,
  );
}

function yearsOf(c: Calendar): string {
  return `${dateOfDay(Math.floor(c.from / DAY))} to ${dateOfDay(Math.floor(c.to / DAY) - 1)}`;
}
