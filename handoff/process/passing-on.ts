import { dueOf, endPause } from "./clocks.ts";
import { because, plus, withMessage, sendTo, stand, withCrmSync, type Course } from "./course.ts";
import { endOffer } from "./ending.ts";
import { activeManagerOf, isGone, openHandoff, type ProcessClock } from "./situation.ts";

/** From whoever has it to another rep, who was not asked yet in this cycle. */
export function takenAway(course: Course, why: string): Course {
  const { repId, round } = openHandoff(course.at);
  if (repId === null) return course;
  return toRouting(
    sendTo(endOffer(course, why), round, {
      what: "reassigned-away",
      repId,
      because: why,
    }),
    why,
  );
}

/** Nobody has it: it is routed, under the same handoff. */
export function toRouting(course: Course, why: string, assignTo: string | null = null): Course {
  const free = plus(endPause(course), { do: "set-handoff", set: { repId: null, assignTo } });
  return because(
    stand(free, {
      waitingOn: "assessment",
      nextStep: "it is routed again",
      nextAt: free.at.now,
      with: { queue: "routing" },
    }),
    why,
  );
}

/**
 * The manager is asked. An unanswered lead lies with the manager, who assigns it; an accepted one
 * stays with its rep while the manager looks, unless that rep is gone. `missed`: the clock behind
 * it.
 */
export function toManager(
  course: Course,
  why: string,
  missed: ProcessClock | null,
  more: Readonly<Record<string, unknown>> = {},
): Course {
  const { process } = course.at;
  const { id, repId, round } = openHandoff(course.at);
  const managerId = activeManagerOf(course.at, repId);
  const isUnanswered = process.stage === "mql";
  const waits = isUnanswered || isGone(course.at);
  const asked = withMessage(
    plus(course, {
      do: "open-task",
      task: {
        kind: "escalated",
        handoffId: id,
        role: "manager",
        assigneeId: managerId,
        dueAt: null,
        detail: { because: why, repId, ...more },
      },
    }),
    `manager-${round}-${process.step}`,
    {
      what: "escalation",
      repId,
      clock: missed?.kind ?? null,
      rung: 0,
      because: why,
      waits,
      dueAt: missed && dueOf(course.at, missed),
      next: null,
    },
  );
  if (!isUnanswered) return asked;
  const free = plus(endOffer(endPause(asked), why), { do: "set-handoff", set: { repId: null } });
  return withCrmSync(
    stand(free, {
      waitingOn: "manager",
      nextStep: "the manager assigns it",
      with: managerId === null ? { queue: "manager" } : { owner: managerId },
    }),
  );
}

/** What is on hold is put before the routing dispatcher again. It stays in its queue until then. */
export function lookAgain(course: Course): Course {
  if (course.at.process.waitingOn !== "hold") return course;
  return because(
    stand(course, {
      waitingOn: "assessment",
      nextStep: "it is routed again",
      nextAt: course.at.now,
    }),
    "on hold, and looked at again",
  );
}
