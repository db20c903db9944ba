import type { Instant } from "../../handoff/time/calendar.ts";
import { rows as select } from "../postgres/db.ts";
import { knownSql } from "./known.ts";
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

/** A question with the values of its statement: $1 `from`, $2 `to`, $3 `asOf`, then the filters'. */
export interface Cohort {
  readonly values: unknown[];
  /** The filters and the reach, each beginning with `and`. */
  readonly where: string;
  /** The group of a row of `handoff h`. */
  readonly group: string;
  /** Handoffs of what it asks about, as a condition on `handoff h`. */
  readonly subject: string;
}

export function cohortOf(q: ReportQuestion): Cohort {
  const values: unknown[] = [new Date(q.from), new Date(q.to), new Date(q.asOf)];
  const filters = filterSql(q.filters, dimensions, values);
  if (q.repIds !== null) values.push([...q.repIds]);
  return {
    values,
    where: q.repIds === null ? filters : `${filters} and h.rep_id = any($${values.length}::text[])`,
    group: q.groupBy === null ? "null::text" : dimensions[q.groupBy],
    subject: subjectSql(q),
  };
}

/**
 * A handoff as it was known at `asOf`, with its group `g`: a step that lies behind, or was not told
 * by then, has not been taken. Beside it stands whatever the handoff froze, and what is counted of
 * its clocks, outreaches, answers and offers; Postgres leaves out what a statement does not name.
 */
