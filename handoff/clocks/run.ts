import {
  NoOpenTime,
  addBusinessDays,
  addBusinessTime,
  businessDaysUntil,
  businessTimeBetween,
  nextOpen,
} from "../time/calendar.ts";
import type { Calendar, Instant } from "../time/calendar.ts";
import { datesToGo, notBefore, rollElapsed, withinHours } from "../time/deadline.ts";
import type { DueRule, Target } from "../time/deadline.ts";

/**
 * What is left of a target, so that a pause or new hours carry over exactly that: open time, elapsed
 * time, or whole business dates. Dates become open time in a pause over closing. Once reached, the deadline is an
 * instant and moves no more.
 */
export type Progress =
  | { readonly phase: "open"; readonly leftMs: number }
  | { readonly phase: "elapsed"; readonly leftMs: number }
  | { readonly phase: "dates"; readonly left: number }
  | { readonly phase: "due"; readonly at: Instant };

export type ClockRule = DueRule & {
  /** Fractions of the target at which to warn: 0.5, 0.8. */
  readonly warnAt: readonly number[];
};

export type Warning = { readonly fraction: number; readonly at: Instant };

/**
 * One clock under way: everything before `since` is settled in numbers, everything after runs on
 * `calendar`.
 */
export type Run = {
  readonly target: Target;
  readonly calendar: Calendar;
  readonly since: Instant;
  readonly progress: Progress;
  /** Open time used, or elapsed time for an elapsed target; goes on counting after the deadline. */
  readonly usedMs: number;
  /** Known once reached: anything after this instant is late. */
  readonly lateAfter: Instant | null;
  /** Warnings whose moment came before `since`. */
  readonly warnings: readonly Warning[];
};

/**
 * What a run will do if nothing happens to it. A deadline that the compiled years do not hold is a
 * sentence, not a throw.
 */
export type Outlook = {
  readonly dueAt: Instant | null;
  readonly lateAfter: Instant | null;
  readonly leftMs: number;
  readonly warnings: readonly Warning[];
  readonly unreachable: string | null;
};

export function startRun(target: Target, calendar: Calendar, at: Instant, rule: ClockRule): Run {
  return {
    target,
    calendar,
    since: at,
    progress: firstProgress(target, calendar, at, rule),
    usedMs: 0,
    lateAfter: null,
    warnings: [],
  };
}

// No calendar holds as many dates, so the outlook says "unreachable" instead of naming a wrong day.
const beyondTheYears = Number.MAX_SAFE_INTEGER;

function firstProgress(target: Target, calendar: Calendar, at: Instant, rule: ClockRule): Progress {
  switch (target.kind) {
    case "business":
      return { phase: "open", leftMs: target.ms };
    case "elapsed":
      return { phase: "elapsed", leftMs: target.ms };
    case "business-days":
    case "same-day":
      return {
        phase: "dates",
        left: ifReachable(() => datesToGo(target, at, calendar, rule)).value ?? beyondTheYears,
      };
    default:
      return target satisfies never;
  }
}

export function outlook(run: Run, rule: ClockRule): Outlook {
  const due = ifReachable(() => deadline(run, rule));
  if (due.value === null) {
    return {
      dueAt: null,
      lateAfter: null,
      leftMs: leftMs(run, null),
      warnings: run.warnings,
      unreachable: due.because,
    };
  }
  return {
    dueAt: due.value,
    lateAfter: run.lateAfter ?? lateAfter(run, due.value, rule),
    leftMs: leftMs(run, due.value),
    warnings: warnings(run, due.value, rule),
    unreachable: null,
  };
}

function deadline({ progress, since, calendar, target }: Run, rule: ClockRule): Instant {
  switch (progress.phase) {
    case "open": {
      const due = addBusinessTime(calendar, since, progress.leftMs);
      return target.kind === "same-day" ? notBefore(due, rule) : due;
    }
    case "elapsed":
      return rollElapsed(since + progress.leftMs, calendar, rule.elapsedRoll);
    case "dates": {
      const close = addBusinessDays(calendar, since, progress.left);
      return target.kind === "same-day" ? notBefore(close, rule) : close;
    }
    case "due":
      return progress.at;
    default:
      return progress satisfies never;
  }
}

/**
 * Late means later than the deadline by some open time: due Friday 17:00, a pick-up on Monday 09:00
 * sharp is on time (docs/clocks.md, "Late"). Only an elapsed target that never rolls is late by
 * the wall clock alone.
 */
function lateAfter(run: Run, due: Instant, rule: ClockRule): Instant | null {
  // A deadline reached before `since` was not yet missed then; a pause in between does not make it
  // so.
  const from = Math.max(due, run.since);
  return run.target.kind === "elapsed" && rule.elapsedRoll.kind === "none"
    ? from
    : nextOpen(run.calendar, from);
}

function leftMs({ progress, since, calendar }: Run, due: Instant | null): number {
  switch (progress.phase) {
    case "open":
    case "elapsed":
      return progress.leftMs;
    case "dates":
      return due === null ? 0 : Math.max(0, businessTimeBetween(calendar, since, due));
    case "due":
      return 0;
    default:
      return progress satisfies never;
  }
}

