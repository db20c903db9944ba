import pg from "pg";

// A date is a day, not an instant in the process's zone; a bigint must fit a JavaScript number or be refused.
pg.types.setTypeParser(1082, (text) => text);
pg.types.setTypeParser(20, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} does not fit a safe integer`);
  return value;
});

export type Pool = pg.Pool;
/** One connection inside a transaction. */
export type Tx = pg.PoolClient;
/** Anything that can run a statement. */
export type Db = Pick<pg.PoolClient, "query">;

/** The server cancels a statement first; when it cannot say so any more, we stop waiting this much later. */
const silenceMs = 250;

/**
 * Opens a pool whose waits are bounded: 1.5 s for a connection, 10 s for a statement, whether the server refuses, breaks
 * off or falls silent. A lost server never ends the process: the next query fails, the one after reconnects.
 */
export function openPool(url: string, options: { max?: number; statementTimeoutMs?: number; onError?: (error: Error) => void } = {}): Pool {
  const statementMs = options.statementTimeoutMs ?? 10_000;
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 10,
    connectionTimeoutMillis: 1_500,
    statement_timeout: statementMs,
    query_timeout: statementMs + silenceMs,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
  });
  pool.on("error", options.onError ?? (() => undefined));
  return pool;
}

/** Runs `work` in one transaction: committed when it returns, unless `end` says that it was a trial, and rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>, end: "commit" | "rollback" = "commit"): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  // A connection that is lost between two statements tells it as an event, and one that nobody hears ends the process.
  const lost = (error: Error): void => { broken = error; };
  tx.on("error", lost);
  try {
    await tx.query("begin");
    const result = await work(tx);
    await tx.query(end);
    return result;
  } catch (error) {
    // A silent server answers no rollback either; closing the connection is one.
    if (isSilence(error)) broken = error;
    else await tx.query("rollback").catch((failure: Error) => { broken = failure; });
    throw error;
  } finally {
    tx.off("error", lost);
    tx.release(broken);
  }
}

function isSilence(error: unknown): error is Error {
  return error instanceof Error && error.message === "Query read timeout";
}

/**
 * A statement with its values, written as a tagged template: sql`select ${id}::text`. One that is asked again and again
 * gets a name of its own, and Postgres plans it once a connection instead of every time.
 */
export function sql(parts: TemplateStringsArray, ...values: unknown[]): Statement {
  let place = places.get(parts);
  if (!place) {
    const text = parts.reduce((whole, part, n) => `${whole}$${n}${part}`);
    // A migration beside us may widen a table: `select *` would then no longer be what was planned, and fail.
    place = { text, uses: 0, name: /[\s.]\*/.test(text.replaceAll("* 1000", "")) ? null : `often-${named += 1}` };
    places.set(parts, place);
  }
  place.uses += 1;
  return place.name === null || place.uses < often ? { text: place.text, values } : { name: place.name, text: place.text, values };
}

type Statement = { text: string; values: unknown[]; name?: string };

/** Every place in our code that writes a statement. A plan costs memory in each connection: rare ones are not worth it. */
const places = new WeakMap<TemplateStringsArray, { readonly text: string; readonly name: string | null; uses: number }>();
const often = 30;
let named = 0;

/** Has the statement planned once a connection, under a name of its own; for those that run for every lead. */
export function prepared(name: string, query: { text: string; values: unknown[] }): { name: string; text: string; values: unknown[] } {
  return { name, ...query };
}

/** All rows of a statement. */
export async function rows<T>(db: Db, query: { text: string; values: unknown[] }): Promise<T[]> {
  return (await db.query(query)).rows as T[];
}

/** The first row of a statement, or undefined. */
export async function firstRow<T>(db: Db, query: { text: string; values: unknown[] }): Promise<T | undefined> {
  return (await db.query(query)).rows[0] as T | undefined;
}
