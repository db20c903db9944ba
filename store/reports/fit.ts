import { rateOf } from "../../handoff/reviews/figures.ts";
import { everyDimension, n } from "./cohort.ts";
import { byGroup, foldedCohort, meanOf } from "./fold.ts";
import { count, defineReport, group, numberColumn, rate, type Fold } from "./report.ts";

const matches: Fold = {
  name: "fit",
  sums: {
    handoffs: "count(*)::int",
    icp: n("icp"),
    icp_known: n("icp is not null"),
    offered_icp: n("icp and offered_at is not null"),
    met_icp: n("icp and offered_at is not null and meeting_at is not null"),
    tech: n("tech_match"),
    tech_known: n("tech_match is not null"),
    rating: "sum(rated_fit)::int",
    rated: "count(rated_fit)::int",
  },
};

export const fitReport = defineReport({
  name: "fit",
  question: "Do the leads that are handed off match the ideal customer, and does sales agree?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "ICP match rate",
      article: "criteria",
      section: "2) Fit coverage (account and contact fit)",
      column: "icpRate",
    },
    {
      name: "Sales feedback fit score",
      article: "criteria",
      section: "2) Fit coverage (account and contact fit)",
      column: "meanFitRating",
    },
    {
      name: "Account fit-to-meeting conversion",
      article: "criteria",
      section: "Fit criteria using firmographics and contact data",
      column: "icpToMeeting",
    },
    {
      name: "Tech stack match rate",
      article: "criteria",
      section: "Fit criteria using firmographics and contact data",
      column: "techMatchRate",
    },
  ],
  columns: {
    group,
    handoffs: count("handoffs that began"),
    icpRate: rate(
      "handoffs that matched the ICP when they began / handoffs where that was judged or told",
    ),
    icpToMeeting: rate(
      "matched the ICP, handed off, and met or booked / matched the ICP and handed off",
    ),
    techMatchRate: rate(
      "what the agreement asks of the tech stack holds / handoffs where it is known",
    ),
    meanFitRating: numberColumn("mean of the latest fit rating that reps gave each handoff"),
    rated: count("handoffs with a fit rating by then"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "match the ICP", rate: "icpRate" },
      { title: "ICP to meeting", rate: "icpToMeeting" },
      { title: "tech stack matches", rate: "techMatchRate" },
    ],
  },
  paragraph: {
    shares: [
      { of: "handoffs", did: "matched the ICP", rate: "icpRate" },
      { of: "leads handed off that matched it", did: "met or booked", rate: "icpToMeeting" },
    ],
  },
  folds: [matches],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      handoffs: number;
      icp: number;
      icp_known: number;
      offered_icp: number;
      met_icp: number;
      tech: number;
      tech_known: number;
      rating: number | null;
      rated: number;
    }>(ask, matches);
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.map((row) => ({
      group: row.g,
      handoffs: row.handoffs,
      icpRate: rateOf(row.icp, row.icp_known),
      icpToMeeting: rateOf(row.met_icp, row.offered_icp),
      techMatchRate: rateOf(row.tech, row.tech_known),
      meanFitRating: meanOf(row.rating, row.rated),
      rated: row.rated,
    }));
  },
});
