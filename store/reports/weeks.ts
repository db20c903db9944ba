import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, rows, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
import { spanValues, type CohortSpan } from "./cohort.ts";
import {
  cohortNameOf,
  foldedCohorts,
  keptAs,
  keptBy,
  keptSql,
  staleMarksOf,
  mostUnsettled,
  nameOfKept,
  staleSql,
  unsettledWeeks,
  wholeAtSql,
  type KeptBy,
} from "./fold.ts";
import { withoutRests, type Pace } from "../postgres/pace.ts";
import { reports } from "./registry.ts";
import type { Fold, FoldedCohort } from "./report.ts";
import { settlesAfterMs } from "./settling.ts";

const folds = reports.flatMap((report) => report.folds ?? []);
const foldsOf = (of: FoldedCohort): readonly Fold[] =>
  folds.filter((fold) => cohortNameOf(fold) === of);
/** The names under which weeks of a cohort are kept. */
const namesOf = (of: FoldedCohort): readonly string[] =>
  keptBy(of).flatMap((by) => foldsOf(of).map((fold) => keptAs(fold, by)));
const allNames = foldedCohorts.flatMap(namesOf);
const weekMs = 7 * 86_400_000;

/** Of several workers one keeps the weeks; the number is arbitrary. */
const lock = 7_201_721;

export interface KeepWeeksStep {
  /** Weeks of each cohort that one transaction counts at most. */
  readonly most?: number;
  /**
   * Where there are fewer handoffs, by the estimate of Postgres, weeks are not kept by dimension:
   * they would take more room than the handoffs, which are read as quickly.
   */
  readonly byDimensionFrom?: number;
}

/**
 * Counts the oldest weeks that are not kept, or about which something was written, of each cohort at
 * most `most` of them. Gives whether there may be more; what was counted before stays, whatever comes
 * in between. Only weeks about which every handoff is settled; it locks none of them.
 */
export async function keepWeeks(
  pool: Pool,
  now: Instant,
  { most = 2, byDimensionFrom = 50_000 }: KeepWeeksStep = {},
): Promise<boolean> {
  const isLarge =
    (await firstRow(
      pool,
      sql`select from pg_class where oid = 'handoff'::regclass and reltuples >= ${byDimensionFrom}`,
    )) !== undefined;
  await inTransaction(pool, gatherMarks);
  let isMore = false;
  for (const of of foldedCohorts) {
    const by = isLarge ? keptBy(of) : [null];
    const kept = await inTransaction(pool, (tx) => keepWeeksOf(tx, { of, by }, now, most));
    if (kept === null) return false;
    isMore = kept >= most || isMore;
  }
  return isMore;
}

const isOursSql = sql`select pg_try_advisory_xact_lock(${lock}) as mine`;
/** More of them are marks of few weeks: every question reads them. */
const mostMarks = 2_000;

/** Makes one mark of those that say the same, once there are many. */
async function gatherMarks(tx: Tx): Promise<void> {
  const ours = await firstRow<{ mine: boolean }>(tx, isOursSql);
  if (ours?.mine !== true) return;
  for (const [table, columns] of [
    ["stale_week", "week"],
    ["stale_part", "about, week"],
  ] as const)
    await tx.query(`
      with gone as (delete from ${table}
        where (select count(*) from (select from ${table} limit ${mostMarks + 1}) one) > ${mostMarks}
        returning ${columns})
      insert into ${table} (${columns}) select distinct ${columns} from gone`);
}

