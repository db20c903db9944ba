import { createHash } from "node:crypto";
import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import { columnOf, mapRow, type ImportMap, type MappedArrival } from "../handoff/import-map.ts";
import { prepare, type Arrival } from "./arrivals.ts";
import { readCsv, type CsvItem } from "./csv.ts";
import { inTransaction, type Pool } from "./db.ts";
import { NotText } from "./decode.ts";
import { linesOfErased } from "./erased.ts";
import {
  countBatch,
  finishImport,
  holdsImport,
  openImport,
  readImport,
  type ImportRow,
  type RowError,
} from "./imports.ts";
import { takeIn } from "./intake.ts";

/** A file that can be read from its beginning as often as needed. */
export interface ImportFile {
  readonly fileHash: string;
  bytes(): AsyncIterable<Uint8Array>;
}

/** The file cannot be imported as it is; the message names the line or column and what was expected. */
export class ImportRefused extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ImportRefused";
    this.problems = problems;
  }
}

export interface ImportWish {
  readonly file: ImportFile;
  readonly map: ImportMap;
  readonly agreement: Agreement;
  /** What is wrong between map and first line; empty when they fit. */
  readonly checkHeader: (map: ImportMap, header: readonly string[]) => readonly string[];
  readonly clock: () => Instant;
  /** Told after each batch. */
  readonly progress?: (row: ImportRow) => void;
}

const batchRows = 500;

/**
 * Imports a file: batches of rows, each with its count in one transaction, so that a killed import goes on where it
 * stopped and neither loses nor doubles a row. The same file and map again change nothing. Bad rows are kept with
 * their line and do not stop the others. Throws `ImportRefused` when header, encoding or a second runner forbid it.
 */
export async function runImport(pool: Pool, wish: ImportWish): Promise<ImportRow> {
  const { row, items, header } = await begin(pool, wish);
  if (row.state === "done") return row;
  let done = 0;
  try {
    for await (const batch of inBatches(items, header)) {
      const fresh = batch.slice(Math.max(0, row.rowsDone - done));
      done += batch.length;
      if (fresh.length === 0) continue;
      await takeBatch(pool, wish, row, fresh, header, done - fresh.length);
      if (wish.progress) wish.progress((await readImport(pool, row.id)) ?? row);
    }
  } catch (error) {
    if (!(error instanceof NotText)) throw error;
    await finishImport(pool, row.id, "failed", wish.clock(), error.message);
    throw new ImportRefused([error.message]);
  }
  await finishImport(pool, row.id, "done", wish.clock());
  return (await readImport(pool, row.id)) ?? row;
}

/** Checks the header and gives the import's row, new or as it was left, without taking in anything. */
export async function beginImport(pool: Pool, wish: ImportWish): Promise<ImportRow> {
  const { row, items } = await begin(pool, wish);
  await items.return(undefined);
  return row;
}

async function begin(
  pool: Pool,
  wish: ImportWish,
): Promise<{ row: ImportRow; items: AsyncGenerator<CsvItem>; header: readonly string[] }> {
  const items = readCsv(wish.file.bytes(), wish.map.delimiter);
  const header = await readHeader(items, wish);
  const row = await openImport(
    pool,
    { fileHash: wish.file.fileHash, mapHash: hashOf(JSON.stringify(wish.map)), map: wish.map },
    wish.clock(),
  );
  return { row, items, header };
}

/** Reads and checks every row without storing anything: how many are good, and the first errors. */
export async function checkImport(
  wish: Omit<ImportWish, "progress">,
  mostErrors = 1000,
): Promise<{ rows: number; refused: number; errors: RowError[] }> {
  const items = readCsv(wish.file.bytes(), wish.map.delimiter);
  const header = await readHeader(items, wish);
  const found = { rows: 0, refused: 0, errors: [] as RowError[] };
  try {
    for await (const batch of inBatches(items, header)) {
      for (const item of batch) {
        const read = readItem(item, header, wish, wish.clock());
        const problems = "errors" in read ? read.errors : preparable(read.arrival, item, wish);
        found.rows++;
        if (problems.length > 0) found.refused++;
        found.errors.push(...problems.slice(0, Math.max(0, mostErrors - found.errors.length)));
      }
    }
  } catch (error) {
    if (error instanceof NotText) throw new ImportRefused([error.message]);
    throw error;
  }
  return found;
}

async function readHeader(
  items: AsyncGenerator<CsvItem>,
  wish: Pick<ImportWish, "map" | "checkHeader">,
): Promise<readonly string[]> {
  try {
    const first = await items.next();
    if (first.done)
      throw new ImportRefused([
        "the file is empty; expected a first line with the names of the columns",
      ]);
    if (first.value.kind === "bad") throw new ImportRefused([`line 1: ${first.value.message}`]);
    const header = first.value.cells.map((cell) => cell.trim());
    const problems = wish.checkHeader(wish.map, header);
    if (problems.length > 0) throw new ImportRefused(problems);
    return header;
  } catch (error) {
    if (error instanceof NotText) throw new ImportRefused([error.message]);
    throw error;
  }
}

