import type { Agreement } from "../agreement.ts";
import type { Stage } from "../stage.ts";
import type { Instant } from "../time/calendar.ts";
import { isoOf } from "../time/dates.ts";
import type { FieldPath, FieldType } from "./facts.ts";

/**
 * How a handoff of the past came to its end. `open`: it has none. With an opportunity its process
 * is over all the same; without one it goes on in Baton.
 */
export const pastOutcomes = [
  "won",
  "lost",
  "open",
  "rejected",
  "no-response",
  "handed-back",
  "disqualified",
] as const;
export type PastOutcome = (typeof pastOutcomes)[number];

/** A handoff that other systems led, as a row of a file tells of it. */
export interface PastHandoff {
  /** When the person became a lead. */
  readonly arrivedAt: Instant;
  readonly mqlAt: Instant;
  readonly offeredAt: Instant | null;
  readonly firstOutreachAt: Instant | null;
  readonly connectedAt: Instant | null;
  readonly meetingAt: Instant | null;
  readonly salAt: Instant | null;
  readonly sqlAt: Instant | null;
  readonly opportunityAt: Instant | null;
  readonly outcome: PastOutcome;
  /** When it was won, lost, rejected or given up; null while it is open. */
  readonly endedAt: Instant | null;
  readonly reason: string | null;
  readonly reasonGroup: string | null;
  readonly repId: string | null;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly opportunityCrmId: string | null;
  /** The CRM's own stages of the opportunity, in the order in which it came to them; null: none. */
  readonly dealStages: readonly PastDealStage[] | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly fit: number | null;
  readonly intent: number | null;
  readonly icp: boolean | null;
  readonly segment: string | null;
  readonly territory: string | null;
}

/** That an opportunity came to a stage of the CRM, and when. */
export interface PastDealStage {
  readonly name: string;
  readonly at: Instant;
}

/** When a handoff took each of its steps, in the order in which they are taken. */
export const pastSteps = ["mqlAt", "handedOffAt", "salAt", "sqlAt", "opportunityAt"] as const;
export const pastContacts = ["firstOutreachAt", "connectedAt", "meetingAt"] as const;
export const pastEnds = ["wonAt", "lostAt", "rejectedAt", "endedAt"] as const;

/** The fields of a handoff of the past, beside those of the lead and its account. */
export const pastFields: Readonly<Record<FieldPath, FieldType>> = {
  ...Object.fromEntries(
    ["arrivedAt", ...pastSteps, ...pastContacts, ...pastEnds].map((name) => [
      `handoff.${name}`,
      "date",
    ]),
  ),
  "handoff.outcome": "text",
  "handoff.reason": "text",
  "handoff.owner": "text",
  "handoff.amount": "number",
  "handoff.currency": "text",
  "handoff.opportunityCrmId": "text",
  "handoff.leadType": "text",
  "handoff.band": "text",
  "handoff.fit": "number",
  "handoff.intent": "number",
  "handoff.icp": "boolean",
  "handoff.segment": "text",
  "handoff.territory": "text",
};

/** So many characters a CRM's name of a deal stage may have. */
export const longestDealStage = 60;

/**
 * The deal stage of a field `handoff.dealStages.Proposal`, which holds when the opportunity came to
 * it: a column for each stage, as CRMs export them. Null: it is another field.
 */
export function dealStageOf(field: FieldPath): string | null {
  const name = /^handoff\.dealStages\.(.+)$/.exec(field)?.[1]?.trim();
  return name !== undefined && name !== "" && name.length <= longestDealStage ? name : null;
}

/** An agreement that knows the fields of past handoffs too, for whoever reads their column map. */
export function withPastFields<A extends Pick<Agreement, "fields">>(agreement: A): A {
  return { ...agreement, fields: { ...agreement.fields, ...pastFields } };
}

/** One of a person's handoffs of the past, as much as stages and cycles need. */
export interface PastCourse {
  readonly mqlAt: Instant;
  readonly salAt: Instant | null;
  readonly sqlAt: Instant | null;
  readonly opportunityAt: Instant | null;
  /** When it was over for the process: with the opportunity, or without one. Null: it goes on. */
  readonly closedAt: Instant | null;
  /** Why, in the words that handoffs of Baton's own close with. */
  readonly because: string;
}

export function courseOf(past: PastHandoff): PastCourse {
  const { mqlAt, salAt, sqlAt, opportunityAt, endedAt } = past;
  const closedAt = opportunityAt ?? endedAt;
  return { mqlAt, salAt, sqlAt, opportunityAt, closedAt, because: becauseOf(past) };
}

/** A move from stage to stage of the past. */
export interface PastMove {
  readonly cycle: number;
  readonly step: number;
  readonly from: Stage | null;
  readonly to: Stage;
  readonly because: string;
  readonly at: Instant;
}

function becauseOf({ outcome, reason }: Pick<PastHandoff, "outcome" | "reason">): string {
  switch (outcome) {
    case "won":
    case "lost":
    case "open":
      return "opportunity";
    case "rejected":
      return `rejected: ${reason}`;
    case "no-response":
      return "no response after the agreed attempts";
    case "handed-back":
      return "handed back";
    case "disqualified":
      return "disqualified";
    default:
      return outcome satisfies never;
  }
}

/**
 * The moves of a lead whose handoffs, in order of time, are these: along the table of
 * `handoff/stage.ts`, each handoff a cycle. Only the last of them may go on.
 */
export function pastMoves(arrivedAt: Instant, courses: readonly PastCourse[]): PastMove[] {
  const moves: PastMove[] = [];
  let at: Stage | null = null;
  for (const [n, course] of courses.entries()) {
    let step = 0;
    const move = (to: Stage, because: string, when: Instant): void => {
      moves.push({ cycle: n + 1, step, from: at, to, because, at: when });
      at = to;
      step += 1;
    };
    move("new", n === 0 ? "arrived" : "handed off again", n === 0 ? arrivedAt : course.mqlAt);
    move("mql", "handed off", course.mqlAt);
    if (course.salAt !== null) move("sal", "the owner accepted", course.salAt);
    if (course.sqlAt !== null) move("sql", "sales confirmed fit, need and timing", course.sqlAt);
    if (course.opportunityAt !== null)
      move("opportunity", "opportunity exists in the CRM", course.opportunityAt);
    else if (course.closedAt !== null) move("disqualified", course.because, course.closedAt);
  }
  return moves;
}

/**
 * A word for all that a row says of a handoff, for comparing: the same word is the same handoff.
 * No name is in it.
 */
export function pastSaid(past: PastHandoff): string {
  const said = Object.entries(past)
    // The group of a reason is the agreement's, which may change.
    .filter(([name, value]) => value !== null && name !== "reasonGroup")
    .map(([name, value]) => [name, name.endsWith("At") ? isoOf(Number(value)) : value]);
  return JSON.stringify(
    Object.fromEntries(said.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))),
  );
}

/** Whether two handoffs of one person lie over each other: one ends before the next begins. */
export function overlaps(a: PastCourse, b: PastCourse): boolean {
  if (a.mqlAt === b.mqlAt) return true;
  const end = ({ closedAt }: PastCourse) => closedAt ?? Number.POSITIVE_INFINITY;
  return a.mqlAt < end(b) && b.mqlAt < end(a);
}
