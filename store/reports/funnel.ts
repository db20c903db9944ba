import { isImmature, rateOf } from "../../handoff/reviews/figures.ts";
import {
  shareSentence,
  standOutSentence,
  sumOfRates,
  type Share,
} from "../../handoff/reviews/paragraph.ts";
import { lowerFirst } from "../../handoff/reviews/words.ts";
import { said, sentences, youngSentence } from "./paragraph.ts";
import { daysBetween, everyDimension, n, secondsToDecide } from "./cohort.ts";
import { knownSql } from "./known.ts";
import { ageOf, byGroup, foldedCohort } from "./fold.ts";
import { leadDimensions } from "./filters.ts";
import { ofLeads } from "./leads.ts";
import {
  count,
  days,
  defineReport,
  flag,
  group,
  rate,
  textColumn,
  type ReportAsk,
  type Fold,
} from "./report.ts";

/** The steps in their order, with the column that says when a handoff took it. */
const steps = [
  ["mql", "mql_at"],
  ["handed-off", "offered_at"],
  ["first-outreach", "first_outreach_at"],
  ["connected", "connected_at"],
  ["meeting", "meeting_at"],
  ["sal", "sal_at"],
  ["sql", "sql_at"],
  ["opportunity", "opportunity_at"],
  ["won", "won_at"],
] as const;

const after = steps.map(([, at], i) => ({ at, before: steps[i - 1]?.[1] ?? at }));
const taken: Fold = {
  name: "funnel",
  sums: Object.fromEntries(
    after.flatMap(({ at, before }) => [
      [`n_${at}`, n(`${at} is not null`)],
      [`b_${at}`, n(`${at} is not null and ${before} is not null`)],
      [`o_${at}`, n(`${at} is not null and offered_at is not null`)],
    ]),
  ),
  percentiles: {
    ...Object.fromEntries(
      after.slice(1).map(({ at, before }) => [`d_${at}`, [0.5, daysBetween(before, at)] as const]),
    ),
    nine_of_ten: [0.9, secondsToDecide],
  },
  isAged: true,
};

/** Counted apart from the leads, as a join: for all years one pass over the handoffs. */
const handedOff: Fold = {
  name: "funnel, leads handed off",
  of: "leads handed off",
  sums: { mql: "count(*)::int" },
};

