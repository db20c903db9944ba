import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, rows, sql, type Db, type Pool } from "../postgres/db.ts";
import { spanValues, type CohortSpan } from "./cohort.ts";
import { keptAs, keptSql, staleSql, wholeAtSql } from "./fold.ts";
import { reports } from "./registry.ts";
import { settlesAfterMs } from "./settled.ts";

const folds = reports.flatMap((report) => report.folds ?? []);
const weekMs = 7 * 86_400_000;

/** Of several workers one keeps the weeks; the number is arbitrary. */
const lock = 7_201_721;

/**
 * Counts the oldest weeks that are not kept, or about which something was written, at most `most` of
 * them. Gives whether there may be more. Only weeks all of whose handoffs are settled; it locks none
 * of them.
 */
export async function keepWeeks(pool: Pool, now: Instant, most = 2): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    const ours = await firstRow<{ mine: boolean }>(
      tx,
      sql`select pg_try_advisory_xact_lock(${lock}) as mine`,
    );
    if (ours?.mine !== true) return false;
    const names = folds.map(keptAs);
    const weeks = (
      await rows<{ week: string }>(tx, {
        text: `
        select w.week::date::text as week from generate_series(
          (select week_of(least((select min(mql_at) from handoff),
            (select min(arrived_at) from lead))))::timestamp, $1::timestamp, '7 days') as w(week)
        where (exists (select from stale_week s where s.week = w.week::date)
            or (select count(*) from rolled_week r where r.week = w.week::date
              and r.report = any($2::text[])) < $3)
          and not exists (select from handoff h where h.settled_at is null
            and h.subject_kind = 'lead' and h.mql_at >= w.week at time zone 'UTC'
            and h.mql_at < (w.week + interval '7 days') at time zone 'UTC')
        order by 1 limit $4`,
        values: [dayOf(now - settlesAfterMs - weekMs), names, names.length, most],
      })
    ).map(({ week }) => week);
    if (weeks.length === 0) return false;
    // What is written from here on leaves a mark of its own.
    await tx.query(sql`delete from stale_week where week = any(${weeks}::date[])`);
    await tx.query(sql`delete from rolled_week where week = any(${weeks}::date[])`);
    for (const fold of folds) {
      await tx.query({
        text: `
        insert into rolled_week (report, week, whole_at)
          select $1, week, ${wholeAtSql(fold)} from unnest($2::date[]) as week`,
        values: [keptAs(fold), weeks],
      });
      await tx.query({
        text: `insert into report_week (report, week, line, what, counts, n, marks, ranked)
          ${keptSql(fold, weeks.length)}`,
        values: spanValues(weeks.map(spanOf), "infinity"),
      });
    }
    return weeks.length >= most;
  });
}

const dayOf = (at: Instant): string => new Date(at).toISOString().slice(0, 10);

const spanOf = (week: string): CohortSpan => ({
  since: Date.parse(week),
  until: Date.parse(week) + weekMs,
});

/** Weeks that are kept and not what their rows say, for the daily recount. */
export async function wrongWeeks(db: Db): Promise<string[]> {
  const wrong: string[] = [];
  for (const fold of folds) {
    const kept = await rows<{ week: string }>(db, {
      text: `
      with ${staleSql(fold)}
      select week::text from rolled_week where report = $1
        and week not in (select week from stale) order by 1`,
      values: [keptAs(fold)],
    });
    const weeks = kept.map(({ week }) => week);
    for (let n = 0; n < weeks.length; n += weeksAtOnce) {
      const page = weeks.slice(n, n + weeksAtOnce);
      const found = await rows<{ week: string }>(db, {
        text: `
        with counted as (${keptSql(fold, page.length)}),
        kept as (select report, week, line, what, counts, n, marks, ranked from report_week
          where report = '${keptAs(fold)}'
            and week in (${page.map((week) => `date '${week}'`).join(", ")}))
        select distinct week::text from (
          (select * from counted except all select * from kept)
          union all (select * from kept except all select * from counted)) unequal`,
        values: spanValues(page.map(spanOf), "infinity"),
      });
      wrong.push(...found.map(({ week }) => `${week} ${fold.name}`));
    }
  }
  return wrong;
}

const weeksAtOnce = 8;
