import type { Agreement } from "./agreement.ts";
import type { AppliedCalendar } from "./applied-calendar.ts";
import { compileApplied } from "./applied-calendar.ts";
import { addBusinessTime, NoOpenTime, type Calendar, type Instant } from "./calendar.ts";
import { foldClock, type ClockEvent, type ClockView } from "./clock.ts";

/** One clock of an open handoff, with what has been done about it so far. */
export interface ClockState {
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

/** Everything that judging the clocks of a handoff needs; stored with the decision, so that `verify` can judge again. */
export interface ClocksInput {
  readonly clocks: readonly ClockState[];
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

/** After a deadline the process waits this long, so that an action received in time is never judged late because of its journey. */
export const journeyMs = 2_000;

/**
 * What the clocks of a handoff ask for at `now`: warnings due, breaches, rungs of the ladder (agreement.md, `clocks`).
 * The lead clock is judged for the record only; warnings and the ladder follow the rep clock, which restarts with each rep.
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

/** The view of one clock; the status target `same day` follows the outreach deadline of the same scope. */
export function viewOf(
  agreement: Agreement,
  input: Pick<ClocksInput, "clocks" | "calendars" | "now">,
  clock: ClockState,
): ClockView {
  const calendars = (key: string): Calendar => {
    const applied = input.calendars[key];
    if (!applied) throw new Error(`calendar ${key} of clock ${clock.id} is not among the inputs`);
    return compileApplied(applied, input.now);
  };
  const rule = { elapsedRoll: agreement.clocks.elapsedRoll, warnAt: agreement.clocks.warnAt };
  const outreach =
    clock.kind === "status"
      ? input.clocks.find((other) => other.kind === "outreach" && other.scope === clock.scope)
      : undefined;
  if (!outreach) return foldClock(clock.events, calendars, rule, asOf(clock, input.now));
  const outreachDueAt = foldClock(
    outreach.events,
    calendars,
    rule,
    asOf(outreach, input.now),
  ).dueAt;
  return foldClock(
    clock.events,
    calendars,
    outreachDueAt === null ? rule : { ...rule, outreachDueAt },
    asOf(clock, input.now),
  );
}

// A clock may have been started an instant after the `now` of a decision that raced with it.
function asOf(clock: ClockState, now: Instant): Instant {
  return Math.max(now, clock.events[0]?.at ?? now);
}

/** A rung in open time; where the hours never come again (a leaver's calendar) it is elapsed time, for nobody waits for ever. */
function rungAt(calendar: Calendar, breachedAt: Instant, afterMs: number): Instant {
  if (afterMs === 0) return breachedAt;
  try {
    return addBusinessTime(calendar, breachedAt, afterMs);
  } catch (error) {
    if (error instanceof NoOpenTime) return breachedAt + afterMs;
    throw error;
  }
}

function ladder(
  agreement: Agreement,
  input: ClocksInput,
  clock: ClockState,
  breachedAt: Instant,
): { now: ClockStep[]; next: { at: Instant; what: string } | null } {
  const now: ClockStep[] = [];
  const last = clock.events.findLast((event) => "calendar" in event);
  const applied = last && "calendar" in last ? input.calendars[last.calendar] : undefined;
  if (!applied) return { now, next: null };
  const calendar = compileApplied(applied, input.now);
  for (const [index, rung] of agreement.clocks.escalate.entries()) {
    if (index < clock.rung) continue;
    const at = Math.max(rungAt(calendar, breachedAt, rung.afterMs), breachedAt);
    if (at > input.now) return { now, next: { at, what: `${clock.kind} overdue: ${rung.do}` } };
    if (rung.do === "notify-manager")
      now.push({ do: "notify-manager", clock: clock.id, rung: index + 1 });
    else
      now.push({
        do: input.reassignments < agreement.clocks.maxReassignments ? "reassign" : "manager-queue",
        clock: clock.id,
        rung: index + 1,
      });
  }
  return { now, next: null };
}
