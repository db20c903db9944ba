import { rateOf } from "../../handoff/reviews/figures.ts";
import { n, ofEverySubject } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, defineReport, group, rate, textColumn, type Fold } from "./report.ts";

const heard: Fold = {
  name: "timelines",
  from: "(select h.*, heard_timeline as timeline from h) h",
  by: ["timeline"],
  sums: {
    offered: n("offered_at is not null"),
    sql: n("offered_at is not null and sql_at is not null"),
    meeting: n("meeting_at is not null"),
    opportunity: n("meeting_at is not null and opportunity_at is not null"),
  },
};

export const timelinesReport = defineReport({
  name: "timelines",
  question: "Do stated timelines tell who becomes qualified?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "Qualified rate by timeline category",
      article: "criteria",
      section: "Buying signal criteria that reduce wasted discovery calls",
      column: "qualifiedRate",
    },
    {
      name: "Discovery-to-opportunity conversion",
      article: "criteria",
      section: "Buying signal criteria that reduce wasted discovery calls",
      column: "meetingToOpportunity",
    },
  ],
  columns: {
    group,
    timeline: textColumn("the latest timeline that a rep heard by then; empty: none"),
    handedOff: count("handoffs that were put before a rep"),
    qualifiedRate: rate("handed off and qualified (SQL) / handed off"),
    meetingToOpportunity: rate("met or booked, and became an opportunity / met or booked"),
  },
  picture: {
    kind: "panels",
    of: ["timeline"],
    panels: [
      { title: "qualified (SQL)", rate: "qualifiedRate" },
      { title: "meeting to opportunity", rate: "meetingToOpportunity" },
    ],
  },
  paragraph: {
    shares: [
      { of: "leads handed off", did: "qualified (SQL)", rate: "qualifiedRate" },
      { of: "leads met", did: "became an opportunity", rate: "meetingToOpportunity" },
    ],
    each: "timeline",
  },
  folds: [heard],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      timeline: string | null;
      offered: number;
      sql: number;
      meeting: number;
      opportunity: number;
    }>(ask, heard);
    found.sort(
      (a, b) => byGroup(a.g, b.g) || b.offered - a.offered || byGroup(a.timeline, b.timeline),
    );
    return found.map((row) => ({
      group: row.g,
      timeline: row.timeline,
      handedOff: row.offered,
      qualifiedRate: rateOf(row.sql, row.offered),
      meetingToOpportunity: rateOf(row.opportunity, row.meeting),
    }));
  },
});
