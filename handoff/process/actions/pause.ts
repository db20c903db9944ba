import { endPause, onClocks } from "../clocks.ts";
import { because, plus, refuse, withCrmSync, type Course, type Refusal } from "../course.ts";
import type { Action } from "../event.ts";
import { pauseLimit } from "../pauses.ts";
import { openHandoff } from "../situation.ts";

/** The clocks stand still for a reason of the agreement, in all at most as long as it allows. */
export function pause(course: Course, { body, receivedAt }: Action<"pause">): Course | Refusal {
  const { reasons } = course.at.agreement.clocks.pause;
  const { reason, until } = body;
  if (!reasons.includes(reason)) {
    return refuse("not-a-reason", `expected one of: ${reasons.join(", ")}`, {
      field: "reason",
      expected: reasons,
    });
  }
  const asked = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until);
  if (asked <= receivedAt) {
    return refuse("invalid", "expected an instant in the future", { field: "until" });
  }
  if (openHandoff(course.at).pausedUntil !== null) {
    return refuse("paused-already", "the clocks are paused already");
  }
  const limit = pauseLimit(course.at, reason);
  if (limit === null) {
    return refuse("pause-used-up", `the time agreed for ${reason} is used up`, { field: "reason" });
  }
  const pausedUntil = Math.min(limit, asked);
  const paused = onClocks(course, ["outreach", "status"], {
    kind: "pause",
    at: receivedAt,
    reason,
  });
  return because(
    withCrmSync(plus(paused, { do: "set-handoff", set: { pausedUntil } })),
    `paused (${reason}) until ${new Date(pausedUntil).toISOString()}`,
  );
}

/** The clocks run on. */
export function resume(course: Course, { receivedAt }: Action<"resume">): Course | Refusal {
  if (openHandoff(course.at).pausedUntil === null) {
    return refuse("not-paused", "the clocks are not paused");
  }
  return because(withCrmSync(endPause(course, receivedAt)), "resumed");
}
