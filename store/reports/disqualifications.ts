import { rateOf } from "../../handoff/reviews/figures.ts";
import { everBegunSql, everyDimension, ofCohort } from "./cohort.ts";
import { counted, enumerated, numberWords } from "../../handoff/reviews/words.ts";
import { said } from "./paragraph.ts";
import { count, defineReport, group, leads, rate, textColumn } from "./report.ts";

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
  async rows(ask) {
    const found = await ofCohort<{
      g: string | null;
      reason: string;
      n: number;
      total: number;
      leads: string[];
    }>(
      ask,
      `select g, reason, count(*)::int as n, (sum(count(*)) over (partition by g))::int as total,
        (array_agg(subject_id order by at, subject_id))[1:100] as leads
      from (
        select distinct on (t.subject_id, t.at) h.g, h.subject_id, t.at,
          case when t.because like 'rejected: %' or t.because like 'suppressed: %'
            then substr(t.because, position(': ' in t.because) + 2) else t.because end as reason
        from transition t join h on h.subject_id = t.subject_id and h.mql_at <= t.at
        where t.subject_kind = 'lead' and t.to_stage = 'disqualified' and t.at >= $1
          and t.at < $2 and t.at <= $3
        order by t.subject_id, t.at, h.mql_at desc) gone
      group by g, reason order by g nulls last, n desc, reason`,
      everBegunSql,
    );
    return found.map((row) => ({
      group: row.g,
      reason: row.reason,
      count: row.n,
      share: rateOf(row.n, row.total),
      leads: row.leads,
    }));
  },
});