export const funnelReport = defineReport({
  name: "funnel",
  question: "How far do leads get, from created to won, and how long does each step take?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "MQL-to-SAL conversion",
      article: "pipeline",
      section: "the shared funnel view",
      column: "ofMql",
    },
    {
      name: "Handoff-to-SAL conversion",
      article: "criteria",
      section: "From handoff to opportunity: conversion chain metrics",
      column: "ofHandedOff",
    },
    {
      name: "SAL-to-SQL conversion",
      article: "criteria",
      section: "From handoff to opportunity: conversion chain metrics",
      column: "ofStepBefore",
    },
    {
      name: "SQL-to-opportunity conversion",
      article: "criteria",
      section: "From handoff to opportunity: conversion chain metrics",
      column: "ofStepBefore",
    },
    {
      name: "Opportunity creation rate from handoff leads",
      article: "criteria",
      section: "Weekly or biweekly review metrics",
      column: "ofHandedOff",
    },
  ],
  columns: {
    group,
    step: textColumn(`leads-created, then ${steps.map(([step]) => step).join(", ")}`),
    count: count(
      "handoffs that took the step by then; for leads-created the leads that arrived in the period",
    ),
    ofStepBefore: rate("those that took this step / those that took the step before"),
    ofMql: rate("those that took this step / handoffs that began (MQL)"),
    ofHandedOff: rate("handed off and took this step / handed off"),
    medianDays: days("median days from the step before, of those that took both"),
    isImmature: flag("the cohort is younger than what nine of ten decided handoffs took"),
  },
  picture: {
    kind: "funnel",
    step: "step",
    count: "count",
    ofStepBefore: "ofStepBefore",
    days: "medianDays",
    notes: { isImmature: "young cohort" },
  },
  paragraph: {
    tell(told) {
      const of = (rows: typeof told.rows, step: string) => rows.filter((row) => row.step === step);
      const sentence = (step: string, column: "ofHandedOff" | "ofStepBefore", share: Share) =>
        shareSentence(
          share,
          sumOfRates(of(told.rows, step).map((row) => row[column])),
          told.before && sumOfRates(of(told.before, step).map((row) => row[column])),
        );
      const groups = of(told.rows, "sql")
        .map((row) => ({ name: said(row.group), rate: row.ofHandedOff }))
        .filter(({ rate: { denominator } }) => denominator > 0);
      return sentences(
        sentence("sal", "ofHandedOff", { of: "leads handed off", did: "were accepted (SAL)" }),
        sentence("sql", "ofStepBefore", { of: "SALs", did: "qualified (SQL)" }),
        told.groupBy === null || groups.length < 2
          ? ""
          : `From handoff to SQL: ${lowerFirst(standOutSentence(groups))}`,
        sentence("opportunity", "ofStepBefore", { of: "SQLs", did: "became an opportunity" }),
        youngSentence(told.rows),
      );
    },
  },
  folds: [taken, handedOff],
  async rows(ask) {
    const found = await foldedCohort<Record<string, number | null> & { g: string | null }>(
      ask,
      taken,
    );
    const created = await leadsCreated(ask);
    const groups = [...new Set([...found.map(({ g }) => g), ...(created?.keys() ?? [])])];
    if (groups.length === 0 && ask.groupBy === null) groups.push(null);
    return groups.sort(byGroup).flatMap((g) => {
      const row = found.find((one) => one.g === g);
      const value = (key: string) => row?.[key] ?? 0;
      const immature = isImmature(ageOf(ask, row?.["youngest"]), row?.["nine_of_ten"] ?? null);
      const all = created?.get(g) ?? { created: 0, mql: 0 };
      const lines = after.map(({ at, before }, i) => ({
        group: g,
        step: steps[i]?.[0] ?? "",
        count: value(`n_${at}`),
        ofStepBefore:
          i > 0 ? rateOf(value(`b_${at}`), value(`n_${before}`)) : rateOf(all.mql, all.created),
        ofMql: rateOf(value(`n_${at}`), value("n_mql_at")),
        ofHandedOff: rateOf(value(`o_${at}`), value("n_offered_at")),
        medianDays: i > 0 ? (row?.[`d_${at}`] ?? null) : null,
        isImmature: immature,
      }));
      if (created === null) return lines;
      const none = rateOf(0, 0);
      const first = { group: g, step: "leads-created", count: all.created, medianDays: null };
      return [
        { ...first, ofStepBefore: none, ofMql: none, ofHandedOff: none, isImmature: immature },
        ...lines,
      ];
    });
  },
});

/**
 * Leads that arrived in the period, and how many of them were ever handed off; null where the
 * question asks for something that leads do not record.
 */
async function leadsCreated(
  ask: ReportAsk,
): Promise<Map<string | null, { created: number; mql: number }> | null> {
  const asked = [...Object.keys(ask.filters), ...(ask.groupBy === null ? [] : [ask.groupBy])];
  if (ask.repIds !== null || !asked.every((name) => Object.hasOwn(leadDimensions, name)))
    return null;
  const arrived = (where: string) => `l.arrived_at >= $1 and l.arrived_at < $2
    and l.arrived_at <= $3${where}`;
  const found = await ofLeads<{ g: string | null; created: number }>(
    ask,
    (where, of) => `
    select ${of} as g, count(*)::int as created from lead l where ${arrived(where)} group by 1`,
  );
  const handed =
    asked.length === 0
      ? await foldedCohort<{ g: string | null; mql: number }>(ask, handedOff)
      : await ofLeads<{ g: string | null; mql: number }>(
          ask,
          (where, of) => `
          select ${of} as g, count(*)::int as mql from lead l where ${arrived(where)}
            and exists (select from handoff h where h.subject_kind = 'lead' and h.subject_id = l.id
              and ${knownSql(ask, "h.mql_at", "h.mql_told_at")}) group by 1`,
        );
  const mqls = new Map(handed.map(({ g, mql }) => [g, mql]));
  return new Map(found.map(({ g, created }) => [g, { created, mql: mqls.get(g) ?? 0 }]));
}
