import type { Agreement } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { FieldPath, FieldType } from "./facts.ts";
import { fieldType } from "../qualify/condition.ts";
import {
  canHaveHappened,
  happenedWhen,
  hasOffset,
  instantOf,
  isBareDate,
  isoOf,
  isWritable,
} from "../time/dates.ts";
import { readPattern, type DatePattern } from "../time/date-pattern.ts";
import { firstInstantReading, offsetSpans } from "../time/local-time.ts";
import { inForm, withoutEdges, wordOf } from "./text.ts";

/**
 * How the columns of a file become leads; written as YAML by a person who knows the file
 * (agreement/import-map.ts reads it).
 */
export interface ImportMap {
  /** Found out from the first line when absent. */
  readonly delimiter?: "," | ";" | "\t" | "|";
  /** IANA zone of times that are written without an offset. */
  readonly zone: string;
  /** In the file's words: column to where its value goes, which may be several places. */
  readonly columns: Readonly<Record<string, readonly ColumnRule[]>>;
  readonly joined: readonly JoinRule[];
  /** The same fact for every row. */
  readonly constants: Readonly<Record<FieldPath, string>>;
  readonly engagements: readonly EngagementRule[];
  /** Columns that must hold a value in every row. */
  readonly required: readonly string[];
}

/** `id`, `crmId`, `externalId` and `occurredAt` are the arrival's own; the rest are facts. */
export type Destination = FieldPath;

export interface ColumnRule {
  readonly to: Destination;
  readonly date?: DatePattern;
  readonly decimal?: "," | ".";
  readonly yes?: readonly string[];
  readonly no?: readonly string[];
  /** Cells by what they stand for; a cell that is not listed stays as it is. */
  readonly words?: Readonly<Record<string, string>>;
}

/** One value of several cells, in this order; cells without a value are left out. */
export interface JoinRule {
  readonly columns: readonly string[];
  readonly to: Destination;
  /** What stands between them. */
  readonly with: string;
}

/** A column that says that something was done. */
export interface EngagementRule {
  readonly column: string;
  /** One type for every cell that says yes, or a type by cell. */
  readonly type?: string;
  readonly types?: Readonly<Record<string, string>>;
  readonly at?: { readonly column: string; readonly date?: DatePattern };
  readonly topic?: string;
}

export interface MappedArrival {
  readonly id?: string;
  readonly crmId?: string;
  readonly externalId?: string;
  readonly facts: Readonly<Record<FieldPath, unknown>>;
  readonly occurredAt?: Instant;
  /** `key` is the same whenever this row is read again. */
  readonly engagements: readonly {
    readonly key: string;
    readonly type: string;
    readonly topic?: string;
    readonly occurredAt?: Instant;
  }[];
}

export interface CellProblem {
  readonly column: string | null;
  /** What was expected; never quotes the cell. */
  readonly message: string;
}

export interface MappedRow {
  /** What could be read; to be taken in only when there are no problems. */
  readonly arrival: MappedArrival;
  readonly problems: readonly CellProblem[];
}

/** One row of the file, by column, as an arrival, and everything in it that is not as expected. */
export function mapRow(
  map: ImportMap,
  row: Readonly<Record<string, string>>,
  agreement: Pick<Agreement, "fields" | "nullWords">,
): MappedRow {
  const nullWords = ["", ...agreement.nullWords];
  const problems: CellProblem[] = [];
  const isNull = (cell: string) => wordOf(cell, nullWords) !== undefined;
  for (const column of map.required)
    if (isNull(cellOf(row, column)))
      problems.push({ column, message: "expected a value; the map requires this column" });

  const own: { id?: string; crmId?: string; externalId?: string; occurredAt?: Instant } = {};
  const facts: Record<FieldPath, unknown> = { ...map.constants };
  const cells = [
    ...Object.entries(map.columns).flatMap(([column, rules]) =>
      rules.map((rule) => ({ column, cell: cellOf(row, column), rule })),
    ),
    ...map.joined.map((rule) => ({
      column: rule.columns[0] ?? null,
      cell: rule.columns
        .flatMap((one) => (isNull(cellOf(row, one)) ? [] : [cellOf(row, one)]))
        .join(rule.with),
      rule: { to: rule.to } as ColumnRule,
    })),
  ];
  for (const { column, cell, rule } of cells) {
    if (isNull(cell)) continue;
    const value = readCell(cell, rule, map.zone, fieldType(agreement, rule.to));
    if (typeof value === "object") problems.push({ column, message: value.expected });
    else if (rule.to === "occurredAt") {
      const at = instantInZone(map.zone, String(value));
      if (at === null) problems.push({ column, message: timeExpected(rule.date) });
      else if (!canHaveHappened(at)) problems.push({ column, message: happenedWhen });
      else own.occurredAt = at;
    } else if (rule.to === "id" || rule.to === "crmId" || rule.to === "externalId")
      own[rule.to] = withoutEdges(String(value));
    else facts[rule.to] = value;
  }

  const who =
    own.id ??
    own.externalId ??
    own.crmId ??
    (typeof facts["lead.email"] === "string" ? facts["lead.email"].toLowerCase() : undefined);
  if (who === undefined)
    problems.push({
      column: null,
      message: "expected a value that says who it is: externalId, crmId, id or lead.email",
    });
  const engagements = map.engagements.flatMap((rule) =>
    readEngagement(rule, row, who ?? "", own.occurredAt, map.zone, isNull, problems),
  );
  return { problems, arrival: { ...own, facts, engagements } };
}

/** A column's name as map and file are compared: NFC, one space, one hyphen. */
export function columnName(text: string): string {
  return inForm(text, "NFC")
    .replaceAll(/[\s\p{Cf}]+/gu, " ")
    .replaceAll(/\p{Pd}/gu, "-")
    .trim();
}

