import { firstDue, hoursNeverCome, startClocks } from "./clocks.ts";
import { because, plus, withMessage, sendTo, stand, withCrmSync, type Course } from "./course.ts";
import { endOffer } from "./ending.ts";
import { activeManagerOf, hasLeft, isContested, isGone, openHandoff, taskOf } from "./situation.ts";
import {
  absenceNow,
  deputyOf,
  ownerIsBack,
  showAbsence,
  suggestion,
  withoutAbsenceTask,
} from "./absence.ts";
import { lookAgain, takenAway, toManager } from "./passing-on.ts";

/**
 * People came, left, or changed their hours. Nothing stays with somebody who left, or left the pool
 * whose turn it was: an offer is routed again, an accepted lead goes to the manager, and what
 * waited for a manager waits for one who is there. What is on hold is looked at again at once.
 */
export function peopleChanged(course: Course): Course {
  return withActiveManagers(lookAgain(withoutGone(course)));
}

function withoutGone(course: Course): Course {
  const repId = course.at.handoff?.repId ?? null;
  if (repId === null) return course;
  if (isGone(course.at)) return withoutRep(course, repId);
  const so = withoutAbsent(course);
  const isOffer = so.at.process.stage === "mql" && so.at.handoff?.repId === repId;
  return isOffer && hoursNeverCome(so.at)
    ? takenAway(so, "the hours of the owner do not come")
    : so;
}

/**
 * A long absence, by the agreement's `absences`: an offer is routed again, an accepted lead goes to
 * a deputy, or the manager is shown it. A person who is back ends that task.
 */
export function withoutAbsent(course: Course): Course {
  const present = ownerIsBack(course);
  const away = absenceNow(present.at);
  if (away === null) return present;
  const { repId, deputy, to } = away;
  const why = "the owner is absent";
  if (present.at.process.stage === "mql") return takenAway(present, why);
  return deputy === null
    ? showAbsence(present, repId, to)
    : because(newOwner(present, deputy, why), why);
}

/**
 * An opportunity is worked on after its process has ended: it moves by the same rules as an accepted
 * lead, without a clock.
 */
export function opportunityPassedOn(course: Course): Course {
  const { at } = course;
  const { owner, stage } = at.process;
  if (stage !== "opportunity" || at.openOpportunity === undefined || owner === null) return course;
  if (!hasLeft(at, owner)) {
    const present = ownerIsBack(course);
    const away = absenceNow(present.at);
    if (away === null) return present;
    return away.deputy === null
      ? showAbsence(withTasksMoved(present, owner), owner, away.to)
      : opportunityTo(present, away.deputy, "the owner is absent");
  }
  const why = "the owner has left";
  const deputy = at.agreement.leavers.accepted === "deputy" ? deputyOf(at, owner) : null;
  if (deputy !== null) return opportunityTo(course, deputy, why);
  const managerId = activeManagerOf(at, owner);
  const asked = plus(course, {
    do: "open-task",
    task: {
      kind: "stalled",
      handoffId: null,
      role: "manager",
      assigneeId: managerId,
      dueAt: null,
      detail: { because: why, repId: owner, ...suggestion(at, owner) },
    },
  });
  if (managerId !== null) return opportunityTo(asked, managerId, why);
  return because(withCrmSync(plus(asked, { do: "stand", set: { owner: null } })), why);
}

/** An open opportunity gets another owner, who is told, with what the one before was asked for. */
export function opportunityTo(course: Course, to: string, why: string): Course {
  const { owner, step, stage } = course.at.process;
  const left =
    owner === null
      ? course
      : sendTo(course, `owner-${step}`, { what: "reassigned-away", repId: owner, because: why });
  const taken = plus(left, { do: "stand", set: { owner: to } });
  const tasked = owner === null ? taken : withTasksOf(taken, owner, to);
  const told = withMessage(tasked, `owner-${step}`, {
    what: "offer",
    repId: to,
    stage,
    clock: null,
    dueAt: null,
    again: true,
  });
  return because(withCrmSync(told), why);
}

/** Nobody stands in: what the absent owner was asked for is the manager's. */
function withTasksMoved(course: Course, owner: string): Course {
  const managerId = activeManagerOf(course.at, owner);
  return managerId === null ? course : withTasksOf(course, owner, managerId);
}

