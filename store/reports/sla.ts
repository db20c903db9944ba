import { rateOf } from "../../handoff/reviews/figures.ts";
import { cohortOf, ofEverySubject, n } from "./cohort.ts";
import { knownSql } from "./known.ts";
import { byGroup, foldedCohort, foldSql } from "./fold.ts";
import { subjectSql } from "./filters.ts";
import { rows as select } from "../postgres/db.ts";
import {
  count,
  defineReport,
  group,
  openHours,
  leads,
  rate,
  textColumn,
  type ReportAsk,
  type ReportQuestion,
  type Fold,
} from "./report.ts";

/** A person answers for the clocks of their own offers; the lead's clock runs from MQL on. */
function scopeOf({ groupBy, filters, repIds }: ReportQuestion): "lead" | "rep" {
  const isPersonal = (name: string | null) => name === "rep" || name === "team";
  return repIds !== null || isPersonal(groupBy) || Object.keys(filters).some(isPersonal)
    ? "rep"
    : "lead";
}

const kinds = ["outreach", "status"] as const;

/** A deadline that passes is missed, whether or not somebody has looked. */
const verdictOf = (kind: string) => `case when ${kind}_clock = 'open' and ${kind}_due_at < $3
  then 'missed' else ${kind}_clock end as ${kind}_verdict`;

/** Of each group what became of both clocks of its handoffs, one beside the other. */
const clocks: Fold = {
  name: "sla",
  from: `(select *, ${kinds.map(verdictOf).join(", ")} from h) h`,
  ...foldOf((kind) => ({ verdict: `${kind}_verdict`, used: `${kind}_used_ms` })),
};

/** The same of the clocks of each person: of a handoff that went from one to another both have one. */
function clocksOfReps(ask: ReportAsk): Promise<Line[]> {
  const { values, where, group: byHandoff } = cohortOf(ask);
  const own = (text: string) => text.replaceAll("h.rep_id", "c.rep_id");
  return select<Line>(ask.db, {
    values,
    text: `
      with c as (
        select ${own(byHandoff)} as g, c.kind, c.used_ms, h.subject_id, h.mql_at,
          case when c.breached_at <= $3 then 'missed'
            when c.ended_at <= $3 then case when c.state = 'met' then 'met' else 'cancelled' end
            when c.due_at < $3 then 'missed' else 'open' end as verdict
        from clock c join handoff h on h.id = c.handoff_id
        where c.scope = 'rep' and ${subjectSql(ask)} and c.started_at <= $3
          and h.mql_at >= $1 and h.mql_at < $2
          and ${knownSql(ask, "h.mql_at", "h.mql_told_at")}${own(where)})
      ${foldSql({
        name: "sla of reps",
        from: "c",
        ...foldOf((kind) => ({
          verdict: `case when kind = '${kind}' then verdict end`,
          used: "used_ms",
        })),
      })}`,
  });
}

/** Beside those of the other kind: to group by the kind Postgres would sort all clocks. */
function foldOf(
  of: (kind: string) => { readonly verdict: string; readonly used: string },
): Pick<Fold, "sums" | "percentiles" | "leads"> {
  const each = <T>(figures: (kind: string, verdict: string, used: string) => Record<string, T>) =>
    Object.assign({}, ...kinds.map((kind) => figures(kind, of(kind).verdict, of(kind).used))) as {
      readonly [name: string]: T;
    };
  return {
    sums: each((kind, verdict) => ({
      [`${kind}_all`]: `(count(${verdict}))::int`,
      ...Object.fromEntries(
        ["met", "missed", "open"].map((one) => [`${kind}_${one}`, n(`${verdict} = '${one}'`)]),
      ),
    })),
    percentiles: each((kind, verdict, used) => ({
      [`${kind}_used`]: [0.5, `case when ${verdict} = 'met' then ${used} / 3600000.0 end`] as const,
    })),
    leads: each((kind, verdict) => ({ [`${kind}_leads`]: `${verdict} = 'missed'` })),
  };
}

interface Line {
  readonly g: string | null;
  readonly [figure: `${string}_${"all" | "met" | "missed" | "open"}`]: number;
  readonly [figure: `${string}_used`]: number | null;
  readonly [figure: `${string}_leads`]: readonly string[] | null;
}

export const slaReport = defineReport({
  name: "sla",
  question: "Are the agreed times for outreach and status update kept?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject,
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
    met: count("clocks that were stopped in time by then"),
    missed: count("clocks whose deadline had passed by then before they were stopped"),
    open: count("clocks that run or are paused, in time so far"),
    onTimeRate: rate("met in time / (met + missed)"),
    medianUsed: openHours("median time used of those that were met, in the measure of the target"),
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
  folds: [clocks],
  async rows(ask) {
    const found = await (scopeOf(ask) === "rep"
      ? clocksOfReps(ask)
      : foldedCohort<Line>(ask, clocks));
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.flatMap((row) =>
      kinds.flatMap((kind) => {
        const [met, missed] = [row[`${kind}_met`] ?? 0, row[`${kind}_missed`] ?? 0];
        if ((row[`${kind}_all`] ?? 0) === 0) return [];
        return {
          group: row.g,
          clock: kind,
          met,
          missed,
          open: row[`${kind}_open`] ?? 0,
          onTimeRate: rateOf(met, met + missed),
          medianUsed: row[`${kind}_used`] ?? null,
          missedLeads: row[`${kind}_leads`] ?? [],
        };
      }),
    );
  },
});
