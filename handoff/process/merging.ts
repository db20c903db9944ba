import type { Instant } from "../time/calendar.ts";
import type { FieldPath } from "../facts/facts.ts";
import { happenedBy, isSignal } from "../qualify/engagements.ts";
import { isClosed, type Stage } from "../stage.ts";
import type { Absorbed } from "./event.ts";
import { because, plus, sendTo, withCrmSync, type Course } from "./course.ts";
import { corrects, judge, lookForSuppression } from "./judging.ts";
import { activeManagerOf, hasLeft, taskOf, type Situation } from "./situation.ts";

const withSales: readonly Stage[] = ["mql", "sal", "sql"];

/** How far a lead is. A closed one is further than all but those that sales has. */
const far: readonly Stage[] = [
  "new",
  "nurture",
  "renurture",
  "disqualified",
  "mql",
  "sal",
  "sql",
  "opportunity",
];

/**
 * Which of two leads of one person goes on: the one at the further stage, with its owner; of two at
 * one stage the one that somebody was in touch with, then one that a rep has before one that waits
 * for a rep, then the one whose clock began first. Where nothing tells them apart it is the one that
 * was wished for.
 */
export function survivorOf(one: Situation, other: Situation, wished: string | null): Situation {
  const order =
    far.indexOf(other.process.stage) - far.indexOf(one.process.stage) ||
    Number(hasOutreach(other)) - Number(hasOutreach(one)) ||
    Number(hasRep(other)) - Number(hasRep(one)) ||
    (one.handoff?.mqlAt ?? 0) - (other.handoff?.mqlAt ?? 0);
  if (order !== 0) return order < 0 ? one : other;
  if (wished !== null) return wished === other.subject.id ? other : one;
  return one.arrivedAt <= other.arrivedAt ? one : other;
}

function hasOutreach({ handoff }: Situation): boolean {
  return handoff !== null && handoff.firstOutreachAt !== null;
}

function hasRep({ handoff, process }: Situation): boolean {
  return process.owner !== null && process.owner === handoff?.repId;
}

/** What the survivor takes over from a lead that is about to be merged away. */
export function broughtBy(loser: Situation): Absorbed {
  const { subject, process, handoff, engagements, agreement, now } = loser;
  const isOpen = handoff !== null && handoff.state === "open";
  const raised = happenedBy(engagements, now).some((one) =>
    isSignal(agreement.signals, one, { depth: "high" }),
  );
  return {
    id: subject.id,
    stage: process.stage,
    repId: isOpen ? handoff.repId : null,
    attempts: isOpen ? handoff.attempts : 0,
    firstOutreachAt: isOpen ? handoff.firstOutreachAt : null,
    connectedAt: isOpen ? handoff.connectedAt : null,
    meetingAt: isOpen ? handoff.meetingAt : null,
    raised,
    ...(taskOf(loser, "hand-raise") === undefined ? {} : { isAsked: true as const }),
  };
}

/**
 * Another record of the person became part of this lead. What was tried there counts here, a
 * suppression told there ends this one, and who has this one hears of it. A person whom sales had,
 * or who had raised a hand, and who comes to rest here, is seen by somebody.
 */
export function absorbed(
  course: Course,
  from: Absorbed,
  fields: readonly FieldPath[] | undefined,
): Course {
  const why = `took over lead ${from.id}`;
  const { stage } = course.at.process;
  const carried = carryOver(course, from);
  const judged = isClosed(stage)
    ? carried
    : withSales.includes(stage)
      ? lookForSuppression(carried)
      : judge(carried, "facts", corrects(carried.at, fields ?? []));
  return because(withCrmSync(tellOwner(shownToSomebody(judged, from), from)), why);
}

function carryOver(course: Course, from: Absorbed): Course {
  const { handoff, process } = course.at;
  if (handoff === null || handoff.state !== "open" || from.attempts === 0) return course;
  const meetingAt = earlier(handoff.meetingAt, from.meetingAt);
  const counted = plus(course, {
    do: "set-handoff",
    set: {
      attempts: handoff.attempts + from.attempts,
      firstOutreachAt: earlier(handoff.firstOutreachAt, from.firstOutreachAt),
      connectedAt: earlier(handoff.connectedAt, from.connectedAt),
      meetingAt,
    },
  });
  return process.waitingOn === "attempts" && meetingAt !== null
    ? plus(counted, { do: "stand", set: { waitingOn: "meeting" } })
    : counted;
}

function earlier(one: Instant | null, other: Instant | null): Instant | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

/** Where nobody works on the survivor, a hand that was raised must not be lost with the merge. */
function shownToSomebody(course: Course, from: Absorbed): Course {
  const { process } = course.at;
  const { owner, stage, closedReason } = process;
  const rests = isClosed(stage) || stage === "renurture";
  const isHot =
    withSales.includes(from.stage) ||
    from.isAsked === true ||
    (from.raised && !isClosed(from.stage));
  if (!rests || !isHot || taskOf(course.at, "hand-raise") || isSuppressed(course)) return course;
  const assigneeId =
    owner === null || hasLeft(course.at, owner) ? activeManagerOf(course.at, owner) : owner;
  return plus(course, {
    do: "open-task",
    task: {
      kind: "hand-raise",
      handoffId: null,
      role: "manager",
      assigneeId,
      dueAt: null,
      detail: { stage, closedReason, merged: from.id },
    },
  });
}

/** What must not be contacted is not put before anybody. */
function isSuppressed({ at }: Course): boolean {
  return at.facts["lead.doNotContact"] === true;
}

function tellOwner(course: Course, from: Absorbed): Course {
  const { owner } = course.at.process;
  if (owner === null) return course;
  const withRep = from.repId === owner ? null : from.repId;
  return sendTo(course, from.id, { what: "merged", repId: owner, from: from.id, withRep });
}
