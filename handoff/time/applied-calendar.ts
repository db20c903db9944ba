import type { Agreement } from "../agreement.ts";
import type { Calendar, CalendarDef, Instant } from "./calendar.ts";
import type { RepPool, Rep } from "../routing/roster.ts";
import { compile, intersect, subtractIntervals } from "./calendar.ts";
import { DAY, dateOfDay } from "./local-time.ts";

/**
 * Which hours a clock ran on, kept beside it (docs/clocks.md): `hours`, only where `within` is
 * open too, without the absences of `minus`. `from` says whose hours they are.
 */
export type AppliedCalendar = {
  readonly hours: CalendarDef;
  /** The pool's coverage; a rep's own hours count only inside it. */
  readonly within?: CalendarDef;
  readonly minus: readonly { readonly from: Instant; readonly to: Instant }[];
  readonly from: "rep" | "pool" | "agreement";
};

/** What of an agreement says on which hours clocks run. */
export type HoursRules = Pick<Agreement, "calendars"> & {
  readonly clocks: Pick<Agreement["clocks"], "calendar">;
};

/**
 * The calendar that the agreement's `clocks.calendar` asks for.
 * - `assignee`: the rep's hours inside the pool's coverage, without absences; a rep without hours
 *   works the pool's.
 * - `pool`: the pool's hours.
 * - a name: that calendar of the agreement, for every owner.
 *
 * Without hours of rep and pool the agreement's own calendar holds. `rep` is null while nobody has
 * the lead.
 */
export function appliedCalendar(
  agreement: HoursRules,
  rep: Pick<Rep, "hours" | "absences"> | null,
  pool: Pick<RepPool, "hours"> | null,
): AppliedCalendar {
  switch (agreement.clocks.calendar) {
    case "assignee":
      return repHours(rep, pool, agreementHours(agreement));
    case "pool":
      return repHours(null, pool, agreementHours(agreement));
    default:
      return { hours: agreementHours(agreement), minus: [], from: "agreement" };
  }
}

/**
 * When a rep works: what `assignee` means, whatever the agreement runs its clocks on. Routing asks
 * this.
 */
export function repHours(
  rep: { readonly hours: CalendarDef | null; readonly absences: AppliedCalendar["minus"] } | null,
  pool: Pick<RepPool, "hours"> | null,
  base: CalendarDef,
): AppliedCalendar {
  const minus = (rep?.absences ?? []).map(({ from, to }) => ({ from, to }));
  if (rep?.hours)
    return { hours: rep.hours, ...(pool?.hours ? { within: pool.hours } : {}), minus, from: "rep" };
  return pool?.hours
    ? { hours: pool.hours, minus, from: "pool" }
    : { hours: base, minus, from: "agreement" };
}

/**
 * The agreement's own calendar: the one named by `clocks.calendar`, else the first in the file,
 * else always open.
 */
export function agreementHours(agreement: HoursRules): CalendarDef {
  const { calendars, clocks } = agreement;
  if (Object.hasOwn(calendars, clocks.calendar)) return calendars[clocks.calendar]!;
  return Object.values(calendars)[0] ?? alwaysOpen;
}

const wholeDay = ["00:00-24:00"];

/** For an agreement without calendars: then every hour is a business hour. */
const alwaysOpen: CalendarDef = {
  zone: "UTC",
  week: {
    mon: wholeDay,
    tue: wholeDay,
    wed: wholeDay,
    thu: wholeDay,
    fri: wholeDay,
    sat: wholeDay,
    sun: wholeDay,
  },
};

/** Two years on either side: longer than any target runs. */
const yearsAround = 2;

/**
 * The open time of an applied calendar, for two years on either side of `around`, and back to
 * `since`. Kept, because the same few calendars are asked about thousands of times.
 * @throws CalendarError when a definition breaks a rule
 */
export function compileApplied(
  applied: AppliedCalendar,
  around: Instant,
  since: Instant = around,
): Calendar {
  const year = yearOf(around);
  const first = Math.max(Math.min(year - yearsAround, yearOf(since)), year - mostYearsBack);
  return compileYears(applied, { from: first, to: year + yearsAround });
}

const mostYearsBack = 16;

/** The UTC year of an instant. */
function yearOf(at: Instant): number {
  return Number(dateOfDay(Math.floor(at / DAY)).slice(0, 4));
}

/** The same for given UTC years, at most 20. */
export function compileYears(
  applied: AppliedCalendar,
  years: { from: number; to: number },
): Calendar {
  const ofObject = compiledOf.get(applied);
  const found = ofObject?.find((one) => one.from === years.from && one.to === years.to);
  if (found) return found.calendar;
  const calendar = keep(`applied ${years.from} ${years.to} ${JSON.stringify(applied)}`, () => {
    const hours = compiled(applied.hours, years);
    const covered = applied.within
      ? keep(
          `within ${years.from} ${years.to} ${JSON.stringify([applied.hours, applied.within])}`,
          () => intersect(hours, compiled(applied.within!, years)),
        )
      : hours;
    return applied.minus.length === 0 ? covered : subtractIntervals(covered, applied.minus);
  });
  // The years that one object is asked about are few: those of its clocks.
  compiledOf.set(applied, [...(ofObject ?? []), { ...years, calendar }]);
  return calendar;
}

/**
 * Looked up by the object first: one decision, and a plan, ask about the same hours many times, and
 * to write them out, or to compare them written out, takes longer than a deadline.
 */
const compiledOf = new WeakMap<
  AppliedCalendar,
  readonly { readonly from: number; readonly to: number; readonly calendar: Calendar }[]
>();

function compiled(def: CalendarDef, years: { from: number; to: number }): Calendar {
  return keep(`hours ${years.from} ${years.to} ${JSON.stringify(def)}`, () => compile(def, years));
}

const kept = new Map<string, Calendar>();

function keep(key: string, make: () => Calendar): Calendar {
  const known = kept.get(key);
  if (known) return known;
  const made = make();
  // Bounded, because every rep's hours and absences are kept here.
  if (kept.size >= 500) kept.clear();
  kept.set(key, made);
  return made;
}
