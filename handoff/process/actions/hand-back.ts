import { onClocks } from "../clocks.ts";
import { because, type Course, type Refusal } from "../course.ts";
import { toRenurture } from "../ending.ts";
import type { Action } from "../event.ts";
import { answerClocks, record, refusePastDay } from "./learnt.ts";

/** The rep gives the lead back: it goes to re-nurture. */
export function handBack(course: Course, action: Action<"handBack">): Course | Refusal {
  const refusal = refusePastDay(course, action);
  if (refusal) return refusal;
  const { body, receivedAt } = action;
  const stopped = onClocks(course, answerClocks(course), { kind: "stop", at: receivedAt });
  const answered = record(stopped, action, "hand-back");
  return because(toRenurture(answered, "handed back", body.revisitOn ?? null), "handed back");
}
