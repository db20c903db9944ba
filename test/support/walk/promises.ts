import type { Instant } from "../../../handoff/time/calendar.ts";
import type { ClockEvent } from "../../../handoff/clocks/clock.ts";
import { foldClock } from "../../../handoff/clocks/clock.ts";
import { judgeClocks } from "../../../handoff/clocks/escalation.ts";
import { compileApplied } from "../../../handoff/time/applied-calendar.ts";
import { clocksInput, isRunning } from "../../../handoff/process/clocks.ts";
import type { Change } from "../../../handoff/process/change.ts";
import type { Decision } from "../../../handoff/process/decide.ts";
import type { AnyAction, Event } from "../../../handoff/process/event.ts";
import type { Message } from "../../../handoff/process/message.ts";
import { whoReads, mailsToReaders } from "../../../handoff/process/mail-of-reader.ts";
import { isContested, type Situation, type TaskKind } from "../../../handoff/process/situation.ts";
import { isAskedFor } from "../../../handoff/process/reminders.ts";
import { judgeNow } from "../../../handoff/qualify/qualify.ts";
import {
  decisive,
  isClosed,
  mayAct,
  mayGo,
  waits,
  type WaitingOn,
} from "../../../handoff/stage.ts";
import { day } from "../situation.ts";
import type { World } from "./world.ts";

/** One decision, with what was before and after it, and the world as it is after it. */
export interface Taken {
  readonly world: World;
  readonly before: Situation;
  readonly event: Event;
  readonly decision: Decision;
}

/** A promise that is broken: what was found instead. */
export class Broken extends Error {
  override readonly name = "Broken";
}

function must(holds: boolean, found: () => string): void {
  if (!holds) throw new Broken(found());
}

const taskOfWait: Readonly<Partial<Record<WaitingOn, readonly TaskKind[]>>> = {
  data: ["fix-data"],
  manager: ["contested", "escalated"],
  queue: ["fallback"],
  review: ["nurture-review", "renurture-review"],
};

/**
 * 1. An open subject always has exactly one owner or queue, and one next step that will come: a
 * time, a task that an active person sees, or a signal that is still listened for.
 */
export function hasNextStep({ world, before, decision, event }: Taken): void {
  const { process, tasks, people, now } = decision.after;
  const { stage, waitingOn, owner, queue, nextAt } = process;
  const possible: readonly string[] = waits[stage];
  must(possible.includes(waitingOn), () => `${stage} waits on ${waitingOn}`);
  for (const task of tasks.filter(isAskedFor)) {
    const { kind, role, assigneeId, remindAt } = task;
    must(role !== "", () => `the task ${kind} is nobody's`);
    must(remindAt != null, () => `the task ${kind} of ${assigneeId ?? role} has no time`);
    if (event.kind === "time") must(remindAt! > now, () => `the task ${kind} is not asked for`);
    if (!isClosed(stage)) {
      must(
        nextAt !== null && nextAt <= remindAt!,
        () => `wakes at ${nextAt}, and ${kind} is asked for at ${remindAt}`,
      );
    }
  }
  if (isClosed(stage)) {
    must(nextAt === null && queue === null, () => `closed, with queue ${queue}, next at ${nextAt}`);
    return;
  }
  must((owner === null) !== (queue === null), () => `owner ${owner} and queue ${queue}`);
  const seen = tasks.filter(({ role, assigneeId }) =>
    assigneeId === null ? role !== "" : people[assigneeId]?.active === true || world.rosterPending,
  );
  const needed = taskOfWait[waitingOn];
  if (needed) {
    must(
      seen.some(({ kind }) => needed.includes(kind)),
      () => `waits on ${waitingOn}; tasks: ${tasks.map(({ kind }) => kind).join(", ")}`,
    );
  } else if (waitingOn !== "return") {
    must(nextAt !== null, () => `${stage} waits on ${waitingOn} without a time`);
  }
  // Somebody who looks at the right time is not sent away to look again at the same time.
  const isSame = stage === before.process.stage && owner === before.process.owner;
  if (event.kind === "time" && isSame && waitingOn !== "assessment" && nextAt !== null) {
    must(nextAt > now, () => `looked at, and at once again (${process.nextStep})`);
  }
}

