import type { Instant } from "../time/calendar.ts";
import { byAgreement } from "./clocks.ts";
import { because, plus, withMessage, withTasksEnded, type Course } from "./course.ts";
import {
  activeManagerOf,
  hasLeft,
  taskOf,
  type PersonAbsence,
  type Situation,
} from "./situation.ts";

/** Absences that touch or overlap count as one; `parts` are as they were entered. */
interface Span {
  readonly from: Instant;
  readonly to: Instant;
  readonly parts: readonly PersonAbsence[];
}

function spansOf(absences: readonly PersonAbsence[]): readonly Span[] {
  return absences
    .toSorted((a, b) => a.from - b.from)
    .reduce<readonly Span[]>((spans, one) => {
      const last = spans.at(-1);
      if (!last || one.from > last.to) return [...spans, { ...one, parts: [one] }];
      const longer = { ...last, to: Math.max(last.to, one.to), parts: [...last.parts, one] };
      return [...spans.slice(0, -1), longer];
    }, []);
}

/** The absences of somebody that are longer than the agreement lets work wait for. */
function longSpans(at: Situation, id: string): readonly Span[] {
  const { longerThan } = at.agreement.absences;
  return spansOf(at.people[id]?.absences ?? []).filter(
    ({ from, to }) => to > byAgreement(at, longerThan, from),
  );
}

interface Away {
  readonly part: PersonAbsence;
  /** When the person is back. */
  readonly to: Instant;
}

/**
 * The long absence that somebody is in now, of those that count from `since` on or later; null when
 * there is none.
 */
function awayNow(at: Situation, id: string, since = Number.NEGATIVE_INFINITY): Away | null {
  const found = longSpans(at, id).flatMap(({ to, parts }) =>
    parts
      .filter((part) => part.from <= at.now && at.now < part.to && countsFrom(part) >= since)
      .map((part) => ({ part, to })),
  );
  // What was entered last says who stands in.
  return found.toSorted((a, b) => b.part.knownAt - a.part.knownAt)[0] ?? null;
}

/**
 * Who stands in for somebody: the deputy named for the absence, else the person's own. A deputy who
 * has left or is away is stood in for by the next one. Null when nobody is there.
 */
export function deputyOf(at: Situation, id: string): string | null {
  const seen = new Set([id]);
  const standIn = (of: string): string | null =>
    awayNow(at, of)?.part.deputyId ?? at.people[of]?.deputyId ?? null;
  let next = standIn(id);
  while (next !== null && !seen.has(next)) {
    seen.add(next);
    if (at.people[next]?.active === true && awayNow(at, next) === null) return next;
    next = standIn(next);
  }
  return null;
}

/**
 * Who sees to what somebody would be asked for: the person, when there; who stands in during a long
 * absence; else the next active manager.
 */
export function presentFor(at: Situation, id: string): string | null {
  const isThere = !hasLeft(at, id) && awayNow(at, id) === null;
  if (isThere) return id;
  const deputy = hasLeft(at, id) ? null : deputyOf(at, id);
  return deputy ?? activeManagerOf(at, id);
}

/** The rep who has the lead, when the agreement has a rule for an absence in this stage. */
function ruled({ agreement, process, handoff }: Situation): string | null {
  const { owner, stage, waitingOn } = process;
  if (owner === null) return null;
  const { offers, accepted } = agreement.absences;
  switch (stage) {
    case "mql":
      return offers === "keep" || waitingOn === "manager" || handoff?.repId !== owner
        ? null
        : owner;
    case "sal":
    case "sql":
    case "opportunity":
      return accepted === "keep" ? null : owner;
    default:
      return null;
  }
}

/** When the lead was put before its rep: a choice made during an absence stands. */
function givenAt({ clocks, handoff, process }: Situation): Instant {
  const round = handoff?.round ?? 0;
  const starts = clocks
    .filter((clock) => clock.scope === "rep" && clock.round === round)
    .flatMap(({ events }) => events.slice(0, 1).map(({ at }) => at));
  return Math.max(process.handoffId === null ? process.stageSince : 0, ...starts);
}

