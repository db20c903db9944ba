import type { Agreement } from "../handoff/agreement.ts";
import type { DatePattern } from "../handoff/time/date-pattern.ts";
import type {
  ColumnRule,
  EngagementRule,
  ImportMap,
  JoinRule,
} from "../handoff/facts/import-map.ts";
import type { SourcePlace } from "./place.ts";
import type { Shape } from "./shape.ts";
import type { AgreementProblem, YamlNode } from "./source.ts";
import { isMap, isScalar, isSeq } from "yaml";
import { fieldType } from "../handoff/qualify/condition.ts";
import { datePattern } from "../handoff/time/date-pattern.ts";
import { derivedProblem } from "../handoff/facts/fact-rights.ts";
import { builtInFields } from "../handoff/facts/facts.ts";
import { readFact, type ReadFact } from "../spellings/fact.ts";
import { dealStageOf, withPastFields } from "../handoff/facts/past.ts";
import { columnName } from "../handoff/facts/import-map.ts";
import { isPlaceZone, placeZoneExpected } from "../handoff/time/local-time.ts";
import { Reading } from "./place.ts";
import { from, list, may, named, need, object, oneOf, orElse, text } from "./shape.ts";
import { joinPath, readSource } from "./source.ts";
import { didYouMean } from "./words.ts";

export type ParsedImportMap =
  | { readonly ok: true; readonly map: ImportMap }
  | { readonly ok: false; readonly problems: readonly AgreementProblem[] };

/** The fields that a map may fill: the agreement's, and those that have no fixed name. */
type Known = Pick<Agreement, "fields" | "nullWords"> & {
  readonly isAlsoKnown?: (field: string) => boolean;
};

/**
 * Reads a column map (YAML or JSON). Fields must be the agreement's; every mistake is named with
 * its line in one pass. Never throws.
 */
export function parseImportMap(source: string, agreement: Known): ParsedImportMap {
  const read = readSource(source);
  if ("problems" in read) return { ok: false, problems: read.problems };
  const reading = new Reading(read.source);
  const map = mapShape(agreement).read(read.source.root, reading.place());
  if (map && reading.problems.length === 0) return { ok: true, map };
  return {
    ok: false,
    problems: reading.problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
  };
}

/** Reads the column map of a file of past handoffs, which may fill `handoff.` fields too. */
export function parseHistoryMap(
  source: string,
  agreement: Pick<Agreement, "fields" | "nullWords">,
): ParsedImportMap {
  return parseImportMap(source, {
    ...withPastFields(agreement),
    isAlsoKnown: (field) => dealStageOf(field) !== null,
  });
}

/**
 * What is wrong between a map and the header of a file, which stands on that line; one sentence
 * each, empty when they fit.
 */
export function checkHeader(map: ImportMap, header: readonly string[], line: number): string[] {
  const wanted = new Set([
    ...Object.keys(map.columns),
    ...map.required,
    ...map.joined.flatMap(({ columns }) => columns),
    ...map.engagements.flatMap((rule) => [rule.column, ...(rule.at ? [rule.at.column] : [])]),
  ]);
  const counts = new Map<string, number>();
  for (const name of header) counts.set(name, (counts.get(name) ?? 0) + 1);
  const twice = [...wanted].filter((name) => (counts.get(name) ?? 0) > 1);
  const unknown = [...wanted].filter((name) => !counts.has(name));
  return [
    ...twice.map(
      (name) => `line ${line}: the column "${name}" stands twice; give each column its own name`,
    ),
    ...unknown.map((name, n) => {
      // To look for a near name is slow where neither map nor file is of this world.
      const near = n < 20 ? didYouMean(name, header) : "";
      return `the map names the column "${name}", which the file does not have${near}`;
    }),
  ];
}

const delimiters = { ",": ",", ";": ";", tab: "\t", "|": "|" } as const;
const ownDestinations = ["id", "crmId", "externalId", "occurredAt"];

