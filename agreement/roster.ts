import type { Agreement, Territory } from "../handoff/agreement.ts";
import type { CalendarDef, Instant } from "../handoff/time/calendar.ts";
import type { RepPool, Rep } from "../handoff/routing/roster.ts";
import type { Shape } from "./shape.ts";
import type { AgreementProblem, SourceLimits, YamlNode } from "./source.ts";
import { isMap, isScalar, isSeq } from "yaml";
import { instantOf } from "../handoff/time/dates.ts";
import { checkEmail } from "../handoff/facts/email.ts";
import { isAsciiEmail, normalEmail } from "../spellings/email.ts";
import { dayOfDate, startOfDay } from "../handoff/time/local-time.ts";
import { calendar } from "./calendars.ts";
import { language, name } from "./names.ts";
import { Reading, SourcePlace } from "./place.ts";
import {
  from,
  isReadWord,
  list,
  may,
  named,
  need,
  number,
  object,
  oneOf,
  orElse,
  reference,
  scalarText,
  text,
  yesNo,
} from "./shape.ts";
import { joinPath, readSource, startOf } from "./source.ts";
import { namesUnder } from "./vocabulary.ts";
import { didYouMean } from "./words.ts";

/** A person of the roster file, with the name and address that the rules never see. */
export interface RosterPerson extends Omit<Rep, "absences"> {
  readonly name: string;
  readonly email: string;
  readonly role: "rep" | "manager" | "marketing" | "sales-ops";
  readonly crmId: string | null;
  readonly deputyId: string | null;
}

/** An absence, and who stands in where the file names somebody. */
export interface PersonAway {
  readonly from: Instant;
  readonly to: Instant;
  readonly reason: string;
  readonly deputyId: string | null;
}

export interface RosterFile {
  readonly reps: readonly RosterPerson[];
  readonly pools: readonly RepPool[];
  /** By rep id, in order of time. */
  readonly absences: Readonly<Record<string, readonly PersonAway[]>>;
  /** Which hours people and pools work, by the names of the file. */
  readonly namedHours: {
    readonly hours: Readonly<Record<string, CalendarDef>>;
    readonly people: Readonly<Record<string, string>>;
    readonly pools: Readonly<Record<string, string>>;
  };
}

/** Some thousand people. */
const rosterLimits: SourceLimits = { characters: 2 * 1024 * 1024, values: 100_000 };

export type ParsedRoster =
  | { readonly ok: true; readonly roster: RosterFile }
  | { readonly ok: false; readonly problems: AgreementProblem[] };

/**
 * Reads a roster file: named hours, people, and pools with weights (see roster.yaml). Like the
 * agreement's parser it never throws and finds all mistakes in one pass, each with its line.
 */
export function parseRoster(source: string): ParsedRoster {
  const read = readSource(source, rosterLimits);
  if ("problems" in read) return { ok: false, problems: read.problems };
  const reading = new Reading(read.source);
  const roster = rosterShape(
    namesUnder(read.source.root, "hours"),
    namesUnder(read.source.root, "people"),
  ).read(read.source.root, reading.place());
  if (roster && reading.problems.length === 0) return { ok: true, roster };
  return {
    ok: false,
    problems: reading.problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
  };
}

/**
 * The pools an agreement routes to that a roster lacks; leads for them would end in the fallback
 * queue.
 */
export function missingPools(agreement: Agreement, roster: Pick<RosterFile, "pools">): string[] {
  const ofTerritories = (tree: readonly Territory[]): string[] =>
    tree.flatMap((one) => [
      ...(one.pool === undefined ? [] : [one.pool]),
      ...ofTerritories(one.within),
    ]);
  const wanted = new Set([
    ...Object.values(agreement.accounts?.tiers ?? {}).flatMap((one) => one.pool ?? []),
    ...agreement.routing.segments.map((one) => one.pool),
    ...ofTerritories(agreement.routing.territories),
  ]);
  return [...wanted].filter((pool) => !roster.pools.some((one) => one.id === pool));
}

/**
 * Where an agreement's text names pools that the roster lacks, and what was expected there; whatever
 * else is wrong with it.
 */
