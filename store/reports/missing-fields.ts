import { rateOf } from "../../handoff/reviews/figures.ts";
import { byGroup } from "./fold.ts";
import { ofLeads } from "./leads.ts";
import { defineReport, group, rate, textColumn } from "./report.ts";

/** Looked at beside what the agreement requires. */
const alsoWanted = ["account.industry", "account.segment", "lead.source"];

export const missingFieldsReport = defineReport({
  name: "missing-fields",
  question: "Which facts are missing from leads?",
  period: "what happened in it",
  isOfToday: true,
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
    // Of each field a column: to group by the field Postgres would sort each lead as often.
    const found = await ofLeads<Record<string, number> & { g: string | null }>(
      ask,
      (where, g, values) => {
        const missing = fields.map((field, n) => {
          const name = `$${values.push(field)}::text`;
          return `(count(*) filter (where not l.facts ? ${name}
            and not coalesce(a.facts ? ${name}, false)))::int as missing_${n}`;
        });
        return `
        select ${g} as g, count(*)::int as "all", ${missing.join(", ")}
        from lead l left join account a on a.id = l.account_id
        where l.arrived_at >= $1 and l.arrived_at < $2 and l.arrived_at <= $3
          and l.erased_at is null${where}
        group by 1`;
      },
    );
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.flatMap((row) =>
      fields.map((field, n) => ({
        group: row.g,
        field,
        missingRate: rateOf(row[`missing_${n}`] ?? 0, row["all"] ?? 0),
      })),
    );
  },
});