/** The column that a fact or name came from, for a refusal that names the field. */
export function columnOf(map: ImportMap, field: string): string | null {
  const bare = field.replace(/^facts\./, "");
  return (
    Object.entries(map.columns).find(([, rules]) => rules.some(({ to }) => to === bare))?.[0] ??
    map.joined.find(({ to }) => to === bare)?.columns[0] ??
    null
  );
}

/** What somebody sees of a cell; empty where the row has none. */
function cellOf(row: Readonly<Record<string, string>>, column: string): string {
  return withoutEdges(row[column] ?? "");
}

function readCell(
  cell: string,
  rule: ColumnRule,
  zone: string,
  type: FieldType | undefined,
): string | boolean | { expected: string } {
  const { words = {} } = rule;
  const written = wordOf(cell, Object.keys(words));
  const text = (written === undefined ? undefined : words[written]) ?? cell;
  if (rule.yes || rule.no) {
    if (wordOf(text, rule.yes ?? []) !== undefined) return true;
    if (wordOf(text, rule.no ?? []) !== undefined) return false;
    return { expected: `expected one of ${[...(rule.yes ?? []), ...(rule.no ?? [])].join(", ")}` };
  }
  if (rule.date)
    return (
      readPattern(rule.date, text, zone) ?? {
        expected: timeExpected(rule.date),
      }
    );
  if (rule.decimal !== undefined)
    return (
      plainNumbers(text, rule.decimal) ?? {
        expected:
          `expected a number with the decimal sign "${rule.decimal}", and three digits between ` +
          "other signs",
      }
    );
  if (type === "number" && isDoubtful.test(text))
    return {
      expected:
        "expected a number that can be read in one way; say `decimal:` for this column in the map",
    };
  if (type !== "date" || isBareDate(text)) return text;
  // A time without an offset is meant in the map's zone.
  const at = instantInZone(zone, text);
  return at === null ? { expected: timeExpected(undefined) } : isoOf(at);
}

/**
 * `1.250` can be read in two ways; `1.250.000`, `1.250,5` and `12,50` have signs that nobody named.
 */
const isDoubtful =
  /(?<![\d.,])\d{1,3}(?:\.\d{3})+(?![\d.,])|\d\.\d{3},\d|\d,\d{1,2}(?![\d.,]|\s?[km])/i;

/**
 * The numbers of a text without signs between thousands and with a point as decimal sign; null when
 * one is no number so written.
 */
function plainNumbers(text: string, decimal: "," | "."): string | null {
  const form =
    decimal === ","
      ? /^(?:\d+|\d{1,3}(?:[.\s'’]\d{3})+)(?:,\d+)?$/
      : /^(?:\d+|\d{1,3}(?:[,\s'’]\d{3})+)(?:\.\d+)?$/;
  let isGood = /\d/.test(text);
  const plain = text.replaceAll(/\d(?:[\d.,'’\s]*\d)?/g, (number) => {
    if (!form.test(number)) isGood = false;
    const whole = number.replaceAll(decimal === "," ? /[.\s'’]/g : /[,\s'’]/g, "");
    return whole.replace(",", ".");
  });
  return isGood ? plain.trim().replace(/\.0+$/, "") : null;
}

/** `2026-11-23 16:30` in the zone, unless it carries its own offset; a bare date begins there. */
export function instantInZone(zone: string, text: string): Instant | null {
  const wall = instantOf(text);
  if (wall === null || hasOffset(text)) return wall;
  const spans = offsetSpans(zone, wall - 2 * 86_400_000, wall + 2 * 86_400_000);
  const at = firstInstantReading(spans, wall);
  return isWritable(at) ? at : null;
}

/** What a cell of a time is expected to hold, and where the map says how it is written. */
export function timeExpected(date: DatePattern | undefined): string {
  return date
    ? `expected a real date as ${date.written}`
    : "expected a date such as 2026-11-23 or a time such as 2026-11-23 16:30; where it is " +
        "written otherwise, say `date:` for this column in the map";
}

const noWords = ["no", "n", "false", "0", "none", "never"];

function readEngagement(
  rule: EngagementRule,
  row: Readonly<Record<string, string>>,
  who: string,
  rowAt: Instant | undefined,
  zone: string,
  isNull: (cell: string) => boolean,
  problems: CellProblem[],
): MappedArrival["engagements"] {
  const cell = cellOf(row, rule.column);
  if (isNull(cell)) return [];
  const { types = {} } = rule;
  const word = wordOf(cell, Object.keys(types));
  const byCell = word === undefined ? undefined : types[word];
  const type =
    byCell ??
    (rule.type !== undefined && wordOf(cell, noWords) === undefined ? rule.type : undefined);
  if (type === undefined) return [];
  const written = rule.at === undefined ? "" : cellOf(row, rule.at.column);
  const text = isNull(written)
    ? null
    : rule.at?.date
      ? readPattern(rule.at.date, written, zone)
      : written;
  const at = text === null ? rowAt : (instantInZone(zone, text) ?? undefined);
  if (at === undefined && !isNull(written)) {
    problems.push({
      column: rule.at?.column ?? rule.column,
      message: timeExpected(rule.at?.date),
    });
    return [];
  }
  if (at !== undefined && !canHaveHappened(at)) {
    problems.push({ column: rule.at?.column ?? rule.column, message: happenedWhen });
    return [];
  }
  return [
    {
      key: `${who}|${type}|${at ?? ""}`,
      type,
      ...(rule.topic === undefined ? {} : { topic: rule.topic }),
      ...(at === undefined ? {} : { occurredAt: at }),
    },
  ];
}