export function missingPoolPlaces(
  text: string,
  roster: Pick<RosterFile, "pools">,
): AgreementProblem[] {
  const read = readSource(text);
  if ("problems" in read) return [];
  const { root, position } = read.source;
  const found: AgreementProblem[] = [];
  const look = (node: unknown, path: string): void => {
    if (isSeq(node)) node.items.forEach((item, n) => look(item, joinPath(path, n)));
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      const within = joinPath(path, name);
      const pool = name === "pool" ? scalarText(value as YamlNode)?.trim() : undefined;
      if (pool === undefined || roster.pools.some(({ id }) => id === pool)) look(value, within);
      else
        found.push({
          ...position(startOf(value)),
          path: within,
          message:
            `expected a pool that the roster has, found "${pool}"` +
            didYouMean(
              pool,
              roster.pools.map(({ id }) => id),
            ),
        });
    }
  };
  look(root, "");
  return found;
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
    deputy: may(reference(people, "a person"), "who stands in during absences and after leaving"),
    active: orElse(yesNo, true, "whether the person takes leads"),
    hours: hoursName,
    languages: orElse(list(language, "languages", { max: 100 }), [], "languages the person speaks"),
    products: words,
    motions: words,
    caps: orElse(object({ open: cap, perDay: cap, perHour: cap }), {}, "limits; absent means none"),
    absences: orElse(
      list(
        object({
          from: need(text("a date"), "first day or time"),
          to: need(text("a date"), "last day or time"),
          reason: need(text("a reason"), "why"),
          deputy: may(reference(people, "a person"), "who stands in; without it the own deputy"),
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
    const hoursNamed = (key: string | undefined) =>
      key === undefined ? null : (given.hours[key] ?? null);
    const absences = Object.entries(given.people).map(
      ([id, one]) =>
        [
          id,
          away(one.absences, hoursNamed(one.hours), placeOf(place, ["people", id, "absences"])),
        ] as const,
    );
    const sound = [managed(given.people, place), ownIds(given.people, place)];
    if (sound.includes(false) || absences.some(([, spans]) => spans.includes(null)))
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
        deputyId: one.deputy ?? null,
        hours: hoursNamed(one.hours),
        crmId: one.crmId ?? null,
      })),
      pools: Object.entries(given.pools).map(([id, one]) => ({
        id,
        hours: hoursNamed(one.hours),
        members: one.members,
      })),
      absences: Object.fromEntries(
        absences.map(([id, spans]) => [
          id,
          spans.filter((span) => span !== null).toSorted((a, b) => a.from - b.from),
        ]),
      ),
      namedHours: {
        hours: given.hours,
        people: namesOf(given.people),
        pools: namesOf(given.pools),
      },
    };
  });
}

/** What mails are sent to. An address stays as it is written; what stands around it is left out. */
const address: Shape<string> = from(text("an e-mail address"), (value, place, node) => {
  const one = checkEmail(value).ok ? value : normalEmail(value);
  const checked = checkEmail(one);
  if (!checked.ok) return place.wrong(`expected an e-mail address (${checked.because})`, node);
  return isAsciiEmail(one)
    ? one
    : place.wrong("expected an e-mail address of ASCII characters, as mail servers take it", node);
});

function personId(id: string): string | null {
  return /^rp_[A-Za-z0-9_-]{1,60}$/.test(id) ? null : "an id such as rp_americas_1";
}

function knownPerson(people: readonly string[]): (id: string) => string | null {
  return (id) => (people.includes(id) ? null : "the id of somebody under `people:`");
}

function namesOf(
  all: Readonly<Record<string, { readonly hours?: string }>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([id, { hours }]) => (hours === undefined ? [] : [[id, hours]])),
  );
}

type Given = Readonly<
  Record<string, { readonly manager?: string; readonly deputy?: string; readonly crmId?: string }>
>;

/** Nobody stands in for themselves, and an id of the CRM is one person's. */
function ownIds(people: Given, place: SourcePlace): boolean {
  const owners = new Map<string, string>();
  let fine = true;
  for (const [id, { deputy, crmId }] of Object.entries(people)) {
    if (deputy === id) {
      placeOf(place, ["people", id, "deputy"]).wrong("expected somebody else, who stands in");
      fine = false;
    }
    const other = crmId === undefined ? undefined : owners.get(crmId);
    if (other !== undefined) {
      placeOf(place, ["people", id, "crmId"]).wrong(
        `expected an id of this person's own; it is ${other.trim()}'s already`,
      );
      fine = false;
    }
    if (crmId !== undefined) owners.set(crmId, other ?? id);
  }
  return fine;
}

/** Managers form no circle, because escalation has to end. */
function managed(people: Given, place: SourcePlace): boolean {
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

/**
 * Bare dates are whole days, the last one included, in the zone of the person's hours; times are
 * exact.
 */
function away(
  absences: readonly { from: string; to: string; reason: string; deputy?: string }[],
  hours: CalendarDef | null,
  place: SourcePlace,
): (PersonAway | null)[] {
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
      ? { from: start, to, reason: one.reason, deputyId: one.deputy ?? null }
      : (here.wrong("expected an absence that ends after it begins") ?? null);
  });
}

function moment(words: string, hours: CalendarDef | null, daysLater: number): Instant | null {
  const day = dayOfDate(words);
  if (day === null) return instantOf(words);
  return startOfDay(hours?.zone ?? "UTC", day + daysLater);
}

/** What stands under an id that is not allowed is called by its path, which stands for the id. */
function placeOf(place: SourcePlace, keys: readonly string[]): SourcePlace {
  return keys.reduce(
    (at, key) => (isReadWord(key) ? at.child(key, null) : new SourcePlace(at.reading, key.trim())),
    place,
  );
}
