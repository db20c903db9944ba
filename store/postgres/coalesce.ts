import pg from "pg";
import type { Db, Pool } from "./db.ts";
import { batched } from "./batch.ts";

/** Bounds how many calls wait for the slowest one. */
const most = 32;

/**
 * Combines simultaneous calls on one pool into one statement (store/postgres/batch.ts). A call
 * inside a transaction runs its own statement. `ask` gives its answers in the order of the calls.
 */
export function coalesce<A, R>(
  ask: (db: Db, asked: readonly A[]) => Promise<readonly R[]>,
): (db: Db, asked: A) => Promise<R> {
  const byPool = new WeakMap<Pool, (asked: A) => Promise<R>>();
  return async (db, asked) => {
    if (!(db instanceof pg.Pool)) return (await ask(db, [asked]))[0] as R;
    let ofPool = byPool.get(db);
    if (!ofPool) byPool.set(db, (ofPool = batched(most, (batch) => ask(db, batch))));
    return ofPool(asked);
  };
}

/**
 * What is asked as one JSON value, each with its number `n`, for `jsonb_to_recordset`; dates are
 * written as such.
 */
export function numbered(asked: readonly object[]): string {
  return JSON.stringify(asked.map((one, n) => ({ ...one, n })));
}

/** The rows in the order of what was asked; undefined where there is none. */
export function inOrder<T extends { readonly n: number }>(
  found: readonly T[],
  asked: readonly unknown[],
): (T | undefined)[] {
  const byNumber = new Map(found.map((row) => [row.n, row]));
  return asked.map((_, n) => byNumber.get(n));
}
