import { absenceAhead } from "./absence.ts";
import { judgeFlagged, lookAtAccount } from "./account.ts";
import {
  begin,
  because,
  plus,
  refuse,
  withCrmSync,
  type Course,
  type Found,
  type Refusal,
} from "./course.ts";
import { followHours, lookAhead, withTerms } from "./clocks.ts";
import type { Change } from "./change.ts";
import { decidePersonsAction } from "./actions/act.ts";
import { disqualify, endLateOffers } from "./ending.ts";
import type { AnyAction, Event } from "./event.ts";
import type { Message } from "./message.ts";
import { corrects, judge, lookForSuppression } from "./judging.ts";
import { nothingToDo, withdrawTasks, withUnseenHand } from "./closed.ts";
import { absorbed } from "./merging.ts";
import { seenOpportunity } from "./opportunity.ts";
import { opportunityPassedOn, peopleChanged, withActiveManagers } from "./people.ts";
import { nextReminder, remind, withDueTasks } from "./reminders.ts";
import { knocked, reopened } from "./reopening.ts";
import { routed } from "./routing.ts";
import type { Situation } from "./situation.ts";
import { takenOver } from "./taking-over.ts";
import { lookAtTime } from "./time.ts";
import type { ActionResult } from "./words.ts";
import { isClosed } from "../stage.ts";

/** What was decided: everything to be written, why, and where it leaves the subject. */
export interface Decision {
  readonly changes: readonly Change[];
  readonly because: string;
  /** What the rules said on the way, for explanations. */
  readonly found: Found;
  /** The answer to a person's action. */
  readonly answer?: ActionResult;
  readonly after: Situation;
}

/**
 * Decides what follows from an event. Pure: the situation holds everything it looks at, and the
 * same situation and event give the same decision. A refusal changes nothing.
 */
export function decide(situation: Situation, event: Event): Decision | Refusal {
  const numbered = begin({
    ...situation,
    now: notBefore(situation),
    process: { ...situation.process, step: situation.process.step + 1 },
  });
  const given = isGone(situation) ? gone(numbered, event) : happened(numbered, event);
  if ("refused" in given) return given;
  const isEnd = !isClosed(situation.process.stage) && isClosed(given.at.process.stage);
  const course = isEnd ? ended(given, situation, event) : given;
  const {
    at,
    changes,
    found,
    because: why,
    onTime,
  } = withReminders(lookAhead(withDueTasks(endLateOffers(course)), absenceAhead));
  const decision = { changes, because: why, found, after: at };
  return event.kind === "action" ? { ...decision, answer: answerOf(at, why, onTime) } : decision;
}

/** What follows from an end: of an account its flag ends, for a person a hand may have come too late. */
function ended(course: Course, before: Situation, event: Event): Course {
  const by = event.kind === "action" ? event.action.by : "baton";
  if (before.subject.kind === "account")
    return plus(course, { do: "end-flag", how: course.because, by });
  return event.kind === "action" ? withUnseenHand(course, before, event.action.receivedAt) : course;
}

/** A process that waits for a person wakes when that person is to be reminded. */
function withReminders(course: Course): Course {
  const { stage, nextAt } = course.at.process;
  const next = nextReminder(course.at);
  if (isClosed(stage) || next === null || (nextAt !== null && nextAt <= next)) return course;
  return plus(course, { do: "stand", set: { nextAt: next } });
}

/** Clocks of two machines differ: a decision is never before what is on record already. */
function notBefore({ now, clocks, process }: Situation): number {
  return Math.max(now, process.stageSince, ...clocks.map(({ events }) => events.at(-1)?.at ?? now));
}

