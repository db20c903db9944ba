import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { FieldPath } from "../../handoff/facts/facts.ts";
import {
  columnName,
  columnOf,
  mapRow,
  type CellProblem,
  type ImportMap,
  type MappedArrival,
} from "../../handoff/facts/import-map.ts";
import { prepare, type Arrival, type NotUnderstood } from "./arrivals.ts";
import { linesBeforeHeader, readCsv, type CsvItem, type Delimiter } from "./csv.ts";
import { inTransaction, type Pool } from "../postgres/db.ts";
import { NotText } from "./decode.ts";
import { linesOfErased } from "./erased.ts";
import {
  asRepeated,
  countBatch,
  errorColumns,
  findImport,
  finishImport,
  holdsImport,
  plainRecord,
  openImport,
  restartImport,
  readImport,
  unguarded,
  type ImportRow,
  type RowError,
} from "./imports.ts";
import type { Agreements } from "../process/agreements.ts";
import { withPastFields, type PastHandoff } from "../../handoff/facts/past.ts";
import { readPast, tellsWhatGoesOn } from "../../handoff/facts/read-past.ts";
import { takeInPast } from "./history.ts";
import { takeIn, type IntakeContext } from "./intake.ts";

/** A file that can be read from its beginning as often as needed. */
export interface ImportFile {
  readonly fileHash: string;
  bytes(): AsyncIterable<Uint8Array>;
}

/**
 * The file cannot be imported as it is; the message names the line or column and what was expected.
 */
export class ImportRefused extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ImportRefused";
    this.problems = problems;
  }
}

/** It was ended before the end of the file, and can be gone on with. */
export class ImportStopped extends Error {
  constructor(why: string) {
    super(why);
    this.name = "ImportStopped";
  }
}

/** What is kept with an import that stopped. */
export const stoppedProblem = "it stopped; send the file again to go on";

export interface ImportWish {
  readonly file: ImportFile;
  readonly map: ImportMap;
  /** As it was written, and how the file was called: kept for who looks at imports. */
  readonly mapText?: string;
  readonly fileName?: string;
  readonly agreement: Agreement;
  /** What is wrong between map and header, which stands on that line; empty when they fit. */
  readonly checkHeader: (
    map: ImportMap,
    header: readonly string[],
    line: number,
  ) => readonly string[];
  readonly clock: () => Instant;
  /** Asked before each batch: a sentence why it must not be taken in, or null. Absent: it may. */
  readonly whyStop?: () => string | null | Promise<string | null>;
  /** Told after each batch. */
  readonly progress?: (row: ImportRow) => void;
  /** The rows are handoffs of the past; else they are leads that arrive. */
  readonly history?: {
    /** People of the roster by what a file calls them. */
    readonly ownerOf: (name: string) => readonly string[];
    readonly agreements: Agreements;
  };
}

const batchRows = 500;
/** Each is taken over by a decision, and whoever arrives meanwhile may wait for all of them. */
const takenOverRows = 25;
/** Rows of very many columns come in smaller batches: one takes no longer than another. */
const batchCells = 20_000;
/** A batch is written in one statement, which nobody can interrupt; rows may be a megabyte each. */
const batchChars = 400_000;

/**
 * Imports a file: batches of rows, each with its count in one transaction, so that a killed import
 * goes on where it stopped and neither loses nor doubles a row. The same file and map again change
 * nothing. Bad rows are kept with their line and do not stop the others. Throws `ImportRefused`
 * when header, encoding or a second runner forbid it, and `ImportStopped` when `whyStop` says so.
 */
