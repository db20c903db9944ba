import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, everBegunSql, everyDimension, n, ofCohort } from "./cohort.ts";
import { count, days, defineReport, group, rate, textColumn } from "./report.ts";

/** An opportunity that nothing was told of for so long is stalled. */
const stalledDays = 14;

export const stageTimesReport = defineReport({
  name: "stages",
  question: "Where do leads and opportunities stay too long?",
  period: "what happened in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Stage duration",
      article: "criteria",
      section: "Pipeline velocity and stage aging",
      column: "medianDays",
    },
    {
      name: "Stalled opportunity rate",
      article: "criteria",
      section: "Pipeline velocity and stage aging",
      column: "stalledRate",
    },
    {
      name: "Opportunity-to-stage progression",
      article: "criteria",
      section: "From handoff to opportunity: conversion chain metrics",
      column: "left",
    },
  ],
  columns: {
    group,
    stage: textColumn(
      "mql, sal, sql, renurture; opportunity: an opportunity that is open in the CRM",
    ),
    entered: count("times it was entered in the period"),
    left: count("of these, left by asOf"),
    medianDays: days("median days in it, of those that left"),
    p90Days: days("nine of ten that left stayed at most so long"),
    stalledRate: rate(
      `still there at asOf and longer than ${stalledDays} days without a change / still there`,
    ),
  },
  picture: {
    kind: "panels",
    of: ["stage"],
    panels: [
      { title: "days in it, of those that left", median: "medianDays", p90: "p90Days" },
      { title: "stalled, of those still there", rate: "stalledRate" },
    ],
  },
  paragraph: {
    shares: [
      {
        of: "cases still there",
        did: "were longer than 14 days without a change",
        rate: "stalledRate",
      },
    ],
    split: "stage",
  },
  async rows(ask) {
    // Postgres does not see that all stays are of one group, and would sort them by it.
    const isOne = ask.groupBy === null;
    const found = await ofCohort<Record<string, number | null> & { g: string | null }>(
      ask,
      `, stays as (
        select h.g, t.to_stage as stage, t.at as since, t.at as changed,
          case when t.next_at <= $3 then t.next_at end as until
        from transition t
        join h on h.subject_id = t.subject_id and h.cycle = t.cycle
        where t.subject_kind = 'lead' and t.to_stage in ('mql', 'sal', 'sql', 'renurture')
          and t.at >= $1 and t.at < $2 and t.at <= $3
        union all
        select h.g, 'opportunity', o.created_at,
          (select max(s.happened_at) from opportunity_stage s where s.opportunity_id = o.id
            and s.happened_at <= $3),
          (select min(s.happened_at) from opportunity_stage s where s.opportunity_id = o.id
            and s.stage <> 'open' and s.happened_at <= $3)
        from opportunity o join h on h.id = o.handoff_id
        where o.created_at >= $1 and o.created_at < $2 and o.created_at <= $3)
      select ${isOne ? "null::text as g" : "g"}, ${stages.map(figuresOf).join(", ")}
      from (select g, stage, until, until is not null as is_left,
          ${daysBetween("since", "until")} as stayed, until is null and
          $3::timestamptz - coalesce(changed, since) > interval '${stalledDays} days' as is_stalled
        from stays) one
      ${isOne ? "" : "group by g order by g nulls last"}`,
      everBegunSql,
    );
    return found.flatMap((row) =>
      stages.flatMap((stage) => {
        const of = (what: string) => row[`${stage}_${what}`] ?? 0;
        if (of("entered") === 0) return [];
        return {
          group: row.g,
          stage,
          entered: of("entered"),
          left: of("left"),
          medianDays: row[`${stage}_median`] ?? null,
          p90Days: row[`${stage}_p90`] ?? null,
          stalledRate: rateOf(of("stalled"), of("entered") - of("left")),
        };
      }),
    );
  },
});

const stages = ["mql", "sal", "sql", "opportunity", "renurture"] as const;

/** Beside those of the other stages: to group by the stage Postgres would sort all stays. */
function figuresOf(stage: string): string {
  const here = `filter (where stage = '${stage}')`;
  const percentile = (p: number) =>
    `(percentile_cont(${p}) within group (order by stayed) ${here})::float8`;
  return `${n(`stage = '${stage}'`)} as ${stage}_entered,
    ${n(`stage = '${stage}' and is_left`)} as ${stage}_left,
    ${n(`stage = '${stage}' and is_stalled`)} as ${stage}_stalled,
    ${percentile(0.5)} as ${stage}_median, ${percentile(0.9)} as ${stage}_p90`;
}
