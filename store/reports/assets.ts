import { everyDimension } from "./cohort.ts";
import {
  foldOfEach,
  meetingColumns,
  meetingPanels,
  meetingsOfEach,
  toldMeetings,
} from "./meetings.ts";
import { defineReport, group, textColumn } from "./report.ts";

const frozen = foldOfEach("assets");

export const assetsReport = defineReport({
  name: "assets",
  question: "Which content leads to discovery calls?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Content-to-meeting mapping",
      article: "criteria",
      section: "3) Intent signals that drive meeting likelihood",
      column: "meetingRate",
    },
  ],
  columns: {
    group,
    asset: textColumn("what a meaningful engagement before the handoff was about"),
    ...meetingColumns,
  },
  picture: {
    kind: "panels",
    of: ["asset"],
    panels: meetingPanels,
  },
  paragraph: { shares: toldMeetings, each: "asset", isOverlapping: true },
  folds: [frozen],
  async rows(ask) {
    const found = await meetingsOfEach(ask, frozen);
    return found.map(({ group: of, one, ...rates }) => ({ group: of, asset: one, ...rates }));
  },
});
