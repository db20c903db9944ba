import { rateOf } from "../../handoff/reviews/figures.ts";
import { everyDimension, n } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, defineReport, group, rate, textColumn, type Fold } from "./report.ts";

const outcomes: Fold = {
  name: "roles",
  where: "offered_at is not null",
  by: ["role"],
  sums: {
    offered: "count(*)::int",
    accepted: n("sal_at is not null"),
    sql: n("sql_at is not null"),
  },
};

export const rolesReport = defineReport({
  name: "roles",
  question: "Which roles of contacts become qualified?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Contact role acceptance rate",
      article: "criteria",
      section: "Fit criteria using firmographics and contact data",
      column: "qualifiedRate",
    },
  ],
  columns: {
    group,
    role: textColumn("the contact's role when the handoff began; empty: not known"),
    handedOff: count("handoffs that were put before a rep"),
    acceptanceRate: rate("accepted / handed off"),
    qualifiedRate: rate("handed off and qualified (SQL) / handed off"),
  },
  picture: {
    kind: "panels",
    of: ["role"],
    panels: [
      { title: "accepted", rate: "acceptanceRate" },
      { title: "qualified (SQL)", rate: "qualifiedRate" },
    ],
  },
  paragraph: {
    shares: [
      { of: "leads handed off", did: "were accepted", rate: "acceptanceRate" },
      { of: "leads handed off", did: "qualified (SQL)", rate: "qualifiedRate" },
    ],
    each: "role",
  },
  folds: [outcomes],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      role: string | null;
      offered: number;
      accepted: number;
      sql: number;
    }>(ask, outcomes);
    found.sort((a, b) => byGroup(a.g, b.g) || b.offered - a.offered || byGroup(a.role, b.role));
    return found.map(({ g, role, offered, accepted, sql }) => ({
      group: g,
      role,
      handedOff: offered,
      acceptanceRate: rateOf(accepted, offered),
      qualifiedRate: rateOf(sql, offered),
    }));
  },
});
