import type { Instant } from "../../handoff/time/calendar.ts";
import { isClosed, stages, type Stage } from "../../handoff/stage.ts";
import { lastComparison } from "../inbox/comparison.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";
import { countedMoves, noMoves, type StageCounts } from "./moves.ts";
import { accountConservation, type AccountConservation } from "./account-conservation.ts";
import { lastRecount } from "./recount.ts";
import { isAstray, movedOrArrived, processCounts } from "./tallies.ts";

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
  /**
   * Leads taken in until `asOf`, how many of them are open or closed by then, and what does not add
   * up.
   */
  readonly totals: {
    readonly takenIn: number;
    readonly open: number;
    readonly closed: number;
    readonly residue: number;
  };
  /**
   * The last count of everything, once a day: when it began, and how many of the kept counts were
   * not equal. Null before the first one.
   */
  readonly recount: { readonly at: string; readonly differences: number } | null;
  /**
   * How the leads stand now, against what the transitions say: leads whose stage is not where their
   * last transition led. A lead is looked at when it moves, and with every recount.
   */
  readonly astray: Listed;
  /**
   * Open leads now that nobody answers for, that wait for nothing, or whose process is not running.
   */
  readonly withoutOwner: Listed;
  readonly withoutNextStep: Listed;
  /** The same of accounts that were flagged. */
  readonly accounts: AccountConservation;
  /**
   * As of `comparedAt`, which is now where the running processes could be listed, else when the
   * last comparison of all open leads began. Null before the first comparison.
   */
  readonly withoutProcess: (Listed & { readonly comparedAt: string }) | null;
  /** Open leads and running processes now; `running` is null when Temporal does not say. */
  readonly processes: { readonly open: number; readonly running: number | null };
  /**
   * Leads whose process is broken: its tasks fail, so nothing happens to them. Null when the list
   * could not be had.
   */
  readonly broken: Listed | null;
}

/** How many, and the first hundred. */
export interface Listed {
  readonly count: number;
  readonly leads: readonly string[];
}

/**
 * Nothing is lost and nothing is counted twice (docs/metrics.md, "Conservation"). Opening and
 * closing are counted from where each lead stood by the move before; in and out from what the moves
 * say. That both add up is the proof. `running` are the leads whose process runs, `broken` those
 * whose process stands still because its tasks fail; null when nobody can say. `count`: how many
 * processes run.
 */
export async function conservation(
  db: Db,
  period: { readonly from: Instant; readonly to: Instant; readonly asOf: Instant },
  running: ReadonlySet<string> | null,
  broken: ReadonlySet<string> | null,
  count: number | null = running?.size ?? null,
): Promise<Conservation> {
  const { asOf } = period;
  const moves = await movesOf(db, period);
  const recount = await lastRecount(db);
  return {
    days: stageDays(moves, period),
    totals: totalsOf(moves),
    recount: recount && { at: recount.at.toISOString(), differences: recount.differences },
    accounts: await accountConservation(db),
    astray: await astrayNow(db),
    withoutOwner: await list(
      db,
      sql`
      select subject_id as id from process where subject_kind = 'lead'
        and stage in ('new', 'mql', 'sal', 'sql') and owner_id is null and queue is null`,
    ),
    withoutNextStep: await list(
      db,
      sql`
      select subject_id as id from process where subject_kind = 'lead'
        and stage not in ('opportunity', 'disqualified') and coalesce(next_step, '') = ''`,
    ),
    withoutProcess: running
      ? { ...(await withoutProcess(db, running, asOf)), comparedAt: new Date(asOf).toISOString() }
      : await asCompared(db),
    processes: { open: await openLeadCount(db), running: count },
    // The namespace may be shared: only leads of ours.
    broken:
      broken &&
      (await list(db, sql`select id from lead where id = any(${[...broken]}::text[]) order by id`)),
  };
}

/** Moves and arrivals before `asOf`, by stage: before the period, of each of its days, after it. */
interface Moves {
  readonly byDay: ReadonlyMap<string, ReadonlyMap<string, StageCounts>>;
  readonly takenIn: number;
}

const before = "before";
const after = "after";

/**
 * What was tallied, and what came since or on the day of `asOf` is counted now. One statement, so
 * that nothing is tallied meanwhile; the instant up to which it was goes in as a value, for the
 * plan, and is asked again when it is another one by then.
 */
