import type { CalendarDef, DayName } from "../handoff/time/calendar.ts";
import type { Shape } from "./shape.ts";
import type { SourcePlace } from "./place.ts";
import { checkCalendar } from "../handoff/time/calendar.ts";
import { parseShift } from "../handoff/time/calendar-definition.ts";
import { isPlaceZone, isZone, placeZoneExpected } from "../handoff/time/local-time.ts";
import { from, isReadWord, list, named, need, object, orElse, text } from "./shape.ts";
import { joinPath } from "./source.ts";

const days: readonly DayName[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const placeZone: Shape<string> = from(
  text("a time zone such as America/New_York"),
  (zone, place, node) => {
    if (isZone(zone) && !isPlaceZone(zone))
      place.letsPass(`expected ${placeZoneExpected}, found "${zone}"`, node);
    return zone;
  },
);

/** Longer than this, hours over midnight are rather two times in the wrong order. */
const longestNight = 12 * 60;

// Hours are worked out for up to twenty years at a time, and more shifts than these are refused then.
const mostShifts = { week: 90, exceptions: 5_000 };

/** Whether hours can be worked out for as many years as clocks ask for. */
function fit(definition: CalendarDef, place: SourcePlace): boolean {
  return (["week", "exceptions"] as const).every((part) => {
    const found = Object.values(definition[part] ?? {}).reduce(
      (sum, { length }) => sum + length,
      0,
    );
    return (
      found <= mostShifts[part] ||
      place
        .child(part, null)
        .letsPass(`expected at most ${mostShifts[part]} shifts in all, found ${found}`)
    );
  });
}

/** Warns of shifts that go over midnight and are as long as if their ends had been exchanged. */
function warnOfReversed(
  part: "week" | "exceptions",
  given: Readonly<Record<string, readonly string[]>>,
  place: SourcePlace,
): void {
  for (const [key, shifts] of Object.entries(given))
    for (const [n, written] of shifts.entries()) {
      const shift = parseShift(written);
      if ("rule" in shift || shift.toMinute <= 1_440) continue;
      if (shift.toMinute - shift.fromMinute > longestNight)
        place.reading.report(
          "warnings",
          joinPath(joinPath(joinPath(place.path, part), key), n),
          `"${written}" goes over midnight for ` +
            `${Math.round((shift.toMinute - shift.fromMinute) / 60)} hours; if that is not ` +
            "meant, exchange the times",
        );
    }
}

/**
 * Opening hours. `mon-fri` and `mon, wed` stand for their days; a date under `exceptions` replaces
 * that date.
 */
export const calendar: Shape<CalendarDef> = from(
  object({
    zone: need(placeZone, "IANA time zone"),
    week: need(
      named(list(text("a shift such as 09:00-17:00"), "shifts"), "days and their shifts", weekdays),
      "hours by day, for example mon-fri",
    ),
    exceptions: orElse(
      named(
        list(text("a shift such as 09:00-13:00"), "shifts"),
        "dates and their shifts",
        () => null,
      ),
      {},
      "hours by date; an empty list is a holiday",
    ),
  }),
  (given, place) => {
    const keyOfDay = new Map<string, string>();
    const week: Partial<Record<DayName, readonly string[]>> = {};
    const read = Object.entries(given.week).filter(([key]) => isReadWord(key));
    for (const [key, shifts] of read) {
      for (const day of daysOf(key) ?? []) {
        const before = keyOfDay.get(day);
        if (before !== undefined)
          return place.wrong(`expected ${day} once, found it in "${before}" and in "${key}"`);
        keyOfDay.set(day, key);
        week[day] = shifts;
      }
    }
    const definition: CalendarDef = { zone: given.zone, week, exceptions: given.exceptions };
    warnOfReversed("week", Object.fromEntries(read), place);
    warnOfReversed("exceptions", given.exceptions, place);
    const problems = checkCalendar(definition);
    for (const problem of problems) {
      const keys = problem.path.map((key, i) =>
        i === 1 && problem.path[0] === "week" ? (keyOfDay.get(key) ?? key) : key,
      );
      const path = keys.reduce(
        (whole, key) => joinPath(whole, /^\d+$/.test(key) ? Number(key) : key),
        place.path,
      );
      place.reading.report(
        "problems",
        path,
        `expected ${problem.expected}, found "${problem.found}"`,
      );
    }
    const isWholeWeek = read.length === Object.keys(given.week).length;
    const fits = fit(definition, place);
    if (problems.length === 0 && isWholeWeek && fits) return definition;
    // Those mistakes are noted. Of hours that are never open nothing follows; of half a week
    // something would.
    const isWeekRead = isWholeWeek && fits && !problems.some(({ path }) => path[0] === "week");
    return {
      zone: isZone(given.zone) ? given.zone : "UTC",
      week: isWeekRead ? week : {},
      exceptions: {},
    };
  },
);

/** Hours of an agreement: where nothing is ever open, nothing falls due and no review is held. */
export const openCalendar: Shape<CalendarDef> = from(calendar, (hours, place) => {
  const isRead = !place.reading.problems.some(({ path }) => path.startsWith(place.path));
  if (isRead && Object.values(hours.week).every((shifts) => shifts.length === 0))
    place
      .child("week", null)
      .letsPass('expected hours on some day of the week, such as mon-fri: ["09:00-17:00"]');
  return hours;
});

/** `mon`, `mon-fri`, `sat-mon` or `mon, wed`; null when it is none of these. */
function daysOf(key: string): DayName[] | null {
  const parts = key
    .toLowerCase()
    .split(/\s*,\s*/)
    .map((part): DayName[] | null => {
      const [start, to, ...more] = part.split(/\s*-\s*/);
      const [first, last] = [
        days.indexOf(start as DayName),
        days.indexOf((to ?? start) as DayName),
      ];
      if (first < 0 || last < 0 || more.length > 0) return null;
      return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, i) => days[(first + i) % 7]!);
    });
  return parts.every((part) => part !== null) ? parts.flat() : null;
}

function weekdays(key: string): string | null {
  return daysOf(key) ? null : "days such as mon, mon-fri or sat,sun";
}
