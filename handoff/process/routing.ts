import type { Routed } from "../routing/route.ts";
import { firstDue, startClocks } from "./clocks.ts";
import {
  because,
  withTasksEnded,
  plus,
  withMessage,
  stand,
  withCrmSync,
  type Course,
} from "./course.ts";
import type { Event } from "./event.ts";
import { unrouted } from "./ending.ts";
import { hasLeft, openHandoff, type Handoff, type Situation } from "./situation.ts";
import { toRouting } from "./passing-on.ts";

/**
 * The routing dispatcher answered: the lead is put before a rep, on hold until somebody is there, or into
 * a named queue. An answer for another round than the next one, or for a lead that somebody has
 * meanwhile, is late and changes nothing.
 */
export function routed(course: Course, event: Extract<Event, { kind: "routed" }>): Course {
  const { process, handoff } = course.at;
  if (process.stage !== "mql" || handoff === null) return because(course, "it is not to be routed");
  const isOther = event.handoffId !== undefined && event.handoffId !== handoff.id;
  if (isOther || !unrouted.includes(process.waitingOn) || event.round !== handoff.round + 1) {
    return because(course, "it is with somebody already");
  }
  const { routed, territory, segment } = event;
  const outdated = overtaken(course.at, handoff, routed);
  if (outdated !== null) return onceMore(course, event, outdated);
  const here = plus(
    course,
    { do: "set-handoff", set: { territory, segment } },
    { do: "stand", set: { territory } },
  );
  switch (routed.kind) {
    case "assigned":
      return offer(here, routed.repId, routed.pool, event.round);
    case "held":
      return hold(here, routed.pool, routed.untilAt);
    case "queue":
      return toQueue(here, routed.queue, event.round);
    default:
      return routed satisfies never;
  }
}

/** What happened while the dispatcher was asked: its rep left, or a manager chose somebody else. */
function overtaken(at: Situation, { assignTo }: Handoff, routed: Routed): string | null {
  const repId = routed.kind === "assigned" ? routed.repId : null;
  if (repId !== null && hasLeft(at, repId)) return "its rep has left meanwhile";
  const isChosen = assignTo !== null && at.people[assignTo]?.active === true;
  return isChosen && repId !== assignTo ? "a manager chose somebody else meanwhile" : null;
}

/** The dispatcher is asked again; what it has on record for this round ends, and the round is used. */
function onceMore(
  course: Course,
  { round, routed }: Extract<Event, { kind: "routed" }>,
  why: string,
): Course {
  const used =
    routed.kind === "held" ? course : plus(course, { do: "set-handoff", set: { round } });
  return toRouting(used, why, openHandoff(course.at).assignTo);
}

/** The rep's clocks start, the rep is told, the CRM shows the owner. */
function offer(course: Course, repId: string, pool: string | null, round: number): Course {
  const { offeredAt, pool: before } = openHandoff(course.at);
  const taken = plus(
    course,
    {
      do: "set-handoff",
      set: {
        round,
        repId,
        pool: pool ?? before,
        assignTo: null,
        offeredAt: offeredAt ?? course.at.now,
      },
    },
    { do: "open-offer", round, repId, pool, by: "routing" },
  );
  const clocked = startClocks(taken, repId);
  const waits = stand(clocked, {
    waitingOn: "outreach",
    nextStep: "the rep's first outreach",
    with: { owner: repId },
  });
  const done = withTasksEnded(waits, ["fallback", "escalated", "contested"], {
    state: "done",
    by: "baton",
    how: "it has an owner",
  });
  return because(
    withCrmSync(
      withMessage(done, round, {
        what: "offer",
        repId,
        stage: "mql",
        ...firstDue(done.at, "rep"),
        again: offeredAt !== null,
      }),
    ),
    `offered to ${repId}`,
  );
}

function hold(course: Course, pool: string, untilAt: number | null): Course {
  const { process, now } = course.at;
  // It was on hold there before the dispatcher was asked again.
  const isNews = process.queue !== pool;
  const held = startClocks(plus(course, { do: "set-handoff", set: { pool } }), null);
  // The CRM shows where the lead is; that it is still there is no news.
  return because(
    stand(isNews ? withCrmSync(held) : held, {
      waitingOn: "hold",
      with: { queue: pool },
      nextStep: untilAt === null ? "held until somebody has room" : "held until the pool opens",
      // Freed room is signalled; a look once an hour costs little and covers a lost signal.
      nextAt: untilAt ?? now + 3_600_000,
    }),
    `held in ${pool}`,
  );
}

/** A named queue of people: nothing is ever unrouted. */
function toQueue(course: Course, queue: string, round: number): Course {
  const { id, leadType } = openHandoff(course.at);
  const taken = plus(
    course,
    { do: "set-handoff", set: { round, repId: null, assignTo: null } },
    { do: "open-offer", round, repId: null, pool: null, by: "routing" },
  );
  const waits = plus(
    stand(startClocks(taken, null), {
      waitingOn: "queue",
      nextStep: "somebody assigns it",
      with: { queue },
    }),
    {
      do: "open-task",
      task: {
        kind: "fallback",
        handoffId: id,
        role: queue,
        assigneeId: null,
        dueAt: null,
        detail: { leadType },
      },
    },
  );
  const { dueAt } = firstDue(waits.at, "lead");
  return because(
    withCrmSync(withMessage(waits, round, { what: "fallback-queue", queue, dueAt })),
    `in the queue ${queue}`,
  );
}
