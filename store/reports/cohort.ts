import type { Instant } from "../../handoff/time/calendar.ts";
import { rows as select } from "../postgres/db.ts";
import { dimensionNames, dimensions, filterSql, subjectSql, type Dimension } from "./filters.ts";
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
function masked(
  q: Pick<ReportQuestion, "knowledge">,
  group: string,
  subject = "h.subject_kind = 'lead'",
): string {
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
    from handoff h where ${subject}`;
}

/**
 * `h as (…)`: the handoffs that began in the period, as they were known at `asOf`. Where a statement
 * names them twice they are read twice, and not written down with all their columns.
 */
export function cohortSql(q: ReportQuestion, { where, group }: Cohort): string {
  return `h as not materialized (${masked(q, group, subjectSql(q))} and h.mql_at >= $1 and h.mql_at < $2
    and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${where})`;
}

/**
 * `h as (…)`: the handoffs that began in one of so many spans: between `$1` and `$2`, and where there
 * are several between `$4` and `$5`, `$6` and `$7` and so on. Each is a condition of its own, so that
 * Postgres looks up those of a week and does not read all.
 */
export function spansSql(q: Pick<ReportQuestion, "knowledge">, spans: number): string {
  return `h as not materialized (${masked(q, "null::text")} and ${withinSql("h.mql_at", spans)}
    and ${knownSql(q, "h.mql_at", "h.mql_told_at")})`;
}

function withinSql(at: string, spans: number): string {
  const each = Array.from(
    { length: spans === 1 ? 0 : spans },
    (_, i) => `${at} >= $${2 * i + 4} and ${at} < $${2 * i + 5}`,
  );
  return `${at} >= $1 and ${at} < $2${each.length === 0 ? "" : ` and (${each.join(" or ")})`}`;
}

/** `h as (…)`: the leads that arrived in one of so many spans and were handed off, as of `$3`. */
export function leadsOfSpansSql(q: Pick<ReportQuestion, "knowledge">, spans: number): string {
  return `h as not materialized (select null::text as g, l.id as subject_id, l.arrived_at as mql_at
    from lead l where ${withinSql("l.arrived_at", spans)} and l.arrived_at <= $3
      and exists (select from handoff h where h.subject_kind = 'lead' and h.subject_id = l.id
        and ${knownSql(q, "h.mql_at", "h.mql_told_at")}))`;
}

/** The same of the question's period, whatever it filters. */
export const leadsHandedOffSql = (q: ReportQuestion): string => leadsOfSpansSql(q, 1);

/**
 * From when on nothing that is counted of a settled handoff depends on `asOf`: its milestones have
 * happened and were told, what hangs on it too, and open clocks have run out.
 */
export const settledWhole = `greatest(h.settled_at, h.late_at, ${["mql", ...milestones]
  .map((step) => `h.${step}_at, h.${step}_told_at`)
  .join(", ")}, ${["outreach", "status"]
  .map((kind) => `case when h.${kind}_clock = 'open' then h.${kind}_due_at end`)
  .join(", ")})`;

/** The values of `spansSql`, the spans in order, with `$3`. */
export function spanValues(spans: readonly CohortSpan[], asOf: Date | "infinity"): unknown[] {
  const each = spans.flatMap(({ since, until }) => [new Date(since), new Date(until)]);
  return [each[0], each.at(-1), asOf, ...(spans.length === 1 ? [] : each)];
}

export interface CohortSpan {
  readonly since: Instant;
  readonly until: Instant;
}

/** `h as (…)`: all handoffs that had begun by `asOf`. */
export function everBegunSql(q: ReportQuestion, { where, group }: Cohort): string {
  // Every value of a statement is named in it.
  const period = "coalesce($1::timestamptz, $2::timestamptz) is not null";
  return `h as not materialized (${masked(q, group, subjectSql(q))} and ${period}
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

/** What a handoff took to be decided, in seconds. */
export const secondsToDecide = `date_part('epoch', coalesce(sal_at,
  case when ${isRejected} then rejected_at end, closed_at) - mql_at)`;

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

/** What a report of leads can be filtered and grouped by. */
export const everyDimension = dimensionNames.filter((name) => name !== "subject");

/**
 * The same of a report that can also count handoffs of accounts: asked by `subject`; else it counts
 * leads (decision 0114).
 */
export const ofEverySubject: readonly Dimension[] = dimensionNames;