async function movesOf(
  db: Db,
  { from, to, asOf }: { from: Instant; to: Instant; asOf: Instant },
): Promise<Moves> {
  const first = dayOf(from);
  const last = dayOf(Math.min(to, asOf) - 1);
  for (let tries = 0; tries < mostTries; tries += 1) {
    const tallied = await firstRow<{ until: string; base: string }>(
      db,
      sql`
      select until::text as until, case when until <= ${new Date(asOf)} then until
        else date_trunc('day', ${new Date(asOf)}::timestamptz, 'UTC') end::text as base
          from tallied`,
    );
    if (!tallied) throw new Error("the table `tallied` has lost its row");
    const { until, base } = tallied;
    const found = await rows<{ day: string; stage: string } & StageCounts>(db, {
      text: `
      with moves as (select * from transition where subject_kind = 'lead'
        and at >= $1::timestamptz and at < $2::timestamptz),
      ${countedMoves("moves", "$1::timestamptz")}
      select case when day < $3::date then '${before}' when day > $4::date then '${after}'
          else day::text end as day, stage, sum(entered)::bigint as entered,
        sum(exited)::bigint as exited, sum(vacated)::bigint as vacated
      from (select * from counted union all select * from stage_day
        where day::timestamp at time zone 'UTC' < $1::timestamptz) one
      group by 1, 2
      union all select 'arrived', '', (select count(*) from lead
          where arrived_at >= $1::timestamptz and arrived_at < $2::timestamptz)
        + (select coalesce(sum(arrived), 0)::bigint from arrival_day
          where day::timestamp at time zone 'UTC' < $1::timestamptz), 0, 0
      union all select 'until', until::text, 0, 0, 0 from tallied`,
      values: [base, new Date(asOf), first, last],
    });
    if (found.find(({ day }) => day === "until")?.stage !== until) continue;
    const byDay = new Map<string, Map<string, StageCounts>>();
    for (const { day, stage, entered, exited, vacated } of found) {
      const ofDay = byDay.get(day) ?? new Map<string, StageCounts>();
      byDay.set(day, ofDay.set(stage, { entered, exited, vacated }));
    }
    return { byDay, takenIn: byDay.get("arrived")?.get("")?.entered ?? 0 };
  }
  throw new Error("the tallies changed each time while they were read");
}

const mostTries = 20;

function dayOf(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}

function stageDays(
  { byDay }: Moves,
  { from, to, asOf }: { from: Instant; to: Instant; asOf: Instant },
): StageDay[] {
  const standing = new Map<Stage, number>(
    stages.map((stage) => [stage, stays(byDay.get(before)?.get(stage))]),
  );
  const found: StageDay[] = [];
  const last = dayOf(Math.min(to, asOf) - 1);
  for (let at = Date.parse(dayOf(from)); dayOf(at) <= last; at += dayMs) {
    const day = dayOf(at);
    for (const stage of stages) {
      const counts = byDay.get(day)?.get(stage) ?? noMoves;
      const opening = standing.get(stage) ?? 0;
      const closing = opening + stays(counts);
      standing.set(stage, closing);
      const { entered, exited } = counts;
      const residue = opening + entered - exited - closing;
      found.push({ day, stage, opening, in: entered, out: exited, closing, residue });
    }
  }
  return found;
}

const dayMs = 86_400_000;

function stays({ entered, vacated }: StageCounts = noMoves): number {
  return entered - vacated;
}

function totalsOf({ byDay, takenIn }: Moves): Conservation["totals"] {
  let [open, closed] = [0, 0];
  for (const ofDay of byDay.values())
    for (const stage of stages) {
      const stay = stays(ofDay.get(stage));
      if (isClosed(stage)) closed += stay;
      else open += stay;
    }
  return { takenIn, open, closed, residue: takenIn - open - closed };
}

/** Those found so far that are so still, and those that moved or arrived since the last tally. */
async function astrayNow(db: Db): Promise<Listed> {
  const tallied = await firstRow<{ until: string }>(
    db,
    sql`select until::text as until from tallied`,
  );
  return list(db, {
    text: `
      select l.id from (select subject_id as id from astray
        union ${movedOrArrived("$1::timestamptz", "'infinity'")}) l where ${isAstray("l.id")}`,
    values: [tallied?.until ?? "-infinity"],
  });
}

/**
 * The list of running processes lags behind by moments: who moved within these is not suspected.
 */
const settlingMs = 30_000;

/** What the reconciler found when it compared page by page. */
async function asCompared(db: Db): Promise<Conservation["withoutProcess"]> {
  const last = await lastComparison(db);
  return last
    ? { count: last.withoutProcess, leads: last.leads, comparedAt: last.at.toISOString() }
    : null;
}

/** Open leads now, each of which has a process. */
export async function openLeadCount(db: Db): Promise<number> {
  return (await processCounts(db))
    .filter(({ stage }) => !isClosed(stage as Stage))
    .reduce((sum, { n }) => sum + n, 0);
}

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
      select l.subject_id as id, l.stage_since < ${new Date(asOf - settlingMs)} and not exists (
        select from outbox o where o.workflow_id = 'lead/' || l.subject_id and o.kind = 'start'
          and (o.done_at is null or o.done_at > ${new Date(asOf - settlingMs)})) as settled
      from process l where subject_kind = 'lead' and stage not in ('opportunity', 'disqualified')
        and subject_id > ${after} order by subject_id limit 1000`,
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
    text: `
      with found as (${query.text})
        select count(*)::int as count, (array_agg(id order by id))[1:100] as leads from found`,
    values: query.values,
  });
  return { count: found?.count ?? 0, leads: found?.leads ?? [] };
}
