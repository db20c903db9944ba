import type { Agreement, Territory } from "../handoff/agreement.ts";
import type { CalendarDef, Instant } from "../handoff/calendar.ts";
import type { Pool, Rep } from "../handoff/roster.ts";
import type { Place } from "./place.ts";
import type { Shape } from "./shape.ts";
import type { Problem, YamlNode } from "./source.ts";
import { isMap } from "yaml";
import { instantOf } from "../handoff/dates.ts";
import { checkEmail } from "../handoff/email.ts";
import { dayOfDate, firstInstantReading, offsetSpans } from "../handoff/local-time.ts";
import { calendar } from "./calendars.ts";
import { name } from "./names.ts";
import { Reading } from "./place.ts";
import {
  from,
  list,
  may,
  named,
  need,
  number,
  object,
  oneOf,
  orElse,
  reference,
  text,
  yesNo,
} from "./shape.ts";
import { keyText, readSource } from "./source.ts";

/** A person of the roster file, with the name and address that the rules never see. */
export interface RosterPerson extends Omit<Rep, "absences"> {
  readonly name: string;
  readonly email: string;
  readonly role: "rep" | "manager" | "marketing" | "sales-ops";
  readonly crmId: string | null;
}

export interface RosterFile {
  readonly reps: readonly RosterPerson[];
  readonly pools: readonly Pool[];
  /** By rep id, in order of time. */
  readonly absences: Readonly<Record<string, Rep["absences"]>>;
}

export type ParsedRoster =
  | { readonly ok: true; readonly roster: RosterFile }
  | { readonly ok: false; readonly problems: Problem[] };

/**
 * Reads a roster file: named hours, people, and pools with weights (see roster.yaml). Like the agreement's
 * parser it never throws and finds all mistakes in one pass, each with its line.
 */
export function parseRoster(source: string): ParsedRoster {
  const read = readSource(source);
  if ("problems" in read) return { ok: false, problems: read.problems };
  const reading = new Reading(read.source);
  const roster = rosterShape(
    keysOf(read.source.root, "hours"),
    keysOf(read.source.root, "people"),
  ).read(read.source.root, reading.place());
  if (roster && reading.problems.length === 0) return { ok: true, roster };
  return {
    ok: false,
    problems: reading.problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
  };
}

/** The pools an agreement routes to that a roster lacks; leads for them would end in the fallback queue. */
export function missingPools(agreement: Agreement, roster: Pick<RosterFile, "pools">): string[] {
  const ofTerritories = (tree: readonly Territory[]): string[] =>
    tree.flatMap((one) => [
      ...(one.pool === undefined ? [] : [one.pool]),
      ...ofTerritories(one.within),
    ]);
  const wanted = new Set([
    ...agreement.routing.segments.map((one) => one.pool),
    ...ofTerritories(agreement.routing.territories),
  ]);
  return [...wanted].filter((pool) => !roster.pools.some((one) => one.id === pool));
}

