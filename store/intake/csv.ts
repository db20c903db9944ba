import { decode } from "./decode.ts";

/** A record of the file, or one that cannot be read; `line` is where it begins, counted from 1. */
export type CsvItem =
  | {
      readonly kind: "row";
      readonly line: number;
      readonly cells: readonly string[];
      readonly raw: string;
      readonly delimiter: Delimiter;
    }
  | { readonly kind: "bad"; readonly line: number; readonly message: string; readonly raw: string };

export type Delimiter = "," | ";" | "\t" | "|";

/** So many lines may stand before the names of the columns: titles, and what columns have in common. */
export const linesBeforeHeader = 20;

/** A record longer than this has a quote that was never closed. */
const longestRecord = 262_144;

/** As long as a cell of a spreadsheet can be. */
const longestCell = 32_767;
const mostColumns = 1_000;
/** A line that goes on for longer is no table; it is given up before it fills the memory. */
const longestLine = 1_048_576;

/**
 * The records of a CSV file, header included, as they come; memory stays bounded by the longest
 * record. Empty lines are left out. A line with a broken quote costs that line and no other:
 * reading goes on with the next one, which is why this is not left to a library
 * (docs/decisions/0011-own-csv-reader.md). Throws `NotText` where the bytes are no text.
 */
export async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  delimiter?: Delimiter,
): AsyncGenerator<CsvItem> {
  let text = "";
  let line = 1;
  let chosen = delimiter;
  let isBegun = false;
  const items = function* (isLast: boolean): Generator<CsvItem> {
    if (!isBegun) {
      isBegun = true;
      const said = saidDelimiter.exec(text);
      if (said) {
        chosen ??= said[1] as Delimiter;
        text = text.slice(said[0].length);
        line++;
      }
    }
    chosen ??= guessDelimiter(text);
    let from = 0;
    for (;;) {
      const read = readRecord(text, from, chosen, isLast);
      if (read === null) break;
      const raw = text.slice(from, Math.min(read.contentEnd, from + longestRecord));
      if (read.problem !== undefined) yield { kind: "bad", line, message: read.problem, raw };
      else if (raw.trim() !== "")
        yield { kind: "row", line, cells: read.cells, raw, delimiter: chosen };
      line += newlines(text, from, read.next);
      from = read.next;
    }
    text = text.slice(from);
  };
  for await (const piece of decode(bytes)) {
    text += piece;
    if (isBegun || canGuess(text)) yield* items(false);
  }
  yield* items(true);
}

/** The first line by which spreadsheets say what stands between the columns. */
const saidDelimiter = /^"?sep=([,;\t|])"?(?:\r\n|\r|\n|$)/i;

/** The cells of one record, as far as they can be read. */
export function cellsOf(raw: string, delimiter: Delimiter): string[] {
  const read = readRecord(raw, 0, delimiter, true);
  if (!read) return [];
  return read.problem === undefined ? read.cells : raw.split(delimiter);
}

/**
 * What stands between the columns most often, outside quotes, in the first line that has any of the
 * four; a comma where none of the first lines has.
 */
export function guessDelimiter(text: string): Delimiter {
  const line = firstLines(text).find((one) => /[,;\t|]/.test(one)) ?? "";
  const count = (one: string) => line.split(one).length - 1;
  return ([",", ";", "\t", "|"] as const).reduce((best, one) =>
    count(one) > count(best) ? one : best,
  );
}

const guessedFrom = 65_536;

/** Lines that may hold the header, without what stands in quotes. */
function firstLines(text: string): string[] {
  return text
    .slice(0, guessedFrom)
    .replaceAll(/"(?:[^"]|"")*"/g, "")
    .split(/\r\n|\r|\n/, linesBeforeHeader + 1);
}

/** Whether the first line that shows the delimiter is there as a whole; half a line end may follow. */
function canGuess(text: string): boolean {
  const lines = firstLines(text).slice(0, -1);
  return (
    text.length > guessedFrom ||
    lines.length >= linesBeforeHeader ||
    (/[^\r\n]$/.test(text) && lines.some((line) => /^[^"]*[,;\t|][^"]*$/.test(line)))
  );
}

interface Record {
  readonly cells: string[];
  readonly contentEnd: number;
  readonly next: number;
  readonly problem?: string;
}

/** The record that begins at `from`; null when more text is needed, or nothing is left. */
function readRecord(
  text: string,
  from: number,
  delimiter: Delimiter,
  isLast: boolean,
): Record | null {
  if (from >= text.length) return null;
  const cells: string[] = [];
  let columns = 0;
  let longest = 0;
  for (let at = from; ;) {
    const quoted = text[at] === '"';
    const end = quoted ? closingQuote(text, at) + 1 : endOfPlain(text, at, delimiter);
    if (quoted && end === 0) {
      if (!isLast && text.length - from < longestRecord) return null;
      return skipLine(text, from, "expected a closing quote; the record begins on this line");
    }
    if (end >= text.length && !isLast) {
      if (text.length - from <= longestLine) return null;
      return skipLine(text, from, `expected lines of at most ${longestLine} characters`);
    }
    columns++;
    longest = Math.max(longest, end - at);
    if (columns <= mostColumns && end - at <= longestCell + 2)
      cells.push(quoted ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end));
    if (text[end] === delimiter) {
      at = end + 1;
      continue;
    }
    if (end < text.length && text[end] !== "\n" && text[end] !== "\r")
      return skipLine(
        text,
        from,
        "expected quotes around the whole cell, and quotes inside it doubled",
      );
    // A carriage return at the end of the piece may be half of a line end.
    if (text[end] === "\r" && end + 1 >= text.length && !isLast) return null;
    const next = afterLineEnd(text, end);
    const problem =
      columns > mostColumns
        ? `expected at most ${mostColumns} columns, found ${columns}`
        : longest > longestCell + 2
          ? `expected cells of at most ${longestCell} characters, found one of ${longest}`
          : undefined;
    return { cells, contentEnd: end, next, ...(problem === undefined ? {} : { problem }) };
  }
}

/**
 * The quote that ends the cell begun at `at`, or -1 while there is none. A quote at the very end
 * may be half of a doubled one.
 */
function closingQuote(text: string, at: number): number {
  for (let i = text.indexOf('"', at + 1); i >= 0; i = text.indexOf('"', i + 2))
    if (text[i + 1] !== '"') return i;
  return -1;
}

function endOfPlain(text: string, at: number, delimiter: Delimiter): number {
  let end = at;
  for (; end < text.length; end++) {
    const char = text[end];
    if (char === delimiter || char === "\n" || char === "\r") break;
  }
  return end;
}

/**
 * Gives up the line on which the record began, so that the next line is read as a record of its
 * own.
 */
function skipLine(text: string, from: number, problem: string): Record {
  const found = /[\r\n]/.exec(text.slice(from));
  const end = found ? from + found.index : text.length;
  return { cells: [], contentEnd: end, next: afterLineEnd(text, end), problem };
}

function afterLineEnd(text: string, end: number): number {
  return Math.min(text.length, text[end] === "\r" && text[end + 1] === "\n" ? end + 2 : end + 1);
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++)
    if (text[at] === "\n" || (text[at] === "\r" && text[at + 1] !== "\n")) count++;
  return count;
}
