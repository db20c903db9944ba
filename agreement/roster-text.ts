import { stringify } from "yaml";
import type { CalendarDef, DayName, Instant } from "../handoff/time/calendar.ts";
import { isoOf } from "../handoff/time/dates.ts";
import { dateOfDay, dayOfDate, formatWall } from "../handoff/time/local-time.ts";
import type { RepPool } from "../handoff/routing/roster.ts";
import type { PersonAway, RosterFile, RosterPerson } from "./roster.ts";

/** A roster as it stands. */
export interface StandingRoster {
  readonly reps: readonly MaybeDeputy<RosterPerson>[];
  readonly pools: readonly RepPool[];
  readonly absences: Readonly<Record<string, readonly MaybeDeputy<PersonAway>[]>>;
  readonly namedHours: RosterFile["namedHours"];
}

type MaybeDeputy<T extends { readonly deputyId: string | null }> = Omit<T, "deputyId"> & {
  readonly deputyId?: string | null;
};

type Entry = readonly [key: string, value: unknown];

/**
 * The roster in the form of its file, as plain data. Hours keep their names; hours that no file
 * named are called by their zone. Absences that are over are left out. Read again it is the same.
 */
export function rosterDocument(
  { reps, pools, absences, namedHours }: StandingRoster,
  now: Instant,
): Readonly<Record<string, unknown>> {
  const hours = new Map(Object.entries(namedHours.hours));
  // Two thousand people may have hours of their own each: they are looked up, not gone through.
  const texts = new Map([...hours].map(([name, def]) => [name, textOf(def)]));
  const names = new Map([...texts].toReversed().map(([name, text]) => [text, name]));
  const lastOf = new Map<string, number>();
  const nameOf = (def: CalendarDef | null, name: string | undefined): string | undefined => {
    if (def === null) return undefined;
    const text = textOf(def);
    if (name !== undefined && texts.get(name) === text) return name;
    const same = names.get(text);
    if (same !== undefined) return same;
    const base = def.zone.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    let n = lastOf.get(base) ?? 1;
    const nth = () => (n === 1 ? base : `${base}-${n}`);
    while (hours.has(nth())) n++;
    lastOf.set(base, n);
    hours.set(nth(), def);
    names.set(text, nth());
    return nth();
  };
  const people = reps.map((one): Entry => {
    const ahead = (absences[one.id] ?? []).filter(({ to }) => to > now);
    return [
      one.id,
      given([
        ["name", one.name],
        ["email", one.email],
        ["role", one.role],
        ["manager", one.managerId],
        ["deputy", one.deputyId],
        ["active", one.active ? undefined : false],
        ["hours", nameOf(one.hours, namedHours.people[one.id])],
        ["languages", listed(one.languages)],
        ["products", listed(one.products)],
        ["motions", listed(one.motions)],
        ["caps", Object.keys(one.caps).length > 0 ? one.caps : undefined],
        ["absences", listed(ahead.map((away) => absenceOf(away, one.hours?.zone ?? "UTC")))],
        ["crmId", one.crmId],
      ]),
    ];
  });
  const poolEntries = pools.map((one): Entry => [
    one.id,
    given([
      ["hours", nameOf(one.hours, namedHours.pools[one.id])],
      ["members", one.members],
    ]),
  ]);
  return {
    hours: Object.fromEntries([...hours].map(([name, def]) => [name, hoursAsYaml(def)])),
    people: Object.fromEntries(people),
    pools: Object.fromEntries(poolEntries),
  };
}

/** The same as the text of a file. */
export function rosterText(roster: StandingRoster, now: Instant): string {
  return stringify(rosterDocument(roster, now), { lineWidth: 0, aliasDuplicateObjects: false });
}

function given(entries: readonly Entry[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null));
}

function listed<T>(all: readonly T[]): readonly T[] | undefined {
  return all.length > 0 ? all : undefined;
}

const days: readonly DayName[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Days in a row with the same shifts are written as one: `mon-fri`. */
function hoursAsYaml({
  zone,
  week,
  exceptions = {},
}: CalendarDef): Readonly<Record<string, unknown>> {
  const runs = days.reduce<readonly (readonly [DayName, DayName, readonly string[]])[]>(
    (all, day) => {
      const shifts = week[day];
      if (shifts === undefined) return all;
      const last = all.at(-1);
      const follows =
        last !== undefined &&
        days.indexOf(last[1]) + 1 === days.indexOf(day) &&
        last[2].join() === shifts.join();
      return follows ? [...all.slice(0, -1), [last[0], day, shifts]] : [...all, [day, day, shifts]];
    },
    [],
  );
  const dates = Object.entries(exceptions).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return given([
    ["zone", zone],
    ["week", Object.fromEntries(runs.map(([a, b, to]) => [a === b ? a : `${a}-${b}`, to]))],
    ["exceptions", dates.length > 0 ? Object.fromEntries(dates) : undefined],
  ]);
}

/** Whether hours mean the same, however they were written down. */
export function sameHours(one: CalendarDef | null, other: CalendarDef | null): boolean {
  return one === null || other === null ? one === other : textOf(one) === textOf(other);
}

function textOf(def: CalendarDef): string {
  return JSON.stringify(hoursAsYaml(def));
}

/** Whole days in the person's zone are dates, the last one included; everything else is exact. */
function absenceOf({ from, to, reason, deputyId }: MaybeDeputy<PersonAway>, zone: string): unknown {
  const [start, end] = [formatWall(zone, from), formatWall(zone, to)];
  const isWhole =
    start.endsWith(" 00:00") && end.endsWith(" 00:00") && from % 1_000 === 0 && to % 1_000 === 0;
  const last = dayOfDate(end.slice(0, 10));
  return given([
    ["from", isWhole ? start.slice(0, 10) : isoOf(from)],
    ["to", isWhole && last !== null ? dateOfDay(last - 1) : isoOf(to)],
    ["reason", reason],
    ["deputy", deputyId],
  ]);
}
