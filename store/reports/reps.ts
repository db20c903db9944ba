import { liesBelow, shortRate } from "../../handoff/reviews/paragraph.ts";
import { hoursWords } from "../../handoff/reviews/words.ts";
import { said, sentences, tellShares, type SharesTold, type Telling } from "./paragraph.ts";
import { rateOf, type Rate } from "../../handoff/reviews/figures.ts";
import { ofEverySubject, n } from "./cohort.ts";
import { byGroup, foldedCohort, meanOf } from "./fold.ts";
import {
  count,
  defineReport,
  group,
  hours,
  numberColumn,
  rate,
  textColumn,
  type Fold,
} from "./report.ts";

const toldOfReps: SharesTold = {
  shares: [
    { of: "leads handed off", did: "were accepted", rate: "acceptanceRate" },
    { of: "leads accepted", did: "qualified (SQL)", rate: "qualifiedRate" },
  ],
  each: "rep",
};

/** What differs between the one who converts most and the one who converts least. */
function differenceSentence({
  rows,
}: Telling<{
  readonly rep: string | null;
  readonly acceptanceRate: Rate;
  readonly medianOpenResponse: number | null;
  readonly attempts: number | null;
}>): string {
  const judged = rows
    .filter(({ acceptanceRate }) => !acceptanceRate.isSmall)
    .sort((a, b) => (b.acceptanceRate.rate ?? 0) - (a.acceptanceRate.rate ?? 0));
  const [top, bottom] = [judged[0], judged.at(-1)];
  if (top === undefined || bottom === undefined || top === bottom) return "";
  const words = ({ rep, acceptanceRate, medianOpenResponse: open, attempts }: typeof top) =>
    [
      `${said(rep)} ${shortRate(acceptanceRate)} accepted`,
      ...(open === null ? [] : [`first outreach after a median of ${hoursWords(open)}`]),
      ...(attempts === null ? [] : [`${attempts.toFixed(1)} attempts`]),
    ].join(", ");
  const isApart = liesBelow(bottom.acceptanceRate, top.acceptanceRate);
  return (
    `Top ${words(top)}; bottom ` +
    `${words(bottom)}${isApart ? "" : "; their rates do not lie apart"}.`
  );
}

const results: Fold = {
  name: "reps",
  where: "offered_at is not null and rep_id is not null",
  by: ["rep_id"],
  sums: {
    offered: "count(*)::int",
    accepted: n("sal_at is not null"),
    sql: n("sal_at is not null and sql_at is not null"),
    tried: "(sum(tried) filter (where sal_at is not null and not imported))::int",
    tried_of: n("sal_at is not null and not imported"),
    missed: "sum(own_missed)::int",
    contested: "sum(own_contested)::int",
    overturned: "sum(own_overturned)::int",
  },
  percentiles: {
    open: [0.5, "case when first_outreach_at is not null then response_human_ms / 3600000.0 end"],
  },
};

export const repsReport = defineReport({
  name: "reps",
  question: "Who converts most, and what do they do differently?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject.filter((one) => one !== "rep"),
  readers: "those who lead",
  metrics: [
    {
      name: "Rep-level MQL-to-SAL conversion",
      article: "pipeline",
      section: "continuous improvement",
      column: "acceptanceRate",
    },
    {
      name: "Response time of top and bottom performers",
      article: "pipeline",
      section: "continuous improvement",
      column: "medianOpenResponse",
    },
    {
      name: "Priority leads per rep, grouped by lead type",
      article: "criteria",
      section: "Round-robin vs. priority queuing",
      column: "handedOff",
    },
  ],
  columns: {
    group,
    rep: textColumn("who had the handoff last"),
    handedOff: count("handoffs that were put before a rep and are with this one"),
    acceptanceRate: rate("accepted / handed off"),
    qualifiedRate: rate("accepted and qualified (SQL) / accepted"),
    medianOpenResponse: hours("median open hours from the first offer to the first outreach"),
    attempts: numberColumn("mean attempts on accepted leads; imported ones left out"),
    missed: count("deadlines of this rep's own clocks in these handoffs that were missed"),
    contested: count("rejections of this rep in these handoffs that were contested"),
    overturned: count("of these, overturned by the manager"),
  },
  picture: {
    kind: "panels",
    of: ["rep"],
    panels: [
      { title: "accepted", rate: "acceptanceRate" },
      { title: "qualified (SQL)", rate: "qualifiedRate" },
      { title: "offer to outreach", median: "medianOpenResponse" },
      { title: "deadlines missed", count: "missed" },
    ],
  },
  paragraph: {
    tell: (told) => sentences(tellShares(toldOfReps, told), differenceSentence(told)),
  },
  folds: [results],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      rep_id: string;
      offered: number;
      accepted: number;
      sql: number;
      open: number | null;
      tried: number | null;
      tried_of: number;
      missed: number;
      contested: number;
      overturned: number;
    }>(ask, results);
    found.sort((a, b) => byGroup(a.g, b.g) || byGroup(a.rep_id, b.rep_id));
    return found.map((row) => ({
      group: row.g,
      rep: row.rep_id,
      handedOff: row.offered,
      acceptanceRate: rateOf(row.accepted, row.offered),
      qualifiedRate: rateOf(row.sql, row.accepted),
      medianOpenResponse: row.open,
      attempts: meanOf(row.tried, row.tried_of),
      missed: row.missed,
      contested: row.contested,
      overturned: row.overturned,
    }));
  },
});