function mapShape(agreement: Known): Shape<ImportMap> {
  const destination = destinationShape(agreement);
  const column = oneOrMore(eitherShape(destination, columnShape(destination)));
  const shape = object({
    delimiter: may(
      oneOf([",", ";", "tab", "|"]),
      "what stands between the columns; found out when absent",
    ),
    zone: orElse(zone, "UTC", "the zone of times without an offset"),
    columns: need(named(column, "columns", anyName), "column of the file: where its value goes"),
    joined: orElse(
      list(joinShape(destination), "joined columns"),
      [],
      "fields that are made of several columns",
    ),
    constants: orElse(
      named(constant, "fields with one value for every row", anyName),
      {},
      "facts that are the same for every row",
    ),
    engagements: orElse(
      list(engagement, "engagements"),
      [],
      "columns that say that something was done",
    ),
    required: orElse(
      list(text("a column's name"), "columns"),
      [],
      "columns that must hold a value",
    ),
  });
  return from(shape, ({ delimiter, constants, ...rest }, place) => {
    const filled = [
      ...Object.entries(rest.columns).flatMap(([name, rules]) =>
        rules.map(({ to }) => ({ to, at: joinPath("columns", name) })),
      ),
      ...rest.joined.map(({ to }, n) => ({ to, at: `joined[${n}]` })),
    ];
    filled.forEach(({ to, at }, n) => {
      if (filled.findIndex((one) => one.to === to) < n)
        place.reading.report(
          "problems",
          at,
          `expected one column for ${to}; say under \`joined:\` how several become one`,
        );
    });
    const names = Object.keys(rest.columns);
    names.forEach((name, n) => {
      if (names.findIndex((one) => columnName(one) === columnName(name)) < n)
        place.reading.report(
          "problems",
          joinPath("columns", name),
          `expected "${columnName(name)}" once; kinds of spaces and hyphens do not count`,
        );
    });
    for (const [field, value] of Object.entries(constants)) {
      const problem =
        (field === "lead.email"
          ? "expected a column for lead.email: a constant would be one person"
          : null) ??
        fieldProblem(field, agreement) ??
        problemOf(readFact(field, value, agreement, constants));
      if (problem) place.reading.report("problems", `constants["${field}"]`, problem);
    }
    return {
      ...rest,
      columns: Object.fromEntries(
        Object.entries(rest.columns).map(([name, rules]) => [columnName(name), rules]),
      ),
      required: rest.required.map(columnName),
      engagements: rest.engagements.map((rule) => ({
        ...rule,
        column: columnName(rule.column),
        ...(rule.at ? { at: { ...rule.at, column: columnName(rule.at.column) } } : {}),
      })),
      constants,
      ...(delimiter === undefined ? {} : { delimiter: delimiters[delimiter] }),
    };
  });
}

const zone = from(text("a zone such as Europe/Berlin"), (name, place, node) =>
  isPlaceZone(name) ? name : place.expected(placeZoneExpected, node),
);

const pattern: Shape<DatePattern> = from(
  text("a date pattern such as dd.MM.yyyy HH:mm"),
  (written, place, node) =>
    datePattern(written) ??
    place.expected(
      "a date pattern of yyyy, MM or MMM, dd and, if they are there, EEE for the day of the " +
        "week and HH (or hh and a), mm, ss, XXX for an offset",
      node,
    ),
);

const words = (what: string) => list(text("a word"), what);

function columnShape(destination: Shape<string>): Shape<ColumnRule> {
  const shape = object({
    to: need(destination, "where the value goes"),
    date: may(pattern, "how the column writes dates"),
    decimal: may(oneOf([",", "."]), "the decimal sign of its numbers"),
    yes: may(words("words for yes"), "cells that mean yes"),
    no: may(words("words for no"), "cells that mean no"),
    words: may(
      named(text("what the cell stands for"), "cells", anyName),
      "cells by what they stand for",
    ),
  });
  return shape;
}