/**
 * 2. An action is answered once, for what its sender was looking at; one that comes for an earlier
 * offer, by somebody who is not the owner, for a stage that does not allow it, is refused.
 */
export function actionWasDue(before: Situation, action: AnyAction, world: World): string | null {
  const { stage, waitingOn, owner, handoffId, stageSince } = before.process;
  const { name, seen, receivedAt, role, by } = action;
  if (before.erased || before.mergeInto !== null) return "gone";
  const round = handoffId === null ? 0 : (before.handoff?.round ?? 0);
  if (!mayAct(stage, waitingOn, name)) return "table";
  if (stage === "opportunity" && before.openOpportunity === undefined) return "won or lost";
  if (role === "rep" && owner !== by) return "owner";
  const offer = world.handoffs.get(handoffId ?? "")?.had.at(-1);
  const began = Math.max(stageSince, offer?.repId === owner && offer ? offer.since : 0);
  const answeredAt = decisive.includes(name) ? before.answeredAt : null;
  if (seen !== null) {
    const isOther = (seen.stage ?? stage) !== stage || (seen.round ?? round) !== round;
    if (isOther) return "seen";
    return answeredAt !== null && receivedAt < answeredAt && began < answeredAt ? "answered" : null;
  }
  if (answeredAt !== null && receivedAt <= answeredAt) return "answered";
  return receivedAt < began ? "earlier" : null;
}

/** Codes that say that the moment is wrong; all others speak of what was said. */
export const momentCodes: readonly string[] = ["already-answered", "not-possible-now", "not-yours"];

/** What a repeated event must not bring again. */
const onlyOnce: readonly Change["do"][] = [
  "move",
  "next-cycle",
  "open-handoff",
  "start-clocks",
  "clock-event",
  "open-offer",
  "end-offer",
  "reverse-credit",
  "end-tasks",
  "record-answer",
  "record-review",
  "schedule-task",
  "learn-timeline",
  "open-opportunity",
  "link-opportunity",
  "send",
];

/** 3. A refused action changes nothing else. A repeated event changes nothing more. */
export function changesNothingMore(first: Taken, again: Decision, repeated: Event): void {
  // The id of an outreach is what makes it one outreach; the writer keeps it.
  if (repeated.kind === "action" && repeated.action.name === "logOutreach") return;
  // A lead is merged away once: its row says so.
  if (repeated.kind === "absorbed") return;
  const { tasks } = first.decision.after;
  const more = again.changes.filter(
    (change) =>
      onlyOnce.includes(change.do) ||
      (change.do === "open-task" && !tasks.some(({ kind }) => kind === change.task.kind)),
  );
  must(more.length === 0, () => `the same event again: ${more.map(short).join(", ")}`);
}

function short(change: Change): string {
  return change.do === "send" ? `send ${change.message.what}` : change.do;
}

/**
 * 4. Somebody who is asked for something has a running clock for it, and whoever is not asked has
 * none; used time is never given back.
 */