function happened(course: Course, event: Event): Course | Refusal {
  const { stage } = course.at.process;
  if (event.kind === "action") return decidePersonsAction(course, event.action);
  if (course.at.subject.kind === "account" && stage === "new") return judgeFlagged(course);
  if (event.kind === "reopened") return reopened(course);
  if (event.kind === "absorbed") return absorbed(course, event.from, event.fields);
  if (isClosed(stage)) return closed(course, event);
  switch (event.kind) {
    case "arrived":
    case "engaged":
      return isWithSales(course) ? course : judge(course, event.kind);
    case "policy":
      // An open handoff keeps the version under which it was opened.
      return isWithSales(course) ? course : judge(course, event.kind);
    case "facts":
      if (course.at.subject.kind === "account") return lookAtAccount(course);
      return isWithSales(course)
        ? lookForSuppression(course)
        : judge(course, event.kind, corrects(course.at, event.fields));
    case "time":
      return remind(lookAtTime(course));
    case "rejudged":
      return isWithSales(course) ? rejudged(course, event) : over(course);
    case "roster":
      return followHours(peopleChanged(followHours(course)));
    case "seenInCrm":
      return seenOpportunity(course);
    case "routed":
      return routed(course, event);
    case "takenOver":
      return takenOver(course);
    case "merged":
    case "erased":
      return because(course, "nothing to do: it was not merged or erased");
    default:
      return event satisfies never;
  }
}

/** Clocks of an open handoff go on by a version that was activated since. */
function rejudged(
  course: Course,
  { agreementId, terms }: Extract<Event, { readonly kind: "rejudged" }>,
): Course {
  const { handoff } = course.at;
  if (handoff === null) return over(course);
  if (handoff.agreementId === agreementId || handoff.terms?.agreementId === agreementId)
    return because(course, "its clocks run by that version already");
  if (terms === null)
    return because(course, `that version has no ${handoff.leadType}: its clocks stay`);
  return withCrmSync(because(withTerms(course, terms), "its clocks go on by another version"));
}

function closed(course: Course, event: Event): Course {
  if (course.at.subject.kind === "account") return over(course);
  switch (event.kind) {
    case "engaged":
      return knocked(course);
    case "time":
      // A closed lead has no process and no timer: the upkeep of tasks takes this event.
      return remind(withActiveManagers(opportunityPassedOn(over(course))));
    case "roster":
      return withActiveManagers(opportunityPassedOn(over(course)));
    default:
      return over(course);
  }
}

function isWithSales({ at }: Course): boolean {
  return at.process.stage === "mql" || at.process.stage === "sal" || at.process.stage === "sql";
}

function over(course: Course): Course {
  return because(course, nothingToDo(course));
}

/** The person was erased, or the record was merged into another: whatever happens, it ends here. */
function isGone({ erased, mergeInto, process }: Situation): boolean {
  return erased || mergeInto !== null || process.mergedInto !== null;
}

function gone(course: Course, event: Event): Course | Refusal {
  const { erased, mergeInto, process, subject } = course.at;
  const why = erased ? "erased" : `merged into ${process.mergedInto ?? mergeInto}`;
  if (event.kind === "action" || event.kind === "reopened") {
    return refuse(
      "not-possible-now",
      erased ? "the person was erased" : `the ${subject.kind} was merged into another one`,
    );
  }
  if (isClosed(process.stage)) return withdrawTasks(remembersMerge(course), why);
  return disqualify(remembersMerge(course), why);
}

function remembersMerge(course: Course): Course {
  const { mergeInto, process, erased } = course.at;
  if (erased || mergeInto === null || process.mergedInto !== null) return over(course);
  return plus(over(course), { do: "stand", set: { mergedInto: mergeInto } });
}

function answerOf(at: Situation, why: string, onTime: boolean | undefined): ActionResult {
  const { stage, waitingOn, owner } = at.process;
  return {
    done: true,
    stage,
    waitingOn,
    owner,
    because: why,
    ...(onTime === undefined ? {} : { onTime }),
  };
}

/** The refusal as the answer to the action's sender: what stands instead. */
export function refusalAnswer(
  { process }: Situation,
  { refused }: Refusal,
): ActionResult & { done: false } {
  const { stage, waitingOn, owner } = process;
  const { code, message, field } = refused;
  return {
    done: false,
    code,
    message,
    stage,
    waitingOn,
    owner,
    ...(field === undefined ? {} : { field }),
  };
}

/**
 * What the author of a refused action is told by mail: null where the answer itself tells them.
 * An author in the CRM sees no answer.
 */
export function refusalMessage(
  { process }: Situation,
  { name, by, via }: AnyAction,
  { refused }: Refusal,
): Message | null {
  if (via !== "crm") return null;
  const { stage, owner } = process;
  return {
    what: "action-refused",
    repId: by,
    action: name,
    because: refused.message,
    stage,
    owner,
  };
}
