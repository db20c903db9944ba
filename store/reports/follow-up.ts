import { rateOf } from "../../handoff/reviews/figures.ts";
import { cohortSql, everyDimension, n, ofCohort, percentileSql } from "./cohort.ts";
import { count, defineReport, group, hours, numberColumn, rate } from "./report.ts";

export const followUpReport = defineReport({
  name: "follow-up",
  question: "Is the work on handed-off leads done and logged?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Follow-up activity completion",
      article: "criteria",
      section: "Pipeline velocity and stage aging",
      column: "completion",
    },
    {
      name: "Activity logging rate",
      article: "criteria",
      section: "Data quality metrics that affect reporting",
      column: "loggingRate",
    },
    {
      name: "CRM update timeliness",
      article: "criteria",
      section: "SLA compliance as a handoff quality metric",
      column: "medianToLog",
    },
    {
      name: "Required number of outreach attempts",
      article: "pipeline",
      section: "re-nurture criteria",
      column: "meanAttempts",
    },
  ],
  columns: {
    group,
    handedOff: count(
      "handoffs that were put before a rep; imported ones left out, as attempts of them are " +
        "not recorded",
    ),
    loggingRate: rate("handoffs with an outreach logged / handed off"),
    completion: rate(
      "required attempts logged / required, over accepted leads nobody has reached; more than " +
        "required count as required",
    ),
    meanAttempts: numberColumn("mean attempts logged by handoff that was handed off"),
    medianToLog: hours("median hours from an outreach to when it was told"),
    p90ToLog: hours("nine of ten outreaches were told within so many hours"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "outreach logged", rate: "loggingRate" },
      { title: "attempts made", rate: "completion" },
      { title: "outreach to record", median: "medianToLog", p90: "p90ToLog" },
    ],
  },
  paragraph: {
    shares: [
      { of: "leads handed off", did: "had an outreach logged", rate: "loggingRate" },
      { of: "required attempts", did: "were logged", rate: "completion" },
    ],
  },
  async rows(ask) {
    const versions = await ofCohort<{ id: string }>(
      ask,
      "select distinct agreement_id as id from h order by 1",
    );
    const required: { id: string; attempts: number }[] = [];
    for (const { id } of versions) {
      const { agreement } = await ask.agreements.version(ask.db, id);
      required.push({ id, attempts: agreement.working.attempts });
    }
    const unreached =
      "sal_at is not null and connected_at is null and meeting_at is null and sql_at is null";
    const found = await ofCohort<{
      g: string | null;
      offered: number;
      logged: number;
      required: number;
      done: number;
      mean: number | null;
      to_log: number | null;
      to_log90: number | null;
    }>(
      ask,
      (first) => `, late as (
        select g, ${percentileSql(0.5, "hours")} as to_log, ${percentileSql(0.9, "hours")} as to_log90
        from h, unnest(h.hours_to_log) as hours group by g)
      select c.*, late.to_log, late.to_log90 from (
        select g, ${n("offered_at is not null")} as offered,
          ${n("offered_at is not null and tried > 0")} as logged,
          coalesce(sum(attempts) filter (where ${unreached}), 0)::int as required,
          coalesce(sum(least(tried, attempts)) filter (where ${unreached}), 0)::int as done,
          avg(case when offered_at is not null then tried end)::float8 as mean
        from h join jsonb_to_recordset($${first}::jsonb) as r(id text, attempts int)
          on r.id = h.agreement_id where not h.imported
        group by g) c left join late on late.g is not distinct from c.g order by g nulls last`,
      cohortSql,
      [JSON.stringify(required)],
    );
    return found.map((row) => ({
      group: row.g,
      handedOff: row.offered,
      loggingRate: rateOf(row.logged, row.offered),
      completion: rateOf(row.done, row.required),
      meanAttempts: row.mean,
      medianToLog: row.to_log,
      p90ToLog: row.to_log90,
    }));
  },
});
