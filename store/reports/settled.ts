import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, send, sql, type Db, type Pool } from "../postgres/db.ts";

/**
 * What reports ask of what hangs on a handoff: its clocks, outreaches, answers and offers. Each is a
 * column of `handoff` that is kept once a handoff is settled, and the SQL that counts it from the
 * rows: of `handoff h`, as of `$3`. What is kept is made by the same SQL, so the two cannot differ
 * but by what was written since, and that unsettles (migration 0108).
 */
const counts = {
  tried: `(select count(*)::int from outreach o where o.handoff_id = h.id and o.occurred_at <= $3)`,
  hours_to_log: `(select array_agg(date_part('epoch', o.told_at - o.occurred_at) / 3600.0 order by o.id)
    from outreach o where o.handoff_id = h.id and o.occurred_at <= $3 and o.told_at is not null)`,
  offers: `(select count(*)::int from assignment a where a.handoff_id = h.id and a.at <= $3
    and a.rep_id is not null)`,
  // No `exists`: Postgres may make one for all handoffs at once, and read all assignments for a few.
  is_fallback: `coalesce((select bool_or(a.via = 'fallback') from assignment a
    where a.handoff_id = h.id and a.at <= $3), false)`,
  is_routed: `coalesce((select bool_or(a.via <> 'manager') from assignment a
    where a.handoff_id = h.id and a.at <= $3), false)`,
  own_missed: `(select count(*)::int from clock c where c.handoff_id = h.id and c.scope = 'rep'
    and c.rep_id = h.rep_id and c.breached_at <= $3)`,
  own_contested: `(select count(*)::int from answer a where a.handoff_id = h.id
    and a.kind = 'reject' and a.by_id = h.rep_id and a.contested and a.received_at <= $3)`,
  own_overturned: `(select count(*)::int from answer a where a.handoff_id = h.id
    and a.kind = 'reject' and a.by_id = h.rep_id and a.contested and a.received_at <= $3
    and (select d.kind from answer d where d.handoff_id = h.id and d.kind like 'contest-%'
      and d.received_at >= a.received_at and d.received_at <= $3
      order by d.received_at, d.id limit 1) = 'contest-overturned')`,
  rated_fit: `(select a.fit_rating from answer a where a.handoff_id = h.id
    and a.fit_rating is not null and a.received_at <= $3
    order by a.received_at desc, a.id desc limit 1)`,
  heard_timeline: `(select a.timeline from answer a where a.handoff_id = h.id
    and a.timeline is not null and a.received_at <= $3
    order by a.received_at desc, a.id desc limit 1)`,
  heard_signals: `(select array_agg(distinct heard) from answer a, unnest(a.buying_signals) heard
    where a.handoff_id = h.id and a.received_at <= $3)`,
} as const;

/** The lead's clock of each kind, of which there is one at most. */
const clockKinds = ["outreach", "status"] as const;
const clockOf = (kind: (typeof clockKinds)[number], of: string) =>
  `(select ${of} from clock c where c.handoff_id = h.id and c.kind = '${kind}'
    and c.scope = 'lead' and c.round = 0 and c.started_at <= $3)`;

/** Of a clock whether it was met; what is open is missed as soon as its deadline has passed. */
const verdict = `case when c.breached_at <= $3 then 'missed'
  when c.ended_at <= $3 then case when c.state = 'met' then 'met' else 'cancelled' end
  else 'open' end`;

/** Since when its deadline was missed, where nothing ever stopped it in time. */
const lateAt = `case when c.ended_at is null or c.ended_at > $3 or c.state = 'breached'
  then coalesce(c.breached_at, c.due_at) end`;

const clockCounts: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    clockKinds.flatMap((kind) => [
      [`${kind}_clock`, clockOf(kind, verdict)],
      [`${kind}_due_at`, clockOf(kind, "c.due_at")],
      [`${kind}_used_ms`, clockOf(kind, "c.used_ms")],
    ]),
  ),
  late_at: clockOf("outreach", lateAt),
};

const all: Readonly<Record<string, string>> = { ...counts, ...clockCounts };

/** From when on what is kept holds: what was written about the handoff lies before. */
const holdsFrom = `greatest(h.mql_at,
  (select max(o.occurred_at) from outreach o where o.handoff_id = h.id),
  (select max(a.at) from assignment a where a.handoff_id = h.id),
  (select max(a.received_at) from answer a where a.handoff_id = h.id),
  (select max(greatest(c.started_at, c.ended_at, c.breached_at))
    from clock c where c.handoff_id = h.id))`;

/**
 * Every count as a column of `handoff h`, as of `$3`: what is kept where the handoff is settled by
 * then, else counted.
 */
export const settledSql: string = Object.entries(all)
  .map(
    ([name, count]) => `case when h.settled_at <= $3 then h.${name} else ${count} end as ${name}`,
  )
  .join(",\n");

/** The counts as they are when all that was written counts. */
const counted = (name: string): string =>
  (all[name] ?? "null").replaceAll("$3", "'infinity'::timestamptz");
const names = Object.keys(all);

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
    await send(
      tx,
      sql`insert into stale_week (week)
        select week_of(mql_at) from handoff where id = any(${locked.map(({ id }) => id)}::text[])
        union select week_of(l.arrived_at) from handoff h join lead l on l.id = h.subject_id
          where h.id = any(${locked.map(({ id }) => id)}::text[])`,
    );
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
