import { rateOf } from "../../handoff/reviews/figures.ts";
import { cohortOf, everyDimension, knownSql, n, percentileSql } from "./cohort.ts";
import { rows as select } from "../postgres/db.ts";
import {
  count,
  defineReport,
  group,
  hours,
  leads,
  rate,
  textColumn,
  type ReportQuestion,
} from "./report.ts";

/** A person answers for the clocks of their own offers; the lead's clock runs from MQL on. */
function scopeOf({ groupBy, filters, repIds }: ReportQuestion): "lead" | "rep" {
  const isPersonal = (name: string | null) => name === "rep" || name === "team";
  return repIds !== null || isPersonal(groupBy) || Object.keys(filters).some(isPersonal)
    ? "rep"
    : "lead";
}

export const slaReport = defineReport({
  name: "sla",
  question: "Are the agreed times for outreach and status update kept?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "SLA on-time rate",
      article: "criteria",
      section: "SLA compliance as a handoff quality metric",
      column: "onTimeRate",
    },
    {
      name: "SLA for first outreach and status update",
      article: "pipeline",
      section: "SLAs by lead type",
      column: "onTimeRate",
    },
    {
      name: "Handoff SLA trend",
      article: "pipeline",
      section: "continuous improvement",
      column: "onTimeRate",
    },
  ],
  columns: {
    group,
    clock: textColumn("outreach or status"),
    met: count("clocks that were stopped in time by asOf"),
    missed: count("clocks whose deadline had passed by asOf before they were stopped"),
    open: count("clocks that run or are paused, in time so far"),
    onTimeRate: rate("met in time / (met + missed)"),
    medianUsed: hours("median time used of those that were met, in the measure of the target"),
    missedLeads: leads,
  },
  picture: {
    kind: "panels",
    of: ["clock"],
    panels: [
      { title: "met in time", rate: "onTimeRate" },
      { title: "time used, of those met", median: "medianUsed" },
    ],
  },
  paragraph: {
    shares: [{ of: "decided clocks", did: "were met in time", rate: "onTimeRate" }],
    split: "clock",
  },
  async rows(ask) {
    const { values, where, group: byHandoff } = cohortOf(ask);
    const scope = scopeOf(ask);
    // Of a handoff that went from one rep to another each has a clock of their own.
    const own = (text: string) =>
      scope === "rep" ? text.replaceAll("h.rep_id", "c.rep_id") : text;
    const found = await select<{
      g: string | null;
      kind: string;
      met: number;
      missed: number;
      open: number;
      used: number | null;
      leads: string[] | null;
    }>(ask.db, {
      values: [...values, scope],
      text: `
      with c as (
        select ${own(byHandoff)} as g, c.kind, c.used_ms, h.subject_id, h.mql_at,
          case when c.breached_at <= $3 then 'missed'
            when c.ended_at <= $3 then case when c.state = 'met' then 'met' else 'cancelled' end
            when c.due_at < $3 then 'missed' else 'open' end as verdict
        from clock c join handoff h on h.id = c.handoff_id
        where c.scope = $${values.length + 1} and h.subject_kind = 'lead' and c.started_at <= $3
          and h.mql_at >= $1 and h.mql_at < $2
          and ${knownSql(ask, "h.mql_at", "h.mql_told_at")}${own(where)})
      select g, kind, ${n("verdict = 'met'")} as met, ${n("verdict = 'missed'")} as missed,
        ${n("verdict = 'open'")} as open,
        ${percentileSql(0.5, "case when verdict = 'met' then used_ms / 3600000.0 end")} as used,
        (array_agg(subject_id order by mql_at, subject_id)
          filter (where verdict = 'missed'))[1:100] as leads
      from c group by g, kind order by g nulls last, kind`,
    });
    return found.map(({ g, kind, met, missed, open, used, leads: late }) => ({
      group: g,
      clock: kind,
      met,
      missed,
      open,
      onTimeRate: rateOf(met, met + missed),
      medianUsed: used,
      missedLeads: late ?? [],
    }));
  },
});
