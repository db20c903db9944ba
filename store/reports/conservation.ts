import type { Instant } from "../../handoff/calendar.ts";
import { stages, type Stage } from "../../handoff/stage.ts";
import { firstRow, rows, sql, type Db } from "../db.ts";

/** One stage on one day: opening + in = out + closing, or the residue is not 0. */
export interface StageDay {
  /** YYYY-MM-DD in UTC. */
  readonly day: string;
  readonly stage: Stage;
  readonly opening: number;
  readonly in: number;
  readonly out: number;
  readonly closing: number;
  readonly residue: number;
}

export interface Conservation {
  readonly days: readonly StageDay[];
  /** Leads taken in until `asOf`, how many of them are open or closed by then, and what does not add up. */
  readonly totals: {
    readonly takenIn: number;
    readonly open: number;
    readonly closed: number;
    readonly residue: number;
  };
  /** How the leads stand now, against what the transitions say: leads whose stage is not where their last transition led. */
  readonly astray: Listed;
  /** Open leads now that nobody answers for, that wait for nothing, or whose process is not running. */
  readonly withoutOwner: Listed;
  readonly withoutNextStep: Listed;
  /** Null when the list of running processes could not be had. */
  readonly withoutProcess: Listed | null;
}

/** How many, and the first hundred. */
export interface Listed {
  readonly count: number;
  readonly leads: readonly string[];
}

/**
 * Nothing is lost and nothing is counted twice (reports.md, conservation). Opening and closing are counted from where
 * each lead was at midnight; in and out from the moves of the day. That both add up is the proof. `running` are the
 * leads whose process runs, or null when nobody can say.
 */
export async function conservation(
  db: Db,
  period: { readonly from: Instant; readonly to: Instant; readonly asOf: Instant },
  running: ReadonlySet<string> | null,
): Promise<Conservation> {
  const { asOf } = period;
  const [days, totals] = [await stageDays(db, period), await takenIn(db, asOf)];
  return {
    days,
    totals,
    astray: await list(
      db,
      sql`
      select l.id from lead l left join lateral (
        select to_stage from transition t where t.subject_kind = 'lead' and t.subject_id = l.id order by t.at desc, t.cycle desc, t.step desc, array_position(${[...stages]}::text[], t.to_stage) desc limit 1) last on true
      where last.to_stage is distinct from l.stage order by l.id`,
    ),
    withoutOwner: await list(
      db,
      sql`
      select id from lead where stage in ('new', 'mql', 'sal', 'sql') and owner_id is null and queue is null order by id`,
    ),
    withoutNextStep: await list(
      db,
      sql`
      select id from lead where stage not in ('opportunity', 'disqualified') and coalesce(next_step, '') = '' order by id`,
    ),
    withoutProcess: running && (await withoutProcess(db, running, asOf)),
  };
}

