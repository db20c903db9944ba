import { isImmature, rateOf } from "../../handoff/reviews/figures.ts";
import { ofEverySubject, isRejected, n, secondsToDecide } from "./cohort.ts";
import { ageOf, byGroup, foldedCohort } from "./fold.ts";
import { count, defineReport, flag, group, rate, type Fold } from "./report.ts";

const answers: Fold = {
  name: "acceptance",
  sums: {
    offered: n("offered_at is not null"),
    accepted: n("offered_at is not null and sal_at is not null"),
    rejected: n(`offered_at is not null and ${isRejected}`),
  },
  percentiles: { nine_of_ten: [0.9, secondsToDecide] },
  isAged: true,
};

export const acceptanceReport = defineReport({
  name: "acceptance",
  question: "Which of the leads that are handed off does sales accept?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "Sales acceptance rate",
      article: "criteria",
      section: "Sales acceptance rate (SAR) as a handoff metric",
      column: "acceptanceRate",
    },
    {
      name: "SAL acceptance by source and score band",
      article: "criteria",
      section: "Weekly or biweekly review metrics",
      column: "acceptanceRate",
    },
  ],
  columns: {
    group,
    handedOff: count("handoffs that were put before a rep"),
    accepted: count("of these, accepted (SAL)"),
    rejected: count("of these, rejected before acceptance, and the rejection stands"),
    undecided: count("of these, neither: with a rep, contested, or ended without an answer"),
    acceptanceRate: rate("accepted / handed off"),
    rejectionRate: rate("rejected / handed off"),
    isImmature: flag("the cohort is younger than what nine of ten decided handoffs took"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "accepted", rate: "acceptanceRate" },
      { title: "rejected", rate: "rejectionRate" },
    ],
    notes: { isImmature: "young cohort" },
  },
  paragraph: {
    shares: [
      { of: "leads handed off", did: "were accepted", rate: "acceptanceRate" },
      { of: "leads handed off", did: "were rejected", rate: "rejectionRate" },
    ],
  },
  folds: [answers],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      offered: number;
      accepted: number;
      rejected: number;
      youngest: number | null;
      nine_of_ten: number | null;
    }>(ask, answers);
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.map(({ g, offered, accepted, rejected, youngest, nine_of_ten }) => ({
      group: g,
      handedOff: offered,
      accepted,
      rejected,
      undecided: offered - accepted - rejected,
      acceptanceRate: rateOf(accepted, offered),
      rejectionRate: rateOf(rejected, offered),
      isImmature: isImmature(ageOf(ask, youngest), nine_of_ten),
    }));
  },
});
