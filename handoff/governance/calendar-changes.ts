import { dayNames, type CalendarDef } from "../time/calendar-definition.ts";
import { moved, type RuleChange } from "./rule-change.ts";

/** What changed in opening hours: the zone, days of the week, and single dates. */
export function calendarChanges(
  about: string,
  before: CalendarDef,
  after: CalendarDef,
): RuleChange[] {
  const dates = new Set([
    ...Object.keys(before.exceptions ?? {}),
    ...Object.keys(after.exceptions ?? {}),
  ]);
  return [
    ...moved(about, before.zone, after.zone, "zone"),
    ...dayNames.flatMap((day) =>
      moved(about, shifts(before.week[day] ?? []), shifts(after.week[day] ?? []), day),
    ),
    ...[...dates]
      .toSorted()
      .flatMap((date) => moved(about, onDate(before, date), onDate(after, date), date)),
  ];
}

/** Opening hours in words: `mon 09:00-17:00, tue 09:00-17:00, America/New_York`. */
export function sayCalendar({ zone, week }: CalendarDef): string {
  const days = dayNames.flatMap((day) => {
    const hours = week[day] ?? [];
    return hours.length === 0 ? [] : [`${day} ${shifts(hours)}`];
  });
  return [...days, zone].join(", ");
}

function onDate({ exceptions }: CalendarDef, date: string): string {
  const hours = exceptions && Object.hasOwn(exceptions, date) ? exceptions[date] : undefined;
  return hours ? shifts(hours) : "as usual";
}

function shifts(hours: readonly string[]): string {
  return hours.length === 0 ? "closed" : hours.join(" and ");
}