/**
 * When each warning falls, past ones included. A fraction is of open time on the hours that apply:
 * of the target's own for business hours, of the time from start to deadline for business days and
 * same day (measured again when hours change). For elapsed targets it is of elapsed time; where
 * deadlines roll, so does the warning, to the next opening.
 */
function warnings(run: Run, due: Instant, rule: ClockRule): readonly Warning[] {
  const total = totalMs(run, due);
  // Nothing to be warned of half-way through: the target is the next opening itself.
  if (total === 0) return run.warnings;
  const all = [...run.warnings];
  for (const fraction of rule.warnAt) {
    if (all.some((given) => given.fraction === fraction)) continue;
    // In whole seconds (docs/clocks.md, "Warnings and escalation").
    const amount = Math.floor((total / 1_000) * fraction) * 1_000 - run.usedMs;
    const at = ifReachable(() => warningAt(run, Math.max(0, amount), rule)).value;
    if (at !== null && at < due) all.push({ fraction, at });
  }
  return all;
}

function totalMs(run: Run, due: Instant): number {
  if ("ms" in run.target) return run.target.ms;
  return run.usedMs + leftMs(run, due);
}

function warningAt(
  { target, calendar, since }: Run,
  amount: number,
  rule: ClockRule,
): Instant | null {
  if (target.kind !== "elapsed") return addBusinessTime(calendar, since, amount);
  const at = since + amount;
  return rule.elapsedRoll.kind === "none" || withinHours(calendar, at)
    ? at
    : nextOpen(calendar, at);
}

/** The run with everything up to `to` settled. Nothing is counted twice: `since` becomes `to`. */
export function advanceRun(run: Run, to: Instant, rule: ClockRule): Run {
  const ahead = outlook(run, rule);
  const used =
    run.target.kind === "elapsed"
      ? to - run.since
      : businessTimeBetween(run.calendar, run.since, to);
  return {
    ...run,
    since: to,
    usedMs: run.usedMs + used,
    progress:
      ahead.dueAt !== null && ahead.dueAt <= to
        ? { phase: "due", at: ahead.dueAt }
        : progressAt(run, to, rule),
    lateAfter: ahead.lateAfter !== null && ahead.lateAfter < to ? ahead.lateAfter : null,
    warnings: ahead.warnings.filter((warning) => warning.at <= to),
  };
}

/**
 * The same clock after a pause that began at `since`. Dates left are left on the same date; a pause
 * over closing leaves as much open time as there was, so that no part of a date is given twice.
 */
export function resumeRun(run: Run, at: Instant, rule: ClockRule): Run {
  const { progress, since, calendar } = run;
  const resumed = { ...run, since: at };
  if (progress.phase !== "dates") return resumed;
  const passed = ifReachable(() => businessDaysUntil(calendar, since, dateStart(calendar, at)));
  const { dueAt, leftMs: left } = outlook(run, rule);
  return passed.value === 0 || passed.value === null || dueAt === null
    ? resumed
    : { ...resumed, progress: { phase: "open", leftMs: left } };
}

/**
 * The same clock on other hours, for a run settled up to the change. Used time stays used. A target
 * of no time at all is already used up, so it keeps the deadline of the old hours, if those ever
 * came (docs/clocks.md, "Late").
 */
export function changeHours(run: Run, calendar: Calendar, rule: ClockRule): Run {
  const ahead =
    run.target.kind === "business" && run.target.ms === 0 ? outlook(run, rule).dueAt : null;
  return { ...run, calendar, ...(ahead === null ? {} : { progress: { phase: "due", at: ahead } }) };
}

/** What is left at `to`, before the deadline. */
function progressAt({ progress, since, calendar }: Run, to: Instant, rule: ClockRule): Progress {
  switch (progress.phase) {
    case "open":
      return {
        phase: "open",
        leftMs: Math.max(0, progress.leftMs - businessTimeBetween(calendar, since, to)),
      };
    case "elapsed": {
      const ends = since + progress.leftMs;
      if (ends > to || rule.elapsedRoll.kind === "none")
        return { phase: "elapsed", leftMs: Math.max(0, ends - to) };
      // It ran out outside hours and waits for its grace, which is open time from here on.
      return {
        phase: "open",
        leftMs: Math.max(0, rule.elapsedRoll.graceMs - businessTimeBetween(calendar, ends, to)),
      };
    }
    case "dates":
      return {
        phase: "dates",
        left:
          progress.left -
          (ifReachable(() =>
            Math.min(progress.left, businessDaysUntil(calendar, since, dateStart(calendar, to))),
          ).value ?? 0),
      };
    case "due":
      return progress;
    default:
      return progress satisfies never;
  }
}

/**
 * Inside the shift that `at` belongs to: the next opening, a millisecond on, so that the (open,
 * close] rule picks it.
 */
function dateStart(calendar: Calendar, at: Instant): Instant {
  return (nextOpen(calendar, at) ?? at) + 1;
}

function ifReachable<T>(
  ask: () => T,
): { value: T; because: null } | { value: null; because: string } {
  try {
    return { value: ask(), because: null };
  } catch (error) {
    // Hours that never come are an expected answer about a rep's calendar; anything else is broken
    // and thrown on.
    if (error instanceof NoOpenTime) return { value: null, because: error.message };
    throw error;
  }
}
