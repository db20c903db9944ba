import type { Socket } from "node:net";
import pg from "pg";

// A date is a day, not an instant in the process's zone; a bigint must fit a JavaScript number or be refused.
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
  readonly onError?: (error: Error) => void;
  /**
   * A commit does not wait for the disk (`synchronous_commit = off`): should Postgres crash, the last moments are lost,
   * never something in the middle. For writes that are repeated then, and made to last by a later commit that waits.
   */
  readonly isRepeatable?: boolean;
  /**
   * Rows are looked up by their keys, as everybody does who works on one lead: a plan is made once a connection and kept
   * (`plan_cache_mode`), and it does not read a whole table because that was small when it was made. Not for lists and reports.
   */
  readonly isByKey?: boolean;
}

/** The server cancels a statement first; when it cannot say so any more, we stop waiting this much later. */
const silenceMs = 250;

/**
 * Opens a pool whose waits are bounded: 1.5 s for a connection, 10 s for a statement, whether the server refuses, breaks
 * off or falls silent. A lost server never ends the process: the next query fails, the one after reconnects.
 */
export function openPool(url: string, options: PoolOptions = {}): Pool {
  const pool = open(url, options);
  const reserve = open(url, { ...options, max: reserveMax });
  reserves.set(pool, reserve);
  const byKey = options.isByKey ? pool : open(url, { ...options, isByKey: true });
  byKeys.set(pool, byKey);
  const end = pool.end.bind(pool);
  pool.end = async () =>
    void (await Promise.all([end(), reserve.end(), ...(byKey === pool ? [] : [byKey.end()])]));
  return pool;
}

const byKeys = new WeakMap<Pool, Pool>();

/**
 * Connections beside the pool's own for what is looked up by its keys (`isByKey`), again and again: tokens, arrivals. To plan
 * such a statement anew each time takes longer than to run it.
 */
export function byKeyOf(pool: Pool): Pool {
  return byKeys.get(pool) ?? pool;
}

/** Every pool's reserve holds so many connections beside the pool's own, opened when they are first asked for. */
const reserveMax = 2;
const reserves = new WeakMap<Pool, Pool>();

/**
 * A few connections more of the same kind, which end with the pool. For work that is waited for by those who hold the
 * pool's connections: out of the same pool it might get none until they are done, and they wait for it.
 */
export function reserveOf(pool: Pool): Pool {
  const reserve = reserves.get(pool);
  if (!reserve) throw new Error("only a pool of openPool has a reserve");
  return reserve;
}

function open(url: string, options: PoolOptions): Pool {
  const statementMs = options.statementTimeoutMs ?? 10_000;
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 10,
    connectionTimeoutMillis: 1_500,
    statement_timeout: statementMs,
    query_timeout: statementMs + silenceMs,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    // Statements go out one behind the other; answers come in the same order (node-postgres, "Pipelining").
    pipeline: true,
  });
  pool.on("error", options.onError ?? (() => undefined));
  pool.on("connect", (client) => {
    sendTogether(client as unknown as Wired);
    if (options.isByKey) alwaysByKey.add(client);
    client
      .query(
        settingsOf(options)
          .map((one) => `set ${one}`)
          .join("; "),
      )
      .catch(() => undefined); // a lost connection says so by itself
  });
  return pool;
}

function settingsOf({ isRepeatable, isByKey }: PoolOptions): string[] {
  return [
    // Our statements are short: to compile one takes longer than to run it.
    "jit = off",
    ...(isRepeatable ? ["synchronous_commit = off"] : []),
    ...(isByKey ? byKeySettings : []),
  ];
}

const byKeySettings = ["plan_cache_mode = force_generic_plan", "enable_seqscan = off"];

const alwaysByKey = new WeakSet<Db>();

/** The same as `isByKey`, for one transaction, whatever else its connection serves. */
export async function lookUpByKey(tx: Tx): Promise<void> {
  if (!alwaysByKey.has(tx))
    await send(tx, byKeySettings.map((one) => `set local ${one}`).join("; "));
}

/** A client of node-postgres with the socket under it. */
interface Wired {
  query(...asked: unknown[]): unknown;
  readonly connection: { readonly stream: Socket };
}

/** Statements of one turn of the event loop leave in one write: to hand bytes to the system is what a small statement costs most. */
function sendTogether(client: Wired): void {
  const query = client.query.bind(client);
  let isHeld = false;
  client.query = (...asked) => {
    if (!isHeld) {
      const { stream } = client.connection;
      isHeld = true;
      stream.cork();
      process.nextTick(() => {
        isHeld = false;
        stream.uncork();
      });
    }
    return query(...asked);
  };
}

