import pg from "pg";
import { readDatabaseUrl } from "./connection.ts";

// A date is a day, not an instant in the process's zone; a bigint must fit a JavaScript number or
// be refused.
pg.types.setTypeParser(1082, (text) => text);
pg.types.setTypeParser(20, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`bigint ${text} does not fit a safe integer`);
  return value;
});

export type Pool = pg.Pool;
/** One connection inside a transaction. */
export type Tx = pg.PoolClient;
/** Anything that can run a statement. */
export type Db = Pick<pg.PoolClient, "query">;

export interface PoolOptions {
  readonly max?: number;
  readonly statementTimeoutMs?: number;
  /** How long one waits for a connection; 1.5 s unless told otherwise. */
  readonly connectTimeoutMs?: number;
  /** How long a connection that nobody needs is kept; ten seconds unless told otherwise. */
  readonly keptMs?: number;
  readonly onError?: (error: Error) => void;
  /** Settings of Postgres that every connection of the pool has, such as `jit = off`. */
  readonly session?: readonly string[];
}

/**
 * The server cancels a statement first. When its answer does not arrive, waiting ends this much
 * later.
 */
const silenceMs = 250;

/**
 * Opens a pool whose waits are bounded: 1.5 s for a connection, 10 s for a statement, whether the
 * server refuses, breaks off or falls silent. A lost server never ends the process: the next query
 * fails, the one after reconnects. A process that needs several pools takes them of `openPools`.
 */
export function openPool(url: string, options: PoolOptions = {}): Pool {
  const statementMs = options.statementTimeoutMs ?? 10_000;
  const pool = new pg.Pool({
    ...readDatabaseUrl(url, options.connectTimeoutMs ?? 1_500),
    max: options.max ?? 10,
    idleTimeoutMillis: options.keptMs ?? 10_000,
    query_timeout: statementMs + silenceMs,
    keepAlive: true,
    // Statements go out one behind the other; answers come in the same order (node-postgres,
    // "Pipelining").
    pipeline: true,
  });
  pool.on("error", options.onError ?? (() => undefined));
  // Set here and not as the connection starts: a pooler in front of Postgres refuses it there.
  const session = [
    `statement_timeout = ${statementMs}`,
    "idle_in_transaction_session_timeout = 30000",
    // Our statements are short: to compile one takes longer than to run it.
    "jit = off",
    ...(options.session ?? []),
  ]
    .map((one) => `set ${one}`)
    .join("; ");
  pool.on("connect", (client) => {
    client.query(session).catch(() => undefined); // a lost connection says so by itself
  });
  return pool;
}

/**
 * Rows are looked up by their keys, as in all work on one lead. A plan is made once for a
 * connection and kept. Sequential scans are off, because a plan made while a table was small would
 * read all of it later. Not for lists and reports.
 */
export const byKeySession: readonly string[] = [
  "plan_cache_mode = force_generic_plan",
  "enable_seqscan = off",
];

/**
 * Lists and reports read a part of large tables. By default Postgres takes a page out of order for
 * four times as dear as the next one, as on a turning disk, and reads all of a table rather than what
 * hangs on the handoffs of a month.
 */
export const reportSession: readonly string[] = ["random_page_cost = 1.1"];

/** `byKeySession` for one transaction, whatever else its connection serves. */
export async function lookUpByKey(tx: Tx): Promise<void> {
  await send(tx, byKeySession.map((one) => `set local ${one}`).join("; "));
}

