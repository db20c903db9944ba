import type { Instant } from "../handoff/calendar.ts";
import { firstRow, rows, send, sql, type Db, type Tx } from "./db.ts";
import { newId } from "./ids.ts";

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
}

export interface RowError {
  readonly line: number;
  readonly column: string | null;
  readonly message: string;
  /** The row as it stands in the file, so that it can be put right and imported again. */
  readonly raw: string;
}

/** The import of this file with this map: found, or begun now. */
export async function openImport(
  db: Db,
  file: { readonly fileHash: string; readonly mapHash: string; readonly map: unknown },
  now: Instant,
): Promise<ImportRow> {
  await send(
    db,
    sql`
    insert into import (id, file_hash, map_hash, map, state, started_at)
    values (${newId("im", now)}, ${file.fileHash}, ${file.mapHash}, ${JSON.stringify(file.map)}::jsonb, 'running', ${new Date(now)})
    on conflict (file_hash, map_hash) do nothing`,
  );
  const found = await firstRow<Stored>(
    db,
    sql`select * from import where file_hash = ${file.fileHash} and map_hash = ${file.mapHash}`,
  );
  if (!found) throw new Error("the import was not stored");
  return fromStored(found);
}

export async function readImport(db: Db, id: string): Promise<ImportRow | undefined> {
  const found = await firstRow<Stored>(db, sql`select * from import where id = ${id}`);
  return found && fromStored(found);
}

export interface BatchCounts {
  readonly rows: number;
  readonly created: number;
  readonly merged: number;
  readonly unchanged: number;
  readonly refused: number;
}

/**
 * Locks the import for one batch and says whether this process is still the one that carries it on: false when
 * another has committed rows beyond `expectedDone`, or finished it.
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
    update import set rows_done = rows_done + ${counts.rows}, created = created + ${counts.created}, merged = merged + ${counts.merged},
      unchanged = unchanged + ${counts.unchanged}, refused = refused + ${counts.refused}, state = 'running', problem = null, finished_at = null where id = ${id}`,
  );
  if (errors.length === 0) return;
  await send(
    tx,
    sql`
    insert into import_error (import_id, line, "column", message, raw)
    select ${id}, line, col, message, raw
    from unnest(${errors.map((one) => one.line)}::bigint[], ${errors.map((one) => one.column)}::text[], ${errors.map((one) => one.message)}::text[], ${errors.map((one) => storable(one.raw))}::text[]) as t(line, col, message, raw)
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
    update import set state = ${state}, problem = ${problem}, finished_at = ${new Date(now)}, rows_total = case when ${state} = 'done' then rows_done else rows_total end
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
    where import_id = ${id} and (line, message) > (${after.line}::bigint, ${after.message}) order by line, message limit ${limit}`,
  );
}

/** What begins like a formula, behind whatever a spreadsheet passes over; some take the wide signs of East Asian keyboards too. */
const formula = /^[\s\u0000-\u001f]*[=+@\-＝＋＠－]|^[\t\r]/;
const negative = /^-(\d[\d.,]*|\.\d+)(e[+-]?\d+)?$/i;

/** One record of CSV. A text that a spreadsheet would run as a formula is put behind an apostrophe; numbers stay numbers. */
export function csvRecord(cells: readonly (string | number | null)[]): string {
  return `${cells
    .map((cell) => {
      const text = cell === null ? "" : String(cell);
      const safe =
        typeof cell === "string" && formula.test(text) && !negative.test(text) ? `'${text}` : text;
      return /[",\r\n;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    })
    .join(",")}\n`;
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
  };
}
