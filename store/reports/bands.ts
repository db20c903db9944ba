import { brokenBands, isImmature, rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, everyDimension, n, secondsToDecide } from "./cohort.ts";
import { ageOf, byGroup, foldedCohort } from "./fold.ts";
import { said, sentences, tellShares, type Telling } from "./paragraph.ts";
import {
  count,
  days,
  defineReport,
  flag,
  group,
  listColumn,
  rate,
  textColumn,
  type Fold,
} from "./report.ts";

const toldShares = [
  { of: "leads handed off", did: "qualified (SQL)", rate: "qualifiedRate" },
  { of: "leads handed off", did: "met or booked", rate: "meetingRate" },
  { of: "leads handed off", did: "became an opportunity", rate: "opportunityRate" },
  { of: "leads handed off", did: "were won", rate: "winRate", ripeAfterDays: 90 },
];

/** Telling where it is shown: in which lines a better band qualifies less than a lower one. */
function brokenSentence({
  rows,
  groupBy,
  shown,
}: Telling<{
  readonly group: string | null;
  readonly band: string | null;
  readonly brokenBelow: readonly string[];
}>): string {
  if (!shown.includes("brokenBelow") || rows.length === 0) return "";
  const broken = rows
    .filter(({ brokenBelow }) => brokenBelow.length > 0)
    .map(({ group: of, band, brokenBelow }) => {
      const where = groupBy === null ? "" : ` (${said(of)})`;
      return `${said(band)}${where} qualifies less than ${brokenBelow.join(", ")}`;
    });
  return broken.length === 0
    ? "No band qualifies less than a lower one: none of the intervals lies below a lower band's."
    : `${broken.join("; ")}: the intervals lie apart.`;
}

const offeredWith = (milestone: string) => n(`offered_at is not null and ${milestone} is not null`);
const bandCounts: Fold = {
  name: "bands",
  by: ["band"],
  sums: {
    offered: n("offered_at is not null"),
    sql: offeredWith("sql_at"),
    meeting: offeredWith("meeting_at"),
    opportunity: offeredWith("opportunity_at"),
    won: offeredWith("won_at"),
    wins: n("won_at is not null"),
    losses: n("lost_at is not null"),
  },
  percentiles: {
    cycle: [0.5, daysBetween("mql_at", "won_at")],
    nine_of_ten: [0.9, secondsToDecide],
  },
  isAged: true,
};

export const bandsReport = defineReport({
  name: "bands",
  question: "Do better bands come to more, or has one stopped performing?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Qualified rate by score band",
      article: "criteria",
      section: "1) Lead score quality (not just lead score volume)",
      column: "qualifiedRate",
    },
    {
      name: "Opportunity creation rate",
      article: "criteria",
      section: "1) Lead score quality (not just lead score volume)",
      column: "opportunityRate",
    },
    {
      name: "Meeting rate",
      article: "criteria",
      section: "1) Lead score quality (not just lead score volume)",
      column: "meetingRate",
    },
    {
      name: "Win rate by score band",
      article: "criteria",
      section: "1) Lead score quality (not just lead score volume)",
      column: "winRate",
    },
    {
      name: "Score band that stops performing",
      article: "criteria",
      section: "1) Lead score quality (not just lead score volume)",
      column: "brokenBelow",
    },
    {
      name: "Cycle length by handoff band",
      article: "criteria",
      section: "Buying signal criteria that reduce wasted discovery calls",
      column: "medianCycle",
    },
  ],
  columns: {
    group,
    band: textColumn(
      "score band at the handoff, from best to worst; empty: not recorded, as of handoffs " +
        "imported without one",
    ),
    handedOff: count("handoffs that were put before a rep"),
    qualifiedRate: rate("handed off and qualified (SQL) / handed off"),
    meetingRate: rate("handed off and met or booked / handed off"),
    opportunityRate: rate("handed off and became an opportunity / handed off"),
    winRate: rate("handed off and won / handed off"),
    closeRate: rate("won / (won + lost)"),
    medianCycle: days("median days from MQL to won"),
    brokenBelow: listColumn(
      "lower bands whose qualified rate is surely higher: the intervals lie apart",
    ),
    isImmature: flag("the cohort is younger than what nine of ten decided handoffs took"),
  },
  picture: {
    kind: "panels",
    of: ["band"],
    panels: [
      { title: "met or booked", rate: "meetingRate" },
      { title: "qualified (SQL)", rate: "qualifiedRate" },
      { title: "opportunity", rate: "opportunityRate" },
      { title: "won", rate: "winRate" },
    ],
    notes: { brokenBelow: "qualifies less than", isImmature: "young cohort" },
  },
  paragraph: {
    tell: (told) =>
      sentences(tellShares({ shares: toldShares, each: "band" }, told), brokenSentence(told)),
  },
  folds: [bandCounts],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      band: string | null;
      offered: number;
      sql: number;
      meeting: number;
      opportunity: number;
      won: number;
      wins: number;
      losses: number;
      cycle: number | null;
      youngest: number | null;
      nine_of_ten: number | null;
    }>(ask, bandCounts);
    found.sort((a, b) => byGroup(a.g, b.g) || byGroup(a.band, b.band));
    return found.map((row) => {
      const broken = brokenBands(
        found
          .filter(({ g }) => g === row.g)
          .flatMap(({ band, sql, offered }) =>
            band === null ? [] : [{ band, rate: rateOf(sql, offered) }],
          ),
      );
      return {
        group: row.g,
        band: row.band,
        handedOff: row.offered,
        qualifiedRate: rateOf(row.sql, row.offered),
        meetingRate: rateOf(row.meeting, row.offered),
        opportunityRate: rateOf(row.opportunity, row.offered),
        winRate: rateOf(row.won, row.offered),
        closeRate: rateOf(row.wins, row.wins + row.losses),
        medianCycle: row.cycle,
        brokenBelow: row.band === null ? [] : (broken.get(row.band) ?? []),
        isImmature: isImmature(ageOf(ask, row.youngest), row.nine_of_ten),
      };
    });
  },
});
