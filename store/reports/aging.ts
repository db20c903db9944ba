import { counted, daysWords, numberWords } from "../../handoff/reviews/words.ts";
import {
  daysBetween,
  ofEverySubject,
  firstLeads,
  hoursBetween,
  ofCohort,
  stillOpenSql,
} from "./cohort.ts";
import { count, defineReport, flag, group, hours, leads, textColumn } from "./report.ts";

const ages = ["under a day", "1 to 2 days", "2 to 5 days", "5 to 10 days", "10 days and more"];

export const agingReport = defineReport({
  name: "aging",
  question: "Which MQLs are open, how long have they been, and have they been contacted in time?",
  period: "nothing: it counts what stands at asOf",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "MQLs by age and whether contacted",
      article: "pipeline",
      section: "Monitoring SLAs",
      column: "count",
    },
    {
      name: "MQL aged beyond its SLA without contact",
      article: "pipeline",
      section: "Monitoring SLAs",
      column: "sla",
    },
  ],
  columns: {
    group,
    age: textColumn(`time since MQL: ${ages.join(", ")}`),
    isContacted: flag("an outreach is logged"),
    sla: textColumn(
      "against the lead's own outreach deadline: in time, overdue, paused, or none while it is " +
        "on hold",
    ),
    count: count("open MQLs: neither accepted nor ended by then"),
    oldest: hours("hours since MQL of the oldest"),
    leads,
  },
  picture: {
    kind: "buckets",
    bucket: "age",
    state: "sla",
    states: { overdue: "overdue", "in time": "in time", paused: "paused", none: "no deadline" },
    about: "the lead's own outreach deadline; a lead on hold has none",
    count: "count",
    split: { by: "isContacted", yes: "contacted", no: "not contacted" },
  },
  paragraph: {
    tell({ rows }) {
      const sum = (is: (row: (typeof rows)[number]) => boolean) =>
        rows.filter(is).reduce((all, row) => all + row.count, 0);
      const all = sum(() => true);
      if (all === 0) return "No MQL is open.";
      const late = sum(({ sla, isContacted }) => sla === "overdue" && !isContacted);
      const oldest = Math.max(...rows.map((row) => row.oldest ?? 0));
      return [
        `${counted(all, "MQL is", "MQLs are")} open, the oldest since ${daysWords(oldest / 24)}:`,
        `${numberWords(late)} beyond their SLA without contact,`,
        `${numberWords(sum(({ sla, isContacted }) => sla === "overdue" && isContacted))} contacted late,`,
        `${numberWords(sum(({ sla }) => sla === "in time"))} in time,`,
        `${numberWords(sum(({ sla }) => sla === "paused"))} paused and`,
        `${numberWords(sum(({ sla }) => sla === "none"))} without a deadline (on hold).`,
      ].join(" ");
    },
  },
  async rows(ask) {
    const age = daysBetween("mql_at", "$3::timestamptz");
    const found = await ofCohort<{
      g: string | null;
      age: number;
      contacted: boolean;
      sla: string;
      n: number;
      oldest: number;
      leads: string[];
    }>(
      ask,
      `select g, width_bucket(${age}, array[1, 2, 5, 10]::float8[])::int as age,
        first_outreach_at is not null as contacted, sla, count(*)::int as n,
        max(${hoursBetween("mql_at", "$3::timestamptz")})::float8 as oldest, ${firstLeads()}
      from (
        select h.*, case when c.id is null then 'none'
          when c.breached_at <= $3 then 'overdue'
          when c.ended_at <= $3 then case when c.state = 'met' then 'in time' else 'none' end
          when c.due_at is null then 'paused'
          when c.due_at < $3 then 'overdue' else 'in time' end as sla
        from h left join clock c on c.id = h.id || '/outreach/lead' and c.started_at <= $3
        where h.sal_at is null and h.closed_at is null) h
      group by 1, 2, 3, 4 order by 1 nulls last, 2 desc, 3, 4`,
      stillOpenSql,
    );
    return found.map((row) => ({
      group: row.g,
      age: ages[row.age] ?? "",
      isContacted: row.contacted,
      sla: row.sla,
      count: row.n,
      oldest: row.oldest,
      leads: row.leads,
    }));
  },
});
