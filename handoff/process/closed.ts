import type { Engagement } from "../facts/facts.ts";
import type { Instant } from "../time/calendar.ts";
import { happenedBy, isSignal } from "../qualify/engagements.ts";
import { because, withTasksEnded, plus, withCrmSync, type Course } from "./course.ts";
import { presentFor } from "./absence.ts";
import { taskOf, type Situation } from "./situation.ts";

/** What comes so shortly before an end was not seen by who brought it about. */
const blinkMs = 60_000;

/**
 * The latest "talk to me" since the subject is where it is, that nobody was asked about yet. One
 * that the decision which closed it did not know of came too late for it, and counts.
 */
export function raisedHand(at: Situation): Engagement | undefined {
  const { stageSince } = at.process;
  const known = at.knownAtEnd;
  return handsRaised(at).findLast(
    ({ id, occurredAt }) =>
      occurredAt > (at.handRaisedAt ?? 0) &&
      (occurredAt > stageSince ||
        (known !== undefined && occurredAt > stageSince - blinkMs && !known.includes(id))),
  );
}

function handsRaised({ engagements, agreement, now }: Situation): readonly Engagement[] {
  return happenedBy(engagements, now).filter((one) =>
    isSignal(agreement.signals, one, { depth: "high" }),
  );
}

/**
 * A person's answer has closed it. A hand that was raised in that moment, after the handoff began,
 * was not seen by its author: somebody is asked.
 */
export function withUnseenHand(course: Course, before: Situation, receivedAt: Instant): Course {
  const { handoff, process, handRaisedAt } = before;
  const known = Math.max(handoff?.mqlAt ?? process.stageSince, handRaisedAt ?? 0);
  const since = Math.max(receivedAt - blinkMs, known);
  const unseen = handsRaised(course.at).findLast(({ occurredAt }) => occurredAt > since);
  return unseen === undefined || course.at.facts["lead.doNotContact"] === true
    ? course
    : askAboutHand(course, unseen.type);
}

/**
 * Somebody whom no process brings back does something that says "talk to me": nobody is handed off
 * by that, and a person sees it. Who has the opportunity is asked first, else a manager.
 */
export function handRaised(course: Course): Course {
  const last = raisedHand(course.at);
  if (!last || taskOf(course.at, "hand-raise")) return because(course, nothingToDo(course));
  const raised = askAboutHand(course, last.type);
  return because(raised, `raised a hand (${last.type}) while nothing brings it back`);
}

/** A task about a hand that was raised, and a note in the CRM; one at a time. */
export function askAboutHand(course: Course, signal: string | null): Course {
  if (taskOf(course.at, "hand-raise")) return course;
  const { process, openOpportunity } = course.at;
  const asked = openOpportunity?.ownerId ?? process.owner;
  return withCrmSync(
    plus(course, {
      do: "open-task",
      task: {
        kind: "hand-raise",
        handoffId: null,
        role: "manager",
        assigneeId: asked === null ? null : presentFor(course.at, asked),
        dueAt: null,
        detail: {
          stage: process.stage,
          closedReason: process.closedReason,
          signal,
          ...(openOpportunity === undefined ? {} : { opportunity: openOpportunity.id }),
        },
      },
    }),
  );
}

export function nothingToDo({ at }: Course): string {
  return `nothing to do: it is ${at.process.stage}`;
}

/** The person was erased, or lives on in another record: nobody has anything to do here. */
export function withdrawTasks(course: Course, why: string): Course {
  return withTasksEnded(course, "all", { state: "withdrawn", by: "baton", how: why });
}