function rosterShape(hours: readonly string[], people: readonly string[]): Shape<RosterFile> {
  const hoursName = may(reference(hours, "hours"), "working hours, by their name under `hours:`");
  const cap = may(number("a count", { min: 0, max: 100_000, whole: true }), "at most this many");
  const words = orElse(list(name("word"), "words", { max: 100 }), [], "words");
  const person = object({
    name: need(text("the person's name"), "how mails address the person"),
    email: need(address, "where mails go"),
    role: orElse(
      oneOf(["rep", "manager", "marketing", "sales-ops"]),
      "rep" as const,
      "what the person does",
    ),
    manager: may(reference(people, "a person"), "the manager's id"),
    active: orElse(yesNo, true, "whether the person takes leads"),
    hours: hoursName,
    languages: words,
    products: words,
    motions: words,
    caps: orElse(object({ open: cap, perDay: cap, perHour: cap }), {}, "limits; absent means none"),
    absences: orElse(
      list(
        object({
          from: need(text("a date"), "first day or time"),
          to: need(text("a date"), "last day or time"),
          reason: need(text("a reason"), "why"),
        }),
        "absences",
      ),
      [],
      "when the person is away",
    ),
    crmId: may(text("an id"), "the person's id in the CRM"),
  });
  const pool = object({
    hours: hoursName,
    members: need(
      named(
        number("a weight", { min: 0, max: 1000, whole: true }),
        "people and weights",
        knownPerson(people),
      ),
      "people and their share of the work",
    ),
  });
  const whole = object({
    hours: orElse(named(calendar, "hours"), {}, "working hours by name"),
    people: need(named(person, "people", personId), "everybody, by id"),
    pools: orElse(named(pool, "pools"), {}, "who shares work in turn"),
  });
  return from(whole, (given, place) => {
    const hoursOf = (key: string | undefined) =>
      key === undefined ? null : (given.hours[key] ?? null);
    const absences = Object.entries(given.people).map(
      ([id, one]) =>
        [
          id,
          away(one.absences, hoursOf(one.hours), placeOf(place, ["people", id, "absences"])),
        ] as const,
    );
    if (!managed(given.people, place) || absences.some(([, spans]) => spans.includes(null)))
      return undefined;
    return {
      reps: Object.entries(given.people).map(([id, one]) => ({
        id,
        name: one.name,
        email: one.email,
        role: one.role,
        active: one.active,
        languages: one.languages,
        products: one.products,
        motions: one.motions,
        caps: one.caps,
        managerId: one.manager ?? null,
        hours: hoursOf(one.hours),
        crmId: one.crmId ?? null,
      })),
      pools: Object.entries(given.pools).map(([id, one]) => ({
        id,
        hours: hoursOf(one.hours),
        members: one.members,
      })),
      absences: Object.fromEntries(
        absences.map(([id, spans]) => [
          id,
          spans.filter((span) => span !== null).toSorted((a, b) => a.from - b.from),
        ]),
      ),
    };
  });
}

const address: Shape<string> = from(text("an e-mail address"), (value, place, node) => {
  const checked = checkEmail(value);
  return checked.ok ? value : place.wrong(`expected an e-mail address (${checked.because})`, node);
});

function personId(id: string): string | null {
  return /^rp_[A-Za-z0-9_-]{1,60}$/.test(id) ? null : "an id such as rp_americas_1";
}

function knownPerson(people: readonly string[]): (id: string) => string | null {
  return (id) => (people.includes(id) ? null : "the id of somebody under `people:`");
}

type Given = Readonly<Record<string, { readonly manager?: string }>>;

/** Nobody is their own manager, nor their manager's: escalation has to end somewhere. */
function managed(people: Given, place: Place): boolean {
  let fine = true;
  for (const id of Object.keys(people)) {
    const above = new Set<string>();
    for (
      let next = people[id]?.manager;
      next !== undefined && !above.has(next);
      next = people[next]?.manager
    )
      above.add(next);
    if (!above.has(id)) continue;
    placeOf(place, ["people", id, "manager"]).wrong(
      "expected a manager who does not report, over others, to this person",
    );
    fine = false;
  }
  return fine;
}

/** Bare dates are whole days, the last one included, in the zone of the person's hours; times are exact. */
function away(
  absences: readonly { from: string; to: string; reason: string }[],
  hours: CalendarDef | null,
  place: Place,
): (Rep["absences"][number] | null)[] {
  return absences.map((one, i) => {
    const here = place.child(i, null);
    const [start, to] = [moment(one.from, hours, 0), moment(one.to, hours, 1)];
    if (start === null || to === null)
      return (
        here.wrong(
          "expected dates such as 2026-12-24 or times such as 2026-12-24T13:00:00+01:00",
        ) ?? null
      );
    return to > start
      ? { from: start, to, reason: one.reason }
      : (here.wrong("expected an absence that ends after it begins") ?? null);
  });
}

function moment(words: string, hours: CalendarDef | null, daysLater: number): Instant | null {
  const day = dayOfDate(words);
  if (day === null) return instantOf(words);
  const wall = (day + daysLater) * 86_400_000;
  return firstInstantReading(
    offsetSpans(hours?.zone ?? "UTC", wall - 2 * 86_400_000, wall + 2 * 86_400_000),
    wall,
  );
}

function placeOf(place: Place, keys: readonly string[]): Place {
  return keys.reduce((at, key) => at.child(key, null), place);
}

function keysOf(root: YamlNode, section: string): string[] {
  const pair = isMap(root) ? root.items.find((one) => keyText(one.key) === section) : undefined;
  return isMap(pair?.value) ? pair.value.items.map((one) => keyText(one.key) ?? "") : [];
}
