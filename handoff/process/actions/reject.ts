import { judgeRejection } from "../../answers/rejection.ts";
import { byAgreement, endClocks, endPause, inTime, onClocks } from "../clocks.ts";
import { because, finding, plus, refuse, withMessage, stand, withCrmSync } from "../course.ts";
import type { Course, Refusal } from "../course.ts";
import { rejectionStands } from "../ending.ts";
import type { Action } from "../event.ts";
import { activeManagerOf, openHandoff } from "../situation.ts";
import { answerClocks, record } from "./learnt.ts";

/**
 * A rep's no, with a reason of the agreement. Before acceptance a reason that the facts contradict
 * is contested: a manager decides.
 */
export function reject(course: Course, action: Action<"reject">): Course | Refusal {
  const { at } = course;
  const { body, receivedAt } = action;
  const { reason, revisitOn } = body;
  const judged = judgeRejection(at.agreement, {
    reason,
    ...(revisitOn === undefined ? {} : { revisitOn }),
    attempts: openHandoff(at).attempts,
    // The limit is a rep's own; who acts for many reps is not one.
    rejectionsToday: action.role === "rep" ? at.rejectionsToday : 0,
    known: { facts: at.facts, engagements: at.engagements, now: at.now },
  });
  if ("refused" in judged) {
    const { code, message, field } = judged.refused;
    const reasons = Object.keys(at.agreement.answers.reasons);
    const expected = code === "not-a-reason" ? { expected: reasons } : {};
    return refuse(code, message, { field, ...expected });
  }
  const stopped = onClocks(finding(course, { rejection: judged }), answerClocks(course), {
    kind: "stop",
    at: receivedAt,
  });
  const onTime = inTime(course, stopped);
  const contested = judged.contested && at.process.stage === "mql";
  const answered = record(
    plus(stopped, {
      do: "set-handoff",
      set: {
        rejectedAt: receivedAt,
        rejectionReason: reason,
        rejectionGroup: judged.group,
        rejectionRevisitOn: revisitOn ?? null,
      },
    }),
    action,
    "reject",
    { onTime, contested },
  );
  const stands = () => rejectionStands(answered, reason, judged, revisitOn ?? null, body.field);
  const so = contested
    ? because(contest(answered, action), `rejected (${reason}); contested: ${judged.because}`)
    : because(stands(), `rejected: ${reason}`);
  return { ...so, ...(onTime === undefined ? {} : { onTime }) };
}

/** The facts say otherwise: the rep has answered, and the manager decides. */
function contest(course: Course, { body, by }: Action<"reject">): Course {
  const { at } = course;
  const { id, repId, round } = openHandoff(at);
  const dueAt = byAgreement(at, at.agreement.answers.contested.within, at.now);
  const managerId = activeManagerOf(at, repId);
  const asked = withMessage(
    plus(
      endClocks(endPause(course), "rep"),
      { do: "set-handoff", set: { contestedAt: at.now } },
      {
        do: "open-task",
        task: {
          kind: "contested",
          handoffId: id,
          role: "manager",
          assigneeId: managerId,
          dueAt,
          detail: {
            reason: body.reason,
            by,
            ...(body.field === undefined ? {} : { field: body.field }),
          },
        },
      },
    ),
    round,
    { what: "contested", repId, managerId, reason: body.reason, dueAt },
  );
  const waits = stand(asked, {
    waitingOn: "manager",
    nextStep: "the manager decides on the contested rejection",
    with: managerId === null ? { queue: "manager" } : { owner: managerId },
  });
  return withCrmSync(plus(waits, { do: "stand", set: { dueAt } }));
}
