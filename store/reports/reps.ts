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
  openHours,
  numberColumn,
  rate,
  textColumn,
  type Fold,
  type ReportAsk,
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

/**
 * What the picks of the rotation gave and took, in millionths of a lead (docs/routing.md): whoever
 * could have been picked gains the share of their weight, and who is picked pays a lead.
 */
const shares: Fold = {
  name: "reps, shares of picks",
  from: `(select h.*, one.key as member, one.value::bigint as credit
    from h join credit_entry e on e.handoff_id = h.id and e.kind in ('pick', 'reverse')
      and e.at <= $3
    cross join lateral jsonb_each_text(e.deltas) one) h`,
  by: ["member"],
  sums: { credit: "sum(credit)::float8" },
};
interface Share {
  readonly g: string | null;
  readonly member: string;
  readonly credit: number;
}

/**
 * By the handoffs of everybody: a share is also of leads that somebody else got. Undefined where the
 * question leaves some of these out.
 */
async function sharesFor(ask: ReportAsk): Promise<readonly Share[] | undefined> {
  if (ask.groupBy === "team" || ask.filters.team !== undefined) return undefined;
  const found = await foldedCohort<Share>({ ...ask, repIds: null }, shares);
  return found.filter(({ member }) => ask.repIds?.includes(member) ?? true);
}

interface Result {
  readonly g: string | null;
  readonly rep_id: string;
  readonly offered: number;
  readonly accepted: number;
  readonly sql: number;
  readonly open: number | null;
  readonly tried: number | null;
  readonly tried_of: number;
  readonly missed: number;
  readonly contested: number;
  readonly overturned: number;
}
const nothing = {
  offered: 0,
  accepted: 0,
  sql: 0,
  open: null,
  tried: null,
  tried_of: 0,
  missed: 0,
  contested: 0,
  overturned: 0,
};

/** Hundredths are enough to see who was passed over. Who is short of a share has credit. */
const inLeads = (millionths: number | undefined): number | null =>
  millionths === undefined ? null : Math.round(-millionths / 10_000) / 100 || 0;

const keyOf = (g: string | null, rep: string): string => JSON.stringify([g, rep]);

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
    medianOpenResponse: openHours("median open hours from the first offer to the first outreach"),
    attempts: numberColumn("mean attempts on accepted leads; imported ones left out"),
    missed: count("deadlines of this rep's own clocks in these handoffs that were missed"),
    beyondShare: numberColumn(
      "leads that the rotation gave the rep beyond the share of the rep's weight (below 0: short " +
        "of it), among those who could be picked each time; empty: nothing was picked, or teams " +
        "were asked for",
    ),
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
  folds: [results, shares],
  async rows(ask) {
    const found = await foldedCohort<Result>(ask, results);
    const credits = await sharesFor(ask);
    const credit = new Map(credits?.map((one) => [keyOf(one.g, one.member), one.credit]));
    // Who could have been picked and got nothing has a line as well.
    const having = new Set(found.map((row) => keyOf(row.g, row.rep_id)));
    for (const { g, member } of credits ?? [])
      if (!having.has(keyOf(g, member))) found.push({ ...nothing, g, rep_id: member });
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
      beyondShare: inLeads(credit.get(keyOf(row.g, row.rep_id))),
      contested: row.contested,
      overturned: row.overturned,
    }));
  },
});