export function clocksRunForWhoIsAsked({ before, decision }: Taken): void {
  const { process, handoff, clocks, now } = decision.after;
  const running = clocks.filter(isRunning);
  const ofReps = running.filter(({ scope }) => scope === "rep");
  if (handoff === null || handoff.state === "closed") {
    must(running.length === 0, () => `closed, and ${running.map(({ id }) => id).join(", ")} runs`);
    return;
  }
  const stray = ofReps.filter(({ round }) => round !== handoff.round || handoff.repId === null);
  must(stray.length === 0, () => `${stray.map(({ id }) => id).join(", ")} runs for nobody`);
  const kinds = ofReps
    .map(({ kind }) => kind)
    .sort()
    .join(" ");
  const { stage, waitingOn } = process;
  const isAsked = stage === "mql" && (waitingOn === "outreach" || waitingOn === "answer");
  if (isAsked) {
    const asked = waitingOn === "outreach" ? "outreach status" : "status";
    must(kinds === asked, () => `asked for ${waitingOn}, clocks: ${kinds || "none"}`);
  } else if (stage === "mql") {
    must(kinds === "", () => `nobody is asked (${waitingOn}), and ${kinds} runs`);
  } else {
    must(kinds === "" || kinds === "outreach", () => `accepted, and ${kinds} runs`);
  }
  for (const { id, events } of running) {
    must(
      isPaused(events) === (handoff.pausedUntil !== null),
      () => `${id} is ${isPaused(events) ? "" : "not "}paused, paused until ${handoff.pausedUntil}`,
    );
  }
  for (const clock of clocks) {
    const earlier = before.clocks.find(({ id }) => id === clock.id);
    if (!earlier || earlier.events === clock.events) continue;
    const isKept = earlier.events.every((event, i) => clock.events[i] === event);
    must(isKept, () => `${clock.id} was rewritten`);
    const since = clock.events[earlier.events.length]!.at;
    const used = usedOf(before, earlier.events, since);
    must(usedOf(decision.after, clock.events, now) >= used, () => `${clock.id} got time back`);
  }
}

function isPaused(events: readonly ClockEvent[]): boolean {
  const last = events.findLast(({ kind }) => kind === "pause" || kind === "resume");
  return last?.kind === "pause";
}

function usedOf(at: Situation, events: readonly ClockEvent[], now: Instant): number {
  const {
    agreement: { clocks },
    calendars,
  } = at;
  const rule = { elapsedRoll: clocks.elapsedRoll, warnAt: clocks.warnAt };
  const hours = (id: string) => compileApplied(calendars[id]!, now, events[0]!.at);
  return foldClock(events, hours, rule, Math.max(now, events[0]!.at)).usedMs;
}

/** 5. Whoever leaves, is away or changes hours: nothing stays with them that is not agreed. */
export function nothingStaysWithLeavers({ world, before, decision, event }: Taken): void {
  const { process, tasks, people, offers, handoff } = decision.after;
  const left = (id: string | null) => id !== null && people[id]?.active === false;
  // Until the process is told, what was theirs may still be; nothing new may become theirs.
  const isTold = !world.rosterPending;
  const { owner, stage } = process;
  if (decision.after.openOpportunity !== undefined && isTold && event.kind === "roster") {
    must(!left(owner), () => `${owner} has left and has the opportunity`);
  }
  if (!isClosed(stage) && (isTold || owner !== before.process.owner)) {
    must(!left(owner), () => `${owner} has left and has it`);
  }
  for (const { kind, assigneeId } of tasks) {
    const had = before.tasks.some((task) => task.kind === kind && task.assigneeId === assigneeId);
    must(
      (!isTold && had) || !left(assigneeId),
      () => `the task ${kind} is with ${assigneeId}, who has left`,
    );
  }
  if (!isTold || isClosed(stage) || handoff === null || process.waitingOn === "manager") return;
  must(!left(handoff.repId), () => `the handoff is with ${handoff.repId}, who has left`);
  const open = offers.filter(({ round, repId }) => round <= handoff.round && left(repId));
  must(open.length === 0, () => `${open.length} offers are with people who have left`);
}

/**
 * 5b. Nobody who is away for days is waited for longer than agreed: an offer moves, an accepted lead
 * has a deputy or is seen by a manager.
 */