async function stageDays(
  db: Db,
  { from, to, asOf }: { from: Instant; to: Instant; asOf: Instant },
): Promise<StageDay[]> {
  // A lead is in a stage from one of its transitions to the next. Equal instants are put in order by cycle and step, and the
  // moves of one decision (reopened and judged at once) by how far the stage lies along the way.
  return rows<StageDay>(
    db,
    sql`
    with days as (
      select d as day_start, least(d + interval '1 day', ${new Date(asOf)}::timestamptz) as day_end
      from generate_series(date_trunc('day', ${new Date(from)}::timestamptz at time zone 'UTC') at time zone 'UTC', ${new Date(Math.min(to, asOf) - 1)}::timestamptz, interval '1 day') as d
    ), moved as (
      select subject_id, from_stage, to_stage, at, lead(at) over w as until, row_number() over w as n, count(*) over (partition by subject_id, at) as together
      from transition where subject_kind = 'lead' and at < ${new Date(asOf)}
      window w as (partition by subject_id order by at, cycle, step, case when from_stage is null then 0 else 1 end, array_position(${[...stages]}::text[], to_stage))
    ), stage as (select unnest(${[...stages]}::text[]) as stage),
    standing as (
      select d.day_start, m.to_stage as stage,
        count(*) filter (where m.at < d.day_start and (m.until is null or m.until >= d.day_start))::int as opening,
        count(*) filter (where m.at < d.day_end and (m.until is null or m.until >= d.day_end))::int as closing
      from days d join moved m on m.at < d.day_end and (m.until is null or m.until >= d.day_start) group by 1, 2
    ), entered as (
      select d.day_start, m.to_stage as stage, count(*)::int as n from days d join moved m on m.at >= d.day_start and m.at < d.day_end group by 1, 2
    ), left_ as (
      select d.day_start, m.from_stage as stage, count(*)::int as n from days d join moved m on m.at >= d.day_start and m.at < d.day_end where m.from_stage is not null group by 1, 2
    )
    select to_char(d.day_start at time zone 'UTC', 'YYYY-MM-DD') as day, s.stage, coalesce(st.opening, 0) as opening, coalesce(e.n, 0) as "in", coalesce(l.n, 0) as out,
      coalesce(st.closing, 0) as closing, coalesce(st.opening, 0) + coalesce(e.n, 0) - coalesce(l.n, 0) - coalesce(st.closing, 0) as residue
    from days d cross join stage s
    left join standing st on st.day_start = d.day_start and st.stage = s.stage
    left join entered e on e.day_start = d.day_start and e.stage = s.stage
    left join left_ l on l.day_start = d.day_start and l.stage = s.stage
    order by d.day_start, array_position(${[...stages]}::text[], s.stage)`,
  );
}

async function takenIn(db: Db, asOf: Instant): Promise<Conservation["totals"]> {
  const found = await firstRow<{ taken: number; open: number; closed: number }>(
    db,
    sql`
    with last as (
      select distinct on (subject_id) subject_id, to_stage from transition
      where subject_kind = 'lead' and at < ${new Date(asOf)} order by subject_id, at desc, cycle desc, step desc, array_position(${[...stages]}::text[], to_stage) desc)
    select (select count(*)::int from lead where arrived_at < ${new Date(asOf)}) as taken,
      count(*) filter (where to_stage not in ('opportunity', 'disqualified'))::int as open,
      count(*) filter (where to_stage in ('opportunity', 'disqualified'))::int as closed from last`,
  );
  const { taken = 0, open = 0, closed = 0 } = found ?? {};
  return { takenIn: taken, open, closed, residue: taken - open - closed };
}

/** The list of running processes lags behind by moments: who moved within these is not suspected. */
const settlingMs = 30_000;

/** Open leads whose process is neither running nor waiting to be started, in pages. */
async function withoutProcess(
  db: Db,
  running: ReadonlySet<string>,
  asOf: Instant,
): Promise<Listed> {
  const missing: string[] = [];
  let count = 0;
  for (let after = ""; ;) {
    const page = await rows<{ id: string; settled: boolean }>(
      db,
      sql`
      select l.id, l.stage_since < ${new Date(asOf - settlingMs)} and not exists (
        select from outbox o where o.workflow_id = 'lead/' || l.id and o.kind = 'start' and (o.done_at is null or o.done_at > ${new Date(asOf - settlingMs)})) as settled
      from lead l where stage not in ('opportunity', 'disqualified') and id > ${after} order by id limit 1000`,
    );
    const last = page.at(-1);
    if (!last) return { count, leads: missing };
    after = last.id;
    const dead = page.filter((one) => one.settled && !running.has(one.id)).map((one) => one.id);
    count += dead.length;
    missing.push(...dead.slice(0, Math.max(0, 100 - missing.length)));
  }
}

async function list(db: Db, query: { text: string; values: unknown[] }): Promise<Listed> {
  const found = await firstRow<{ count: number; leads: string[] | null }>(db, {
    text: `with found as (${query.text}) select count(*)::int as count, (array_agg(id order by id))[1:100] as leads from found`,
    values: query.values,
  });
  return { count: found?.count ?? 0, leads: found?.leads ?? [] };
}
