import { givesTurnBack, type RejectionReason } from "../agreement.ts";
import type { Change } from "./change.ts";
import { intentScore } from "../qualify/score.ts";
import { byAgreement, endClocks } from "./clocks.ts";
import { withTasksEnded, moveTo, plus, sendTo, stand, withCrmSync, type Course } from "./course.ts";
import { openHandoff } from "./situation.ts";

/** The rep clocks of the current offer end, and the rep's room is free. */
export function endOffer(course: Course, why: string): Course {
  return freeRoom(endOffers(endClocks(course, "rep"), why));
}

/** Ends the offer of the current round, where one is open. */
export function endOffers(course: Course, why: string): Course {
  const { handoff, offers } = course.at;
  return plus(
    course,
    ...offers
      .filter(({ handoffId, round }) => handoffId === handoff?.id && round === handoff.round)
      .map(({ round }) => ({ do: "end-offer" as const, round, why })),
  );
}

/** While nobody has the lead and nobody decided otherwise, the dispatcher's next answer counts. */
export const unrouted: readonly string[] = ["assessment", "hold"];

/**
 * Routing writes its offers itself, so some come too late: for a handoff that is closed, or for a
 * lead that somebody has by now. Such an offer ends, and its rep has the turn back.
 */
export function endLateOffers(course: Course): Course {
  const { handoff, offers, process } = course.at;
  const isAwaited = process.stage === "mql" && unrouted.includes(process.waitingOn);
  const late = offers.filter(
    ({ handoffId, round }) =>
      handoff?.state !== "open" ||
      handoffId !== handoff.id ||
      round !== (isAwaited ? handoff.round + 1 : handoff.round),
  );
  if (late.length === 0) return course;
  const ended = late.flatMap(({ handoffId, round, repId }): Change[] => [
    { do: "end-offer", handoffId, round, why: "it came too late" },
    ...(repId === null ? [] : [{ do: "reverse-credit" as const, handoffId, round }]),
  ]);
  const pools = [...new Set(late.map(({ pool }) => pool).filter((pool) => pool !== null))];
  const over = plus(course, ...ended);
  return pools.length === 0 ? over : plus(over, { do: "free-room", pools });
}

/** Leads on hold in the pools of the handoff are offered to whoever has room now. */
export function freeRoom(course: Course): Course {
  return freeRoomIn(course, course);
}

/** The same for the pools in which `before` had offers that are over now. */
function freeRoomIn(course: Course, before: Course): Course {
  const pools = [course.at.handoff?.pool, ...before.at.offers.map(({ pool }) => pool)].filter(
    (pool) => pool != null,
  );
  return pools.length === 0
    ? course
    : plus(course, { do: "free-room", pools: [...new Set(pools)] });
}

/** Closes the open handoff: clocks end, offers end, tasks about it end, room is free. */
export function closeHandoff(
  course: Course,
  outcome: string,
  how: "answered" | "withdrawn" = "answered",
): Course {
  if (course.at.handoff === null) return course;
  const { repId, round } = course.at.handoff;
  const { now } = course.at;
  const ended = endOffers(endClocks(course, "all"), outcome);
  const told =
    repId !== null && how === "withdrawn"
      ? sendTo(ended, round, {
          what: "withdrawn",
          repId,
          because: outcome,
          mergedInto: course.at.process.mergedInto,
        })
      : ended;
  const done = withTasksEnded(told, ["contested", "fallback", "escalated", "stalled"], {
    state: how === "withdrawn" ? "withdrawn" : "done",
    by: "baton",
    how: outcome,
  });
  return freeRoomIn(
    plus(
      done,
      { do: "end-hold" },
      { do: "set-handoff", set: { state: "closed", outcome, closedAt: now } },
      { do: "stand", set: { handoffId: null } },
    ),
    course,
  );
}