export function nothingWaitsForAbsent({ world, decision, event }: Taken): void {
  const { process, people, tasks, agreement, now, stalledAt } = decision.after;
  const { owner, stage, nextAt } = process;
  if (world.rosterPending || owner === null || people[owner]?.active !== true) return;
  const isLooked = event.kind === "roster" || event.kind === "time";
  const away = people[owner].absences?.find(
    ({ from, to }) => from <= now && now < to && to - from >= 4 * day,
  );
  if (away === undefined) return;
  const known = Math.max(away.from, away.knownAt);
  const since = world.handoffs.get(process.handoffId ?? "")?.had.at(-1)?.since ?? 0;
  // Whoever was chosen during the absence keeps it.
  if (since >= known) return;
  const isAsked = process.waitingOn === "outreach" || process.waitingOn === "answer";
  if (stage === "mql" && isAsked && agreement.absences.offers === "route-again") {
    must(!isLooked && nextAt !== null && nextAt <= now, () => `${owner} is away, and is asked`);
  }
  if ((stage !== "sal" && stage !== "sql") || agreement.absences.accepted === "keep") return;
  // Absences that overlap are shown as one, until the last of them ends.
  const isPartOfSeen = people[owner].absences?.some(
    ({ from, to, knownAt }) =>
      stalledAt !== null &&
      from <= away.from &&
      away.from <= to &&
      Math.max(from, knownAt, away.knownAt) <= stalledAt,
  );
  const isSeen =
    tasks.some(({ kind }) => kind === "stalled") ||
    (stalledAt !== null && stalledAt >= known) ||
    isPartOfSeen === true;
  const isDue = !isLooked && nextAt !== null && nextAt <= now;
  must(isSeen || isDue, () => `${owner} is away with it, and nobody sees it`);
}

/** 6. Every closed subject that knocks again is seen by a person or a process. */
export function knockingIsSeen({ before, event, decision }: Taken): void {
  if (event.kind !== "engaged" || before.erased || before.mergeInto !== null) return;
  const { stage, stageSince, cycle } = before.process;
  const usedUp = stage === "renurture" && cycle > before.agreement.renurture.maxCycles;
  if (!isClosed(stage) && !usedUp) return;
  const since = Math.max(stageSince, before.handRaisedAt ?? 0);
  const raised = before.engagements.some(
    ({ type, occurredAt }) =>
      occurredAt > since && before.agreement.signals[type]?.depth === "high",
  );
  const isSeen =
    decision.after.tasks.some(({ kind }) => kind === "hand-raise") ||
    decision.after.process.stage !== stage;
  must(!raised || isSeen, () => `knocked while ${stage}, and nobody sees it`);
}

const outside: readonly string[] = ["new", "nurture", "renurture"];

/** Gates are asked before every handoff; who fails them outside sales' hands has a data task. */
export function gatesAreAsked({ before, event, decision }: Taken): void {
  const { after, changes } = decision;
  const { facts, engagements, now, matches, agreement } = before;
  if (!outside.includes(before.process.stage) || event.kind === "action") return;
  const judged = judgeNow(agreement, { facts, engagements, now, matches });
  if (judged.verdict !== "needs-data") return;
  must(!changes.some((change) => change.do === "open-handoff"), () => "handed off without data");
  const isJudged = ["arrived", "engaged", "facts", "policy", "time"].includes(event.kind);
  const { stage } = after.process;
  if (isJudged && (stage === "new" || stage === "nurture")) {
    must(
      after.tasks.some(({ kind }) => kind === "fix-data"),
      () => `${stage} lacks facts, and nobody has the task`,
    );
  }
}

/** A rejection for bad data waits until what was named is corrected, or a person ends its task. */
export function badDataWaits({ before, event, decision }: Taken): void {
  const task = before.tasks.find(({ kind }) => kind === "fix-data");
  if (task?.detail["reason"] === undefined || !outside.includes(before.process.stage)) return;
  const { field } = task.detail;
  const ways = ["email", "phone", "name", "firstName", "lastName", "role", "title"];
  const isCorrected =
    (event.kind === "facts" || event.kind === "absorbed") &&
    event.fields?.some((one) =>
      field === undefined ? ways.some((way) => one === `lead.${way}`) : one === field,
    ) === true;
  must(
    isCorrected || !decision.changes.some((change) => change.do === "open-handoff"),
    () => `goes back to sales with the data that was rejected, by ${event.kind}`,
  );
}

/** Whom somebody works with in an open opportunity is handed to nobody else by itself. */
export function noSecondHandoff({ before, event, decision }: Taken): void {
  if (before.openOpportunity === undefined || event.kind === "reopened") return;
  must(
    !decision.changes.some((change) => change.do === "open-handoff"),
    () => `handed off by ${event.kind}, while the opportunity of this person is open`,
  );
}

