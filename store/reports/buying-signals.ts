import { rateOf } from "../../handoff/reviews/figures.ts";
import { ofEverySubject, n, ofCohort } from "./cohort.ts";
import { count, defineReport, group, rate, textColumn } from "./report.ts";

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
    signal: textColumn("a buying signal that a rep heard with an answer by asOf"),
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
  async rows(ask) {
    const found = await ofCohort<{ g: string | null; heard: string; n: number; sql: number }>(
      ask,
      `select g, heard, count(*)::int as n, ${n("sql_at is not null")} as sql
      from h, unnest(h.heard_signals) as heard
      group by g, heard order by g nulls last, n desc, heard`,
    );
    return found.map(({ g, heard, n: handoffs, sql }) => ({
      group: g,
      signal: heard,
      handoffs,
      qualifiedRate: rateOf(sql, handoffs),
    }));
  },
});
