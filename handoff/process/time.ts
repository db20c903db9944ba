import type { ClocksJudged, ClockStep } from "../clocks/escalation.ts";
import { judgeClocks, rungAhead } from "../clocks/escalation.ts";
import { cadenceOf, clocksInput, dueOf, endPause, hoursNeverCome } from "./clocks.ts";
import { because, finding, plus, withMessage, sendTo, type Course } from "./course.ts";
import { toRenurture } from "./ending.ts";
import { judge } from "./judging.ts";
import type { NextRung } from "./message.ts";
import { seenOpportunity } from "./opportunity.ts";
import { lookAgain, takenAway, toManager } from "./passing-on.ts";
import { peopleChanged, withoutAbsent } from "./people.ts";
import {
  activeManagerOf,
  hasLeft,
  openHandoff,
  taskOf,
  type ProcessClock,
  type Situation,
} from "./situation.ts";

/** A time has come, or somebody looks again: what is due now is done, and what is not is left. */
export function lookAtTime(course: Course): Course {
  switch (course.at.process.stage) {
    case "new":
    case "nurture":
    case "renurture":
      return judge(course, "time");
    case "mql":
    case "sal":
    case "sql":
      return lookAgain(lookAtWork(course));
    case "opportunity":
    case "disqualified":
      return course;
    default:
      return course.at.process.stage satisfies never;
  }
}

function lookAtWork(course: Course): Course {
  // An opportunity in the rows counts, signalled or not; before acceptance it changes nothing.
  const { process, opportunity } = course.at;
  if (opportunity !== null && process.stage !== "mql") return seenOpportunity(course);
  const judged = judgeClocks(course.at.agreement, clocksInput(course.at));
  const work = cadenceOf(course.at);
  const seen = finding(course, { clocks: judged, cadence: work });
  if (course.at.process.stage === "sal" && work !== null && "exhausted" in work) {
    return toRenurture(seen, "no response after the agreed attempts", null);
  }
  // An owner who has left in the rows has left, signalled or not.
  const { owner } = course.at.process;
  const isGone = owner !== null && hasLeft(course.at, owner);
  const present = isGone ? peopleChanged(seen) : withoutAbsent(seen);
  const isMoved = isGone || present.at.process.owner !== owner;
  const so = isMoved ? present : carryOut(present, judged);
  if (so.at.process.stage === "mql") {
    return hoursNeverCome(so.at) ? takenAway(so, "the hours of the owner do not come") : so;
  }
  return work !== null && "stalled" in work ? stalled(so, work.stalled) : so;
}

/** Does what the clocks ask for, in order; a step that takes the lead from its rep is the last. */
function carryOut(course: Course, judged: ClocksJudged): Course {
  const { steps } = judged;
  if (steps.some((step) => step.do === "end-pause")) {
    // At its limit, however late that is looked at: the time after it counts.
    const limit = openHandoff(course.at).pausedUntil ?? course.at.now;
    const running = because(endPause(course, limit), saidOf["end-pause"]);
    return carryOut(running, judgeClocks(running.at.agreement, clocksInput(running.at)));
  }
  const taking = steps.find(takesAway);
  let so = course;
  for (const step of steps) {
    so = because(takeStep(so, step, taking), saidOf[step.do]);
    if (takesAway(step)) return so;
  }
  return so;
}

type Taking = Extract<ClockStep, { readonly do: "reassign" | "manager-queue" }>;

function takesAway(step: ClockStep): step is Taking {
  return step.do === "reassign" || step.do === "manager-queue";
}

const saidOf: Readonly<Record<ClockStep["do"], string>> = {
  "end-pause": "the pause is over",
  warn: "part of the time is used up",
  breach: "a deadline was missed",
  "notify-manager": "a missed deadline is shown to the manager",
  reassign: "a missed deadline takes the lead from its rep",
  "manager-queue": "the escalation ladder is exhausted",
};

