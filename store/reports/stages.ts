import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, everBegunSql, everyDimension, n, ofCohort, percentileSql } from "./cohort.ts";
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
    const found = await ofCohort<{
      g: string | null;
      stage: string;
      entered: number;
      gone: number;
      median: number | null;
      p90: number | null;
      stalled: number;
    }>(
      ask,
      `, stays as (
        select h.g, t.to_stage as stage, t.at as since, t.at as changed, next.at as until
        from transition t
        join h on h.subject_id = t.subject_id and h.cycle = t.cycle
        left join lateral (select l.at from transition l where l.subject_kind = 'lead'
          and l.subject_id = t.subject_id and (l.at, l.cycle, l.step) > (t.at, t.cycle, t.step)
          and l.at <= $3 order by l.at, l.cycle, l.step limit 1) next on true
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
      select g, stage, count(*)::int as entered, ${n("until is not null")} as gone,
        ${percentileSql(0.5, daysBetween("since", "until"))} as median,
        ${percentileSql(0.9, daysBetween("since", "until"))} as p90,
        ${n(
          "until is null and $3::timestamptz - coalesce(changed, since) > interval " +
            `'${stalledDays} days'`,
        )}
          as stalled
      from stays group by g, stage order by g nulls last,
        array_position(array['mql', 'sal', 'sql', 'opportunity', 'renurture'], stage)`,
      everBegunSql,
    );
    return found.map(({ g, stage, entered, gone, median, p90, stalled }) => ({
      group: g,
      stage,
      entered,
      left: gone,
      medianDays: median,
      p90Days: p90,
      stalledRate: rateOf(stalled, entered - gone),
    }));
  },
});
