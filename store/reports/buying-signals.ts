import { rateOf } from "../../handoff/reviews/figures.ts";
import { n, ofEverySubject } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, defineReport, group, rate, textColumn, type Fold } from "./report.ts";

const signals: Fold = {
  name: "buying-signals",
  from: "h, unnest(h.heard_signals) as heard",
  by: ["heard"],
  sums: { n: "count(*)::int", sql: n("sql_at is not null") },
};

export const buyingSignalsReport = defineReport({
  name: "buying-signals",
  question: "Which buying signals that reps hear go with qualified leads?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "Buying signals as a modifier",
      article: "criteria",
      section: "Buying signal criteria that reduce wasted discovery calls",
      column: "qualifiedRate",
    },
  ],
  columns: {
    group,
    signal: textColumn("a buying signal that a rep heard with an answer by then"),
    handoffs: count("handoffs with it"),
    qualifiedRate: rate("with it and qualified (SQL) / with it"),
  },
  picture: {
    kind: "panels",
    of: ["signal"],
    panels: [
      { title: "handoffs with it", count: "handoffs" },
      { title: "qualified (SQL)", rate: "qualifiedRate" },
    ],
  },
  paragraph: {
    shares: [{ of: "handoffs", did: "qualified (SQL)", rate: "qualifiedRate" }],
    each: "signal",
    isOverlapping: true,
  },
  folds: [signals],
  async rows(ask) {
    const found = await foldedCohort<{ g: string | null; heard: string; n: number; sql: number }>(
      ask,
      signals,
    );
    found.sort((a, b) => byGroup(a.g, b.g) || b.n - a.n || byGroup(a.heard, b.heard));
    return found.map(({ g, heard, n: handoffs, sql }) => ({
      group: g,
      signal: heard,
      handoffs,
      qualifiedRate: rateOf(sql, handoffs),
    }));
  },
});
