import { rows as select } from "../postgres/db.ts";
import { dimensionNames, dimensions, filterSql } from "./filters.ts";
import type { ReportAsk, ReportQuestion } from "./report.ts";
import { settledSql } from "./settled.ts";

/** Milestones of a handoff; each is masked when it lies behind `asOf`, or was not told by then. */
const milestones = [
  "offered",
  "first_outreach",
  "connected",
  "meeting",
  "sal",
  "sql",
  "opportunity",
  "won",
  "lost",
  "rejected",
  "closed",
] as const;

/** `and coalesce(told, happened) <= asOf` where only what was told by then counts. */
export function knownSql(
  q: Pick<ReportQuestion, "knowledge">,
  happened: string,
  told: string,
): string {
  const isTold = q.knowledge === "then" ? ` and coalesce(${told}, ${happened}) <= $3` : "";
  return `(${happened} <= $3${isTold})`;
}

/** A question with the values of its statement: $1 `from`, $2 `to`, $3 `asOf`, then the filters'. */
export interface Cohort {
  readonly values: unknown[];
  /** The filters and the reach, each beginning with `and`. */
  readonly where: string;
  /** The group of a row of `handoff h`. */
  readonly group: string;
}

export function cohortOf(q: ReportQuestion): Cohort {
  const values: unknown[] = [new Date(q.from), new Date(q.to), new Date(q.asOf)];
  const filters = filterSql(q.filters, dimensions, values);
  if (q.repIds !== null) values.push([...q.repIds]);
  return {
    values,
    where: q.repIds === null ? filters : `${filters} and h.rep_id = any($${values.length}::text[])`,
    group: q.groupBy === null ? "null::text" : dimensions[q.groupBy],
  };
}

/**
 * A handoff as it was known at `asOf`, with its group `g`: a step that lies behind, or was not told
 * by then, has not been taken. Beside it stands whatever the handoff froze, and what is counted of
 * its clocks, outreaches, answers and offers; Postgres leaves out what a statement does not name.
 */
function masked(q: ReportQuestion, group: string): string {
  const steps = milestones.map(
    (one) =>
      `case when ${knownSql(q, `h.${one}_at`, `h.${one}_told_at`)} then h.${one}_at end as ${one}_at`,
  );
  return `select ${group} as g, h.id, h.subject_id, h.cycle, h.agreement_id, h.band, h.icp,
    h.source, h.campaign, h.rep_id, h.lead_type, h.held, h.role, h.tech_match, h.first_touch_at,
    h.signals, h.assets, h.first_signal_at, h.imported, h.outcome, h.response_system_ms,
      h.response_human_ms, h.mql_at,
    ${steps.join(", ")},
    ${settledSql}
    from handoff h where h.subject_kind = 'lead'`;
}

/**
 * `h as (…)`: the handoffs that began in the period, as they were known at `asOf`. Where a statement
 * names them twice they are read twice, and not written down with all their columns.
 */
export function cohortSql(q: ReportQuestion, { where, group }: Cohort): string {
  return `h as not materialized (${masked(q, group)} and h.mql_at >= $1 and h.mql_at < $2
    and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${where})`;
}

/** `h as (…)`: all handoffs that had begun by `asOf`. */
export function everBegunSql(q: ReportQuestion, { where, group }: Cohort): string {
  // Every value of a statement is named in it.
  const period = "coalesce($1::timestamptz, $2::timestamptz) is not null";
  return `h as not materialized (${masked(q, group)} and ${period}
    and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${where})`;
}

/** When a handoff stopped to be an open MQL, as far as was told; as the index has it. */
const openUntil = `coalesce(
  least(greatest(h.sal_at, case when h.sal_at is not null then h.sal_told_at end),
    greatest(h.closed_at, case when h.closed_at is not null then h.closed_told_at end)),
      'infinity')`;

/** `h as (…)`: those of `everBegunSql` that were neither accepted nor ended by `asOf`. */
export function stillOpenSql(q: ReportQuestion, cohort: Cohort): string {
  // What was told by then also happened by then, so this leaves out none of either knowledge.
  const where = `${cohort.where} and ${openUntil} > $3`;
  return everBegunSql(q, { ...cohort, where });
}

/** Rejected for good: not accepted before, and no manager's decision is open or went against it. */
export const isRejected = `(sal_at is null and rejected_at is not null and closed_at is not null
  and outcome like 'rejected: %')`;

/** How old the youngest is, and what nine of ten decided ones took to be decided, in seconds. */
export const maturity = `
  date_part('epoch', $3::timestamptz - max(mql_at)) as youngest,
  (percentile_cont(0.9) within group (order by
    date_part('epoch', coalesce(sal_at, case when ${isRejected} then rejected_at end, closed_at)
      - mql_at))) as nine_of_ten`;

/** How many rows hold it. */
export const n = (condition: string): string => `(count(*) filter (where ${condition}))::int`;

/** A percentile of what is not null, interpolated between its neighbours. */
export const percentileSql = (p: number, of: string): string =>
  `(percentile_cont(${p}) within group (order by ${of}))::float8`;

/**
 * The hours between two instants; null where either is missing. `date_part` and not `extract`, which
 * reckons with decimals and takes twice as long.
 */
export const hoursBetween = (from: string, to: string): string =>
  `(date_part('epoch', ${to} - ${from}) / 3600.0)`;

/** The days between two instants. */
export const daysBetween = (from: string, to: string): string =>
  `(date_part('epoch', ${to} - ${from}) / 86400.0)`;

/** The first hundred leads of a group, the oldest handoff first. */
export const firstLeads = (order = "mql_at"): string =>
  `(array_agg(subject_id order by ${order}, subject_id))[1:100] as leads`;

/**
 * Runs `with h as (…) …` with the question's values. `more` are values behind them; the statement
 * is given the number of the first.
 */
export async function ofCohort<T extends object>(
  ask: ReportAsk,
  statement: string | ((first: number) => string),
  which: typeof cohortSql = cohortSql,
  more: readonly unknown[] = [],
): Promise<T[]> {
  const cohort = cohortOf(ask);
  const { values } = cohort;
  const text = typeof statement === "string" ? statement : statement(values.length + 1);
  return select<T>(ask.db, {
    text: `with ${which(ask, cohort)} ${text}`,
    values: [...values, ...more],
  });
}

/** What most reports can be filtered and grouped by. */
export const everyDimension = dimensionNames;
