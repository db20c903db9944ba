import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, rows, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
import { countedMoves, latestFirst } from "./moves.ts";

/**
 * Rows of the last minute are not tallied yet: a transaction under way may still add some. Later
 * ones make their day be tallied again (migration 0062).
 */
const settlingMs = 60_000;

/** Of several workers one keeps the tallies; the number is arbitrary. */
const lock = 7_201_702;

export interface TallyStep {
  /** Moves and arrivals that one transaction adds at most, but for those of one instant. */
  readonly most?: number;
}

/**
 * Adds what happened since the last time to the counts of its days, at most `most` rows. Gives
 * whether there may be more; false also while somebody else is at it.
 */
export async function tally(
  pool: Pool,
  now: Instant,
  { most = 5_000 }: TallyStep = {},
): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    if (!(await isOurs(tx))) return false;
    const limit = new Date(now - settlingMs).toISOString();
    const tallied = await firstRow<{ since: string }>(
      tx,
      sql`
      select until::text as since from tallied where until < ${limit}::timestamptz for update`,
    );
    if (!tallied) return false;
    const bound = await sliceEnd(tx, tallied.since, limit, most);
    await add(tx, tallied.since, bound ?? limit);
    return bound !== null;
  });
}

/**
 * Until when there are about `most` moves or arrivals from `since` on, for who counts those before
 * `until` in slices; null: no more than that are left. What shares an instant is not parted.
 */
export async function sliceEnd(
  tx: Tx,
  since: string,
  until: string,
  most: number,
): Promise<string | null> {
  const found = await firstRow<{ bound: string | null }>(
    tx,
    sql`
    select min(bound)::text as bound from (
      (select at as bound from transition
        where at > ${since}::timestamptz and at < ${until}::timestamptz
        order by at offset ${most} limit 1)
      union all
      (select arrived_at from lead
        where arrived_at > ${since}::timestamptz and arrived_at < ${until}::timestamptz
        order by arrived_at offset ${most} limit 1)) one`,
  );
  return found?.bound ?? null;
}

/**
 * Nothing is tallied until the transaction ends. For whoever writes moves or arrivals of the past:
 * a tally that passes their time meanwhile does not see them, and later ones begin behind them.
 */
export async function holdTallies(tx: Tx): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(${lock})`);
}

async function isOurs(tx: Tx): Promise<boolean> {
  const found = await firstRow<{ mine: boolean }>(
    tx,
    sql`select pg_try_advisory_xact_lock(${lock}) as mine`,
  );
  return found?.mine ?? false;
}

/** Both instants as Postgres writes them: it counts microseconds. */
async function add(tx: Tx, since: string, until: string): Promise<void> {
  await tx.query({
    text: `
    with moves as (select * from transition where subject_kind = 'lead'
      and at >= $1::timestamptz and at < $2::timestamptz),
    ${countedMoves("moves", "$1::timestamptz")}
    insert into stage_day as d (day, stage, entered, exited, vacated)
      select day, stage, entered, exited, vacated from counted
    on conflict (day, stage) do update set entered = d.entered + excluded.entered,
      exited = d.exited + excluded.exited, vacated = d.vacated + excluded.vacated`,
    values: [since, until],
  });
  await tx.query(sql`
    insert into arrival_day as d (day, arrived)
      select (arrived_at at time zone 'UTC')::date, count(*) from lead
      where arrived_at >= ${since}::timestamptz and arrived_at < ${until}::timestamptz group by 1
    on conflict (day) do update set arrived = d.arrived + excluded.arrived`);
  await tx.query({
    text: `
    insert into astray (subject_id)
      select l.id from (${movedOrArrived("$1::timestamptz", "$2::timestamptz")}) l
      where ${isAstray("l.id")}
    on conflict do nothing`,
    values: [since, until],
  });
  // Those that did not move since are as they were, or were put right past their moves: the recount.
  await tx.query({
    text: `
    delete from astray using (${movedOrArrived("$1::timestamptz", "$2::timestamptz")}) l
      where astray.subject_id = l.id and not (${isAstray("l.id")})`,
    values: [since, until],
  });
  await tx.query(sql`update tallied set until = ${until}::timestamptz`);
}

/** The leads that moved or arrived in this time. */
export function movedOrArrived(since: string, until: string): string {
  return `select subject_id as id from transition where subject_kind = 'lead'
      and at >= ${since} and at < ${until}
    union select id from lead where arrived_at >= ${since} and arrived_at < ${until}`;
}

/** Whether the lead's stage is not where its last transition led; not so where it has no process. */
export function isAstray(id: string): string {
  return `exists (select from process p where p.subject_kind = 'lead' and p.subject_id = ${id}
    and p.stage is distinct from (select t.to_stage from transition t
      where t.subject_kind = 'lead' and t.subject_id = ${id} order by ${latestFirst} limit 1))`;
}

/**
 * Adds the changes of how many leads stand where to the counts, at most so many. Gives whether
 * there may be more.
 */
export async function foldProcessCounts(db: Db, most = 10_000): Promise<boolean> {
  const { rows: found } = await db.query<{ taken: number }>(sql`
    with taken as (
      delete from process_count_change where id in (
        select id from process_count_change order by id limit ${most} for update skip locked)
      returning stage, waiting_on, n),
    summed as (
      insert into process_count as c (stage, waiting_on, n)
        select stage, waiting_on, sum(n) from taken group by stage, waiting_on
      on conflict (stage, waiting_on) do update set n = c.n + excluded.n)
    select count(*)::int as taken from taken`);
  return (found[0]?.taken ?? 0) >= most;
}

/** How many leads stand in which stage and wait for what, now. */
export async function processCounts(
  db: Db,
): Promise<{ readonly stage: string; readonly waiting_on: string; readonly n: number }[]> {
  return rows(
    db,
    sql`
    select stage, waiting_on, sum(n)::int as n from (
      select stage, waiting_on, n from process_count
      union all select stage, waiting_on, n from process_count_change) one
    group by stage, waiting_on having sum(n) <> 0 order by stage, waiting_on`,
  );
}
