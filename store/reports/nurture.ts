import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, percentileSql } from "./cohort.ts";
import { ofLeads } from "./leads.ts";
import { count, days, defineReport, group, leads, rate, type ReportAsk } from "./report.ts";

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
    inNurture: count("leads that were in nurture then"),
    overdueRate: rate("whose agreed review was due then and not decided / in nurture"),
    medianAge: days("median days in nurture then"),
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
    const found = await ofLeads<{
      g: string | null;
      n: number;
      overdue: number;
      age: number | null;
      leads: string[] | null;
    }>(
      ask,
      (where, g) => `
      with p as (${standing})
      select ${g} as g, count(*)::int as n, (count(*) filter (where p.is_due))::int as overdue,
        ${percentileSql(0.5, daysBetween("p.since", "$3::timestamptz"))} as age,
        (array_agg(p.lead_id order by p.since, p.lead_id) filter (where p.is_due))[1:100] as leads
      from p${isOfLeads(ask) ? " join lead l on l.id = p.lead_id" : ""}
      where coalesce($1::timestamptz, $2::timestamptz) is not null${where}
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

/** The lead is read only for what the question asks of it: those who rest in nurture are many. */
function isOfLeads({ groupBy, filters, knowledge }: ReportAsk): boolean {
  return groupBy !== null || Object.keys(filters).length > 0 || knowledge === "then";
}

/**
 * A person was asked to look before `$3`, and decided after it. Where nobody has decided yet, the
 * process still keeps the date.
 */
const isAsked = `in (select task.subject_id from task where task.kind = 'nurture-review'
  and task.subject_kind = 'lead' and task.since <= $3 and task.done_at > $3)`;

/**
 * Who was in nurture at `$3`: who is there since before, and who left after. A review that was due
 * then and decided later is known by its task: the process keeps the date of the next one alone.
 */
const standing = `
  select p.subject_id as lead_id, p.stage_since as since,
    p.review_at <= $3 or p.subject_id ${isAsked} as is_due
  from process p
  where p.subject_kind = 'lead' and p.stage = 'nurture' and p.stage_since <= $3
  union all
  select gone.subject_id, came.at, gone.subject_id ${isAsked}
  from transition gone cross join lateral (select t.at, t.to_stage from transition t
    where t.subject_kind = 'lead' and t.subject_id = gone.subject_id
      and (t.at, t.cycle, t.step) < (gone.at, gone.cycle, gone.step)
    order by t.at desc, t.cycle desc, t.step desc limit 1) came
  where gone.subject_kind = 'lead' and gone.from_stage = 'nurture' and gone.at > $3
    and came.to_stage = 'nurture' and came.at <= $3`;
