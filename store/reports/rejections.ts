import type { Agreement } from "../../handoff/agreement.ts";
import { accusedRules } from "../../handoff/reviews/accused.ts";
import { excessOf, isRecurring, rateOf, standsOut } from "../../handoff/reviews/figures.ts";
import { shareSentence, sumOfRates } from "../../handoff/reviews/paragraph.ts";
import { capitalised, counted, enumerated, numberWords } from "../../handoff/reviews/words.ts";
import { n, ofEverySubject } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { said, sentences } from "./paragraph.ts";
import {
  count,
  defineReport,
  flag,
  group,
  openHours,
  leads,
  listColumn,
  numberColumn,
  rate,
  textColumn,
  type Fold,
} from "./report.ts";

const isRejection = "kind = 'reject'";
const ofRejections = {
  of: "answers",
  sums: {
    rejected: n(isRejection),
    standing: n(`${isRejection} and stands`),
    contested: n(`${isRejection} and contested`),
    overturned: n(`${isRejection} and contested and verdict = 'contest-overturned'`),
    after_outreach: n(`${isRejection} and after_outreach`),
  },
  percentiles: { open_hours: [0.5, `case when ${isRejection} then open_ms / 3600000.0 end`] },
  leads: { leads: isRejection },
  latest: {
    reason_group: `case when ${isRejection} then reason_group end`,
    rejected_under: `case when ${isRejection} then agreement_id end`,
  },
} as const satisfies Partial<Fold>;
const answered: Fold = {
  ...ofRejections,
  name: "rejections, all answers",
  sums: { ...ofRejections.sums, answered: n("stands") },
};
const reasons: Fold = {
  ...ofRejections,
  name: "rejections",
  where: isRejection,
  by: ["reason"],
};
const months: Fold = {
  name: "rejections, month by month",
  of: "answers",
  where: isRejection,
  by: ["reason", "month"],
  sums: { rejected: "count(*)::int" },
};

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
    medianOpenHours: openHours("median open hours of the rep from the offer to the rejection"),
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
    fates: [
      { rate: "contested", word: "contested" },
      { rate: "overturned", word: "overturned" },
    ],
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
  folds: [answered, reasons, months],
  async rows(ask) {
    const before = { ...ask, from: 2 * ask.from - ask.to, to: ask.from };
    // One behind the other: a report takes one connection.
    const totals = await foldedCohort<Answered>(ask, answered);
    const totalsBefore = await foldedCohort<Answered>(before, answered);
    const now = await foldedCohort<OfReason>(ask, reasons);
    const earlier = await foldedCohort<OfReason>(before, reasons);
    const monthly = await foldedCohort<OfMonth>(ask, months);
    const most = new Map<string, number>();
    for (const { g, reason, rejected } of monthly) {
      const key = keyOf({ g, reason });
      most.set(key, Math.max(most.get(key) ?? 0, rejected));
    }
    const lines = foundOf(totals, totalsBefore, now, earlier, most);
    const versions = new Map<string, Agreement>();
    for (const id of new Set(lines.flatMap((row) => row.agreement_id ?? [])))
      versions.set(id, (await ask.agreements.version(ask.db, id)).agreement);
    // Of each group its total first, then the reasons that grew most.
    return lines
      .sort(
        (x, y) =>
          byGroup(x.g, y.g) ||
          Number(y.is_total) - Number(x.is_total) ||
          y.made - x.made ||
          byGroup(x.reason, y.reason),
      )
      .map((row) => ({ row, line: lineOf(row, versions.get(row.agreement_id ?? "")) }))
      .sort(
        (x, y) =>
          byGroup(x.row.g, y.row.g) ||
          Number(y.row.is_total) - Number(x.row.is_total) ||
          (y.line.excess ?? 0) - (x.line.excess ?? 0),
      )
      .map(({ line }) => line);
  },
});

const keyOf = ({ g, reason }: Pick<OfReason, "g" | "reason">): string =>
  JSON.stringify([g, reason]);

/** What was counted of a period and of the one before it, side by side. */
function foundOf(
  totals: readonly Answered[],
  totalsBefore: readonly Answered[],
  now: readonly OfReason[],
  earlier: readonly OfReason[],
  most: ReadonlyMap<string, number>,
): Found[] {
  const total = new Map(totals.map((row) => [row.g, row]));
  const before = new Map(totalsBefore.map((row) => [row.g, row]));
  const of = new Map(now.map((row) => [keyOf(row), row]));
  const was = new Map(earlier.map((row) => [keyOf(row), row]));
  const found = (
    g: string | null,
    one: Counted | undefined,
    other: Counted | undefined,
    more: Pick<Found, "reason" | "is_total" | "most">,
  ): Found => ({
    ...more,
    g,
    reason_group: one?.reason_group ?? other?.reason_group ?? null,
    agreement_id: one?.rejected_under ?? other?.rejected_under ?? null,
    made: one?.rejected ?? 0,
    previous: other?.rejected ?? 0,
    standing: one?.standing ?? 0,
    standing_before: other?.standing ?? 0,
    contested: one?.contested ?? 0,
    overturned: one?.overturned ?? 0,
    after_outreach: one?.after_outreach ?? 0,
    open_hours: one?.open_hours ?? null,
    leads: one?.leads ?? null,
    answered: total.get(g)?.answered ?? 0,
    answered_before: before.get(g)?.answered ?? 0,
    rejected: total.get(g)?.rejected ?? 0,
  });
  const groups = [...new Set([...totals, ...totalsBefore].map(({ g }) => g))].flatMap((g) => {
    const [one, other] = [total.get(g), before.get(g)];
    if ((one?.rejected ?? 0) + (other?.rejected ?? 0) === 0) return [];
    return found(g, one, other, { reason: null, is_total: true, most: 0 });
  });
  const each = [...new Map([...earlier, ...now].map((row) => [keyOf(row), row]))].map(
    ([key, { g, reason }]) =>
      found(g, of.get(key), was.get(key), { reason, is_total: false, most: most.get(key) ?? 0 }),
  );
  return [...groups, ...each];
}

/** What is counted of the rejections of a period. */
interface Counted {
  readonly g: string | null;
  readonly reason_group: string | null;
  readonly rejected_under: string | null;
  readonly rejected: number;
  readonly standing: number;
  readonly contested: number;
  readonly overturned: number;
  readonly after_outreach: number;
  readonly open_hours: number | null;
  readonly leads: string[] | null;
}
interface Answered extends Counted {
  readonly answered: number;
}
interface OfReason extends Counted {
  readonly reason: string | null;
}
interface OfMonth {
  readonly g: string | null;
  readonly reason: string | null;
  readonly rejected: number;
}

interface Found {
  readonly g: string | null;
  readonly reason: string | null;
  readonly is_total: boolean;
  readonly reason_group: string | null;
  /** The version of the latest rejection. */
  readonly agreement_id: string | null;
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
