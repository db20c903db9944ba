import { agreementHours, appliedCalendar, compileApplied } from "../time/applied-calendar.ts";
import { cadence, type Cadence } from "../clocks/cadence.ts";
import { formatLocal, type Instant } from "../time/calendar.ts";
import type { ClockEvent } from "../clocks/clock.ts";
import { retargeting, runsBy, type HandoffTerms } from "../clocks/terms.ts";
import { responseTime, type ResponseTime } from "../clocks/response.ts";
import {
  journeyMs,
  judgeClocks,
  viewOf,
  type ClocksInput,
  type ClocksJudged,
} from "../clocks/escalation.ts";
import { tierTerms } from "../accounts/tier.ts";
import { leadTypeOf } from "../qualify/qualify.ts";
import { isClosed } from "../stage.ts";
import { dueByOffice } from "../clocks/office.ts";
import type { Target } from "../time/deadline.ts";
import type { NewClock, ShownClock } from "./change.ts";
import { plus, type Course } from "./course.ts";
import type { ClockKind } from "./message.ts";
import {
  isContested,
  openHandoff,
  taskOf,
  type ProcessClock,
  type Situation,
} from "./situation.ts";

const kinds = ["outreach", "status"] as const;
const lookAgainMs = 24 * 3_600_000;
type Kind = (typeof kinds)[number];

/** Whether a clock still runs: nothing has stopped or cancelled it. */
export function isRunning(clock: Pick<ProcessClock, "events">): boolean {
  return !clock.events.some(({ kind }) => kind === "stop" || kind === "cancel");
}

/** Lead clocks and the rep clocks of the current offer. */
function current({ clocks, handoff }: Situation): readonly ProcessClock[] {
  return clocks.filter(({ round }) => round === 0 || round === handoff?.round);
}

/** What judging the clocks needs. */
export function clocksInput(situation: Situation): ClocksInput {
  const { calendars, handoff, now } = situation;
  return {
    clocks: current(situation),
    calendars,
    now,
    reassignments: handoff?.reassignments ?? 0,
    pausedUntil: handoff?.pausedUntil ?? null,
  };
}

/**
 * The handoff lies with a person now, or waits for one. Lead clocks run from MQL and never restart;
 * rep clocks start anew with every offer.
 */
export function startClocks(
  course: Course,
  repId: string | null,
  which: readonly Kind[] = kinds,
): Course {
  const { at } = course;
  const handoff = openHandoff(at);
  const type = leadTypeOf(at.agreement, handoff.leadType);
  const terms = handoff.terms ?? (type && tierTerms(at.agreement, type, handoff.tier));
  if (!terms) return course;
  const calendarId = calendarOf(at, repId);
  const starting = which.flatMap((kind): NewClock[] => {
    const target = terms[kind];
    const common = { kind, target, calendarId };
    const lead = `${handoff.id}/${kind}/lead`;
    const isNew = !at.clocks.some(({ id }) => id === lead);
    const { round } = handoff;
    return [
      ...(isNew
        ? [
            {
              ...common,
              id: lead,
              scope: "lead" as const,
              round: 0,
              repId: null,
              // Nobody agreed to a clock of before.
              at: handoff.takenOverAt ?? handoff.mqlAt,
            },
          ]
        : []),
      ...(repId === null
        ? []
        : [
            {
              ...common,
              id: `${handoff.id}/${kind}/rep/${round}`,
              scope: "rep" as const,
              round,
              repId,
              at: at.now,
            },
          ]),
    ];
  });
  const moved = at.clocks.filter(
    (clock) => clock.scope === "lead" && isRunning(clock) && calendarIn(clock) !== calendarId,
  );
  const onNewHours = moved.reduce(
    (so, clock) =>
      append(so, clock.id, {
        kind: "reassign",
        at: at.now,
        calendar: calendarId,
        restart: false,
      }),
    course,
  );
  return starting.length === 0
    ? onNewHours
    : plus(onNewHours, { do: "start-clocks", clocks: starting });
}

/** The kept calendar on which a clock of this person runs; of the pool while nobody has it. */
function calendarOf(situation: Situation, repId: string | null): string {
  if (repId === null) return situation.poolCalendarId;
  const person = situation.people[repId];
  if (!person) throw new Error(`the hours of ${repId} were not loaded`);
  return person.calendarId;
}