/** Ends the process in `disqualified`: offers and tasks are withdrawn, the CRM is made equal. */
export function disqualify(
  course: Course,
  why: string,
  how: "answered" | "withdrawn" = "withdrawn",
): Course {
  const closed = withTasksEnded(closeHandoff(course, why, how), "all", {
    state: "withdrawn",
    by: "baton",
    how: why,
  });
  const moved = plus(moveTo(closed, "disqualified", why), {
    do: "stand",
    set: { closedReason: why },
  });
  return withCrmSync(
    stand(moved, {
      waitingOn: "nothing",
      nextStep:
        course.at.subject.kind === "account"
          ? "nothing; after the cool-down it can be flagged again"
          : "nothing; reopen it to start again",
      with: "nobody",
    }),
  );
}

/** Into the re-nurture pool: this cycle ends, the next one waits for a return condition. */
export function toRenurture(course: Course, why: string, revisitOn: string | null): Course {
  // An account comes back by its next flag, after the cool-down.
  if (course.at.subject.kind === "account") return disqualify(course, why, "answered");
  const { engagements, agreement, now } = course.at;
  const moved = moveTo(closeHandoff(course, why), "renurture", why);
  const out = plus(moved, {
    do: "stand",
    set: {
      exitAt: now,
      exitReason: why,
      revisitOn,
      exitIntent: intentScore(engagements, agreement.signals, now),
    },
  });
  return withCrmSync(
    plus(
      stand(out, {
        waitingOn: "return",
        nextStep: "its return conditions are looked at",
        nextAt: now,
        with: { queue: "renurture" },
      }),
      { do: "next-cycle" },
    ),
  );
}

type Detail = Readonly<Record<string, unknown>>;

/** Back to `new`, for data: the handoff failed on what is known of the lead. */
function backForData(course: Course, why: string, detail: Detail): Course {
  const role = course.at.agreement.nurture.reviewer;
  const handoffId = course.at.process.handoffId;
  const moved = stand(moveTo(closeHandoff(course, why), "new", why), {
    waitingOn: "data",
    nextStep: "facts to be corrected",
    with: { queue: role },
  });
  return withCrmSync(
    plus(moved, dataTask(role, handoffId, detail), {
      do: "next-cycle",
    }),
  );
}

/** A person supplies or corrects facts. `reason` marks a task that only such a correction ends. */
export function dataTask(role: string, handoffId: string | null, detail: Detail) {
  return {
    do: "open-task" as const,
    task: { kind: "fix-data" as const, handoffId, role, assigneeId: null, dueAt: null, detail },
  };
}

/** What follows from a rejection that stands. `field`: which fact is wrong, where that was said. */
export function rejectionStands(
  course: Course,
  reason: string,
  rule: Pick<RejectionReason, "group" | "then">,
  revisitOn: string | null,
  field: string | null = null,
): Course {
  const why = `rejected: ${reason}`;
  const detail = { because: why, reason, ...(field === null ? {} : { field }) };
  const { round } = openHandoff(course.at);
  const fair = givesTurnBack(rule.group) ? plus(course, { do: "reverse-credit", round }) : course;
  switch (rule.then) {
    // Whoever rejected it knows; nothing is withdrawn from anybody.
    case "disqualify":
      return disqualify(fair, why, "answered");
    case "renurture":
      return toRenurture(fair, why, revisitOn);
    case "fix-data": {
      if (fair.at.subject.kind === "account") return toRenurture(fair, why, revisitOn);
      if (fair.at.process.stage === "mql") return backForData(fair, why, detail);
      // After acceptance no way leads back to `new`: the lead waits in the pool while a person
      // mends its facts.
      const role = fair.at.agreement.nurture.reviewer;
      const handoffId = fair.at.process.handoffId;
      return plus(toRenurture(fair, why, revisitOn), dataTask(role, handoffId, detail));
    }
    default:
      return rule.then satisfies never;
  }
}

/** The end of the window for attempts on an accepted lead. */
export function attemptsUntil(course: Course, from: number): number {
  return byAgreement(course.at, course.at.agreement.working.over, from);
}