/**
 * Runs `work` in one transaction: committed when it returns, unless `end` says that it was a trial,
 * and rolled back when it throws. Throws what went wrong first.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (tx: Tx) => Promise<T>,
  end: "commit" | "rollback" = "commit",
): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  // A connection that is lost between two statements emits an error event. Without a listener that
  // event ends the process.
  const lost = (error: Error): void => {
    broken = error;
  };
  tx.on("error", lost);
  unawaited.set(tx, []);
  try {
    await send(tx, "begin");
    const result = await work(tx);
    // After a statement that failed Postgres takes a commit as a rollback, so it may go along with
    // the last ones.
    await send(tx, end);
    await awaitSent(tx);
    if (end === "commit") for (const then of afterwards.get(tx) ?? []) then(pool);
    return result;
  } catch (error) {
    const reason = await reasonOf(tx, error);
    // A silent server answers no rollback either; closing the connection is one. So is a plan that
    // no longer fits.
    if (isSilence(reason) || isStalePlan(reason)) broken = reason;
    else
      await tx.query("rollback").catch((failure: Error) => {
        broken = failure;
      });
    throw reason;
  } finally {
    unawaited.delete(tx);
    afterwards.delete(tx);
    tx.off("error", lost);
    tx.release(broken);
  }
}

/**
 * Reads for lists and reports, whatever else the pool serves: as all stood at one moment, planned
 * for the values at hand, with whole tables where they are wanted. It locks nothing that a writer
 * waits for.
 */
export function readAtOnce<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTransaction(pool, async (tx) => {
    await send(tx, "set transaction isolation level repeatable read, read only");
    await send(tx, "set local plan_cache_mode = auto; set local enable_seqscan = on");
    return work(tx);
  });
}

/**
 * `readAtOnce` where each statement may take up to `statementMs`, whatever the pool gives to others.
 * It begins within the pool's own time, so a silent server is not waited for. `work` is told the
 * process of Postgres that reads, for `cancelStatement`.
 */
export function readAtLength<T>(
  pool: Pool,
  statementMs: number,
  work: (db: Db, pid: number) => Promise<T>,
): Promise<T> {
  return readAtOnce(pool, async (tx) => {
    const session = await firstRow<{ pid: number }>(
      tx,
      sql`
      select pg_backend_pid() as pid, set_config('statement_timeout', ${String(statementMs)}, true)`,
    );
    let isOver = false;
    const query = (given: Statement | string) => {
      // The connection is somebody else's by now.
      if (isOver) throw new Error("this read has ended");
      const statement = {
        ...(typeof given === "string" ? { text: given } : given),
        query_timeout: statementMs + silenceMs,
      };
      return tx.query(statement);
    };
    try {
      return await work({ query } as Db, session?.pid ?? 0);
    } finally {
      isOver = true;
    }
  });
}

/** Resolves when the server has answered; rejects when it did not in the time of the pool. */
export async function pingPostgres(db: Db): Promise<void> {
  await db.query("select 1");
}

/** Ends the statement that this process of Postgres is at; nothing when it is at none. */
export async function cancelStatement(db: Db, pid: number): Promise<void> {
  await db.query(sql`select pg_cancel_backend(${pid}::int)`);
}

/**
 * Sends a statement whose result is not needed. In a transaction the next statement does not wait
 * for it, and a failure fails the transaction at the latest when it commits. Outside of a
 * transaction it is awaited.
 */
export async function send(db: Db, query: Statement | string): Promise<void> {
  const sent = db.query(query as Statement);
  const others = unawaited.get(db);
  if (!others) return void (await sent);
  sent.catch(() => undefined); // awaited by awaitSent
  others.push(sent);
}

/**
 * Has something done once the transaction is committed, with the pool that it is of: something that
 * may be lost with the process, and that does not throw.
 */
export function afterCommit(tx: Tx, then: (pool: Pool) => void): void {
  const others = afterwards.get(tx);
  if (others) others.push(then);
  else afterwards.set(tx, [then]);
}

const afterwards = new WeakMap<Db, ((pool: Pool) => void)[]>();

/** Statements of a transaction under way that were sent and not awaited. */
const unawaited = new WeakMap<Db, Promise<unknown>[]>();

async function awaitSent(tx: Tx): Promise<void> {
  for (const sent of unawaited.get(tx)?.splice(0) ?? []) await sent;
}

/** Statements after one that failed fail only because of it. */
async function reasonOf(tx: Tx, error: unknown): Promise<unknown> {
  if ((error as { code?: unknown } | null)?.code !== "25P02") return error;
  return awaitSent(tx).then(
    () => error,
    (first: unknown) => first,
  );
}

