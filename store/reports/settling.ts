import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, sql, type Db, type Pool } from "../postgres/db.ts";
import { markSql } from "./fold.ts";
import { holdsFrom, settledCounts } from "./settled.ts";

/** The counts as they are when all that was written counts. */
const counted = (name: string): string =>
  (settledCounts[name] ?? "null").replaceAll("$3", "'infinity'::timestamptz");
const names = Object.keys(settledCounts);

/** A younger handoff is written about too often to be worth it. */
export const settlesAfterMs = 7 * 24 * 3_600_000;

/**
 * Settles the oldest handoffs that are not, at most `most` of them. Gives whether there may be more.
 * A handoff that somebody writes about is left for the next time; who comes then waits for as long
 * as `most` of them take.
 */
export async function settleHandoffs(pool: Pool, now: Instant, most = 100): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    const { rows: locked } = await tx.query<{ id: string }>(sql`
      select id from handoff where settled_at is null and subject_kind = 'lead'
        and mql_at < ${new Date(now - settlesAfterMs)}
      order by mql_at limit ${most} for update skip locked`);
    // In a statement of its own: it sees what was written before the locks were had.
    await tx.query({
      text: `
      update handoff h set settled_at = c.settled_at,
        ${names.map((name) => `${name} = c.${name}`).join(", ")}
      from (select h.id, ${holdsFrom} as settled_at,
          ${names.map((name) => `${counted(name)} as ${name}`).join(", ")}
        from handoff h where h.id = any($1::text[])) c where c.id = h.id`,
      values: [locked.map(({ id }) => id)],
    });
    // What is kept of their weeks does not know them yet, or knew them as they were.
    await tx.query({ text: markSql, values: [locked.map(({ id }) => id)] });
    return locked.length >= most;
  });
}

/** One page of the daily recount: how many handoffs there are, and which are settled wrongly. */
export async function wronglySettled(
  db: Db,
  after: string,
  pageSize: number,
): Promise<{ readonly last: string | null; readonly n: number; readonly wrong: string[] }> {
  const found = await firstRow<{ last: string | null; n: number; wrong: string[] | null }>(db, {
    text: `
    with page as (select * from handoff where id > $1 order by id limit $2)
    select (select max(id) from page) as last, (select count(*)::int from page) as n,
      array(select h.id from page h where h.settled_at is not null
        and (h.settled_at, ${names.map((name) => `h.${name}`).join(", ")}) is distinct from
          (${holdsFrom}, ${names.map(counted).join(", ")})) as wrong`,
    values: [after, pageSize],
  });
  return { last: found?.last ?? null, n: found?.n ?? 0, wrong: found?.wrong ?? [] };
}

/** They are counted from their rows until they are settled again. */
export async function unsettle(db: Db, ids: readonly string[]): Promise<void> {
  await db.query(sql`update handoff set settled_at = null where id = any(${[...ids]}::text[])`);
}
