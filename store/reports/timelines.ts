import { rateOf } from "../../handoff/reviews/figures.ts";
import { ofEverySubject, n, ofCohort } from "./cohort.ts";
import { count, defineReport, group, rate, textColumn } from "./report.ts";

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
    timeline: textColumn("the latest timeline that a rep heard by asOf; empty: none"),
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
  async rows(ask) {
    const found = await ofCohort<{
      g: string | null;
      timeline: string | null;
      offered: number;
      sql: number;
      meeting: number;
      opportunity: number;
    }>(
      ask,
      `select g, heard_timeline as timeline, ${n("offered_at is not null")} as offered,
        ${n("offered_at is not null and sql_at is not null")} as sql,
        ${n("meeting_at is not null")} as meeting,
        ${n("meeting_at is not null and opportunity_at is not null")} as opportunity
      from h group by g, heard_timeline
      order by g nulls last, offered desc, heard_timeline nulls last`,
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
