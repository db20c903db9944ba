import type { Instant } from "../../handoff/calendar.ts";
import { rateOf, type Rate } from "../../handoff/figures.ts";
import { rows, type Db } from "../db.ts";
import { dimensions, filterSql, leadDimensions, type Dimension, type Filters } from "./filters.ts";

/** The steps in their order, with the column that says when a handoff took it. */
const steps = [
  ["mql", "mql_at"],
  ["handed-off", "offered_at"],
  ["first-outreach", "first_outreach_at"],
  ["connected", "connected_at"],
  ["meeting", "meeting_at"],
  ["sal", "sal_at"],
  ["sql", "sql_at"],
  ["opportunity", "opportunity_at"],
  ["won", "won_at"],
] as const;
type Step = (typeof steps)[number][0];

export interface FunnelStep {
  readonly step: Step;
  readonly count: number;
  /** Of those that took the step before, how many took this one too. */
  readonly ofStepBefore: Rate | null;
  readonly medianDaysFromStepBefore: number | null;
}

export interface Funnel {
  /** The value of the dimension that was grouped by; null when nothing was, or it is not recorded. */
  readonly group: string | null;
  /** Leads that arrived in the period, and how many of them were ever handed off; null where leads do not record the dimension. */
  readonly leadsCreated: number | null;
  readonly leadsToMql: Rate | null;
  readonly steps: readonly FunnelStep[];
  readonly rates: {
    readonly mqlToSal: Rate;
    readonly handoffToSal: Rate;
    readonly salToSql: Rate;
    readonly sqlToOpportunity: Rate;
    readonly opportunityToWon: Rate;
  };
  /** The cohort is younger than what nine of ten decided handoffs took to be decided: its rates will still rise. */
  readonly immature: boolean;
}

export interface FunnelQuestion {
  readonly from: Instant;
  readonly to: Instant;
  readonly asOf: Instant;
  readonly filters: Filters;
  readonly groupBy: Dimension | null;
}

/**
 * Handoffs that began in the period, and what had become of them by `asOf` (reports.md, the cohort rule). A step counts
 * when it was taken by then; the days between two steps are those of the handoffs that took both.
 */
export async function funnel(db: Db, question: FunnelQuestion): Promise<Funnel[]> {
  const [handoffs, leads] = [await countHandoffs(db, question), await countLeads(db, question)];
  const groups = [...new Set([...handoffs.keys(), ...(leads?.keys() ?? [])])].sort((a, b) =>
    (a ?? "￿").localeCompare(b ?? "￿"),
  );
  if (groups.length === 0 && question.groupBy === null) groups.push(null);
  return groups.map((group) =>
    assemble(group, handoffs.get(group), leads && (leads.get(group) ?? { created: 0, mql: 0 })),
  );
}

type Counts = Readonly<Record<string, number | null>>;

async function countHandoffs(db: Db, q: FunnelQuestion): Promise<Map<string | null, Counts>> {
  const values: unknown[] = [new Date(q.from), new Date(q.to), new Date(q.asOf)];
  const where = filterSql(q.filters, dimensions, values);
  const columns = steps.map(([, column]) => `h.${column} <= $3 as t_${column}`).join(", ");
  const counted = steps.map(
    ([, column]) => `count(*) filter (where t_${column})::int as n_${column}`,
  );
  const both = pairs.map(
    ([before, after]) =>
      `count(*) filter (where t_${before} and t_${after})::int as b_${before}_${after}`,
  );
  const days = steps.slice(1).map(([, column], n) => {
    const before = steps[n]?.[1];
    return `(percentile_cont(0.5) within group (order by d_${column}) filter (where t_${before} and t_${column})) as d_${column}`;
  });
  const gaps = steps
    .slice(1)
    .map(
      ([, column], n) =>
        `extract(epoch from h.${column} - h.${steps[n]?.[1]}) / 86400.0 as d_${column}`,
    )
    .join(", ");
  const found = await rows<Counts & { g: string | null }>(db, {
    values,
    text: `
    with cohort as (
      select ${q.groupBy === null ? "null::text" : dimensions[q.groupBy]} as g, ${columns}, ${gaps},
        extract(epoch from coalesce(h.sal_at, h.rejected_at, h.closed_at) - h.mql_at) as decided, h.mql_at
      from handoff h where h.subject_kind = 'lead' and h.mql_at >= $1 and h.mql_at < $2 and h.mql_at <= $3${where})
    select g, ${[...counted, ...both, ...days].join(", ")},
      extract(epoch from $3::timestamptz - max(mql_at))::float8 as age, percentile_cont(0.9) within group (order by decided) as p90
    from cohort group by g`,
  });
  return new Map(found.map((row) => [row.g, row]));
}

/** The pairs of steps whose rates have names of their own, beside each step and the one before. */
const named = [
  ["mql_at", "sal_at"],
  ["offered_at", "sal_at"],
  ["sal_at", "sql_at"],
  ["sql_at", "opportunity_at"],
  ["opportunity_at", "won_at"],
] as const;
const pairs = [
  ...new Map(
    [
      ...named,
      ...steps.slice(1).map(([, column], n) => [steps[n]?.[1] ?? "", column] as const),
    ].map((pair) => [pair.join(), pair]),
  ).values(),
];

async function countLeads(
  db: Db,
  q: FunnelQuestion,
): Promise<Map<string | null, { created: number; mql: number }> | null> {
  const asked = [...Object.keys(q.filters), ...(q.groupBy === null ? [] : [q.groupBy])];
  if (!asked.every((name) => Object.hasOwn(leadDimensions, name))) return null;
  const values: unknown[] = [new Date(q.from), new Date(q.to), new Date(q.asOf)];
  const where = filterSql(q.filters, leadDimensions, values);
  const group =
    q.groupBy === null ? "null::text" : leadDimensions[q.groupBy as keyof typeof leadDimensions];
  const found = await rows<{ g: string | null; created: number; mql: number }>(db, {
    values,
    text: `
    select ${group} as g, count(*)::int as created,
      count(*) filter (where exists (select from handoff h where h.subject_kind = 'lead' and h.subject_id = l.id and h.mql_at <= $3))::int as mql
    from lead l where l.arrived_at >= $1 and l.arrived_at < $2 and l.arrived_at <= $3${where} group by 1`,
  });
  return new Map(found.map((row) => [row.g, row]));
}

function assemble(
  group: string | null,
  counts: Counts | undefined,
  leads: { created: number; mql: number } | null,
): Funnel {
  const count = (column: string) => counts?.[`n_${column}`] ?? 0;
  const rate = (before: string, after: string) =>
    rateOf(counts?.[`b_${before}_${after}`] ?? 0, count(before));
  const [age, p90] = [counts?.age ?? null, counts?.p90 ?? null];
  return {
    group,
    leadsCreated: leads?.created ?? null,
    leadsToMql: leads && rateOf(leads.mql, leads.created),
    steps: steps.map(([step, column], n) => {
      const before = steps[n - 1]?.[1];
      return {
        step,
        count: count(column),
        ofStepBefore: before === undefined ? null : rate(before, column),
        medianDaysFromStepBefore: counts?.[`d_${column}`] ?? null,
      };
    }),
    rates: {
      mqlToSal: rate("mql_at", "sal_at"),
      handoffToSal: rate("offered_at", "sal_at"),
      salToSql: rate("sal_at", "sql_at"),
      sqlToOpportunity: rate("sql_at", "opportunity_at"),
      opportunityToWon: rate("opportunity_at", "won_at"),
    },
    immature: age !== null && p90 !== null && age < p90,
  };
}