/** Who is closed comes back by itself only as the agreement says. */
export function closedReturnsAsAgreed({ before, event, decision }: Taken): void {
  const { stage, stageSince, closedReason } = before.process;
  if (!isClosed(stage) || event.kind === "reopened" || decision.after.process.stage === stage)
    return;
  must(event.kind === "engaged", () => `closed, and comes back by ${event.kind}`);
  const end = before.opportunityEnd;
  const since = stage === "opportunity" ? (end?.at ?? before.now) : stageSince;
  const days = (before.now - since) / 86_400_000;
  const isLost = stage === "opportunity" && end?.how === "lost" && days >= 90;
  const { returnClosed } = before.agreement.renurture;
  const isRetired =
    closedReason === "retired in review" && returnClosed["retired"] != null && days >= 5;
  must(
    isLost || isRetired,
    () => `${stage} (${end?.how ?? closedReason}) comes back after ${days} days`,
  );
}

/** A merge loses no owner, attempt, raised hand or opt-out, and who has the survivor is told. */
export function mergesLoseNothing({ before, event, decision }: Taken): void {
  if (event.kind !== "absorbed" || before.erased || before.mergeInto !== null) return;
  const { from } = event;
  const { process, handoff, tasks, facts, people } = decision.after;
  const isOut = facts["lead.doNotContact"] === true;
  must(!isOut || isClosed(process.stage), () => `opted out, and it is ${process.stage}`);
  if (isOut) return;
  if (before.handoff?.state === "open" && handoff?.state === "open") {
    must(process.owner === before.process.owner, () => `${before.process.owner} lost it`);
    const attempts = before.handoff.attempts + from.attempts;
    must(handoff.attempts === attempts, () => `${handoff.attempts} attempts of ${attempts}`);
  }
  const hadSales = from.stage === "mql" || from.stage === "sal" || from.stage === "sql";
  const isHot = hadSales || from.isAsked === true || (from.raised && !isClosed(from.stage));
  const rests = isClosed(process.stage) || process.stage === "renurture";
  const isSeen = tasks.some(({ kind }) => kind === "hand-raise");
  must(!isHot || !rests || isSeen, () => `rests as ${process.stage}, and nobody sees it`);
  const { owner } = process;
  const isTold = decision.changes.some(
    (change) => change.do === "send" && change.message.what === "merged",
  );
  must(owner === null || people[owner]?.active === false || isTold, () => `${owner} is not told`);
}

/** 7. Stages move only along the table; a turn is given back at most once; merges lose nothing. */
export function movesAlongTheTable({ world, before, decision }: Taken): void {
  let stage = before.process.stage;
  for (const change of decision.changes) {
    if (change.do !== "move") continue;
    must(
      change.from === stage && mayGo(change.from, change.to),
      () => `${change.from} to ${change.to} from ${stage}`,
    );
    stage = change.to;
  }
  const { after } = decision;
  must(after.process.stage === stage, () => `is ${after.process.stage} after moving to ${stage}`);
  for (const pick of world.picks) {
    must(pick.reversed <= 1, () => `${pick.handoffId}/${pick.round} was given back twice`);
  }
  const { "lead.timeline": _, ...facts } = after.facts;
  const { "lead.timeline": _before, ...earlier } = before.facts;
  const isSame =
    Object.keys(facts).length === Object.keys(earlier).length &&
    Object.entries(facts).every(([path, value]) => earlier[path] === value);
  must(isSame, () => "facts changed");
  if (before.mergeInto !== null && isClosed(after.process.stage)) {
    const isNamed = after.erased || after.process.mergedInto !== null;
    must(isNamed, () => "merged, and the survivor is not named");
  }
  // An offer is open only to who has it now, or on its way from the routing dispatcher.
  const { handoff, process } = after;
  const isRouted =
    process.stage === "mql" && (process.waitingOn === "assessment" || process.waitingOn === "hold");
  for (const offer of after.offers) {
    const isCurrent =
      handoff?.id === offer.handoffId &&
      handoff.state === "open" &&
      (isRouted
        ? offer.round === handoff.round + 1
        : offer.round === handoff.round && offer.repId === handoff.repId);
    must(isCurrent, () => `${offer.handoffId}/${offer.round} to ${offer.repId} is still open`);
  }
}

