import { rateOf } from "../../handoff/reviews/figures.ts";
import { byGroup } from "./fold.ts";
import { knownSql } from "./known.ts";
import {
  daysBetween,
  everyDimension,
  n,
  ofCohort,
  percentileSql,
  stalledAfter,
  stalledDays,
  type Cohort,
} from "./cohort.ts";
import {
  count,
  days,
  defineReport,
  group,
  listColumn,
  rate,
  textColumn,
  type ReportQuestion,
} from "./report.ts";

/**
 * `h as (…)`: stays of opportunities in a deal stage that began in the period, `mql_at` of which is
 * when: until when, what came next and when something last changed, as of `$3`. A new amount in the
 * same deal stage is a change and no new stay; what the CRM names no deal stage for is none.
 */
function dealStaysSql(q: ReportQuestion, { where, group: by, subject }: Cohort): string {
  const isKnown = knownSql(q, "s.happened_at", "s.told_at");
  const place = "case when s.stage = 'open' then s.deal_stage else s.stage end";
  const inOrder = "over (partition by opportunity_id order by happened_at, told_at, stage)";
  return `told as (
      select s.opportunity_id, s.stage, s.deal_stage, s.happened_at, s.told_at, ${place} as place,
        row_number() over w = 1 or (s.stage, ${place}) is distinct from
          (lag(s.stage) over w, lag(${place}) over w) as is_move,
        max(s.happened_at) over (partition by s.opportunity_id) as changed_at
      from opportunity_stage s where ${isKnown} and s.opportunity_id in (
        select began.opportunity_id from opportunity_stage began where began.stage = 'open'
          and began.deal_stage is not null and began.happened_at >= $1 and began.happened_at < $2)
      window w as (partition by s.opportunity_id order by s.happened_at, s.told_at, s.stage)),
    moves as (
      select *, lead(happened_at) ${inOrder} as until, lead(stage) ${inOrder} as next_stage
      from told where is_move),
    h as (
      select ${by} as g, h.subject_id, m.deal_stage as stage, m.happened_at as mql_at, m.until,
        m.next_stage, m.changed_at, o.created_at
      from moves m join opportunity o on o.id = m.opportunity_id join handoff h on h.id = o.handoff_id
      where m.stage = 'open' and m.deal_stage is not null and m.happened_at >= $1
        and m.happened_at < $2 and ${subject} and ${knownSql(q, "h.mql_at", "h.mql_told_at")}${where})`;
}

const isStalled = `until is null and changed_at < $3::timestamptz - ${stalledAfter}`;

export const dealStagesReport = defineReport({
  name: "deal-stages",
  question:
    "How do opportunities come through the deal stages of the CRM, and where do they stall?",
  period: "what happened in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Opportunity-to-stage progression",
      article: "criteria",
      section: "From handoff to opportunity: conversion chain metrics",
      column: "movedOn",
    },
  ],
  columns: {
    group,
    stage: textColumn(
      "the deal stage, as the CRM names it, in the order in which they are come to",
    ),
    entered: count("times an opportunity came to it in the period"),
    movedOn: rate("went on to another deal stage or were won by then / entered"),
    lost: rate("were lost from it by then / entered"),
    medianDays: days("median days in it, of those that left"),
    p90Days: days("nine of ten that left stayed at most so long"),
    stalledRate: rate(
      `still there then and longer than ${stalledDays} days without a change / still there`,
    ),
    leads: listColumn("the leads of those that stalled: the first hundred, the oldest first"),
  },
  picture: {
    kind: "panels",
    of: ["stage"],
    panels: [
      { title: "opportunities that came to it", count: "entered" },
      { title: "moved on or won", rate: "movedOn" },
      { title: "days in it, of those that left", median: "medianDays", p90: "p90Days" },
      { title: "stalled, of those still there", rate: "stalledRate" },
    ],
  },
  paragraph: {
    shares: [
      { of: "stays in a deal stage", did: "moved on or were won", rate: "movedOn" },
      {
        of: "opportunities still there",
        did: "were longer than 14 days without a change",
        rate: "stalledRate",
      },
    ],
    each: "stage",
  },
  async rows(ask) {
    const found = await ofCohort<{
      g: string | null;
      stage: string;
      entered: number;
      left_it: number;
      moved: number;
      lost: number;
      stalled: number;
      median: number | null;
      p90: number | null;
      leads: string[] | null;
    }>(
      ask,
      `select g, stage, count(*)::int as entered, ${n("until is not null")} as left_it,
        ${n("next_stage in ('open', 'won')")} as moved, ${n("next_stage = 'lost'")} as lost,
        ${n(isStalled)} as stalled,
        ${percentileSql(0.5, daysBetween("mql_at", "until"))} as median,
        ${percentileSql(0.9, daysBetween("mql_at", "until"))} as p90,
        (array_agg(subject_id order by mql_at, subject_id) filter (where ${isStalled}))[1:100]
          as leads
      from h group by g, stage
      order by avg(mql_at - created_at), stage`,
      dealStaysSql,
    );
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.map((row) => ({
      group: row.g,
      stage: row.stage,
      entered: row.entered,
      movedOn: rateOf(row.moved, row.entered),
      lost: rateOf(row.lost, row.entered),
      medianDays: row.median,
      p90Days: row.p90,
      stalledRate: rateOf(row.stalled, row.entered - row.left_it),
      leads: row.leads ?? [],
    }));
  },
});