export async function runImport(pool: Pool, wish: ImportWish): Promise<ImportRow> {
  const { row: found, items, header } = await begin(pool, wish);
  // What was refused of the past may be good by another roster or agreement; the rest is known.
  const isOverAgain = wish.history !== undefined && found.refused > 0;
  if (found.state === "done" && !isOverAgain) return asRepeated(found);
  const row = found.state === "done" ? await restartImport(pool, found, wish.clock()) : found;
  let done = 0;
  try {
    const batches = wish.history
      ? inOrderOfEnds(wish, items, header)
      : inBatches(items, header, batchRows);
    for await (const batch of batches) {
      const fresh = batch.slice(Math.max(0, row.rowsDone - done));
      done += batch.length;
      if (fresh.length === 0) continue;
      const why = (await wish.whyStop?.()) ?? null;
      if (why !== null) throw new ImportStopped(why);
      await takeBatch(pool, wish, row, fresh, header, done - fresh.length);
      if (wish.progress) wish.progress((await readImport(pool, row.id)) ?? row);
    }
  } catch (error) {
    // A database that is for newer code may refuse even that; then it looks like a killed one.
    if (error instanceof ImportStopped)
      await finishImport(pool, row.id, "failed", wish.clock(), stoppedProblem).catch(
        () => undefined,
      );
    if (!(error instanceof NotText)) throw error;
    await finishImport(pool, row.id, "failed", wish.clock(), error.message);
    throw new ImportRefused([error.message]);
  }
  await finishImport(pool, row.id, "done", wish.clock());
  return (await readImport(pool, row.id)) ?? row;
}

/**
 * Checks the header and gives the import's row, new or as it was left, without taking in anything.
 */
export async function beginImport(pool: Pool, wish: ImportWish): Promise<ImportRow> {
  const { row, items } = await begin(pool, wish);
  await items.return(undefined);
  return row.state === "done" ? asRepeated(row) : row;
}

/** What `beginImport` would give, without beginning: undefined when it was never begun. */
export async function knownImport(pool: Pool, wish: ImportWish): Promise<ImportRow | undefined> {
  const row = await findImport(pool, keyOf(wish));
  return row?.state === "done" ? asRepeated(row) : row;
}

async function begin(
  pool: Pool,
  wish: ImportWish,
): Promise<{ row: ImportRow; items: AsyncGenerator<CsvItem>; header: Header }> {
  const items = readCsv(wish.file.bytes(), wish.map.delimiter);
  const header = await readHeader(items, wish);
  const row = await openImport(
    pool,
    {
      ...keyOf(wish),
      map: wish.map,
      header: header.written,
      delimiter: header.delimiter,
      fileName: wish.fileName,
      mapText: wish.mapText,
    },
    wish.clock(),
  );
  return { row, items, header };
}

/** What makes two imports the same one. */
function keyOf(wish: ImportWish): { fileHash: string; mapHash: string } {
  return {
    fileHash: wish.file.fileHash,
    // One file with one map may be imported in both ways.
    mapHash: hashOf(`${wish.history ? "history " : ""}${JSON.stringify(wish.map)}`),
  };
}

/**
 * Reads a file to its end without understanding its rows: header, columns, cells, and how many rows
 * there are. Throws `ImportRefused` for what no row can mend. Where the bytes are no text it stops.
 */
export async function inspectFile(
  wish: Pick<ImportWish, "file" | "map" | "checkHeader">,
  mostRows: number,
): Promise<number> {
  const items = readCsv(wish.file.bytes(), wish.map.delimiter);
  const header = await readHeader(items, wish);
  let count = 0;
  try {
    for await (const batch of inBatches(items, header, batchRows)) count += batch.length;
  } catch (error) {
    if (!(error instanceof NotText)) throw error;
  }
  refuseMore(count, mostRows);
  return count;
}

function refuseMore(count: number, mostRows: number): void {
  if (count <= mostRows) return;
  const [found, most] = [count, mostRows].map((one) => one.toLocaleString("en-US"));
  throw new ImportRefused([
    `expected at most ${most} rows in a file sent here, found ${found}; import a larger one ` +
      `with \`baton import\``,
  ]);
}

/** What an import of a file would find. */
export interface CheckedImport {
  readonly rows: number;
  readonly refused: number;
  /** The first ones. */
  readonly errors: readonly RowError[];
  readonly notUnderstood: Readonly<Record<FieldPath, number>>;
  readonly header: readonly string[];
  readonly delimiter: Delimiter;
}