/** What the owner before was asked for is asked of the next one. */
function withTasksOf(course: Course, from: string, to: string): Course {
  return course.at.tasks
    .filter(({ assigneeId }) => assigneeId === from)
    .reduce((so, task) => plus(so, { do: "open-task", task: { ...task, assigneeId: to } }), course);
}

function withoutRep(course: Course, repId: string): Course {
  const why = hasLeft(course.at, repId) ? "the owner has left" : "the owner has left the pool";
  const { stage, waitingOn } = course.at.process;
  if (stage === "mql") {
    // A contested rejection waits for the manager, whoever rejected.
    if (waitingOn === "manager") return course;
    return takenAway(course, why);
  }
  const { accepted } = course.at.agreement.leavers;
  const deputy = accepted === "deputy" ? deputyOf(course.at, repId) : null;
  if (deputy !== null) return because(newOwner(course, deputy, why), why);
  const asked = toManager(course, why, null, suggestion(course.at, repId));
  const managerId = activeManagerOf(course.at, repId);
  if (managerId === null) {
    const free = plus(endOffer(withoutAbsenceTask(asked), why), {
      do: "set-handoff",
      set: { repId: null },
    });
    const waits = plus(free, { do: "stand", set: { owner: null, queue: "manager" } });
    return because(withCrmSync(waits), why);
  }
  return because(newOwner(asked, managerId, why), why);
}

/**
 * After acceptance a lead is handed to a named colleague: stage and cadence stay, and a clock runs
 * for the new owner's first outreach, whoever was in touch before.
 */
export function newOwner(course: Course, to: string, why: string): Course {
  const { repId, round, pool } = openHandoff(course.at);
  const left = endOffer(withoutAbsenceTask(course), why);
  const told =
    repId === null
      ? left
      : sendTo(left, `${round}-${course.at.process.step}`, {
          what: "reassigned-away",
          repId,
          because: why,
        });
  const next = round + 1;
  const taken = plus(
    told,
    { do: "set-handoff", set: { round: next, repId: to } },
    { do: "open-offer", round: next, repId: to, pool, by: "manager" },
    { do: "stand", set: { owner: to, queue: null } },
  );
  const clocked = startClocks(taken, to, ["outreach"]);
  return withCrmSync(
    withMessage(clocked, next, {
      what: "offer",
      repId: to,
      stage: course.at.process.stage,
      ...firstDue(clocked.at, "rep"),
      again: true,
    }),
  );
}

/** Tasks and waits that name somebody who left name the next manager above, or the role. */
export function withActiveManagers(course: Course): Course {
  const named = course.at.tasks.filter(
    ({ assigneeId }) => assigneeId !== null && hasLeft(course.at, assigneeId),
  );
  const so = named.reduce(
    (now, task) =>
      plus(now, {
        do: "open-task",
        task: { ...task, assigneeId: activeManagerOf(now.at, task.assigneeId) },
      }),
    course,
  );
  const { owner, waitingOn, nextStep, nextAt } = so.at.process;
  if (waitingOn !== "manager" || owner === null || !hasLeft(so.at, owner)) return so;
  const managerId = activeManagerOf(so.at, owner);
  return withCrmSync(
    tellNext(
      stand(so, {
        waitingOn,
        nextStep: nextStep ?? "the manager decides",
        nextAt,
        with: managerId === null ? { queue: "manager" } : { owner: managerId },
      }),
      owner,
      managerId,
    ),
  );
}

/** Whom the lead waits for now hears of it as the manager before did. */
function tellNext(course: Course, left: string, managerId: string | null): Course {
  const { process, handoff } = course.at;
  const n = `manager-${handoff?.round ?? 0}-${process.step}`;
  if (!isContested(handoff)) {
    return withMessage(course, n, {
      what: "escalation",
      repId: left,
      clock: null,
      rung: 0,
      waits: true,
      because: "the manager has left",
      dueAt: null,
      next: null,
    });
  }
  return withMessage(course, n, {
    what: "contested",
    repId: handoff?.repId ?? null,
    managerId,
    reason: handoff?.rejectionReason ?? "",
    dueAt: taskOf(course.at, "contested")?.dueAt ?? course.at.now,
  });
}