/**
 * Runs a part of a transaction that can be undone alone: when it throws, or its result is not
 * wanted, the transaction stands where it stood before, and the locks taken in it are given back.
 */
export async function inSavepoint<T>(
  tx: Tx,
  work: () => Promise<T>,
  isWanted: (result: T) => boolean = () => true,
): Promise<T> {
  const before = unawaited.get(tx) ?? [];
  unawaited.set(tx, []);
  try {
    await send(tx, "savepoint part");
    const result = await work();
    await awaitSent(tx);
    if (!isWanted(result)) await tx.query("rollback to savepoint part");
    return result;
  } catch (error) {
    const reason = await reasonOf(tx, error);
    await tx.query("rollback to savepoint part");
    throw reason;
  } finally {
    unawaited.set(tx, before);
  }
}

/**
 * The database cannot be reached, is going down or did not answer in time: what failed of it was
 * not the statement's fault.
 */
export function isAway(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  // What the server says has five letters, and classes 08, 53 and 57 are about itself; node's own
  // codes are longer.
  if (typeof code === "string") return /^(08|53|57)...$|^E[A-Z]{5,}$/.test(code);
  return typeof message === "string" && /timeout|connection|pool after calling end/i.test(message);
}

function isSilence(error: unknown): error is Error {
  return error instanceof Error && error.message === "Query read timeout";
}

/**
 * A migration beside us has changed what `select *` gives (0A000); plans belong to the connection,
 * so the next one plans anew.
 */
function isStalePlan(error: unknown): error is Error {
  return (error as { code?: unknown } | null)?.code === "0A000";
}

/** A fixed piece of SQL within a statement. */
class Fragment {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * A text of ours as a part of a statement, such as a list of columns. What comes from outside is a
 * value, never a fragment.
 */
export function fragment(text: string): Fragment {
  return new Fragment(text);
}

type Statement = { text: string; values: unknown[]; name?: string };

/**
 * A statement with its values, written as a tagged template: sql`select ${id}::text`. One that is
 * asked again and again gets a name of its own, and Postgres plans it once a connection instead of
 * every time.
 */
export function sql(parts: TemplateStringsArray, ...values: unknown[]): Statement {
  if (values.some((one) => one instanceof Fragment)) {
    const given = values.filter((one) => !(one instanceof Fragment));
    return named(writtenAs(textOf(parts, values)), given);
  }
  let place = places.get(parts);
  if (!place) places.set(parts, (place = writtenAs(textOf(parts, values))));
  return named(place, values);
}

/**
 * The same for a text of ours that is put together of fixed pieces and numbers its values itself.
 * Each text is planned by itself, so there must be few of them.
 */
export function often(text: string, values: unknown[]): Statement {
  return named(writtenAs(text), values);
}

function textOf(parts: TemplateStringsArray, values: readonly unknown[]): string {
  let n = 0;
  return parts.reduce((whole, part, i) => {
    const before = values[i - 1];
    return `${whole}${before instanceof Fragment ? before.text : `$${(n += 1)}`}${part}`;
  });
}

interface Written {
  readonly text: string;
  readonly name: string;
  uses: number;
}

/** By place in our code, and by text where fragments are part of it. */
const places = new WeakMap<TemplateStringsArray, Written>();
const texts = new Map<string, Written>();

function writtenAs(text: string): Written {
  let written = texts.get(text);
  if (!written) texts.set(text, (written = { text, name: `often-${texts.size + 1}`, uses: 0 }));
  return written;
}

/** A plan costs memory in each connection: rare statements get no name. */
const usesToName = 30;

function named(written: Written, values: unknown[]): Statement {
  written.uses += 1;
  const { text, name, uses } = written;
  return uses < usesToName ? { text, values } : { name, text, values };
}

/** All rows of a statement. */
export async function rows<T>(db: Db, query: { text: string; values: unknown[] }): Promise<T[]> {
  return (await db.query(query)).rows as T[];
}

/** The first row of a statement, or undefined. */
export async function firstRow<T>(
  db: Db,
  query: { text: string; values: unknown[] },
): Promise<T | undefined> {
  return (await db.query(query)).rows[0] as T | undefined;
}
