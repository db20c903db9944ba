import { plus, refuse, type Course, type Refusal } from "../course.ts";
import type { AnswerKind } from "../change.ts";
import type { Action, AnyAction, Learnt } from "../event.ts";
import { openHandoff } from "../situation.ts";

/** Ratings and signals that the agreement does not know are refused by name. */
export function refuseLearnt({ at }: Course, { body }: AnyAction): Refusal | null {
  const { fitRating, buyingSignals } = body as Learnt;
  const { rateFit, buyingSignals: known } = at.agreement.answers;
  if (fitRating !== undefined && (fitRating < rateFit.from || fitRating > rateFit.to)) {
    return refuse("invalid", `expected: a whole number from ${rateFit.from} to ${rateFit.to}`, {
      field: "fitRating",
    });
  }
  const unknown = buyingSignals?.findIndex((signal) => !known.includes(signal)) ?? -1;
  if (unknown < 0) return null;
  return refuse("invalid", `expected one of: ${known.join(", ")}`, {
    field: `buyingSignals.${unknown}`,
    expected: known,
  });
}

/** Puts a person's answer on record, with what the person learnt. */
export function record(
  course: Course,
  action: AnyAction,
  kind: AnswerKind,
  more: { readonly onTime?: boolean | undefined; readonly contested?: boolean } = {},
): Course {
  const body = action.body as Learnt & { reason?: string; revisitOn?: string };
  const { id, by, receivedAt } = action;
  return learn(
    plus(course, {
      do: "record-answer",
      id,
      kind,
      by,
      receivedAt,
      round: openHandoff(course.at).round,
      reason: body.reason ?? null,
      revisitOn: body.revisitOn ?? null,
      learnt: learntOf(body),
      contested: more.contested ?? false,
      onTime: more.onTime ?? null,
    }),
    action,
  );
}

/** A timeline that was heard is a fact of the lead; of an account it stays with the answer. */
export function learn(course: Course, { body, receivedAt }: AnyAction): Course {
  const { timeline } = body as Learnt;
  return timeline === undefined || course.at.subject.kind === "account"
    ? course
    : plus(course, { do: "learn-timeline", timeline, at: receivedAt });
}

function learntOf({ fitRating, timeline, buyingSignals, note }: Learnt): Learnt {
  return {
    ...(fitRating === undefined ? {} : { fitRating }),
    ...(timeline === undefined ? {} : { timeline }),
    ...(buyingSignals === undefined ? {} : { buyingSignals }),
    ...(note === undefined ? {} : { note }),
  };
}

/** Accept and reject belong to the status clock, or also to the outreach clock where agreed. */
export function answerClocks({ at }: Course): readonly ("outreach" | "status")[] {
  return at.agreement.answers.acceptBy === "status" ? ["status"] : ["outreach", "status"];
}

/** A date to come back on lies ahead. */
export function refusePastDay(course: Course, { body }: Action<"handBack">): Refusal | null {
  const today = new Date(course.at.now).toISOString().slice(0, 10);
  const { revisitOn } = body;
  return revisitOn === undefined || revisitOn > today
    ? null
    : refuse("invalid", `expected a date after ${today}`, { field: "revisitOn" });
}
