import { rateOf } from "../../handoff/reviews/figures.ts";
import { ofLeads } from "./leads.ts";
import { defineReport, group, rate, textColumn } from "./report.ts";

/** Looked at beside what the agreement requires. */
const alsoWanted = ["account.industry", "account.segment", "lead.source"];

export const missingFieldsReport = defineReport({
  name: "missing-fields",
  question: "Which facts are missing from leads?",
  period: "what happened in it",
  dimensions: ["source", "campaign"],
  readers: "both teams",
  metrics: [
    {
      name: "Missing field rate",
      article: "criteria",
      section: "Data quality metrics that affect reporting",
      column: "missingRate",
    },
  ],
  columns: {
    group,
    field: textColumn("a field that the active agreement requires, or industry, segment, source"),
    missingRate: rate("leads that arrived in the period and lack it today / leads that arrived"),
  },
  picture: {
    kind: "panels",
    of: ["field"],
    panels: [{ title: "leads that lack it", rate: "missingRate" }],
  },
  paragraph: {
    shares: [{ of: "leads that arrived", did: "lack it", rate: "missingRate" }],
    each: "field",
    isOverlapping: true,
  },
  async rows(ask) {
    const active = await ask.agreements.active(ask.db);
    const fields = [...new Set([...(active?.agreement.requiredFields ?? []), ...alsoWanted])];
    const found = await ofLeads<{ g: string | null; field: string; missing: number; all: number }>(
      ask,
      (where, g, values) => {
        values.push(fields);
        return `
        select ${g} as g, f.field, count(*)::int as "all",
          (count(*) filter (where not l.facts ? f.field
            and not coalesce(a.facts ? f.field, false)))::int
            as missing
        from lead l left join account a on a.id = l.account_id
          cross join unnest($${values.length}::text[]) with ordinality as f(field, n)
        where l.arrived_at >= $1 and l.arrived_at < $2 and l.arrived_at <= $3
          and l.erased_at is null${where}
        group by 1, f.field, f.n order by 1 nulls last, f.n`;
      },
    );
    return found.map((row) => ({
      group: row.g,
      field: row.field,
      missingRate: rateOf(row.missing, row.all),
    }));
  },
});
