import type { Agreement } from "../../handoff/agreement.ts";
import { accusedRules } from "../../handoff/reviews/accused.ts";
import { excessOf, isRecurring, rateOf, standsOut } from "../../handoff/reviews/figures.ts";
import { shareSentence, sumOfRates } from "../../handoff/reviews/paragraph.ts";
import { capitalised, counted, enumerated, numberWords } from "../../handoff/reviews/words.ts";
import { rows as select } from "../postgres/db.ts";
import { cohortOf, ofEverySubject, knownSql, n, percentileSql } from "./cohort.ts";
import { subjectSql } from "./filters.ts";
import { said, sentences } from "./paragraph.ts";
import {
  count,
  defineReport,
  flag,
  group,
  hours,
  leads,
  listColumn,
  numberColumn,
  rate,
  textColumn,
} from "./report.ts";

export const rejectionsReport = defineReport({
  name: "rejections",
  question: "What does sales reject, why, and which of the agreed criteria does it point at?",
  period: "what happened in it",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "MQL-to-SAL conversion rate by rejection reason",
      article: "pipeline",
      section: "the shared funnel view",
      column: "ofAnswered",
    },
    {
      name: "Rejection reason breakdown",
      article: "criteria",
      section: "Sales acceptance rate (SAR) as a handoff metric",
      column: "share",
    },
    {
      name: "Rejection timing",
      article: "criteria",
      section: "Sales acceptance rate (SAR) as a handoff metric",
      column: "medianOpenHours",
    },
    {
      name: "Rejections after extra work",
      article: "criteria",
      section: "Sales acceptance rate (SAR) as a handoff metric",
      column: "afterOutreach",
    },
    {
      name: "Monthly rejection analysis",
      article: "pipeline",
      section: "continuous improvement",
      column: "isRecurring",
    },
  ],
  columns: {
    group,
    reason: textColumn("the reason that the rep named; empty: all reasons together"),
    reasonGroup: textColumn("what kind of no the reason is"),
    count: count("rejections before acceptance that were made in the period"),
    previous: count("the same in the period of equal length before"),
    share: rate("rejections for this reason / all rejections"),
    ofAnswered: rate("rejections for this reason that stand / MQLs accepted or rejected for good"),
    contested: rate("contested by the facts / rejections for this reason"),
    overturned: rate("overturned by the manager / contested"),
    medianOpenHours: hours("median open hours of the rep from the offer to the rejection"),
    afterOutreach: rate("made after outreach had begun / rejections for this reason"),
    mostInMonth: count("the most rejections for this reason in one calendar month (UTC)"),
    isRecurring: flag("more than twice within a month"),
    excess: numberColumn(
      "rejections that stand beyond what the rate of the period before would have given; " +
        "empty: nothing was answered then",
    ),
    standsOut: flag(
      "recurs, and stands for a larger share of the answered MQLs than in the period before: " +
        "the intervals lie apart; where fewer than 30 were answered: recurs",
    ),
    accused: listColumn("the rules of the agreement that the reason points at, where it recurs"),
    leads,
  },
  picture: {
    kind: "pairs",
    of: "reason",
    now: "count",
    before: "previous",
    share: "share",
    notes: { standsOut: "stands out", accused: "see" },
    notedWhere: "standsOut",
  },
  paragraph: {
    tell({ rows, before, groupBy }) {
      const totals = rows.filter(({ reason }) => reason === null);
      if (totals.length === 0) return "Nothing was rejected.";
      const sum = (of: (row: (typeof rows)[number]) => number) =>
        totals.reduce((all, row) => all + of(row), 0);
      const where = (row: (typeof rows)[number]) =>
        `${said(row.reason)}${groupBy === null ? "" : ` in ${said(row.group)}`}`;
      const out = rows.filter(({ reason, standsOut: is }) => reason !== null && is);
      const words = out.slice(0, 4).map((row) => {
        const rules =
          row.accused.length === 0 ? "" : `, which points at ${enumerated(row.accused)}`;
        return `${where(row)} (${numberWords(row.count)}, ${numberWords(row.previous)} before${rules})`;
      });
      return sentences(
        shareSentence(
          { of: "MQLs accepted or rejected for good", did: "were rejected" },
          sumOfRates(totals.map(({ ofAnswered }) => ofAnswered)),
          before &&
            sumOfRates(before.flatMap((row) => (row.reason === null ? [row.ofAnswered] : []))),
        ),
        `${capitalised(
          counted(
            sum(({ count: made }) => made),
            "rejection",
          ),
        )} in all, ${numberWords(sum(({ previous }) => previous))} in the period before; ${numberWords(sum(({ contested }) => contested.numerator))} contested by the facts, ${numberWords(sum(({ overturned }) => overturned.numerator))} of these overturned.`,
        words.length === 0
          ? "No reason stands out."
          : `Stands out: ${words.join("; ")}${out.length > 4 ? `; ${out.length - 4} more` : ""}.`,
      );
    },
  },
  async rows(ask) {
    const cohort = cohortOf(ask);
    const { where, group: g } = cohort;
    const values = [...cohort.values, new Date(2 * ask.from - ask.to)];
    const previousFrom = `$${values.length}`;
    const found = await select<Found>(ask.db, {
      values,
      text: `
      with answered as (
        select ${g} as g, a.kind, a.reason, a.reason_group, a.received_at, a.contested, a.open_ms,
          h.subject_id, h.agreement_id, a.received_at < $1 as is_before,
          h.first_outreach_at <= a.received_at as after_outreach,
          case when a.contested then (select d.kind from answer d where d.handoff_id = a.handoff_id
            and d.kind in ('contest-upheld', 'contest-overturned')
            and d.received_at >= a.received_at and ${knownSql(ask, "d.received_at", "d.told_at")}
            order by d.received_at limit 1) end as verdict
        from answer a join handoff h on h.id = a.handoff_id
        where ${subjectSql(ask)} and a.kind in ('accept', 'reject')
          and a.received_at >= ${previousFrom} and a.received_at < $2
          and ${knownSql(ask, "a.received_at", "a.told_at")}
          and (a.kind = 'accept' or h.sal_at is null or h.sal_at > a.received_at)${where}),
      judged as (
        select *, kind = 'accept' or not contested or coalesce(verdict = 'contest-upheld', false)
          as stands from answered),
      monthly as (
        select g, reason, max(times)::int as most from (
          select g, reason, count(*) as times from judged where kind = 'reject' and not is_before
          group by g, reason, date_trunc('month', received_at at time zone 'UTC')) m
        group by g, reason),
      total as (
        select g, ${n("stands and not is_before")} as answered,
          ${n("stands and is_before")} as answered_before,
          ${n("kind = 'reject' and not is_before")} as rejected from judged group by g)
      select l.*, t.answered, t.answered_before, t.rejected,
        case when l.is_total then 0 else coalesce(m.most, 0) end as most
      from (
        select g, reason, grouping(reason) = 1 as is_total,
          (array_agg(reason_group order by received_at desc)
            filter (where reason_group is not null))[1] as reason_group,
          (array_agg(agreement_id order by received_at desc))[1] as agreement_id,
          ${n("not is_before")} as made, ${n("is_before")} as previous,
          ${n("not is_before and stands")} as standing,
          ${n("is_before and stands")} as standing_before,
          ${n("not is_before and contested")} as contested,
          ${n("not is_before and contested and verdict = 'contest-overturned'")} as overturned,
          ${n("not is_before and after_outreach")} as after_outreach,
          ${percentileSql(0.5, "case when not is_before then open_ms / 3600000.0 end")} as open_hours,
          (array_agg(subject_id order by received_at, subject_id)
            filter (where not is_before))[1:100] as leads
        from judged where kind = 'reject' group by grouping sets ((g, reason), (g))) l
      join total t on t.g is not distinct from l.g
      left join monthly m on m.g is not distinct from l.g and m.reason = l.reason
      order by l.g nulls last, is_total desc, made desc, l.reason`,
    });
    // Of each version once, one behind the other: a report takes one connection.
    const versions = new Map<string, Agreement>();
    for (const id of new Set(found.map((row) => row.agreement_id)))
      versions.set(id, (await ask.agreements.version(ask.db, id)).agreement);
    const lines = found.map((row) => lineOf(row, versions.get(row.agreement_id)));
    // Of each group its total first, then the reasons that grew most.
    const groups = [...new Set(lines.map(({ group: of }) => of))];
    return lines.sort(
      (a, b) =>
        groups.indexOf(a.group) - groups.indexOf(b.group) ||
        Number(b.reason === null) - Number(a.reason === null) ||
        (b.excess ?? 0) - (a.excess ?? 0),
    );
  },
});

