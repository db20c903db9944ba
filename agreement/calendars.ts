import type { CalendarDef, DayName } from "../handoff/calendar.ts";
import type { Shape } from "./shape.ts";
import { checkCalendar } from "../handoff/calendar.ts";
import { from, list, named, need, object, orElse, text } from "./shape.ts";
import { joinPath } from "./source.ts";

const days: readonly DayName[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Opening hours. `mon-fri` and `mon, wed` stand for their days; a date under `exceptions` replaces that date. */
export const calendar: Shape<CalendarDef> = from(
  object({
    zone: need(text("a time zone such as America/New_York"), "IANA time zone"),
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
    for (const [key, shifts] of Object.entries(given.week)) {
      for (const day of daysOf(key) ?? []) {
        const before = keyOfDay.get(day);
        if (before !== undefined)
          return place.wrong(`expected ${day} once, found it in "${before}" and in "${key}"`);
        keyOfDay.set(day, key);
        week[day] = shifts;
      }
    }
    const definition: CalendarDef = { zone: given.zone, week, exceptions: given.exceptions };
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
    return problems.length === 0 ? definition : undefined;
  },
);

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
