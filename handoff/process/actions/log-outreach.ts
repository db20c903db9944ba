import { inTime, onClocks } from "../clocks.ts";
import {
  because,
  withTasksEnded,
  plus,
  refuse,
  withCrmSync,
  type Course,
  type Refusal,
} from "../course.ts";
import { freeRoom } from "../ending.ts";
import type { Action } from "../event.ts";
import { openHandoff } from "../situation.ts";
import { learn } from "./learnt.ts";

/** How far ahead of ours a sender's clock may run. */
const skewMs = 5 * 60_000;

/** An attempt to reach the lead; the first one stops the outreach clock. */
export function logOutreach(course: Course, action: Action<"logOutreach">): Course | Refusal {
  const { body, by, id, receivedAt } = action;
  const outcome = body.outcome ?? "attempted";
  const said = body.occurredAt === undefined ? receivedAt : Date.parse(body.occurredAt);
  if (said > receivedAt + skewMs && action.via !== "crm") {
    return refuse("invalid", "expected an instant that is not in the future", {
      field: "occurredAt",
    });
  }
  // What another system dates ahead counts as of its receipt.
  const occurredAt = action.via === "crm" ? Math.min(said, receivedAt) : said;
  const handoff = openHandoff(course.at);
  if (occurredAt < handoff.mqlAt) {
    return refuse("invalid", "expected an instant after the handoff began", {
      field: "occurredAt",
    });
  }
  const reached = outcome === "connected" || outcome === "replied" || outcome === "meeting_booked";
  const stopped = onClocks(course, ["outreach"], { kind: "stop", at: receivedAt });
  const booked = outcome === "meeting_booked" ? occurredAt : null;
  const meetingAt = handoff.meetingAt ?? booked;
  const counted = plus(
    stopped,
    {
      do: "set-handoff",
      set: {
        attempts: handoff.attempts + 1,
        firstOutreachAt: handoff.firstOutreachAt ?? occurredAt,
        connectedAt: reached ? (handoff.connectedAt ?? occurredAt) : handoff.connectedAt,
        meetingAt,
      },
    },
    { do: "stand", set: { waitingOn: nextWait(course, meetingAt) } },
  );
  const onTime = inTime(course, counted);
  const logged = learn(
    plus(counted, {
      do: "record-outreach",
      id,
      repId: by,
      channel: body.channel,
      outcome,
      occurredAt,
      receivedAt,
      onTime: onTime ?? null,
    }),
    action,
  );
  const isOffer = course.at.process.stage === "mql";
  // What a manager was shown of an accepted lead is over.
  const shown = isOffer
    ? logged
    : withTasksEnded(logged, ["stalled", "escalated"], {
        state: "done",
        by,
        how: "the owner was in touch",
      });
  const free = handoff.firstOutreachAt === null ? freeRoom(shown) : shown;
  return {
    ...because(withCrmSync(free), `${outcome} by ${body.channel}`),
    ...(onTime === undefined ? {} : { onTime }),
  };
}

function nextWait({ at }: Course, meetingAt: number | null) {
  const { waitingOn } = at.process;
  if (waitingOn === "outreach") return "answer";
  return waitingOn === "attempts" && meetingAt !== null ? "meeting" : waitingOn;
}