type Item =
  | Extract<CsvItem, { kind: "bad" }>
  | (Extract<CsvItem, { kind: "row" }> & { readonly short?: string });

async function* inBatches(
  items: AsyncIterable<CsvItem>,
  header: readonly string[],
): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    const count = item.kind === "row" ? item.cells.length : header.length;
    batch.push(
      item.kind === "row" && count !== header.length
        ? { ...item, short: `expected ${header.length} columns, found ${count}` }
        : item,
    );
    if (batch.length < batchRows) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Takes in the rows of one batch and counts them, all or nothing. */
async function takeBatch(
  pool: Pool,
  wish: ImportWish,
  row: ImportRow,
  batch: readonly Item[],
  header: readonly string[],
  done: number,
): Promise<void> {
  const read = batch.map((item) => ({ item, read: readItem(item, header, wish, row.startedAt) }));
  const good = read.flatMap(({ item, read: one }) =>
    "arrival" in one ? [{ item, arrival: one.arrival }] : [],
  );
  await inTransaction(pool, async (tx) => {
    if (!(await holdsImport(tx, row.id, done)))
      throw new ImportRefused([
        "another process is carrying out this import; wait for it, or stop it and start again",
      ]);
    const taken = await takeIn(
      tx,
      good.map((one) => one.arrival),
      { now: wish.clock(), from: "import", lane: 2, agreement: wish.agreement, importId: row.id },
    );
    const errors: RowError[] = read.flatMap(({ read: one }) => ("errors" in one ? one.errors : []));
    taken.forEach((one, n) => {
      const item = good[n]?.item;
      if (item && one.outcome === "refused")
        errors.push({
          line: item.line,
          column: columnOf(wish.map, one.field),
          message: one.message,
          raw: item.raw,
        });
      if (item && one.outcome === "erased")
        errors.push({
          line: item.line,
          column: null,
          message: "this person asked to be erased; nothing was stored",
          raw: "",
        });
    });
    const count = (outcome: string) => taken.filter((one) => one.outcome === outcome).length;
    const [created, merged, unchanged] = [count("created"), count("merged"), count("unchanged")];
    const erased = await linesOfErased(
      tx,
      errors.map((error) => error.raw),
    );
    const kept = errors.map((error) => (erased.has(error.raw) ? { ...error, raw: "" } : error));
    await countBatch(
      tx,
      row.id,
      {
        rows: batch.length,
        created,
        merged,
        unchanged,
        refused: batch.length - created - merged - unchanged,
      },
      kept,
    );
  });
}

function readItem(
  item: Item,
  header: readonly string[],
  wish: Pick<ImportWish, "map" | "agreement">,
  at: Instant,
): { arrival: Arrival } | { errors: RowError[] } {
  if (item.kind === "bad")
    return { errors: [{ line: item.line, column: null, message: item.message, raw: item.raw }] };
  if (item.short !== undefined)
    return { errors: [{ line: item.line, column: null, message: item.short, raw: item.raw }] };
  const cells = Object.fromEntries(header.map((name, n) => [name, item.cells[n] ?? ""]));
  const mapped = mapRow(wish.map, cells, wish.agreement.nullWords);
  if ("problems" in mapped)
    return {
      errors: mapped.problems.map((problem) => ({ line: item.line, ...problem, raw: item.raw })),
    };
  return { arrival: toArrival(mapped.arrival, at) };
}

/** Without a time of its own a row was true when the import began, also when it is resumed a day later. */
function toArrival(mapped: MappedArrival, startedAt: Instant): Arrival {
  const { engagements, ...rest } = mapped;
  const occurredAt = mapped.occurredAt ?? startedAt;
  return {
    ...rest,
    occurredAt,
    engagements: engagements.map(({ key, type, topic, occurredAt: at }) => ({
      messageId: `import-${hashOf(key)}`,
      type,
      occurredAt: at ?? occurredAt,
      ...(topic === undefined ? {} : { topic }),
    })),
  };
}

function preparable(
  arrival: Arrival,
  item: Item,
  wish: Pick<ImportWish, "map" | "agreement" | "clock">,
): RowError[] {
  const read = prepare(arrival, {
    now: wish.clock(),
    from: "import",
    lane: 2,
    agreement: wish.agreement,
  });
  return "outcome" in read
    ? [
        {
          line: item.line,
          column: columnOf(wish.map, read.field),
          message: read.message,
          raw: item.raw,
        },
      ]
    : [];
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
