import { isImmature, rateOf } from "../../handoff/reviews/figures.ts";
import { amountsOf } from "./amounts.ts";
import { everyDimension, n, secondsToDecide } from "./cohort.ts";
import { ageOf, byGroup, foldedCohort } from "./fold.ts";
import { count, defineReport, flag, group, money, rate, textColumn, type Fold } from "./report.ts";

const campaigns: Fold = {
  name: "campaigns",
  by: ["source", "campaign"],
  sums: {
    mqls: "count(*)::int",
    offered: n("offered_at is not null"),
    accepted: n("sal_at is not null"),
    offered_accepted: n("offered_at is not null and sal_at is not null"),
    sql: n("sal_at is not null and sql_at is not null"),
    opportunity: n("offered_at is not null and opportunity_at is not null"),
  },
  percentiles: { nine_of_ten: [0.9, secondsToDecide] },
  isAged: true,
};

export const campaignsReport = defineReport({
  name: "campaigns",
  question: "Which sources and campaigns bring leads that sales accepts, and how much pipeline?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Campaign-level MQL quality",
      article: "pipeline",
      section: "continuous improvement",
      column: "mqlToSal",
    },
  ],
  columns: {
    group,
    source: textColumn("the source that the handoff froze"),
    campaign: textColumn("the campaign that the handoff froze"),
    mqls: count("handoffs that began (MQL)"),
    handedOff: count("handoffs that were put before a rep"),
    accepted: count("of all, accepted (SAL)"),
    acceptanceRate: rate("handed off and accepted / handed off"),
    mqlToSal: rate("accepted (SAL) / MQL"),
    qualifiedRate: rate("accepted and qualified (SQL) / accepted"),
    opportunityRate: rate("handed off and became an opportunity / handed off"),
    pipeline: money("amounts of the opportunities that came of them, as they stood then"),
    won: money("amounts of those that were won"),
    isImmature: flag("the cohort is younger than what nine of ten decided handoffs took"),
  },
  picture: {
    kind: "panels",
    of: ["source", "campaign"],
    panels: [
      { title: "MQLs", count: "mqls" },
      { title: "accepted (SAL)", rate: "mqlToSal" },
      { title: "SAL to SQL", rate: "qualifiedRate" },
      { title: "opportunity", rate: "opportunityRate" },
    ],
    notes: { isImmature: "young cohort" },
  },
  paragraph: {
    shares: [
      { of: "MQLs", did: "were accepted (SAL)", rate: "mqlToSal" },
      { of: "leads accepted", did: "qualified (SQL)", rate: "qualifiedRate" },
    ],
    each: "campaign",
  },
  folds: [campaigns],
  async rows(ask) {
    const found = await foldedCohort<Line>(ask, campaigns);
    found.sort(
      (a, b) =>
        byGroup(a.g, b.g) ||
        b.mqls - a.mqls ||
        byGroup(a.source, b.source) ||
        byGroup(a.campaign, b.campaign),
    );
    const sold = await amountsOf<Pick<Line, "g" | "source" | "campaign">>(
      ask,
      "g, source, campaign",
    );
    const key = (of: Pick<Line, "g" | "source" | "campaign">) =>
      JSON.stringify([of.g, of.source, of.campaign]);
    const byLine = new Map(sold.map((one) => [key(one), one]));
    return found.map((row) => ({
      group: row.g,
      source: row.source,
      campaign: row.campaign,
      mqls: row.mqls,
      handedOff: row.offered,
      accepted: row.accepted,
      acceptanceRate: rateOf(row.offered_accepted, row.offered),
      mqlToSal: rateOf(row.accepted, row.mqls),
      qualifiedRate: rateOf(row.sql, row.accepted),
      opportunityRate: rateOf(row.opportunity, row.offered),
      pipeline: byLine.get(key(row))?.pipeline ?? [],
      won: byLine.get(key(row))?.won ?? [],
      isImmature: isImmature(ageOf(ask, row.youngest), row.nine_of_ten),
    }));
  },
});

interface Line {
  readonly g: string | null;
  readonly source: string | null;
  readonly campaign: string | null;
  readonly mqls: number;
  readonly offered: number;
  readonly accepted: number;
  readonly offered_accepted: number;
  readonly sql: number;
  readonly opportunity: number;
  readonly youngest: number | null;
  readonly nine_of_ten: number | null;
}
