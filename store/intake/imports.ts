import type { Instant } from "../../handoff/time/calendar.ts";
import type { FieldPath } from "../../handoff/facts/facts.ts";
import { cellsOf, type Delimiter } from "./csv.ts";
import { firstRow, rows, send, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";

/** One import of one file with one map; the same file and map are the same import for ever. */
export interface ImportRow {
  readonly id: string;
  readonly state: "running" | "done" | "failed";
  /** Rows of the file read and committed, good and bad; a resumed import starts after them. */
  readonly rowsDone: number;
  readonly rowsTotal: number | null;
  readonly created: number;
  readonly merged: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly startedAt: Instant;
  readonly finishedAt: Instant | null;
  /** Why it could not be read on. */
  readonly problem: string | null;
  /** The file's first line; null for imports of before it was kept. */
  readonly header: readonly string[] | null;
  readonly delimiter: Delimiter | null;
  /** As the file was called by its sender, and the map as it was written; null: not kept. */
  readonly fileName: string | null;
  readonly mapText: string | null;
  /** Field to the number of rows whose value is kept as it came, because no list knows it. */
  readonly notUnderstood: Readonly<Record<FieldPath, number>>;
}

export interface RowError {
  readonly line: number;
  readonly column: string | null;
  readonly message: string;
  /** The row as it stands in the file, so that it can be put right and imported again. */
  readonly raw: string;
}

/**
 * The import of this file with this map: found, or begun now. One that failed runs again: whoever
 * follows it must not take why it failed before for its end.
 */
export async function openImport(
  db: Db,
  file: {
    readonly fileHash: string;
    readonly mapHash: string;
    readonly map: unknown;
    readonly header: readonly string[];
    readonly delimiter: Delimiter;
    readonly fileName?: string | undefined;
    readonly mapText?: string | undefined;
  },
  now: Instant,
): Promise<ImportRow> {
  await send(
    db,
    sql`
    insert into import (id, file_hash, map_hash, map, state, started_at, header, delimiter,
      file_name, map_text)
    values (${newId("im", now)}, ${file.fileHash}, ${file.mapHash},
      ${JSON.stringify(file.map)}::jsonb, 'running', ${new Date(now)},
      ${file.header.map(storable)}::text[], ${file.delimiter},
      ${storableOrNull(file.fileName)}, ${storableOrNull(file.mapText)})
    on conflict (file_hash, map_hash) do nothing`,
  );
  await send(
    db,
    sql`
    update import set state = 'running', problem = null, finished_at = null
    where file_hash = ${file.fileHash} and map_hash = ${file.mapHash} and state = 'failed'`,
  );
  const found = await findImport(db, file);
  if (!found) throw new Error("the import was not stored");
  return found;
}

/** The import of this file with this map; undefined when it was never begun. */
export async function findImport(
  db: Db,
  { fileHash, mapHash }: { readonly fileHash: string; readonly mapHash: string },
): Promise<ImportRow | undefined> {
  const found = await firstRow<Stored>(
    db,
    sql`select * from import where file_hash = ${fileHash} and map_hash = ${mapHash}`,
  );
  return found && fromStored(found);
}

export async function readImport(db: Db, id: string): Promise<ImportRow | undefined> {
  const found = await firstRow<Stored>(db, sql`select * from import where id = ${id}`);
  return found && fromStored(found);
}

/** Imports, the latest first. */
export async function listImports(
  db: Db,
  page: { readonly before?: string | undefined; readonly limit: number },
): Promise<ImportRow[]> {
  const found = await rows<Stored>(
    db,
    sql`select * from import
      where (${page.before ?? null}::text is null or id < ${page.before ?? null}::text)
      order by id desc limit ${page.limit}`,
  );
  return found.map(fromStored);
}

/**
 * A finished import is read from its beginning again, as if nothing of it had been counted. Gives
 * its row as it is now: of two who ask at once one begins it.
 */
export async function restartImport(db: Db, row: ImportRow, now: Instant): Promise<ImportRow> {
  // In one statement, so that no error of the new run is taken for one of the old.
  await send(
    db,
    sql`
    with again as (
      update import set state = 'running', rows_done = 0, rows_total = null, created = 0,
        merged = 0, unchanged = 0, refused = 0, not_understood = '{}', problem = null,
        finished_at = null, started_at = ${new Date(now)}
      where id = ${row.id} and state = 'done' returning id)
    delete from import_error where import_id in (select id from again)`,
  );
  return (await readImport(db, row.id)) ?? row;
}

/** What a second run of a finished import comes to: everybody of it is known. */
export function asRepeated(row: ImportRow): ImportRow {
  const { created, merged, unchanged } = row;
  return { ...row, created: 0, merged: 0, unchanged: created + merged + unchanged };
}

export interface BatchCounts {
  readonly rows: number;
  readonly created: number;
  readonly merged: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly notUnderstood: Readonly<Record<FieldPath, number>>;
}

/**
 * Locks the import for one batch and says whether this process is still the one that carries it on:
 * false when another has committed rows beyond `expectedDone`, or finished it.
 */
export async function holdsImport(tx: Tx, id: string, expectedDone: number): Promise<boolean> {
  const found = await firstRow<Stored>(tx, sql`select * from import where id = ${id} for update`);
  return found !== undefined && found.rows_done === expectedDone && found.state !== "done";
}

/** Counts a batch, in the transaction that takes its rows in. */
export async function countBatch(
  tx: Tx,
  id: string,
  counts: BatchCounts,
  errors: readonly RowError[],
): Promise<void> {
  await send(
    tx,
    sql`
    update import set rows_done = rows_done + ${counts.rows}, created = created + ${counts.created},
      merged = merged + ${counts.merged},
      unchanged = unchanged + ${counts.unchanged}, refused = refused + ${counts.refused},
        not_understood = not_understood || (select coalesce(jsonb_object_agg(key,
          value::int + coalesce((not_understood ->> key)::int, 0)), '{}')
          from jsonb_each_text(${JSON.stringify(counts.notUnderstood)}::jsonb)),
        state = 'running', problem = null, finished_at = null where id = ${id}`,
  );
  if (errors.length === 0) return;
  await send(
    tx,
    sql`
    insert into import_error (import_id, line, "column", message, raw)
    select ${id}, line, col, message, raw
    from unnest(${errors.map((one) => one.line)}::bigint[],
      ${errors.map((one) => one.column)}::text[], ${errors.map((one) => one.message)}::text[],
      ${errors.map((one) => storable(one.raw))}::text[]) as t(line, col, message, raw)
    on conflict (import_id, line, message) do nothing`,
  );
}

/** The file was read to its end, or could not be read on. */
export async function finishImport(
  db: Db,
  id: string,
  state: "done" | "failed",
  now: Instant,
  problem: string | null = null,
): Promise<void> {
  await send(
    db,
    sql`
    update import set state = ${state}, problem = ${problem}, finished_at = ${new Date(now)},
      rows_total = case when ${state} = 'done' then rows_done else rows_total end
    where id = ${id} and state = 'running'`,
  );
}

/** Refused rows in the order of the file, from after a place; at most `limit`. */
export async function importErrors(
  db: Db,
  id: string,
  after: { readonly line: number; readonly message: string },
  limit: number,
): Promise<RowError[]> {
  return rows<RowError>(
    db,
    sql`
    select line, "column", message, raw from import_error
    where import_id = ${id} and (line, message) > (${after.line}::bigint, ${after.message})
      order by line, message limit ${limit}`,
  );
}

/**
 * What begins like a formula, behind whatever a spreadsheet passes over; some take the wide signs
 * of East Asian keyboards too.
 */
const formula =
  /^'*[\s\p{C}\p{Z}\p{M}\u115f\u1160\u2800\u3164\uffa0]*[=+@\-＝＋＠－﹦﹢﹫﹣−]|^'*[\t\r]/u;
const negative = /^-(\d[\d.,]*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * One record of CSV. A text that a spreadsheet would run as a formula is put behind an apostrophe;
 * numbers stay numbers.
 */
export function csvRecord(
  cells: readonly (string | number | null)[],
  delimiter: Delimiter = ",",
): string {
  const safe = cells.map((cell) =>
    typeof cell === "string" && formula.test(cell) && !negative.test(cell) ? `'${cell}` : cell,
  );
  return `${plainRecord(safe, delimiter)}\n`;
}

/** The cells as they are, for what goes to no spreadsheet; without a line end. */
export function plainRecord(
  cells: readonly (string | number | null)[],
  delimiter: Delimiter,
): string {
  return cells
    .map((cell) => {
      const text = cell === null ? "" : String(cell);
      return /[",\r\n;]/.test(text) || text.includes(delimiter)
        ? `"${text.replaceAll('"', '""')}"`
        : text;
    })
    .join(delimiter);
}

/** What stood in a cell before `csvRecord` put it behind an apostrophe. */
export function unguarded(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}

/** The columns that a file of refused rows has before those of the imported file. */
export const errorColumns = ["Baton line", "Baton column", "Baton expected"] as const;

/** The first line of a file of refused rows. */
export function errorHeader({
  header,
  delimiter,
}: Pick<ImportRow, "header" | "delimiter">): string {
  return csvRecord([...errorColumns, ...(header ?? ["row"])], delimiter ?? ",");
}

/**
 * The refused rows of a page as records of the file they came from, each once with all that is
 * wrong with it. A row's errors must not be divided between pages.
 */
export function errorRecords(
  errors: readonly RowError[],
  { header, delimiter }: Pick<ImportRow, "header" | "delimiter">,
): string {
  const rowsOf = new Map<string, RowError[]>();
  for (const error of errors) {
    const key = String(error.line);
    rowsOf.set(key, [...(rowsOf.get(key) ?? []), error]);
  }
  return [...rowsOf.values()]
    .map((all) => {
      const raw = all[0]?.raw ?? "";
      const cells = header === null ? [raw] : cellsOf(raw, delimiter ?? ",");
      const columns = [...new Set(all.flatMap(({ column }) => (column === null ? [] : [column])))];
      return csvRecord(
        [
          all[0]?.line ?? null,
          columns.join("; "),
          all.map(({ message }) => message).join("; "),
          ...cells,
        ],
        delimiter ?? ",",
      );
    })
    .join("");
}

/** The same for whole imports, page by page; a row's errors always stand in one piece. */
export async function* errorPages(db: Db, id: string): AsyncGenerator<readonly RowError[]> {
  let after = { line: -1, message: "" };
  let rest: readonly RowError[] = [];
  for (;;) {
    const page = await importErrors(db, id, after, 1000);
    const last = page.at(-1);
    if (!last) break;
    const all = [...rest, ...page];
    rest = all.filter(({ line }) => line === last.line);
    const whole = all.filter(({ line }) => line !== last.line);
    if (whole.length > 0) yield whole;
    after = last;
  }
  if (rest.length > 0) yield rest;
}

function storableOrNull(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : storable(text);
}

/** Postgres refuses NUL, and halves of surrogate pairs are no characters. */
function storable(text: string): string {
  return text.replaceAll(/\u0000|\p{Surrogate}/gu, "\ufffd");
}

interface Stored {
  id: string;
  state: ImportRow["state"];
  rows_done: number;
  rows_total: number | null;
  created: number;
  merged: number;
  unchanged: number;
  refused: number;
  started_at: Date;
  finished_at: Date | null;
  problem: string | null;
  header: string[] | null;
  delimiter: Delimiter | null;
  file_name: string | null;
  map_text: string | null;
  not_understood: Record<FieldPath, number>;
}

function fromStored(row: Stored): ImportRow {
  return {
    id: row.id,
    state: row.state,
    rowsDone: row.rows_done,
    rowsTotal: row.rows_total,
    created: row.created,
    merged: row.merged,
    unchanged: row.unchanged,
    refused: row.refused,
    startedAt: row.started_at.getTime(),
    finishedAt: row.finished_at?.getTime() ?? null,
    problem: row.problem,
    header: row.header,
    delimiter: row.delimiter,
    notUnderstood: row.not_understood,
    fileName: row.file_name,
    mapText: row.map_text,
  };
}