/**
 * Runs `work` in one transaction: committed when it returns, unless `end` says that it was a trial, and rolled back when
 * it throws. Throws what went wrong first.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (tx: Tx) => Promise<T>,
  end: "commit" | "rollback" = "commit",
): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  // A connection that is lost between two statements tells it as an event, and one that nobody hears ends the process.
  const lost = (error: Error): void => {
    broken = error;
  };
  tx.on("error", lost);
  unheard.set(tx, []);
  try {
    await send(tx, "begin");
    const result = await work(tx);
    // After a statement that failed Postgres takes a commit as a rollback, so it may go along with the last ones.
    await send(tx, end);
    await heard(tx);
    return result;
  } catch (error) {
    const reason = await reasonOf(tx, error);
    // A silent server answers no rollback either; closing the connection is one. So is a plan that no longer fits.
    if (isSilence(reason) || isStalePlan(reason)) broken = reason;
    else
      await tx.query("rollback").catch((failure: Error) => {
        broken = failure;
      });
    throw reason;
  } finally {
    unheard.delete(tx);
    tx.off("error", lost);
    tx.release(broken);
  }
}

/**
 * Sends a statement whose answer nobody needs; those that follow are sent without waiting for it. A failure fails the
 * transaction, at the latest when it commits. Outside of a transaction it is awaited like any other.
 */
export async function send(db: Db, query: Statement | string): Promise<void> {
  const sent = db.query(query as Statement);
  const others = unheard.get(db);
  if (!others) return void (await sent);
  sent.catch(() => undefined); // heard later
  others.push(sent);
}

/** Statements of a transaction under way that were sent and not awaited. */
const unheard = new WeakMap<Db, Promise<unknown>[]>();

async function heard(tx: Tx): Promise<void> {
  for (const sent of unheard.get(tx)?.splice(0) ?? []) await sent;
}

/** Statements after one that failed fail only because of it. */
async function reasonOf(tx: Tx, error: unknown): Promise<unknown> {
  if ((error as { code?: unknown } | null)?.code !== "25P02") return error;
  return heard(tx).then(
    () => error,
    (first: unknown) => first,
  );
}

/**
 * Runs a part of a transaction that can be undone alone: when it throws, or its result is not wanted, the transaction
 * stands where it stood before, and the locks taken in it are given back.
 */
export async function inSavepoint<T>(
  tx: Tx,
  work: () => Promise<T>,
  isWanted: (result: T) => boolean = () => true,
): Promise<T> {
  const before = unheard.get(tx) ?? [];
  unheard.set(tx, []);
  try {
    await send(tx, "savepoint part");
    const result = await work();
    await heard(tx);
    if (!isWanted(result)) await tx.query("rollback to savepoint part");
    return result;
  } catch (error) {
    const reason = await reasonOf(tx, error);
    await tx.query("rollback to savepoint part");
    throw reason;
  } finally {
    unheard.set(tx, before);
  }
}

/** The database cannot be reached, is going down or did not answer in time: what failed of it was not the statement's fault. */
export function isAway(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  // What the server says has five letters, and classes 08, 53 and 57 are about itself; node's own codes are longer.
  if (typeof code === "string") return /^(08|53|57)...$|^E[A-Z]{5,}$/.test(code);
  return typeof message === "string" && /timeout|connection|pool after calling end/i.test(message);
}

function isSilence(error: unknown): error is Error {
  return error instanceof Error && error.message === "Query read timeout";
}

/** A migration beside us has changed what `select *` gives (0A000); plans belong to the connection, so the next one plans anew. */
function isStalePlan(error: unknown): error is Error {
  return (error as { code?: unknown } | null)?.code === "0A000";
}

/**
 * A statement with its values, written as a tagged template: sql`select ${id}::text`. One that is asked again and again
 * gets a name of its own, and Postgres plans it once a connection instead of every time.
 */
export function sql(parts: TemplateStringsArray, ...values: unknown[]): Statement {
  let place = places.get(parts);
  if (!place) {
    const text = parts.reduce((whole, part, n) => `${whole}$${n}${part}`);
    place = { text, uses: 0, name: `often-${(named += 1)}` };
    places.set(parts, place);
  }
  place.uses += 1;
  return place.uses < often
    ? { text: place.text, values }
    : { name: place.name, text: place.text, values };
}

type Statement = { text: string; values: unknown[]; name?: string };

/** Every place in our code that writes a statement. A plan costs memory in each connection: rare ones are not worth it. */
const places = new WeakMap<
  TemplateStringsArray,
  { readonly text: string; readonly name: string; uses: number }
>();
const often = 30;
let named = 0;

/** Has the statement planned once a connection, under a name of its own; for those that run for every lead. */
export function prepared(
  name: string,
  query: { text: string; values: unknown[] },
): { name: string; text: string; values: unknown[] } {
  return { name, ...query };
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