/** Reads and checks every row without storing anything: how many are good, and the first errors. */
export async function checkImport(
  wish: Omit<ImportWish, "progress">,
  mostErrors = 1000,
  mostRows = Number.POSITIVE_INFINITY,
): Promise<CheckedImport> {
  if (mostRows < Number.POSITIVE_INFINITY) await inspectFile(wish, mostRows);
  const items = readCsv(wish.file.bytes(), wish.map.delimiter);
  const header = await readHeader(items, wish);
  const found = { rows: 0, refused: 0, errors: [] as RowError[], notUnderstood: {} };
  try {
    for await (const batch of inBatches(items, header, batchRows)) {
      for (const item of batch) {
        const read = readItem(item, header, wish, wish.clock(), true);
        found.rows++;
        if ("errors" in read) {
          found.refused++;
          found.errors.push(...read.errors.slice(0, Math.max(0, mostErrors - found.errors.length)));
        } else addTo(found.notUnderstood, read.notUnderstood);
      }
    }
  } catch (error) {
    if (error instanceof NotText) throw new ImportRefused([error.message]);
    throw error;
  }
  return { ...found, header: header.written, delimiter: header.delimiter };
}

/** The header: as it is written, by the names that the map uses, and what is put before it. */
interface Header {
  readonly written: readonly string[];
  readonly names: readonly string[];
  readonly delimiter: Delimiter;
  /** Columns of a file of refused rows, before those of the file. */
  readonly before: number;
}

async function readHeader(
  items: AsyncGenerator<CsvItem>,
  wish: Pick<ImportWish, "map" | "checkHeader">,
): Promise<Header> {
  try {
    // What is refused is the line that comes nearest, which of equals is the first.
    let nearest: readonly string[] | undefined;
    for (let n = 0; n <= linesBeforeHeader; n++) {
      const next = await items.next();
      if (next.done) break;
      if (next.value.kind === "bad") {
        nearest ??= [`line ${next.value.line}: ${next.value.message}`];
        break;
      }
      const { cells, delimiter, line } = next.value;
      if (cells.every((cell) => cell.trim() === "")) continue;
      const before = errorColumns.every((name, at) => cells[at] === name) ? errorColumns.length : 0;
      const written = before > 0 ? cells.slice(before).map(unguarded) : cells;
      const names = written.map(columnName);
      const problems = wish.checkHeader(wish.map, names, line);
      if (problems.length === 0) return { written, names, delimiter, before };
      if (nearest === undefined || problems.length < nearest.length) nearest = problems;
    }
    throw new ImportRefused(
      nearest ?? ["the file is empty; expected a first line with the names of the columns"],
    );
  } catch (error) {
    if (error instanceof NotText) throw new ImportRefused([error.message]);
    throw error;
  }
}

async function* inBatches(
  items: AsyncIterable<CsvItem>,
  header: Header,
  most: number,
  isMeant: (item: CsvItem) => boolean = () => true,
): AsyncGenerator<CsvItem[]> {
  let batch: CsvItem[] = [];
  let cells = 0;
  let chars = 0;
  const pause = pauses();
  for await (const one of items) {
    await pause();
    const item = header.before > 0 ? corrected(one, header) : one;
    // Spreadsheets write the lines below a table too.
    if (item.kind === "row" && item.cells.every((cell) => cell.trim() === "")) continue;
    if (!isMeant(item)) continue;
    batch.push(item);
    cells += item.kind === "row" ? item.cells.length : 1;
    chars += item.raw.length;
    if (batch.length < most && cells < batchCells && chars < batchChars) continue;
    yield batch;
    [batch, cells, chars] = [[], 0, 0];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Handoffs of the past, read twice: first what ended, then what goes on. A process that is taken
 * over is Baton's own, and nothing is told of its past any more, wherever in the file it stands.
 */
async function* inOrderOfEnds(
  wish: ImportWish,
  items: AsyncIterable<CsvItem>,
  header: Header,
): AsyncGenerator<CsvItem[]> {
  const goesOn = tellsWhatGoesOn(wish.map, withPastFields(wish.agreement));
  const isOpen = (item: CsvItem) => item.kind === "row" && goesOn(byColumn(item.cells, header));
  yield* inBatches(items, header, batchRows, (item) => !isOpen(item));
  const again = readCsv(wish.file.bytes(), wish.map.delimiter);
  await readHeader(again, wish);
  yield* inBatches(again, header, takenOverRows, isOpen);
}

function byColumn(cells: readonly string[], { names }: Header): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name, n) => [name, cells[n] ?? ""]));
}

