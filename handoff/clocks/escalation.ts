import type { Agreement } from "../agreement.ts";
import type { AppliedCalendar } from "../time/applied-calendar.ts";
import { compileApplied } from "../time/applied-calendar.ts";
import { addBusinessTime, NoOpenTime, type Calendar, type Instant } from "../time/calendar.ts";
import {
  foldClock,
  type Calendars,
  type ClockEvent,
  type ClockRule,
  type ClockView,
} from "./clock.ts";

/** One clock of an open handoff, with what has been done about it so far. */
export interface HandoffClock {
  readonly id: string;
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  readonly events: readonly ClockEvent[];
  /** Warnings given. */
  readonly warned: number;
  /** Rungs of the escalation ladder taken. */
  readonly rung: number;
  /** The breach is on record. */
  readonly breached: boolean;
}

/**
 * Everything that judging the clocks of a handoff needs; stored with the decision, so that `verify`
 * can judge again.
 */
export interface ClocksInput {
  readonly clocks: readonly HandoffClock[];
  readonly calendars: Readonly<Record<string, AppliedCalendar>>;
  readonly reassignments: number;
  readonly pausedUntil: Instant | null;
  readonly now: Instant;
}

/** What must be done about a clock now. */
export type ClockStep =
  | { readonly do: "warn"; readonly clock: string; readonly n: number; readonly fraction: number }
  | { readonly do: "breach"; readonly clock: string; readonly at: Instant }
  | { readonly do: "notify-manager"; readonly clock: string; readonly rung: number }
  | { readonly do: "reassign"; readonly clock: string; readonly rung: number }
  | { readonly do: "manager-queue"; readonly clock: string; readonly rung: number }
  | { readonly do: "end-pause" };

export interface ClocksJudged {
  readonly steps: readonly ClockStep[];
  readonly views: Readonly<Record<string, ClockView>>;
  /** The next instant that matters, and what for; null when nothing runs. */
  readonly next: { readonly at: Instant; readonly what: string } | null;
  /** The deadline that a rep sees: of the earliest running rep clock. */
  readonly dueAt: Instant | null;
}

/**
 * After a deadline the process waits this long, so that an action received in time is never judged
 * late because of its journey.
 */
export const journeyMs = 2_000;

/**
 * What the clocks of a handoff ask for at `now`: warnings due, breaches, rungs of the ladder
 * (docs/clocks.md, "Warnings and escalation"). The lead clock is judged for the record only;
 * warnings and the ladder follow the rep clock, which restarts with each rep.
 */
export function judgeClocks(agreement: Agreement, input: ClocksInput): ClocksJudged {
  const steps: ClockStep[] = [];
  const views: Record<string, ClockView> = {};
  const ahead: { at: Instant; what: string }[] = [];
  let dueAt: Instant | null = null;

  if (input.pausedUntil !== null) {
    if (input.now >= input.pausedUntil) steps.push({ do: "end-pause" });
    else ahead.push({ at: input.pausedUntil, what: "pause ends" });
  }
  for (const clock of input.clocks) {
    const view = viewOf(agreement, input, clock);
    views[clock.id] = view;
    if (!view.open) continue;
    const breachAt = view.lateAfter === null ? null : view.lateAfter + journeyMs;
    const isBreached = breachAt !== null && input.now >= breachAt;
    if (isBreached && !clock.breached)
      steps.push({ do: "breach", clock: clock.id, at: view.lateAfter ?? input.now });
    if (!isBreached && breachAt !== null)
      ahead.push({ at: breachAt, what: `${clock.kind} due (${clock.scope} clock)` });
    if (clock.scope !== "rep") continue;

    if (view.dueAt !== null && (dueAt === null || view.dueAt < dueAt)) dueAt = view.dueAt;
    if (!isBreached) {
      // One wake that comes late gives the latest warning, not a volley.
      const last = view.warnings.at(-1);
      if (last && view.warnings.length > clock.warned)
        steps.push({
          do: "warn",
          clock: clock.id,
          n: view.warnings.length,
          fraction: last.fraction,
        });
      if (view.nextWarnAt !== null)
        ahead.push({ at: view.nextWarnAt, what: `${clock.kind} warning` });
      continue;
    }
    const rungs = ladder(agreement, input, clock, view.lateAfter ?? input.now);
    steps.push(...rungs.now);
    if (rungs.next) ahead.push(rungs.next);
  }
  const next = ahead.reduce<{ at: Instant; what: string } | null>(
    (first, one) => (first === null || one.at < first.at ? one : first),
    null,
  );
  return { steps, views, next, dueAt };
}

/**
 * The view of one clock; the status target `same day` follows the outreach deadline of the same
 * scope.
 */
