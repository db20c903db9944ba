import {
  because,
  withTasksEnded,
  plus,
  refuse,
  sendTo,
  type Course,
  type Refusal,
} from "../course.ts";
import { endOffers, rejectionStands } from "../ending.ts";
import type { Action } from "../event.ts";
import { isContested, openHandoff, taskOf } from "../situation.ts";
import { toRouting } from "../passing-on.ts";
import { record } from "./learnt.ts";

/** A manager decides on a contested rejection: it stands, or the lead goes to another rep. */
export function decideContest(course: Course, action: Action<"decideContest">): Course | Refusal {
  const { at } = course;
  const { repId, round, rejectionReason, rejectionRevisitOn } = openHandoff(at);
  if (!isContested(at.handoff)) {
    return refuse("not-contested", "no contested rejection waits for a decision");
  }
  const upheld = action.body.decision === "uphold";
  const decision = upheld ? "upheld" : "overturned";
  const kind = upheld ? "contest-upheld" : "contest-overturned";
  const recorded = withTasksEnded(record(course, action, kind), ["contested"], {
    state: "done",
    by: action.by,
    how: decision,
  });
  const told =
    repId === null
      ? recorded
      : sendTo(recorded, round, {
          what: "contest-decided",
          repId,
          decision,
          reason: rejectionReason,
        });
  if (upheld) {
    const rule = at.agreement.answers.reasons[rejectionReason ?? ""];
    if (!rule) throw new Error(`agreement ${at.agreementId} has no reason ${rejectionReason}`);
    const named = taskOf(at, "contested")?.detail["field"];
    const field = typeof named === "string" ? named : null;
    const stands = rejectionStands(told, rejectionReason ?? "", rule, rejectionRevisitOn, field);
    return because(stands, "the rejection stands");
  }
  const again = plus(endOffers(told, "rejection overturned"), {
    do: "set-handoff",
    set: { overturnedAt: at.now },
  });
  return because(toRouting(again, "the rejection was overturned"), "the rejection was overturned");
}