/** 8. Every message sent is true of the situation after the decision. */
export function messagesAreTrue(taken: Taken): void {
  for (const change of taken.decision.changes) {
    if (change.do !== "send") continue;
    const { message, n } = change;
    isTrue(taken, message);
    const {
      world,
      before: { process },
    } = taken;
    const key = `${process.cycle}/${message.what}/${n}`;
    const said = JSON.stringify(message);
    const earlier = world.sent.get(key) ?? said;
    must(earlier === said, () => `${key} was sent already and said ${earlier}, now ${said}`);
    world.sent.set(key, said);
  }
}

function isTrue({ world, before, decision }: Taken, message: Message): void {
  const { process, handoff, people, tasks, now } = decision.after;
  const { what } = message;
  const claim = (holds: boolean, found: string) =>
    must(holds, () => `${JSON.stringify(message)}, but ${found}`);
  const had = world.handoffs.get(before.handoff?.id ?? handoff?.id ?? "")?.had ?? [];
  const isActive = (id: string) => people[id]?.active !== false;
  const isOpen = handoff?.state === "open";
  switch (message.what) {
    case "offer":
      claim(isActive(message.repId), "that person has left");
      claim(process.owner === message.repId, "it is not theirs");
      claim(process.stage === message.stage, "it is in another stage");
      claim(message.dueAt === process.dueAt, `it is due at ${process.dueAt}`);
      if (process.stage === "opportunity") return;
      claim(message.again === had.length > 1, `it had ${had.length - 1} owners before`);
      return;
    case "warning":
      claim(isActive(message.repId), "that person has left");
      claim(process.owner === message.repId, "it is not theirs");
      claim(message.dueAt === dueOf(decision.after, message.clock), "the clock says otherwise");
      return;
    case "breach": {
      claim(message.dueAt < now, "it is not over");
      const { next } = message;
      if (next === null || process.owner !== message.repId || !isOpen) return;
      claim(
        process.stage === "mql" || next.do === "notify-manager" || next.do === "manager-task",
        "an accepted lead is not taken away",
      );
      claim(
        process.stage !== "mql" || next.do !== "manager-task",
        "an unanswered lead is taken away",
      );
      claim(
        next.do !== "reassign" ||
          (handoff?.reassignments ?? 0) < decision.after.agreement.clocks.maxReassignments,
        "it may not be reassigned again",
      );
      return;
    }
    case "escalation": {
      const isWithRep = isOpen && message.repId !== null && process.owner === message.repId;
      if (process.stage === "opportunity") return;
      claim(isOpen, "the handoff is over");
      claim(message.waits !== isWithRep, "that is not who must act");
      claim(!message.waits || tasks.some(({ kind }) => kind === "escalated"), "there is no task");
      claim((message.clock === null) === (message.dueAt === null), "a deadline is a clock's");
      claim(message.dueAt === null || message.dueAt < now, "the deadline is not over");
      return;
    }
    case "reassigned-away":
    case "withdrawn":
      claim(isActive(message.repId), "that person has left");
      claim(
        before.process.owner === message.repId || before.handoff?.repId === message.repId,
        "it was not theirs",
      );
      claim(process.owner !== message.repId, "it is theirs still");
      claim(
        (what === "reassigned-away") === (isOpen || process.stage === "opportunity"),
        "the handoff says otherwise",
      );
      return;
    case "merged":
      claim(isActive(message.repId), "that person has left");
      claim(process.owner === message.repId, "it is not theirs");
      claim(message.withRep !== message.repId, "they had both");
      return;
    case "contested":
      claim(process.waitingOn === "manager" && isContested(handoff), "nothing is contested");
      claim(message.dueAt === process.dueAt, `it is due at ${process.dueAt}`);
      claim(message.managerId === process.owner, "another manager decides");
      return;
    case "contest-decided":
      claim(isActive(message.repId), "that person has left");
      claim(before.handoff?.repId === message.repId, "it was not their rejection");
      claim((message.decision === "overturned") === isOpen, "the handoff says otherwise");
      claim(process.owner !== message.repId, "it is theirs");
      return;
    case "fallback-queue":
      claim(
        process.queue === message.queue && process.waitingOn === "queue",
        "it is not in that queue",
      );
      claim(message.dueAt === leadDueOf(decision.after), "the lead's clock says otherwise");
      return;
    case "nurture-review":
      claim(process.stage === "nurture" && process.waitingOn === "review", "there is no review");
      claim(message.since === process.stageSince, "it came at another time");
      return;
    case "stalled":
      claim(process.stage === "sal" || process.stage === "sql", "nobody works on it");
      claim(message.repId === process.owner, "somebody else has it");
      claim(
        tasks.some(({ kind }) => kind === "stalled"),
        "there is no task",
      );
      return;
    case "task-waits": {
      const task = tasks.find(({ kind }) => kind === message.task);
      claim(task !== undefined, "there is no such task");
      claim(task?.assigneeId === message.assigneeId, `it is with ${task?.assigneeId}`);
      claim(task?.role === message.role, `it is of ${task?.role}`);
      claim(task?.dueAt === message.dueAt, `it is due at ${task?.dueAt}`);
      claim(task?.since === message.since, `it waits since ${task?.since}`);
      return;
    }
    case "action-refused":
      return;
    default:
      return message satisfies never;
  }
}

