import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, everBegunSql, everyDimension, n, ofCohort, percentileSql } from "./cohort.ts";
import { count, days, defineReport, group, leads, rate, textColumn } from "./report.ts";

export const renurtureReport = defineReport({
  name: "renurture",
  question: "Does what goes to the re-nurture pool come back, and is it accepted then?",
  period: "what happened in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Re-nurture pool as an active segment",
      article: "pipeline",
      section: "re-nurture criteria",
      column: "returned",
    },
    {
      name: "Acceptance in a later cycle",
      article: "pipeline",
      section: "re-nurture criteria",
      column: "acceptedAgain",
    },
  ],
  columns: {
    group,
    reason: textColumn("why the handoff ended in the pool"),
    entered: count("handoffs that went to the pool in the period"),
    stillThere: count("of these, in the pool at asOf"),
    returned: rate("began another cycle by asOf / entered"),
    retired: count("of these, retired or suppressed by asOf"),
    acceptedAgain: rate("accepted in the next cycle / returned"),
    medianToReturn: days("median days from the pool to the next cycle"),
    medianAge: days("median days in the pool of those that are still there"),
    leads,
  },
  picture: {
    kind: "panels",
    of: ["reason"],
    panels: [
      { title: "entered", count: "entered" },
      { title: "came back", rate: "returned" },
      { title: "accepted again", rate: "acceptedAgain" },
    ],
  },
  paragraph: {
    shares: [
      { of: "leads that went to the pool", did: "came back", rate: "returned" },
      { of: "leads that came back", did: "were accepted", rate: "acceptedAgain" },
    ],
    each: "reason",
  },
  async rows(ask) {
    const found = await ofCohort<{
      g: string | null;
      reason: string;
      entered: number;
      there: number;
      returned: number;
      retired: number;
      again: number;
      to_return: number | null;
      age: number | null;
      leads: string[] | null;
    }>(
      ask,
      `select g, reason, count(*)::int as entered, ${n("left_at is null")} as there,
        ${n("next_stage = 'mql'")} as returned, ${n("next_stage = 'disqualified'")} as retired,
        ${n("next_stage = 'mql' and again")} as again,
        ${percentileSql(0.5, `case when next_stage = 'mql' then ${daysBetween("entered_at", "left_at")} end`)}
          as to_return,
        ${percentileSql(0.5, `case when left_at is null then ${daysBetween("entered_at", "$3::timestamptz")} end`)}
          as age,
        (array_agg(subject_id order by entered_at, subject_id) filter
          (where left_at is null))[1:100]
          as leads
      from (
        select h.g, h.subject_id, coalesce(case when h.outcome like 'rejected: %'
            then substr(h.outcome, length('rejected: ') + 1) else h.outcome end, t.because)
          as reason, t.at as entered_at, case when t.left_at <= $3 then t.left_at end as left_at,
          case when t.left_at <= $3 then t.left_to end as next_stage,
          t.left_at <= $3 and t.left_to = 'mql' and (select later.sal_at <= $3 from handoff later
            where later.subject_kind = 'lead' and later.subject_id = h.subject_id
              and later.cycle = h.cycle + 1) as again
        from h join transition t on t.subject_kind = 'lead' and t.subject_id = h.subject_id
          and t.cycle = h.cycle and t.to_stage = 'renurture' and t.at >= $1 and t.at < $2
          and t.at <= $3) entered
      group by g, reason order by g nulls last, entered desc, reason`,
      everBegunSql,
    );
    return found.map((row) => ({
      group: row.g,
      reason: row.reason,
      entered: row.entered,
      stillThere: row.there,
      returned: rateOf(row.returned, row.entered),
      retired: row.retired,
      acceptedAgain: rateOf(row.again, row.returned),
      medianToReturn: row.to_return,
      medianAge: row.age,
      leads: row.leads ?? [],
    }));
  },
});