function masked(
  q: Pick<ReportQuestion, "knowledge">,
  { group, subject }: Pick<Cohort, "group" | "subject">,
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
    ${settledSql(q)}
    from handoff h where ${subject}`;
}

/**
 * `h as (…)`: the handoffs that began in the period, as they were known at `asOf`. Where a statement
 * names them twice they are read twice, and not written down with all their columns.
 */
export function cohortSql(q: ReportQuestion, cohort: Cohort): string {
  return `h as not materialized (${masked(q, cohort)} and h.mql_at >= $1 and h.mql_at < $2
    and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${cohort.where})`;
}

/** Which rows of a cohort, beside when they came: as of a question, or of whatever is kept. */
export type CohortRows = Pick<Cohort, "where" | "group" | "subject">;

/**
 * How many spans a statement asks for: between `$1` and `$2`, and where there are several between
 * `$4` and `$5`, `$6` and `$7` and so on.
 */
export type Spans = number;

/**
 * `h as (…)`: the handoffs that began in one of so many spans. Each is a condition of its own, so
 * that Postgres looks up those of a week and does not read all.
 */
export function spansSql(
  q: Pick<ReportQuestion, "knowledge">,
  spans: Spans,
  rows: CohortRows,
): string {
  return `h as not materialized (${masked(q, rows)} and ${withinSql("h.mql_at", spans)}
    and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${rows.where})`;
}

function withinSql(at: string, spans: Spans): string {
  if (spans === 1) return `${at} >= $1 and ${at} < $2`;
  const each = Array.from(
    { length: spans },
    (_, i) => `${at} >= $${2 * i + 4} and ${at} < $${2 * i + 5}`,
  );
  // Every value of a statement is named in it; as a condition they would have all between be read.
  return `coalesce($1::timestamptz, $2::timestamptz) is not null and (${each.join(" or ")})`;
}

/** Whether it lies in the week of a `rolled_week`, whose Monday is `week`. */
export function ofWeek(at: string): string {
  return `${at} >= week::timestamp at time zone 'UTC'
    and ${at} < (week + 7)::timestamp at time zone 'UTC'`;
}

/** What nothing was told of for so many days is stalled. */
export const stalledDays = 14;
/** In hours: a day of the session's time zone may have other ones. */
export const stalledAfter = `interval '${stalledDays * 24} hours'`;

/** `h as (…)`: the leads that arrived in one of so many spans and were handed off, as of `$3`. */
export function leadsOfSpansSql(q: Pick<ReportQuestion, "knowledge">, spans: Spans): string {
  return `h as not materialized (select null::text as g, l.id as subject_id, l.arrived_at as mql_at
    from lead l where ${withinSql("l.arrived_at", spans)} and l.arrived_at <= $3
      and exists (select from handoff h where h.subject_kind = 'lead' and h.subject_id = l.id
        and ${knownSql(q, "h.mql_at", "h.mql_told_at")}))`;
}

/** The stages of which is told how long leads stay in them. */
const stayStages = "('mql', 'sal', 'sql', 'renurture')";

/**
 * `h as (…)`: the moves of leads with their handoff that came in one of so many spans, `mql_at` of
 * which is when; until when the lead stayed, and for what it left, as of `$3`.
 */
const movesSql =
  (stages: string, more: (q: Pick<ReportQuestion, "knowledge">) => string = () => "") =>
  (q: Pick<ReportQuestion, "knowledge">, spans: Spans, { where, group }: CohortRows): string =>
    `h as not materialized (select ${group} as g, h.subject_id, t.to_stage as stage, t.because,
        t.at as mql_at, case when t.next_at <= $3 then t.next_at end as until,
        case when t.left_at <= $3 then t.left_at end as left_at,
        case when t.left_at <= $3 then t.left_to end as left_to, h.outcome${more(q)}
      from transition t join handoff h on h.subject_kind = 'lead' and h.subject_id = t.subject_id
        and h.cycle = t.cycle
      where t.subject_kind = 'lead' and t.to_stage in ${stages} and ${withinSql("t.at", spans)}
        and t.at <= $3 and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${where})`;

export const staysSql = movesSql(stayStages);

/** Of the handoff of the lead's next cycle, of handoff `h`. */
const ofLater = (what: string): string =>
  `(select ${what} from handoff later where later.subject_kind = 'lead'
    and later.subject_id = h.subject_id and later.cycle = h.cycle + 1)`;

/** The same of what went to the re-nurture pool, and whether it was accepted in its next cycle. */
export const poolEntriesSql = movesSql(
  "('renurture')",
  (q) => `,
    case when t.left_at <= $3 and t.left_to = 'mql'
      then ${ofLater(knownSql(q, "later.sal_at", "later.sal_told_at"))} end as again`,
);

const stayEnd = "greatest(t.at, t.next_at, t.left_at, h.mql_at, h.mql_told_at)";
const movesOfWeek = `transition t join handoff h on h.subject_kind = 'lead'
  and h.subject_id = t.subject_id and h.cycle = t.cycle where t.subject_kind = 'lead'
  and ${ofWeek("t.at")}`;
/** From when on nothing that is counted of a week's stays depends on `asOf`. */
export const staysWhole = `(select max(greatest(${stayEnd},
    case when t.next_at is null then t.at + ${stalledAfter} end))
  from ${movesOfWeek} and t.to_stage in ${stayStages})`;
export const poolEntriesWhole = `(select max(greatest(${stayEnd},
    ${ofLater("greatest(later.sal_at, later.sal_told_at)")}))
  from ${movesOfWeek} and t.to_stage = 'renurture')`;

/**
 * `h as (…)`: the moves by which leads were disqualified that had been handed off, each with its
 * latest handoff: the first of those of one subject and instant, the latest handoff first.
 */
export function disqualifiedSql(
  q: Pick<ReportQuestion, "knowledge">,
  spans: Spans,
  { where, group }: CohortRows,
): string {
  return `h as not materialized (select distinct on (t.subject_id, t.at) ${group} as g, h.subject_id,
      t.at as mql_at, t.because
    from transition t join handoff h on h.subject_kind = 'lead' and h.subject_id = t.subject_id
      and h.mql_at <= t.at
    where t.subject_kind = 'lead' and t.to_stage = 'disqualified' and ${withinSql("t.at", spans)}
      and t.at <= $3 and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${where}
    order by t.subject_id, t.at, h.mql_at desc, h.cycle desc)`;
}
export const disqualifiedWhole = `(select max(greatest(t.at, h.mql_told_at)) from transition t
  join handoff h on h.subject_kind = 'lead' and h.subject_id = t.subject_id and h.mql_at <= t.at
  where t.subject_kind = 'lead' and t.to_stage = 'disqualified' and ${ofWeek("t.at")})`;

/**
 * `h as (…)`: the opportunities of handoffs that were created in one of so many spans, `mql_at` of
 * which is when; when they last changed, and until when they were open, as of `$3`.
 */
export function opportunitiesSql(
  q: Pick<ReportQuestion, "knowledge">,
  spans: Spans,
  { where, group }: CohortRows,
): string {
  const isKnown = knownSql(q, "s.happened_at", "s.told_at");
  const isHeardOf =
    q.knowledge === "now"
      ? ""
      : `and exists (select from opportunity_stage s where s.opportunity_id = o.id and ${isKnown})`;
  return `h as not materialized (select ${group} as g, h.subject_id, o.created_at as mql_at,
      (select max(s.happened_at) from opportunity_stage s where s.opportunity_id = o.id
        and ${isKnown}) as changed_at,
      (select min(s.happened_at) from opportunity_stage s where s.opportunity_id = o.id
        and s.stage <> 'open' and ${isKnown}) as until
    from opportunity o join handoff h on h.id = o.handoff_id
    where h.subject_kind = 'lead' and ${withinSql("o.created_at", spans)} and o.created_at <= $3
      ${isHeardOf}
      and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${where})`;
}
export const opportunitiesWhole = `(select max(greatest(o.created_at, h.mql_at, h.mql_told_at,
    (select max(greatest(s.happened_at + ${stalledAfter}, s.told_at)) from opportunity_stage s
      where s.opportunity_id = o.id), o.created_at + ${stalledAfter}))
  from opportunity o join handoff h on h.id = o.handoff_id where h.subject_kind = 'lead'
    and ${ofWeek("o.created_at")})`;

/**
 * `h as (…)`: acceptances and rejections before acceptance that came in one of so many spans,
 * `mql_at` of which is when, and what became of those that were contested, as of `$3`.
 */
export function answersSql(
  q: Pick<ReportQuestion, "knowledge">,
  spans: Spans,
  { where, group, subject }: CohortRows,
): string {
  const isOutreachKnown = knownSql(q, "h.first_outreach_at", "h.first_outreach_told_at");
  return `h as not materialized (select one.*,
      kind = 'accept' or not contested or coalesce(verdict = 'contest-upheld', false) as stands
    from (select ${group} as g, a.id as answer_id, a.kind, a.reason, a.reason_group,
        a.received_at as mql_at, a.contested, a.open_ms, h.subject_id, h.agreement_id,
        h.first_outreach_at <= a.received_at and ${isOutreachKnown} as after_outreach,
        to_char(a.received_at at time zone 'UTC', 'YYYY-MM') as month,
        case when a.contested then (select d.kind from answer d where d.handoff_id = a.handoff_id
          and d.kind in ('contest-upheld', 'contest-overturned')
          and d.received_at >= a.received_at and ${knownSql(q, "d.received_at", "d.told_at")}
          order by d.received_at, d.id limit 1) end as verdict
      from answer a join handoff h on h.id = a.handoff_id
      where ${subject} and a.kind in ('accept', 'reject')
        and ${withinSql("a.received_at", spans)}
        and ${knownSql(q, "a.received_at", "a.told_at")}
        and (a.kind = 'accept' or h.sal_at is null or h.sal_at > a.received_at)${where}) one)`;
}
export const answersWhole = `(select max(greatest(a.received_at, a.told_at,
    h.first_outreach_told_at,
    case when a.contested then (select max(greatest(d.received_at, d.told_at)) from answer d
      where d.handoff_id = a.handoff_id) end))
  from answer a join handoff h on h.id = a.handoff_id
  where a.kind in ('accept', 'reject') and ${ofWeek("a.received_at")})`;

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
export function everBegunSql(q: ReportQuestion, cohort: Cohort): string {
  // Every value of a statement is named in it.
  const period = "coalesce($1::timestamptz, $2::timestamptz) is not null";
  return `h as not materialized (${masked(q, cohort)} and ${period}
    and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${cohort.where})`;
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
