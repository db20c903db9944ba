import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, percentileSql } from "./cohort.ts";
import { ofLeads } from "./leads.ts";
import { count, days, defineReport, group, leads, rate } from "./report.ts";

export const nurtureReport = defineReport({
  name: "nurture",
  question: "Who has been in nurture for longer than the agreed window without a person's look?",
  period: "nothing: it counts what stands at asOf",
  dimensions: ["source", "campaign"],
  readers: "both teams",
  metrics: [
    {
      name: "Time in nurture without a human review",
      article: "pipeline",
      section: "joint definition of readiness",
      column: "overdueRate",
    },
  ],
  columns: {
    group,
    inNurture: count("leads that came to nurture by asOf and are there today"),
    overdueRate: rate("whose agreed review was due by asOf / in nurture"),
    medianAge: days("median days in nurture at asOf"),
    leads,
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "leads in nurture", count: "inNurture" },
      { title: "review overdue", rate: "overdueRate" },
      { title: "days in nurture", median: "medianAge" },
    ],
  },
  paragraph: {
    shares: [{ of: "leads in nurture", did: "were due for review", rate: "overdueRate" }],
  },
  async rows(ask) {
    // The lead is read only for what the question asks of it: those who rest in nurture are many.
    const isOfLeads =
      ask.groupBy !== null || Object.keys(ask.filters).length > 0 || ask.knowledge === "then";
    const found = await ofLeads<{
      g: string | null;
      n: number;
      overdue: number;
      age: number | null;
      leads: string[] | null;
    }>(
      ask,
      (where, g) => `
      select ${g} as g, count(*)::int as n,
        (count(*) filter (where p.review_at <= $3))::int as overdue,
        ${percentileSql(0.5, daysBetween("p.stage_since", "$3::timestamptz"))} as age,
        (array_agg(p.subject_id order by p.stage_since, p.subject_id)
          filter (where p.review_at <= $3))[1:100] as leads
      from process p${isOfLeads ? " join lead l on l.id = p.subject_id" : ""}
      where p.subject_kind = 'lead' and p.stage = 'nurture' and p.stage_since <= $3
        and coalesce($1::timestamptz, $2::timestamptz) is not null${where}
      group by 1 order by 1 nulls last`,
    );
    return found.map((row) => ({
      group: row.g,
      inNurture: row.n,
      overdueRate: rateOf(row.overdue, row.n),
      medianAge: row.age,
      leads: row.leads ?? [],
    }));
  },
});
