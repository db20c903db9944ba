import { rateOf, type Rate } from "../../handoff/reviews/figures.ts";
import { n } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, rate, type Fold, type ReportAsk } from "./report.ts";

/** What came of the handoffs that had one of something: how many there were, and how they did. */
export interface MeetingsOfOne {
  readonly group: string | null;
  readonly one: string;
  readonly handedOff: number;
  readonly meetingRate: Rate;
  readonly qualifiedRate: Rate;
}

/** Their columns. */
export const meetingColumns = {
  handedOff: count("handoffs with it that were put before a rep"),
  meetingRate: rate("handed off with it, and met or booked / handed off with it"),
  qualifiedRate: rate("handed off with it, and qualified (SQL) / handed off with it"),
};

/** What their pictures show. */
export const meetingPanels = [
  { title: "met or booked", rate: "meetingRate" },
  { title: "qualified (SQL)", rate: "qualifiedRate" },
] as const;

/** What is told of them; a handoff can have several. */
export const toldMeetings = [
  { of: "leads handed off", did: "met or booked", rate: "meetingRate" },
  { of: "leads handed off", did: "qualified (SQL)", rate: "qualifiedRate" },
] as const;

/** What is counted of each of the signals, or of the assets, that handoffs froze. */
export const foldOfEach = (frozen: "assets" | "signals"): Fold => ({
  name: frozen,
  from: `h, unnest(h.${frozen}) as one`,
  where: "offered_at is not null",
  by: ["one"],
  sums: {
    offered: "count(*)::int",
    meeting: n("meeting_at is not null"),
    sql: n("sql_at is not null"),
  },
});

/** For each of the signals, or of the assets, that handoffs of the period froze. */
export async function meetingsOfEach(
  ask: ReportAsk,
  fold: Fold,
): Promise<readonly MeetingsOfOne[]> {
  const found = await foldedCohort<{
    g: string | null;
    one: string;
    offered: number;
    meeting: number;
    sql: number;
  }>(ask, fold);
  found.sort((a, b) => byGroup(a.g, b.g) || b.offered - a.offered || byGroup(a.one, b.one));
  return found.map(({ g, one, offered, meeting, sql }) => ({
    group: g,
    one,
    handedOff: offered,
    meetingRate: rateOf(meeting, offered),
    qualifiedRate: rateOf(sql, offered),
  }));
}