/** A row of a file of refused rows as it would stand in the file it came from. */
function corrected(item: CsvItem, { before, delimiter }: Header): CsvItem {
  if (item.kind === "bad") return item;
  const cells = item.cells.slice(before).map(unguarded);
  return { ...item, cells, raw: plainRecord(cells, delimiter) };
}

/** To be awaited in a long loop: now and then it lets the rest of the process do something. */
function pauses(): () => Promise<void> | undefined {
  let since = performance.now();
  const pause = async (): Promise<void> => {
    await setImmediate();
    since = performance.now();
  };
  return () => (performance.now() - since < sliceMs ? undefined : pause());
}

const sliceMs = 8;

/** Takes in the rows of one batch and counts them, all or nothing. */
async function takeBatch(
  pool: Pool,
  wish: ImportWish,
  row: ImportRow,
  batch: readonly CsvItem[],
  header: Header,
  done: number,
): Promise<void> {
  const read: { item: CsvItem; read: ReturnType<typeof readItem> }[] = [];
  const pause = pauses();
  for (const item of batch) {
    await pause();
    read.push({ item, read: readItem(item, header, wish, row.startedAt, false) });
  }
  const good = read.flatMap(({ item, read: one }) => ("arrival" in one ? [{ item, ...one }] : []));
  await inTransaction(pool, async (tx) => {
    if (!(await holdsImport(tx, row.id, done)))
      throw new ImportRefused([
        "another process is carrying out this import; wait for it, or stop it and start again",
      ]);
    const context: IntakeContext = {
      now: wish.clock(),
      from: "import",
      lane: 2,
      agreement: wish.agreement,
      importId: row.id,
    };
    const taken = wish.history
      ? await takeInPast(tx, good.flatMap(withPast), context, wish.history.agreements)
      : await takeIn(
          tx,
          good.map((one) => one.arrival),
          context,
        );
    const errors: RowError[] = read.flatMap(({ read: one }) => ("errors" in one ? one.errors : []));
    taken.forEach((one, n) => {
      const item = good[n]?.item;
      if (item && one.outcome === "refused")
        for (const { field, message } of [one, ...(one.others ?? [])])
          errors.push({
            line: item.line,
            column: columnOf(wish.map, field),
            message,
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
    const notUnderstood: Record<FieldPath, number> = {};
    taken.forEach((one) => {
      if ("notUnderstood" in one) addTo(notUnderstood, one.notUnderstood);
    });
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
        notUnderstood,
      },
      kept,
    );
  });
}

function readItem(
  item: CsvItem,
  header: Header,
  wish: Pick<ImportWish, "map" | "agreement" | "clock" | "history">,
  at: Instant,
  isDryRun: boolean,
): ReadRow | { errors: RowError[] } {
  if (item.kind === "bad")
    return { errors: [{ line: item.line, column: null, message: item.message, raw: item.raw }] };
  const { names } = header;
  // Cells that are not there are missing, also whole ones at the end; surplus ones must be empty.
  if (item.cells.slice(names.length).some((cell) => cell.trim() !== "")) {
    const message = `expected ${names.length} columns, found ${item.cells.length}`;
    return { errors: [{ line: item.line, column: null, message, raw: item.raw }] };
  }
  // Files that were put together from several repeat it.
  if (names.every((name, n) => columnName(item.cells[n] ?? "") === name)) {
    const message = "expected a row, found the names of the columns again";
    return { errors: [{ line: item.line, column: null, message, raw: item.raw }] };
  }
  const cells = byColumn(item.cells, header);
  const known = wish.history ? withPastFields(wish.agreement) : wish.agreement;
  const mapped = mapRow(wish.map, cells, known);
  const problems: CellProblem[] = [...mapped.problems];
  const past = wish.history && pastOf(mapped.arrival, wish, at, wish.history.ownerOf, problems);
  const arrival = past
    ? toArrival(past.arrival, past.past?.mqlAt ?? at, true)
    : toArrival(mapped.arrival, at);
  const told = past?.past === undefined ? {} : { past: past.past };
  // A good row is prepared where it is taken in; this would do it twice.
  if (!isDryRun && problems.length === 0) return { arrival, ...told, notUnderstood: [] };
  const now = Math.max(wish.clock(), at);
  const read = prepare(arrival, { now, from: "import", lane: 2, agreement: wish.agreement });
  if ("outcome" in read)
    for (const { field, message } of [read, ...(read.others ?? [])]) {
      const column = columnOf(wish.map, field);
      // That nobody is named is said by the map's reader already, or follows from another fault.
      if (field !== "facts.lead.email" || !problems.some((one) => one.column === null))
        problems.push({ column, message });
    }
  if (problems.length > 0)
    return {
      errors: byMessage(problems).map((one) => ({ line: item.line, ...one, raw: item.raw })),
    };
  return { arrival, ...told, notUnderstood: "outcome" in read ? [] : read.notUnderstood };
}

/** What is wrong in several columns in one way is said once, of all of them: a row keeps it so. */
function byMessage(problems: readonly CellProblem[]): CellProblem[] {
  const columnsOf = new Map<string, Set<string>>();
  for (const { column, message } of problems) {
    const columns = columnsOf.get(message) ?? new Set();
    columnsOf.set(message, column === null ? columns : columns.add(column));
  }
  return [...columnsOf].map(([message, columns]) => ({
    column: columns.size === 0 ? null : [...columns].join("; "),
    message,
  }));
}

/** A row as it is taken in; `past` where the file is history. */
interface ReadRow {
  readonly arrival: Arrival;
  readonly past?: PastHandoff;
  readonly notUnderstood: readonly NotUnderstood[];
}

function withPast({ arrival, past }: ReadRow): { arrival: Arrival; past: PastHandoff }[] {
  return past === undefined ? [] : [{ arrival, past }];
}

/** The handoff that a row tells of, apart from the facts of the lead; its problems are added. */
function pastOf(
  mapped: MappedArrival,
  { map, agreement }: Pick<ImportWish, "map" | "agreement">,
  now: Instant,
  ownerOf: (name: string) => readonly string[],
  problems: CellProblem[],
): { arrival: MappedArrival; past?: PastHandoff } {
  const isPast = ([field]: [string, unknown]) => field.startsWith("handoff.");
  const facts = Object.entries(mapped.facts);
  const arrival = {
    ...mapped,
    facts: Object.fromEntries(facts.filter((one) => !isPast(one))),
  };
  const read = readPast(Object.fromEntries(facts.filter(isPast)), {
    agreement,
    zone: map.zone,
    now,
    ownerOf,
  });
  if ("past" in read) return { arrival, past: read.past };
  for (const { field, message } of read.problems) {
    const column = columnOf(map, field);
    // A cell that could not be read is told of once.
    if (problems.some((one) => one.column !== null && one.column === column)) continue;
    problems.push({ column, message: `${field}: ${message.replace(`${field}: `, "")}` });
  }
  return { arrival };
}

function addTo(counts: Record<FieldPath, number>, said: readonly NotUnderstood[]): void {
  for (const { field } of said) {
    const path = field.replace(/^facts\./, "");
    counts[path] = (counts[path] ?? 0) + 1;
  }
}

/**
 * Without a time of its own a row was true when the import began, also when it is resumed a day
 * later; of the past, when its handoff began. `isDated`: that time tells rows of one person apart.
 */
function toArrival(mapped: MappedArrival, startedAt: Instant, isDated = false): Arrival {
  const { engagements, ...rest } = mapped;
  const occurredAt = mapped.occurredAt ?? startedAt;
  return {
    ...rest,
    occurredAt,
    engagements: engagements.map(({ key, type, topic, occurredAt: at }) => ({
      // A key without a time ends where the time would stand.
      messageId: `import-${hashOf(isDated && at === undefined ? `${key}${occurredAt}` : key)}`,
      type,
      occurredAt: at ?? occurredAt,
      ...(topic === undefined ? {} : { topic }),
    })),
  };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