function calendarIn(clock: ProcessClock): string | null {
  return runsBy(clock).calendar;
}

/** Appends one event; time never runs backwards within a clock. */
function append(course: Course, clockId: string, event: ClockEvent): Course {
  const clock = course.at.clocks.find(({ id }) => id === clockId);
  const last = clock?.events.at(-1)?.at ?? event.at;
  return plus(course, {
    do: "clock-event",
    clock: clockId,
    event: { ...event, at: Math.max(event.at, last) },
  });
}

/** An event on every running clock of these kinds: the lead's and those of the current offer. */
export function onClocks(course: Course, which: readonly Kind[], event: ClockEvent): Course {
  return current(course.at)
    .filter((clock) => which.includes(clock.kind) && isRunning(clock))
    .reduce((so, clock) => append(so, clock.id, event), course);
}

/**
 * Ends the pause: the clocks run again. A pause belongs to the owner who asked for it, so a new
 * owner starts without it.
 */
export function endPause(course: Course, at: Instant = course.at.now): Course {
  if ((course.at.handoff?.pausedUntil ?? null) === null) return course;
  return plus(onClocks(course, kinds, { kind: "resume", at }), {
    do: "set-handoff",
    set: { pausedUntil: null },
  });
}

/** Nothing is asked any more. A missed deadline stays on record as breached. */
export function endClocks(course: Course, scope: "rep" | "all"): Course {
  return course.at.clocks
    .filter((clock) => isRunning(clock) && (scope === "all" || clock.scope === "rep"))
    .reduce(
      (so, clock) =>
        append(so, clock.id, {
          kind: clock.breached ? "stop" : "cancel",
          at: so.at.now,
        }),
      course,
    );
}

/** Running clocks of somebody whose hours changed go on by the new ones; used time stays used. */
export function followHours(course: Course): Course {
  const { at } = course;
  const repId = at.handoff?.repId ?? null;
  const calendarId = repId !== null && !at.people[repId] ? null : calendarOf(at, repId);
  if (calendarId === null) return course;
  return current(at)
    .filter((clock) => isRunning(clock) && calendarIn(clock) !== calendarId)
    .reduce(
      (so, clock) =>
        append(so, clock.id, {
          kind: "calendar-changed",
          at: so.at.now,
          calendar: calendarId,
        }),
      course,
    );
}

/**
 * The running clocks of an open handoff go on by the targets and hours of another version; used
 * time stays used, and later offers run by them too. What is not running, or missed already, stays.
 */
export function withTerms(course: Course, terms: HandoffTerms): Course {
  const { at } = course;
  const repId = at.handoff?.repId ?? null;
  const calendar = repId !== null && !at.people[repId] ? null : calendarOf(at, repId);
  const pinned = plus(course, { do: "set-handoff", set: { terms } });
  if (calendar === null) return pinned;
  return current(at)
    .filter(isRunning)
    .reduce((so, clock) => {
      const to = { target: terms[clock.kind], calendar };
      const event = retargeting(at.agreement, clocksInput(at), clock, to);
      return event === null ? so : append(so, clock.id, event);
    }, pinned);
}

/** Whoever has it is absent for as long as hours are known, so no deadline can be named. */
export function hoursNeverCome(situation: Situation): boolean {
  if ((situation.handoff?.pausedUntil ?? null) !== null) return false;
  const { views } = judgeClocks(situation.agreement, clocksInput(situation));
  return current(situation).some(
    (clock) =>
      clock.scope === "rep" && isRunning(clock) && (views[clock.id]?.unreachable ?? null) !== null,
  );
}

/** Whether the rep clocks that this action stopped were met; undefined when it stopped none. */
export function inTime(before: Course, after: Course): boolean | undefined {
  const running = new Set(
    current(before.at)
      .filter(isRunning)
      .map(({ id }) => id),
  );
  const stopped = current(after.at).filter(
    (clock) => clock.scope === "rep" && running.has(clock.id) && !isRunning(clock),
  );
  if (stopped.length === 0) return undefined;
  const { views } = judgeClocks(after.at.agreement, clocksInput(after.at));
  return stopped.every(({ id }) => views[id]?.late !== true);
}

