import { rateOf } from "../../handoff/reviews/figures.ts";
import { everyDimension, n, ofCohort } from "./cohort.ts";
import { amounts, type Amounts } from "./amounts.ts";
import { count, defineReport, group, money, rate } from "./report.ts";

export const scorecardReport = defineReport({
  name: "scorecard",
  question: "What did marketing bring that sales took, beside how much it brought?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    { name: "SAL volume", article: "pipeline", section: "incentives of marketing", column: "sals" },
    {
      name: "Pipeline-sourced revenue",
      article: "pipeline",
      section: "incentives of marketing",
      column: "won",
    },
    {
      name: "Marketing's acceptance rate",
      article: "pipeline",
      section: "incentives of marketing",
      column: "acceptanceRate",
    },
  ],
  columns: {
    group,
    sals: count("handoffs that were accepted by asOf (SAL)"),
    acceptanceRate: rate("handed off and accepted / handed off"),
    pipeline: money("amounts of the opportunities that came of them, as they stood at asOf"),
    won: money("amounts of those that were won"),
    mqls: count("handoffs that began (MQL)"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "MQLs", count: "mqls" },
      { title: "accepted (SALs)", count: "sals" },
      { title: "accepted of handed off", rate: "acceptanceRate" },
    ],
  },
  paragraph: {
    shares: [{ of: "leads handed off", did: "were accepted (SAL)", rate: "acceptanceRate" }],
  },
  async rows(ask) {
    const found = await ofCohort<
      Amounts & {
        readonly g: string | null;
        readonly mqls: number;
        readonly sals: number;
        readonly offered: number;
        readonly accepted: number;
      }
    >(
      ask,
      `, a as (${amounts("g")})
      select c.*, a.pipeline, a.won from (
        select g, count(*)::int as mqls, ${n("sal_at is not null")} as sals,
          ${n("offered_at is not null")} as offered,
          ${n("offered_at is not null and sal_at is not null")} as accepted
        from h group by g) c left join a on a.g is not distinct from c.g order by g nulls last`,
    );
    return found.map((row) => ({
      group: row.g,
      sals: row.sals,
      acceptanceRate: rateOf(row.accepted, row.offered),
      pipeline: row.pipeline ?? [],
      won: row.won ?? [],
      mqls: row.mqls,
    }));
  },
});