/** From when on an absence counts: it has begun, and it is known. */
function countsFrom({ from, knownAt }: PersonAbsence): Instant {
  return Math.max(from, knownAt);
}

/**
 * Whose absence moves the lead now, and who takes it: the routing dispatcher before acceptance, then
 * a deputy, or the manager who is shown it. Null when nothing is to be done.
 */
export function absenceNow(
  at: Situation,
): { readonly repId: string; readonly deputy: string | null; readonly to: Instant } | null {
  const repId = ruled(at);
  if (repId === null || hasLeft(at, repId)) return null;
  const away = awayNow(at, repId, givenAt(at));
  if (away === null) return null;
  const isOffer = at.process.stage === "mql";
  const stands = at.agreement.absences.accepted === "deputy" && !isOffer;
  const deputy = stands ? deputyOf(at, repId) : null;
  if (!isOffer && deputy === null && isShown(at, away.part)) return null;
  return { repId, deputy, to: away.to };
}

/** The manager has been shown this absence, or it is in the open task. */
function isShown(at: Situation, part: PersonAbsence): boolean {
  const isInTask = taskOf(at, "stalled")?.detail["absentTo"] !== undefined;
  return isInTask || (at.stalledAt !== null && at.stalledAt >= countsFrom(part));
}

/** The next moment at which an absence changes something; now, where a look at it is due. */
export function absenceAhead(
  at: Situation,
): { readonly at: Instant; readonly what: string } | null {
  if (absenceNow(at) !== null) return { at: at.now, what: "its owner is absent" };
  if (isBack(at)) return { at: at.now, what: "its owner is back" };
  const repId = ruled(at);
  if (repId === null) return null;
  const isTask = taskOf(at, "stalled")?.detail["absentTo"] !== undefined;
  const ahead = longSpans(at, repId).flatMap(({ to, parts }) => [
    ...parts.map(({ from }) => ({ at: from, what: "its owner is absent" })),
    ...(isTask ? [{ at: to, what: "its owner is back" }] : []),
  ]);
  return ahead.filter((one) => one.at > at.now).toSorted((a, b) => a.at - b.at)[0] ?? null;
}

/** A task that shows an absence, though the owner is there. */
function isBack(at: Situation): boolean {
  const { owner } = at.process;
  const isTask = taskOf(at, "stalled")?.detail["absentTo"] !== undefined;
  return isTask && (owner === null || awayNow(at, owner) === null);
}

/** The manager need not look at it any more. */
export function ownerIsBack(course: Course): Course {
  return isBack(course.at)
    ? withTasksEnded(course, ["stalled"], { state: "done", by: "baton", how: "the owner is back" })
    : course;
}

/** Another owner has it: that the one before is absent is no matter any more. */
export function withoutAbsenceTask(course: Course): Course {
  return taskOf(course.at, "stalled")?.detail["absentTo"] === undefined
    ? course
    : withTasksEnded(course, ["stalled"], {
        state: "withdrawn",
        by: "baton",
        how: "another owner has it",
      });
}

/** An accepted lead stays with who is absent while the manager looks at it. */
export function showAbsence(course: Course, repId: string, until: Instant): Course {
  const { at } = course;
  const why = "the owner is absent";
  const shown = plus(course, {
    do: "open-task",
    task: {
      kind: "stalled",
      handoffId: at.process.handoffId,
      role: "manager",
      assigneeId: activeManagerOf(at, repId),
      dueAt: null,
      detail: {
        because: why,
        repId,
        absentTo: new Date(until).toISOString(),
        ...suggestion(at, repId),
      },
    },
  });
  return because(
    withMessage(shown, `absent-${at.process.step}`, {
      what: "escalation",
      repId,
      clock: null,
      rung: 0,
      waits: false,
      because: why,
      dueAt: null,
      next: null,
    }),
    why,
  );
}

/** Whom a manager could give it to: the deputy, else the colleague with the least work. */
export function suggestion(at: Situation, repId: string): { readonly suggested?: string } {
  const suggested = deputyOf(at, repId) ?? at.suggested ?? null;
  return suggested === null ? {} : { suggested };
}