/** The first deadline of clocks of this scope, and which clock it is of. */
export function firstDue(
  at: Situation,
  scope: "lead" | "rep",
): { readonly clock: ClockKind | null; readonly dueAt: Instant | null } {
  const { views } = judgeClocks(at.agreement, clocksInput(at));
  const open = current(at).flatMap(({ id, kind, ...clock }) => {
    const view = views[id];
    const runs = clock.scope === scope && view?.open === true && view.dueAt !== null;
    return runs ? [{ clock: kind, dueAt: view.dueAt }] : [];
  });
  return open.toSorted((a, b) => a.dueAt - b.dueAt)[0] ?? { clock: null, dueAt: null };
}

/** When this clock is due, by its events so far. */
export function dueOf(at: Situation, clock: ProcessClock): Instant | null {
  return viewOf(at.agreement, clocksInput(at), clock).dueAt;
}

/** The open time until the first outreach; null before it, and where no clock asked for one. */
export function responseOf(at: Situation): ResponseTime | null {
  const until = at.handoff?.firstOutreachAt ?? null;
  // Of a handoff that was taken over the clock does not say how long the lead has waited.
  if (at.handoff?.takenOverAt !== undefined) return null;
  const clock = at.clocks.find(({ kind, scope }) => kind === "outreach" && scope === "lead");
  if (until === null || !clock) return null;
  return openTime(at, clock, at.handoff?.offeredAt ?? null, until);
}

/** The open time from an offer to its answer; null where no clock asked for one. */
export function answerOpenMs(at: Situation, round: number, answeredAt: Instant): number | null {
  // The first offer of a handoff that was taken over was made before its clocks.
  if (at.handoff?.takenOverAt !== undefined && round <= 1) return null;
  const clock = at.clocks.find(
    (one) => one.kind === "status" && one.scope === "rep" && one.round === round,
  );
  return clock ? (openTime(at, clock, null, answeredAt)?.systemMs ?? null) : null;
}

function openTime(
  at: Situation,
  clock: ProcessClock,
  offeredAt: Instant | null,
  until: Instant,
): ResponseTime | null {
  const calendars = (id: string) => {
    const applied = at.calendars[id];
    if (!applied) throw new Error(`the hours ${id} of clock ${clock.id} were not loaded`);
    return compileApplied(applied, at.now, clock.events[0]?.at ?? at.now);
  };
  const { elapsedRoll, warnAt } = at.agreement.clocks;
  return responseTime(
    clock.events,
    calendars,
    { elapsedRoll, warnAt },
    { offeredAt, firstOutreachAt: until },
  );
}

/** How the attempts on an accepted lead stand; null while it is not accepted. */
export function cadenceOf(situation: Situation): ReturnType<typeof cadence> | null {
  const { handoff, process, agreement, now } = situation;
  if (!handoff || handoff.salAt === null) return null;
  if (process.stage !== "sal" && process.stage !== "sql") return null;
  const last = Math.max(
    situation.lastActivityAt ?? handoff.salAt,
    situation.stalledAt ?? 0,
    handoff.takenOverAt ?? 0,
  );
  return cadence(agreement.working, {
    acceptedAt: handoff.salAt,
    until: handoff.attemptsUntil ?? handoff.salAt,
    attempts: handoff.attempts,
    lastActivityAt: last,
    now,
    // At SQL somebody was reached, whether or not a call was logged as connected.
    connected: handoff.connectedAt !== null || process.stage === "sql",
    hours: compileApplied(appliedCalendar(agreement, null, null), now),
  });
}

/** An instant by the agreement's own hours. */
export function byAgreement(situation: Situation, target: Target, from: Instant): Instant {
  return dueByOffice(situation.agreement, target, from);
}

/**
 * The last step of every decision: what the clocks show, the deadline that people see, and the next
 * instant that matters. `away`: when an absence of the owner changes something.
 */
export function lookAhead(course: Course, away: (at: Situation) => Moment): Course {
  const { process, handoff } = course.at;
  if (isClosed(process.stage) || handoff === null || handoff.state === "closed") {
    const over =
      process.dueAt === null ? course : plus(course, { do: "stand", set: { dueAt: null } });
    return show(over, null);
  }
  const judged = judgeClocks(course.at.agreement, clocksInput(course.at));
  const shown = show(course, judged);
  const waitsForDecision = process.waitingOn === "manager" && isContested(handoff);
  const decideBy = taskOf(course.at, "contested")?.dueAt ?? process.dueAt;
  const dueAtNow = waitsForDecision ? decideBy : judged.dueAt;
  return plus(shown, {
    do: "stand",
    set: { dueAt: dueAtNow, ...nextOf(shown.at, judged, away(shown.at)) },
  });
}

