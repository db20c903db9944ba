import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, everyDimension, n } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, days, defineReport, group, rate, type Fold } from "./report.ts";

const touches: Fold = {
  name: "engagement",
  sums: { recorded: n("signals is not null"), multi: n("cardinality(signals) >= 2") },
  percentiles: {
    intent: [
      0.5,
      daysBetween(
        "first_touch_at",
        "greatest(first_signal_at, case when first_signal_at is not null then first_touch_at end)",
      ),
    ],
  },
};

export const engagementReport = defineReport({
  name: "engagement",
  question: "How deep and how quick is the interest of those who are handed off?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Multi-touch engagement rate",
      article: "criteria",
      section: "3) Intent signals that drive meeting likelihood",
      column: "multiTouchRate",
    },
    {
      name: "Time-to-intent",
      article: "criteria",
      section: "3) Intent signals that drive meeting likelihood",
      column: "medianTimeToIntent",
    },
  ],
  columns: {
    group,
    recorded: count("handoffs whose engagements were kept when they began"),
    multiTouchRate: rate("two or more different meaningful behaviours / recorded"),
    medianTimeToIntent: days("median days from the first touch to the first meaningful signal"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "two or more behaviours", rate: "multiTouchRate" },
      { title: "first touch to first signal", median: "medianTimeToIntent" },
    ],
  },
  paragraph: {
    shares: [
      { of: "recorded handoffs", did: "had two or more behaviours", rate: "multiTouchRate" },
    ],
  },
  folds: [touches],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      recorded: number;
      multi: number;
      intent: number | null;
    }>(ask, touches);
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.map(({ g, recorded, multi, intent }) => ({
      group: g,
      recorded,
      multiTouchRate: rateOf(multi, recorded),
      medianTimeToIntent: intent,
    }));
  },
});