/** `taking`: a step of the same decision takes an unanswered lead, or asks the manager about it. */
function takeStep(course: Course, step: ClockStep, taking: Taking | undefined): Course {
  const { at } = course;
  if (step.do === "end-pause") return endPause(course);
  const clock = at.clocks.find(({ id }) => id === step.clock);
  if (!clock) throw new Error(`clock ${step.clock} was not loaded`);
  const { repId } = openHandoff(at);
  const { kind } = clock;
  // Whoever loses the lead in this decision is asked for nothing more.
  const isTaken = taking !== undefined && at.process.stage === "mql";
  switch (step.do) {
    case "warn": {
      const noted = plus(course, { do: "note-clock", clock: clock.id, warned: step.n });
      return repId === null || isTaken
        ? noted
        : sendTo(noted, `${nameOf(clock)}-${step.n}`, {
            what: "warning",
            repId,
            clock: kind,
            fraction: step.fraction,
            dueAt: dueOf(at, clock),
          });
    }
    case "breach": {
      const noted = plus(course, { do: "note-clock", clock: clock.id, breachedAt: step.at });
      return clock.scope === "lead"
        ? noted
        : withMessage(noted, `${nameOf(clock)}-${at.process.step}`, {
            what: "breach",
            repId,
            clock: kind,
            dueAt: dueOf(at, clock) ?? step.at,
            next: ladderAfter(at, clock, taking),
          });
    }
    case "notify-manager": {
      const noted = rung(course, clock, step.rung);
      return isTaken
        ? noted
        : withMessage(noted, `${nameOf(clock)}-${step.rung}`, {
            what: "escalation",
            repId,
            clock: kind,
            rung: step.rung,
            waits: false,
            because: `the ${kind} deadline was missed`,
            dueAt: dueOf(at, clock),
            next: ladderAfter(at, clock, taking),
          });
    }
    case "reassign": {
      const so = rung(course, clock, step.rung);
      if (at.process.stage !== "mql")
        return toManager(so, `${kind} SLA missed after acceptance`, clock);
      const { reassignments } = openHandoff(at);
      return takenAway(
        plus(so, { do: "set-handoff", set: { reassignments: reassignments + 1 } }),
        `${kind} SLA missed`,
      );
    }
    case "manager-queue":
      return toManager(rung(course, clock, step.rung), "the escalation ladder is exhausted", clock);
    default:
      return step satisfies never;
  }
}

/** `outreach-rep-2`: the clock within its handoff. */
function nameOf({ kind, scope, round }: ProcessClock): string {
  return scope === "lead" ? `${kind}-lead` : `${kind}-rep-${round}`;
}

function rung(course: Course, clock: ProcessClock, n: number): Course {
  return plus(course, { do: "note-clock", clock: clock.id, rung: n });
}

/** What the ladder does with the lead in this decision; else the first rung still to come. */
function ladderAfter(
  at: Situation,
  clock: ProcessClock,
  taking: Taking | undefined,
): NextRung | null {
  const next = taking
    ? { do: taking.do, at: null }
    : rungAhead(at.agreement, clocksInput(at), clock);
  if (next === null) return null;
  const staysWithRep = at.process.stage !== "mql" && next.do !== "notify-manager";
  return { do: staysWithRep ? "manager-task" : next.do, at: next.at };
}

/** Accepted, and then nothing happened: the manager is shown it, once until somebody acts. */
function stalled(course: Course, why: string): Course {
  if (taskOf(course.at, "stalled")) return course;
  const { owner, step } = course.at.process;
  return withMessage(
    plus(course, {
      do: "open-task",
      task: {
        kind: "stalled",
        handoffId: course.at.process.handoffId,
        role: "manager",
        assigneeId: activeManagerOf(course.at, owner),
        dueAt: null,
        detail: { because: why },
      },
    }),
    step,
    { what: "stalled", repId: owner, because: why },
  );
}