export function viewOf(
  agreement: Agreement,
  input: Pick<ClocksInput, "clocks" | "calendars" | "now">,
  clock: HandoffClock,
): ClockView {
  const { calendars, rule, now } = foldedBy(agreement, input, clock);
  return foldClock(clock.events, calendars, rule, now);
}

/** What one clock is folded with: its hours, its rule and the moment. */
export function foldedBy(
  agreement: Agreement,
  input: Pick<ClocksInput, "clocks" | "calendars" | "now">,
  clock: HandoffClock,
): { readonly calendars: Calendars; readonly rule: ClockRule; readonly now: Instant } {
  // A clock may be years old: what it says of its beginning stays true.
  const since = clock.events[0]?.at ?? input.now;
  const calendars = (key: string): Calendar => {
    const applied = input.calendars[key];
    if (!applied) throw new Error(`calendar ${key} of clock ${clock.id} is not among the inputs`);
    return compileApplied(applied, input.now, since);
  };
  const rule = { elapsedRoll: agreement.clocks.elapsedRoll, warnAt: agreement.clocks.warnAt };
  const now = asOf(clock, input.now);
  const outreach =
    clock.kind === "status"
      ? input.clocks.find((other) => other.kind === "outreach" && other.scope === clock.scope)
      : undefined;
  if (!outreach) return { calendars, rule, now };
  const outreachDueAt = foldClock(
    outreach.events,
    calendars,
    rule,
    asOf(outreach, input.now),
  ).dueAt;
  return { calendars, rule: outreachDueAt === null ? rule : { ...rule, outreachDueAt }, now };
}

// A clock may have been started an instant after the `now` of a decision that raced with it.
function asOf(clock: HandoffClock, now: Instant): Instant {
  return Math.max(now, clock.events[0]?.at ?? now);
}

/**
 * When a rung is due, in open time. Where the hours never come again (a leaver's calendar) it is
 * due in elapsed time, so that the ladder always ends.
 */
function rungAt(calendar: Calendar, breachedAt: Instant, afterMs: number): Instant {
  if (afterMs === 0) return breachedAt;
  try {
    return addBusinessTime(calendar, breachedAt, afterMs);
  } catch (error) {
    if (error instanceof NoOpenTime) return breachedAt + afterMs;
    throw error;
  }
}

/** A rung of the ladder that a missed clock has not taken, and when it takes it. */
export interface Rung {
  readonly rung: number;
  readonly do: "notify-manager" | "reassign" | "manager-queue";
  readonly at: Instant;
}

/** What is left of the ladder for a clock that is missed since `breachedAt`, in order. */
export function rungsLeft(
  agreement: Agreement,
  input: ClocksInput,
  clock: HandoffClock,
  breachedAt: Instant,
): readonly Rung[] {
  const last = clock.events.findLast((event) => "calendar" in event);
  const applied = last && "calendar" in last ? input.calendars[last.calendar] : undefined;
  if (!applied) return [];
  const calendar = compileApplied(applied, input.now, breachedAt);
  const isUsedUp = input.reassignments >= agreement.clocks.maxReassignments;
  return agreement.clocks.escalate.slice(clock.rung).map(({ afterMs, do: what }, i) => ({
    rung: clock.rung + i + 1,
    do: what === "reassign" && isUsedUp ? "manager-queue" : what,
    at: Math.max(rungAt(calendar, breachedAt, afterMs), breachedAt),
  }));
}

/**
 * The rung that comes after `now` for a clock that was missed, when nothing happens; null: none.
 */
export function rungAhead(
  agreement: Agreement,
  input: ClocksInput,
  clock: HandoffClock,
): Pick<Rung, "do" | "at"> | null {
  const { lateAfter } = viewOf(agreement, input, clock);
  if (lateAfter === null) return null;
  return rungsLeft(agreement, input, clock, lateAfter).find(({ at }) => at > input.now) ?? null;
}

function ladder(
  agreement: Agreement,
  input: ClocksInput,
  clock: HandoffClock,
  breachedAt: Instant,
): { now: ClockStep[]; next: { at: Instant; what: string } | null } {
  const left = rungsLeft(agreement, input, clock, breachedAt);
  const ahead = left.findIndex(({ at }) => at > input.now);
  const due = ahead < 0 ? left : left.slice(0, ahead);
  const next = ahead < 0 ? undefined : left[ahead];
  return {
    now: due.map(({ rung, do: what }) => ({ do: what, clock: clock.id, rung })),
    next: next ? { at: next.at, what: `${clock.kind} overdue: ${asAgreed(next.do)}` } : null,
  };
}

/** In the agreement's own words: what it escalates to, whether or not that is still possible. */
function asAgreed(what: Rung["do"]): string {
  return what === "notify-manager" ? what : "reassign";
}
