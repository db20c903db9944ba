import { rateOf } from "../../handoff/reviews/figures.ts";
import { hoursBetween, n, ofEverySubject } from "./cohort.ts";
import { byGroup, foldedCohort, meanOf } from "./fold.ts";
import { count, defineReport, group, hours, numberColumn, rate, type Fold } from "./report.ts";

const held = hoursBetween("mql_at", "offered_at");
const isOwnOffer = "offered_at is not null and not imported";
const routes: Fold = {
  name: "routing",
  sums: {
    handoffs: "count(*)::int",
    offered: n("offered_at is not null"),
    accepted: n("offered_at is not null and sal_at is not null"),
    sql: n("offered_at is not null and sql_at is not null"),
    opportunity: n("offered_at is not null and opportunity_at is not null"),
    again: `(sum(greatest(offers - 1, 0)) filter (where ${isOwnOffer}))::int`,
    again_of: n(isOwnOffer),
    fallback: n("is_fallback"),
    own: n("not imported or is_routed"),
  },
  percentiles: { held: [0.5, held], held90: [0.9, held] },
};

export const routingReport = defineReport({
  name: "routing",
  question: "Do leads reach the right people at once, and what comes of it?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "Outcomes by territory, segment and motion",
      article: "criteria",
      section: "Territory, segment, and motion routing",
      column: "qualifiedRate",
    },
    {
      name: "Opportunities of priority leads",
      article: "criteria",
      section: "Round-robin vs. priority queuing",
      column: "opportunityRate",
    },
    {
      name: "Assignment delay",
      article: "criteria",
      section: "Working hours and assignment windows",
      column: "medianHeld",
    },
  ],
  columns: {
    group,
    handoffs: count("handoffs that began"),
    acceptanceRate: rate("accepted / handed off"),
    qualifiedRate: rate("handed off and qualified (SQL) / handed off"),
    opportunityRate: rate("handed off and became an opportunity / handed off"),
    reroutes: numberColumn(
      "offers after the first, by handoff that was offered; imported ones left out, as offers " +
        "of them are not recorded",
    ),
    fallbackRate: rate("put into the fallback queue at any time / handoffs that Baton routed"),
    medianHeld: hours("median hours from MQL to the first offer"),
    p90Held: hours("nine of ten were offered within so many hours"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "qualified (SQL)", rate: "qualifiedRate" },
      { title: "opportunity", rate: "opportunityRate" },
      { title: "fallback queue", rate: "fallbackRate" },
      { title: "MQL to offer", median: "medianHeld", p90: "p90Held" },
    ],
  },
  paragraph: {
    shares: [
      { of: "leads handed off", did: "qualified (SQL)", rate: "qualifiedRate" },
      { of: "handoffs", did: "lay in the fallback queue", rate: "fallbackRate" },
    ],
  },
  folds: [routes],
  async rows(ask) {
    const found = await foldedCohort<
      Record<string, number> & {
        g: string | null;
        held: number | null;
        held90: number | null;
        again: number | null;
      }
    >(ask, routes);
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.map((row) => ({
      group: row.g,
      handoffs: row["handoffs"] ?? 0,
      acceptanceRate: rateOf(row["accepted"] ?? 0, row["offered"] ?? 0),
      qualifiedRate: rateOf(row["sql"] ?? 0, row["offered"] ?? 0),
      opportunityRate: rateOf(row["opportunity"] ?? 0, row["offered"] ?? 0),
      reroutes: meanOf(row.again, row["again_of"] ?? 0),
      fallbackRate: rateOf(row["fallback"] ?? 0, row["own"] ?? 0),
      medianHeld: row.held,
      p90Held: row.held90,
    }));
  },
});
