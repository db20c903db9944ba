import { everyDimension } from "./cohort.ts";
import {
  foldOfEach,
  meetingColumns,
  meetingPanels,
  meetingsOfEach,
  toldMeetings,
} from "./meetings.ts";
import { defineReport, group, textColumn } from "./report.ts";

const frozen = foldOfEach("signals");

export const signalsReport = defineReport({
  name: "signals",
  question: "Which intent signals lead to meetings and qualified leads?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Intent-to-meeting conversion",
      article: "criteria",
      section: "3) Intent signals that drive meeting likelihood",
      column: "meetingRate",
    },
    {
      name: "Qualified meeting rate by intent signal",
      article: "criteria",
      section: "Monthly review metrics",
      column: "meetingRate",
    },
  ],
  columns: {
    group,
    signal: textColumn(
      "a meaningful engagement type that the person had shown when the handoff began",
    ),
    ...meetingColumns,
  },
  picture: {
    kind: "panels",
    of: ["signal"],
    panels: meetingPanels,
  },
  paragraph: { shares: toldMeetings, each: "signal", isOverlapping: true },
  folds: [frozen],
  async rows(ask) {
    const found = await meetingsOfEach(ask, frozen);
    return found.map(({ group: of, one, ...rates }) => ({ group: of, signal: one, ...rates }));
  },
});
