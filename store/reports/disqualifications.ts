import { rateOf } from "../../handoff/reviews/figures.ts";
import { everyDimension } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { counted, enumerated, numberWords } from "../../handoff/reviews/words.ts";
import { said } from "./paragraph.ts";
import { count, defineReport, group, leads, rate, textColumn, type Fold } from "./report.ts";

const reasons: Fold = {
  name: "disqualifications",
  of: "disqualifications",
  from: `(select h.*, case when because like 'rejected: %' or because like 'suppressed: %'
    then substr(because, position(': ' in because) + 2) else because end as reason from h) h`,
  by: ["reason"],
  sums: { n: "count(*)::int" },
  leads: { leads: "true" },
};

export const disqualificationsReport = defineReport({
  name: "disqualifications",
  question: "Why are leads that had been handed off disqualified?",
  period: "what happened in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Disqualification reason rate",
      article: "criteria",
      section: "2) Fit coverage (account and contact fit)",
      column: "share",
    },
  ],
  columns: {
    group,
    reason: textColumn("why the lead left for good"),
    count: count("leads that were disqualified in the period after their latest handoff began"),
    share: rate("disqualified for this reason / all disqualified"),
    leads,
  },
  picture: {
    kind: "panels",
    of: ["reason"],
    panels: [
      { title: "leads", count: "count" },
      { title: "of all disqualified", rate: "share" },
    ],
  },
  paragraph: {
    tell({ rows, before }) {
      const all = rows.reduce((sum, row) => sum + row.count, 0);
      const was = before?.reduce((sum, row) => sum + row.count, 0);
      const then = was === undefined ? "" : `; ${numberWords(was)} in the period before`;
      const most = [...rows].sort((a, b) => b.count - a.count).slice(0, 3);
      return all === 0
        ? `Nobody was disqualified after a handoff${then}.`
        : `${counted(all, "lead was", "leads were")} disqualified after a handoff, most often ` +
            `for ${enumerated(most.map(({ reason, count: n }) => `${said(reason)} (${n})`))}${then}.`;
    },
  },
  folds: [reasons],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      reason: string;
      n: number;
      leads: string[];
    }>(ask, reasons);
    const totals = new Map<string | null, number>();
    for (const row of found) totals.set(row.g, (totals.get(row.g) ?? 0) + row.n);
    found.sort((a, b) => byGroup(a.g, b.g) || b.n - a.n || byGroup(a.reason, b.reason));
    return found.map((row) => ({
      group: row.g,
      reason: row.reason,
      count: row.n,
      share: rateOf(row.n, totals.get(row.g) ?? 0),
      leads: row.leads,
    }));
  },
});