interface Found {
  readonly g: string | null;
  readonly reason: string | null;
  readonly is_total: boolean;
  readonly reason_group: string | null;
  readonly agreement_id: string;
  readonly made: number;
  readonly previous: number;
  readonly standing: number;
  readonly standing_before: number;
  readonly contested: number;
  readonly overturned: number;
  readonly after_outreach: number;
  readonly open_hours: number | null;
  readonly leads: string[] | null;
  readonly answered: number;
  readonly answered_before: number;
  readonly rejected: number;
  readonly most: number;
}

function lineOf(row: Found, agreement: Agreement | undefined) {
  const recurs = isRecurring(row.most);
  const [now, before] = [
    rateOf(row.standing, row.answered),
    rateOf(row.standing_before, row.answered_before),
  ];
  // The version of the latest rejection: an older one may have been mended since.
  const accused =
    recurs && row.reason !== null && agreement ? accusedRules(agreement, row.reason) : [];
  return {
    group: row.g,
    reason: row.is_total ? null : row.reason,
    reasonGroup: row.is_total ? null : row.reason_group,
    count: row.made,
    previous: row.previous,
    share: rateOf(row.made, row.rejected),
    ofAnswered: now,
    contested: rateOf(row.contested, row.made),
    overturned: rateOf(row.overturned, row.contested),
    medianOpenHours: row.open_hours,
    afterOutreach: rateOf(row.after_outreach, row.made),
    mostInMonth: row.most,
    isRecurring: recurs,
    excess: excessOf(now, before),
    standsOut: standsOut({ mostInMonth: row.most, now, before }),
    accused,
    leads: row.leads ?? [],
  };
}
