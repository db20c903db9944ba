import { endPause, inTime, onClocks } from "../clocks.ts";
import { because, moveTo, plus, withCrmSync, type Course } from "../course.ts";
import { attemptsUntil, freeRoom } from "../ending.ts";
import type { Action } from "../event.ts";
import { seenOpportunity } from "../opportunity.ts";
import { openHandoff } from "../situation.ts";
import { answerClocks, record } from "./learnt.ts";

/** The owner takes the lead: it becomes SAL, and the cadence of attempts begins. */
export function accept(course: Course, action: Action<"accept">): Course {
  const { receivedAt } = action;
  const stopped = onClocks(course, answerClocks(course), { kind: "stop", at: receivedAt });
  const onTime = inTime(course, stopped);
  const { meetingAt } = openHandoff(course.at);
  const taken = plus(
    moveTo(endPause(stopped), "sal", "the owner accepted"),
    {
      do: "set-handoff",
      set: { salAt: receivedAt, attemptsUntil: attemptsUntil(course, receivedAt) },
    },
    { do: "stand", set: { waitingOn: meetingAt === null ? "attempts" : "meeting" } },
  );
  const answered = because(
    withCrmSync(freeRoom(record(taken, action, "accept", { onTime }))),
    "accepted",
  );
  // An opportunity that the CRM showed before the acceptance is there already.
  const so = course.at.opportunity === null ? answered : seenOpportunity(answered);
  return { ...so, ...(onTime === undefined ? {} : { onTime }) };
}
