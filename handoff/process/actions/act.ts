import { decisive, mayAct } from "../../stage.ts";
import { refuse, type Course, type Refusal } from "../course.ts";
import type { AnyAction } from "../event.ts";
import type { Situation } from "../situation.ts";
import { accept } from "./accept.ts";
import { moveStage } from "./advance.ts";
import { decideContest } from "./decide-contest.ts";
import { decideReview } from "./decide-review.ts";
import { handBack } from "./hand-back.ts";
import { refuseLearnt } from "./learnt.ts";
import { logOutreach } from "./log-outreach.ts";
import { pause, resume } from "./pause.ts";
import { reassign } from "./reassign.ts";
import { reject } from "./reject.ts";

/** A person's action, decided for what its sender was looking at. */
export function decidePersonsAction(course: Course, action: AnyAction): Course | Refusal {
  const refusal = refuseByState(course, action) ?? refuseLearnt(course, action);
  if (refusal) return refusal;
  switch (action.name) {
    case "logOutreach":
      return logOutreach(course, action);
    case "accept":
      return accept(course, action);
    case "reject":
      return reject(course, action);
    case "advance":
      return moveStage(course, action);
    case "handBack":
      return handBack(course, action);
    case "reassign":
      return reassign(course, action);
    case "pause":
      return pause(course, action);
    case "resume":
      return resume(course, action);
    case "decideContest":
      return decideContest(course, action);
    case "decideReview":
      return decideReview(course, action);
    default:
      return action satisfies never;
  }
}

/** Whether the state allows it: the table of stages, the owner, what the sender was looking at. */
function refuseByState({ at }: Course, action: AnyAction): Refusal | null {
  const { stage, waitingOn, owner } = at.process;
  const { name, by, role, seen, receivedAt } = action;
  const { kind } = at.subject;
  if (seen?.stage !== undefined && seen.stage !== stage) {
    return refuse("already-answered", `the ${kind} was ${seen.stage} and is ${stage} now`);
  }
  if (seen?.cycle !== undefined && seen.cycle !== at.process.cycle) {
    return refuse("already-answered", `the ${kind} has come back since, in another cycle`);
  }
  if (seen?.round !== undefined && seen.round !== (at.handoff?.round ?? 0)) {
    return refuse("already-answered", "the offer that this answers is over");
  }
  if (!mayAct(stage, waitingOn, name)) {
    return refuse(
      "not-possible-now",
      `${name} is not possible: the ${kind} is ${stage}, waiting on ${waitingOn}`,
    );
  }
  if (stage === "opportunity" && at.openOpportunity === undefined) {
    return refuse("not-possible-now", "the opportunity is not open any more: it was won or lost");
  }
  if (role === "rep" && owner !== by)
    return refuse("not-yours", `the ${kind} is with somebody else`);
  if (decisive.includes(name) && isForAnsweredMoment(at, action)) {
    return refuse("already-answered", `somebody else came first: the ${kind} is ${stage}`);
  }
  if (seen === null && receivedAt < presentSince(at)) {
    return refuse("already-answered", "it was meant for an earlier offer, or an earlier stage");
  }
  return null;
}

/**
 * Of two that decide at the same moment the first wins. What was received before the other one was
 * decided was meant for that moment, unless its sender has seen what came of it.
 */
function isForAnsweredMoment(at: Situation, { seen, receivedAt }: AnyAction): boolean {
  const { answeredAt, process } = at;
  if (answeredAt === null) return false;
  if (seen === null) return receivedAt <= answeredAt;
  const hasSeen =
    (seen.stage !== undefined && process.stageSince >= answeredAt) ||
    (seen.round !== undefined && offeredSince(at) >= answeredAt);
  return receivedAt < answeredAt && !hasSeen;
}

/** Since when the subject is where it is: in this stage, and with this owner. */
function presentSince(at: Situation): number {
  return Math.max(at.process.stageSince, offeredSince(at));
}

/** Since when its owner has it: with every owner a clock begins. */
function offeredSince({ clocks, handoff, process }: Situation): number {
  if (process.owner === null || process.owner !== handoff?.repId) return 0;
  const begun = clocks.filter(({ scope, round }) => scope === "rep" && round === handoff?.round);
  return Math.max(0, ...begun.map(({ events }) => events[0]?.at ?? 0));
}