/** Gives how many weeks it counted; null while somebody else is at it. */
async function keepWeeksOf(
  tx: Tx,
  { of, by: dimensions }: { readonly of: FoldedCohort; readonly by: readonly KeptBy[] },
  now: Instant,
  most: number,
): Promise<number | null> {
  const ours = await firstRow<{ mine: boolean }>(tx, isOursSql);
  if (ours?.mine !== true) return null;
  const names = dimensions.flatMap((by) => foldsOf(of).map((fold) => keptAs(fold, by)));
  const weeks = (
    await rows<{ week: string }>(tx, {
      text: `
      with ${staleSql(of)}, marked as materialized (select distinct week from ${staleMarksOf(of)}),
      blocked (week) as materialized (${unsettledWeeks(of)}),
      kept as materialized (select week, count(*) as n from rolled_week
        where report = any($2::text[]) group by week)
      select w.week::date::text as week from generate_series(
        (select week_of(least((select min(mql_at) from handoff),
          (select min(arrived_at) from lead))))::timestamp, $1::timestamp, '7 days') as w(week)
      where (w.week::date in (select week from marked)
          or coalesce((select n from kept where kept.week = w.week::date), 0) < $3)
        and w.week::date not in (select week from blocked)
        and (select count(*) from unsettled) <= ${mostUnsettled}
      order by 1 limit $4`,
      values: [dayOf(now - settlesAfterMs - weekMs), names, names.length, most],
    })
  ).map(({ week }) => week);
  if (weeks.length === 0) return 0;
  // What is written from here on leaves a mark of its own.
  await tx.query({
    text: `delete from ${staleMarksOf(of)} and week = any($1::date[])`,
    values: [weeks],
  });
  await tx.query(sql`delete from rolled_week where week = any(${weeks}::date[])
    and (report = any(${namesOf(of)}::text[]) or report <> all(${allNames}::text[]))`);
  await tx.query({
    text: `
    insert into rolled_week (report, week, whole_at)
      select report, week, whole_at from unnest($1::text[]) as report cross join
        (select week, ${wholeAtSql(of)} as whole_at from unnest($2::date[]) as week) one`,
    values: [names, weeks],
  });
  for (const by of dimensions)
    await tx.query({
      text: `insert into report_week (report, week, line, what, counts, n, marks, ranked)
        ${keptSql(foldsOf(of), by, weeks.length)}`,
      values: spanValues(weeks.map(spanOf), "infinity"),
    });
  return weeks.length;
}

const dayOf = (at: Instant): string => new Date(at).toISOString().slice(0, 10);

const spanOf = (week: string): CohortSpan => ({
  since: Date.parse(week),
  until: Date.parse(week) + weekMs,
});

/**
 * Weeks that are kept and not what their rows say, for the daily recount. Each statement looks at a
 * few of them and at what makes them stale: so it needs no snapshot that lasts for all.
 */
export async function wrongWeeks(db: Db, pace: Pace = withoutRests): Promise<string[]> {
  const wrong: string[] = [];
  for (const of of foldedCohorts) {
    for (const by of keptBy(of)) {
      const kept = await rows<{ week: string }>(
        db,
        sql`select distinct week::text from rolled_week
          where report = any(${foldsOf(of).map((fold) => keptAs(fold, by))}::text[]) order by 1`,
      );
      const weeks = kept.map(({ week }) => week);
      for (let n = 0; n < weeks.length; n += weeksAtOnce)
        wrong.push(...(await pace(() => wrongOfPage(db, of, by, weeks.slice(n, n + weeksAtOnce)))));
    }
  }
  return wrong;
}

const weeksAtOnce = 2;

/** The same of some weeks, by one dimension or of the whole. */
async function wrongOfPage(
  db: Db,
  of: FoldedCohort,
  by: KeptBy,
  weeks: readonly string[],
): Promise<string[]> {
  const names = new Map(foldsOf(of).map((fold) => [keptAs(fold, by), nameOfKept(fold, by)]));
  const found = await rows<{ week: string; report: string }>(db, {
    text: `
    with ${staleSql(of)}, counted as (${keptSql(foldsOf(of), by, weeks.length)}),
    kept as (select report, week, line, what, counts, n, marks, ranked from report_week
      where report in (${[...names.keys()].map((name) => `'${name}'`).join(", ")})
        and week in (${weeks.map((week) => `date '${week}'`).join(", ")}))
    select distinct week::text, report from (
      (select * from counted except all select * from kept)
      union all (select * from kept except all select * from counted)) unequal
    where week not in (select week from stale) and exists (select from rolled_week r
      where r.report = unequal.report and r.week = unequal.week)
    order by 1, 2`,
    values: spanValues(weeks.map(spanOf), "infinity"),
  });
  return found.map(({ week, report }) => `${week} ${names.get(report)}`);
}

/** Weeks that were found wrong, by `wrongWeeks`, are counted anew. */
export async function markWrongWeeks(tx: Tx, wrong: readonly string[]): Promise<void> {
  const weeks = [...new Set(wrong.map((one) => one.split(" ", 1)[0] ?? ""))];
  await tx.query(sql`insert into stale_week (week) select unnest(${weeks}::date[])`);
  await tx.query(sql`
    insert into stale_part (about, week) select about, week
    from unnest(${foldedCohorts.filter((of) => of !== "handoffs")}::text[]) as about
      cross join unnest(${weeks}::date[]) as week`);
}