function joinShape(destination: Shape<string>): Shape<JoinRule> {
  return object({
    columns: need(
      list(from(text("a column's name"), columnName), "columns", { min: 2, max: 10 }),
      "the columns, in order",
    ),
    to: need(destination, "where the value goes"),
    with: orElse(anyText, " ", "what stands between them; a space when absent"),
  });
}

/** May be empty or a space, unlike other text. */
const anyText: Shape<string> = {
  schema: { type: "string" },
  read(node, place) {
    const value = isScalar(node) ? node.value : null;
    return typeof value === "string" && value.length <= 20
      ? value
      : place.expected("the text between, in quotes", node);
  },
};

/** A column may fill one field or several. */
function oneOrMore<T>(one: Shape<T>): Shape<readonly T[]> {
  const several = list(one, "fields", { min: 1, max: 10 });
  return {
    schema: { anyOf: [one.schema, several.schema] },
    read(node, place) {
      if (isSeq(node)) return several.read(node, place);
      const value = one.read(node, place);
      return value === undefined ? undefined : [value];
    },
  };
}

const engagement: Shape<EngagementRule> = from(
  object({
    column: need(text("a column's name"), "the column that says it"),
    type: may(text("an engagement type"), "the type, for every cell that is not empty and not no"),
    types: may(
      named(text("an engagement type"), "cells", anyName),
      "the type by cell; other cells say nothing",
    ),
    at: may(
      eitherShape(
        from(text("a column's name"), (column) => ({ column })),
        object({
          column: need(text("a column's name"), "the column of the time"),
          date: may(pattern, "how it writes dates"),
        }),
      ),
      "when it was done",
    ),
    topic: may(text("a topic"), "what it was about"),
  }),
  (rule, place, node) =>
    (rule.type === undefined) === (rule.types === undefined)
      ? place.expected("either `type:` or `types:`", node)
      : rule,
);

const constant: Shape<string> = {
  schema: { type: ["string", "number", "boolean"] },
  read(node, place) {
    const value = isScalar(node) ? node.value : null;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : place.expected("one value", node);
  },
};

/** Short form or mapping. */
function eitherShape<A, B>(
  short: Shape<A>,
  long: Shape<B>,
): Shape<A extends string ? B | { to: A } : A | B> {
  return {
    schema: { anyOf: [short.schema, long.schema] },
    read(node: YamlNode, place: SourcePlace) {
      const value = isMap(node) ? long.read(node, place) : short.read(node, place);
      // A bare field is short for a rule with nothing but `to`.
      return (typeof value === "string" ? { to: value } : value) as
        (A extends string ? B | { to: A } : A | B) | undefined;
    },
  };
}

function destinationShape(agreement: Known): Shape<string> {
  return from(
    text("a field such as lead.email, or id, crmId, externalId, occurredAt"),
    (name, place, node) => {
      const problem = ownDestinations.includes(name) ? null : fieldProblem(name, agreement);
      return problem === null ? name : place.wrong(problem, node);
    },
  );
}

function fieldProblem(field: string, agreement: Known): string | null {
  if (derivedProblem(field) !== null) return derivedProblem(field);
  if (fieldType(agreement, field) || agreement.isAlsoKnown?.(field)) return null;
  const known = [
    ...ownDestinations,
    ...Object.keys(builtInFields),
    ...Object.keys(agreement.fields),
  ];
  return (
    "expected a field of the agreement, or id, crmId, externalId, occurredAt; found " +
    `"${field}"${didYouMean(field, known)}`
  );
}

function problemOf(normal: ReadFact): string | null {
  return "problem" in normal
    ? normal.problem
    : "missing" in normal
      ? "expected a value that is not a null word of the agreement"
      : null;
}

function anyName(name: string): string | null {
  return name.trim() === "" ? "a name" : null;
}