function dueOf(at: Situation, kind: "outreach" | "status"): Instant | null {
  const { views } = judgeClocks(at.agreement, clocksInput(at));
  const clock = at.clocks.find(
    (one) => one.kind === kind && one.scope === "rep" && one.round === at.handoff?.round,
  );
  return clock === undefined ? null : (views[clock.id]?.dueAt ?? null);
}

/** The deadline of the lead's own outreach clock, whoever has it. */
function leadDueOf(at: Situation): Instant | null {
  const { views } = judgeClocks(at.agreement, clocksInput(at));
  const due = at.clocks.flatMap(({ id, scope }) => {
    const view = views[id];
    return scope === "lead" && view?.open === true && view.dueAt !== null ? [view.dueAt] : [];
  });
  return due.length === 0 ? null : Math.min(...due);
}

/** 8b. Nobody gets two messages from one decision, and nothing that is said is lost on the way. */
export function onlyOneMessageEach({ decision }: Taken): void {
  const { after, changes } = decision;
  const sent = changes.flatMap((change) => (change.do === "send" ? [change.message] : []));
  const together = mailsToReaders(after, changes);
  const told = new Map<string, Message["what"]>();
  for (const { message, also } of together) {
    const reader = whoReads(after, message);
    const other = told.get(reader);
    // Reminders of one reader go out in one mail.
    const isReminder = other === "task-waits" && message.what === "task-waits";
    must(other === undefined || isReminder, () => `${reader} gets ${other} and ${message.what}`);
    told.set(reader, message.what);
    const isOther = also.some((one) => whoReads(after, one) !== reader);
    must(!isOther, () => `${reader} is told what somebody else is to hear`);
  }
  const said = together.flatMap(({ message, also }) => [message, ...also]);
  must(said.length === sent.length && sent.every((one) => said.includes(one)), () => "unsaid");
}

export const promises: readonly ((taken: Taken) => void)[] = [
  hasNextStep,
  clocksRunForWhoIsAsked,
  nothingStaysWithLeavers,
  nothingWaitsForAbsent,
  knockingIsSeen,
  gatesAreAsked,
  badDataWaits,
  noSecondHandoff,
  closedReturnsAsAgreed,
  mergesLoseNothing,
  movesAlongTheTable,
  messagesAreTrue,
  onlyOneMessageEach,
];