function nextOf(
  at: Situation,
  judged: ClocksJudged,
  away: Moment,
): { nextStep?: string; nextAt?: Instant | null } {
  switch (at.process.waitingOn) {
    case "outreach":
    case "answer":
      return next(at, judged, away);
    case "attempts":
    case "meeting":
    case "opportunity": {
      const work = cadenceOf(at);
      return next(at, judged, sooner(work && duty(at, work), away));
    }
    case "queue":
    case "manager":
      return { nextAt: firstOf(at, judged, null)?.at ?? null };
    default:
      return {};
  }
}

/** What the cadence asks for next; at once, where it is due and a look at the time has to do it. */
function duty(at: Situation, work: Cadence): Moment {
  if ("exhausted" in work) return { at: at.now, what: "it is given up" };
  const isUnseen = "stalled" in work && taskOf(at, "stalled") === undefined;
  return isUnseen ? { at: at.now, what: "the manager is shown it" } : work.next;
}

type Moment = { readonly at: Instant; readonly what: string } | null;

function next(
  at: Situation,
  judged: ClocksJudged,
  also: Moment,
): { nextStep: string; nextAt: Instant | null } {
  const first = firstOf(at, judged, also);
  // Before acceptance somebody is asked, so a look is due even where no hours are known.
  if (first === null && at.process.stage === "mql") {
    return { nextStep: "its owner's hours are looked for again", nextAt: at.now + lookAgainMs };
  }
  const { zone } = agreementHours(at.agreement);
  return {
    nextStep:
      first === null ? "the rep's next action" : `${first.what} ${formatLocal(zone, first.at)}`,
    nextAt: first?.at ?? null,
  };
}

/** The first thing to come; at once, where something is due that a look at the time has to do. */
function firstOf({ now }: Situation, judged: ClocksJudged, also: Moment): Moment {
  const overdue = judged.steps.length > 0 ? { at: now, what: "its clocks are looked at" } : null;
  return [overdue, judged.next, also].reduce<Moment>(sooner, null);
}

function sooner(first: Moment, other: Moment): Moment {
  return other !== null && (first === null || other.at < first.at) ? other : first;
}

/** What the clocks show now: those that run, and those that this decision ended. */
function show(course: Course, judged: ClocksJudged | null): Course {
  const { at } = course;
  if (at.clocks.length === 0) return course;
  const views = judged && current(at).length === at.clocks.length ? judged.views : viewsOf(at);
  const shown = at.clocks.flatMap((clock): ShownClock[] => {
    const view = views[clock.id];
    if (!view) return [];
    // The breach of a running rep clock is put on record by the step that announces it: on record
    // before that, nobody would announce it.
    const isSettling = view.open && view.lateAfter !== null && at.now < view.lateAfter + journeyMs;
    const isOnRecord = clock.breached || !view.open || clock.scope === "lead";
    const late = view.late && !isSettling && isOnRecord;
    const open = view.state === "paused" ? "paused" : late ? "breached" : "running";
    const closed = view.state === "outside-hours" ? "running" : view.state;
    return [
      {
        id: clock.id,
        state: view.open ? open : closed,
        dueAt: view.state === "cancelled" ? null : view.dueAt,
        endedAt: view.stoppedAt,
        breachedAt: late ? (view.lateAfter ?? at.now) : null,
        usedMs: Math.round(view.usedMs),
        calendarId: view.calendar,
        startedAt: view.startedAt,
      },
    ];
  });
  return plus(course, { do: "show-clocks", clocks: shown });
}

/** A status clock follows the outreach clock of its own offer: each offer is judged by itself. */
function viewsOf(at: Situation): ClocksJudged["views"] {
  const rounds = [...new Set(at.clocks.map(({ round }) => round))];
  return Object.assign(
    {},
    ...rounds.map(
      (of) =>
        judgeClocks(at.agreement, {
          ...clocksInput(at),
          clocks: at.clocks.filter(({ round }) => round === of),
        }).views,
    ),
  ) as ClocksJudged["views"];
}
