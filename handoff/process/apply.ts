import type { Change, NewClock } from "./change.ts";
import type { Handoff, ProcessClock, Situation } from "./situation.ts";

/**
 * The writer in memory: the situation after one change. The writer in `store/` does the same to
 * rows; a test compares the two. Changes that only leave a record outside the situation (a message,
 * an answer, a score) give back what they were given.
 */
export function applied(situation: Situation, change: Change): Situation {
  const { process, now } = situation;
  switch (change.do) {
    case "move":
      return { ...situation, process: { ...process, stage: change.to, stageSince: now } };
    case "stand":
      return { ...situation, process: { ...process, ...change.set } };
    case "next-cycle":
      return { ...situation, process: { ...process, cycle: process.cycle + 1, step: 0 } };
    case "open-handoff":
      return {
        ...situation,
        handoff: change.handoff,
        lastLeadType: change.handoff.leadType,
        clocks: [],
        lastActivityAt: null,
        stalledAt: null,
        process: { ...process, handoffId: change.handoff.id },
      };
    case "set-handoff":
      return withHandoff(situation, (handoff) => ({ ...handoff, ...change.set }));
    case "start-clocks":
      return { ...situation, clocks: [...situation.clocks, ...change.clocks.map(started)] };
    case "clock-event":
      return withClock(situation, change.clock, (clock) => ({
        ...clock,
        events: [...clock.events, change.event],
      }));
    case "note-clock":
      return withClock(situation, change.clock, (clock) => ({
        ...clock,
        warned: change.warned ?? clock.warned,
        rung: change.rung ?? clock.rung,
        breached: clock.breached || change.breachedAt !== undefined,
      }));
    case "show-clocks":
      return change.clocks.reduce(
        (at, shown) =>
          withClock(at, shown.id, (clock) => ({ ...clock, breached: shown.breachedAt !== null })),
        situation,
      );
    case "open-offer": {
      const { round, repId, pool } = change;
      const handoffId = situation.handoff?.id ?? "";
      const others = situation.offers.filter(
        (one) => one.handoffId !== handoffId || one.round !== round,
      );
      return { ...situation, offers: [...others, { handoffId, round, repId, pool }] };
    }
    case "end-offer": {
      const handoffId = change.handoffId ?? situation.handoff?.id;
      return {
        ...situation,
        offers: situation.offers.filter(
          (offer) => offer.round !== change.round || offer.handoffId !== handoffId,
        ),
      };
    }
    case "open-task": {
      // One open task of a kind: a second one brings it up to date and keeps its beginning.
      const before = situation.tasks.find(({ kind }) => kind === change.task.kind);
      const task = {
        ...before,
        ...change.task,
        since: before?.since ?? now,
        dueAt: change.task.dueAt ?? before?.dueAt ?? null,
      };
      const isStalled = task.kind === "stalled" && before === undefined;
      return {
        ...situation,
        stalledAt: isStalled ? now : situation.stalledAt,
        ...(task.kind === "hand-raise" && before === undefined ? { handRaisedAt: now } : {}),
        tasks: [...situation.tasks.filter(({ kind }) => kind !== task.kind), task],
      };
    }
    case "schedule-task": {
      const { do: _, kind, ...schedule } = change;
      return {
        ...situation,
        tasks: situation.tasks.map((task) =>
          task.kind === kind ? { ...task, ...schedule } : task,
        ),
      };
    }
    case "end-tasks":
      return {
        ...situation,
        tasks: situation.tasks.filter(({ kind }) => !change.kinds.includes(kind)),
      };
    case "record-outreach":
    case "record-answer": {
      const last = Math.max(situation.lastActivityAt ?? change.receivedAt, change.receivedAt);
      return { ...situation, lastActivityAt: last };
    }
    case "learn-timeline":
      return { ...situation, facts: { ...situation.facts, "lead.timeline": change.timeline } };
    case "open-opportunity":
      return { ...situation, opportunity: { id: change.id, createdAt: now } };
    case "end-hold":
    case "end-flag":
    case "free-room":
    case "reverse-credit":
    case "record-review":
    case "link-opportunity":
    case "remember-score":
    case "send":
    case "sync-crm":
      return situation;
    default:
      return change satisfies never;
  }
}

function withHandoff(situation: Situation, change: (handoff: Handoff) => Handoff): Situation {
  const { handoff } = situation;
  if (handoff === null) throw new Error(`${situation.subject.id} has no handoff to change`);
  return { ...situation, handoff: change(handoff) };
}

function withClock(
  situation: Situation,
  id: string,
  change: (clock: ProcessClock) => ProcessClock,
): Situation {
  return {
    ...situation,
    clocks: situation.clocks.map((clock) => (clock.id === id ? change(clock) : clock)),
  };
}

function started({ id, kind, scope, round, target, calendarId, at }: NewClock): ProcessClock {
  return {
    id,
    kind,
    scope,
    round,
    warned: 0,
    rung: 0,
    breached: false,
    events: [{ kind: "start", at, target, calendar: calendarId }],
  };
}
