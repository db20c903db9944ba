import { rateOf } from "../../handoff/reviews/figures.ts";
import { amountsOf } from "./amounts.ts";
import { everyDimension, n } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, defineReport, group, money, rate, type Fold } from "./report.ts";

const volumes: Fold = {
  name: "scorecard",
  sums: {
    mqls: "count(*)::int",
    sals: n("sal_at is not null"),
    offered: n("offered_at is not null"),
    accepted: n("offered_at is not null and sal_at is not null"),
  },
};

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
    sals: count("handoffs that were accepted by then (SAL)"),
    acceptanceRate: rate("handed off and accepted / handed off"),
    pipeline: money("amounts of the opportunities that came of them, as they stood then"),
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
  folds: [volumes],
  async rows(ask) {
    const found = await foldedCohort<{
      readonly g: string | null;
      readonly mqls: number;
      readonly sals: number;
      readonly offered: number;
      readonly accepted: number;
    }>(ask, volumes);
    found.sort((a, b) => byGroup(a.g, b.g));
    const sold = await amountsOf<{ readonly g: string | null }>(ask, "g");
    const byLine = new Map(sold.map((one) => [one.g, one]));
    return found.map((row) => ({
      group: row.g,
      sals: row.sals,
      acceptanceRate: rateOf(row.accepted, row.offered),
      pipeline: byLine.get(row.g)?.pipeline ?? [],
      won: byLine.get(row.g)?.won ?? [],
      mqls: row.mqls,
    }));
  },
});
