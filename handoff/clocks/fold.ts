import { isOpen } from "../time/calendar.ts";
import type { Calendar, Instant } from "../time/calendar.ts";
import { advanceRun, changeHours, outlook, resumeRun, startRun } from "./run.ts";
import type { ClockRule, Outlook, Run, Warning } from "./run.ts";
import type { Target } from "../time/deadline.ts";

/**
 * What happens to a clock, in order of time; the list only grows. `calendar` is the key of the
 * hours that apply, as recorded with the event. A lead clock is reassigned with `restart: false`
 * and keeps its used time; a rep clock with `restart: true` begins its target again.
 */
export type ClockEvent = { readonly at: Instant } & (
  | { readonly kind: "start"; readonly target: Target; readonly calendar: string }
  | { readonly kind: "pause"; readonly reason: string }
  | { readonly kind: "resume" }
  | { readonly kind: "reassign"; readonly calendar: string; readonly restart: boolean }
  | { readonly kind: "calendar-changed"; readonly calendar: string }
  /** Another target, as if it had held from the start: what was used of the time stays used. */
  | { readonly kind: "target-changed"; readonly target: Target; readonly calendar: string }
  | { readonly kind: "stop" }
  | { readonly kind: "cancel" }
);

export type ClockState = "running" | "outside-hours" | "paused" | "met" | "breached" | "cancelled";

/** What a clock says at one moment. A closed clock says for ever what it said when it closed. */
export type ClockView = {
  /** `breached` with `open: true` is late and still unanswered. */
  readonly state: ClockState;
  readonly open: boolean;
  readonly target: Target;
  readonly calendar: string;
  /** Of the current assignment, when a reassignment restarted it. */
  readonly startedAt: Instant;
  readonly stoppedAt: Instant | null;
  /** Open time, or elapsed time for an elapsed target, without pauses. */
  readonly usedMs: number;
  /**
   * In the same measure until the deadline; 0 once it is reached, and when there is none to reach.
   */
  readonly leftMs: number;
  /** Null while paused (unless it came before the pause) and when `unreachable`. */
  readonly dueAt: Instant | null;
  /**
   * Anything after this instant is late: the deadline, or the next opening when the deadline is a
   * close.
   */
  readonly lateAfter: Instant | null;
  readonly late: boolean;
  readonly nextWarnAt: Instant | null;
  /** Given so far, in order. */
  readonly warnings: readonly Warning[];
  readonly pauseReason: string | null;
  /**
   * Why there is no deadline, in a sentence: the hours never come, or not within the years
   * compiled.
   */
  readonly unreachable: string | null;
};

/**
 * A stretch of a clock's life under one calendar, running or paused; `restarted` marks where
 * counting began again, `target` where another one was set.
 */
export type Span = {
  readonly from: Instant;
  readonly to: Instant;
  readonly calendar: string;
  readonly paused: string | null;
  readonly restarted: boolean;
  readonly target: Target | null;
};

export type Calendars = (key: string) => Calendar;

/** Events that cannot be a clock's history. */
export class ClockError extends Error {
  override readonly name = "ClockError";
}

type Going = {
  run: Run;
  calendar: string;
  startedAt: Instant;
  paused: { reason: string } | null;
  closed: "stop" | "cancel" | null;
  /** Where the span under way began. */
  spanFrom: Instant;
  restarted: boolean;
  target: Target | null;
  spans: Span[];
};

/**
 * Plays events up to `asOf` (later ones have not happened yet) and says what the clock shows then,
 * and how it got there. A second pause, a resume without a pause, and anything after stop or cancel
 * change nothing: the first one counts.
 * @throws ClockError when the first event is no start, a second start follows, or time runs
 *   backwards
 */
export function traceClock(
  events: readonly ClockEvent[],
  calendars: Calendars,
  rule: ClockRule,
  asOf: Instant,
): { view: ClockView; spans: readonly Span[] } {
  const [start, ...rest] = events;
  if (start?.kind !== "start")
    throw new ClockError(
      `Expected a clock to begin with a start event, found ${start?.kind ?? "no event"}`,
    );
  if (asOf < start.at) throw new ClockError("Expected to look at a clock at or after its start");

  const going = begin(start, calendars, rule);
  let last = start.at;
  for (const event of rest) {
    if (event.at < last)
      throw new ClockError(
        `Expected events in order of time; ${event.kind} lies before the event it follows`,
      );
    last = event.at;
    if (event.at > asOf || going.closed) break;
    if (event.kind === "target-changed") {
      closeSpan(going, event.at);
      retarget(going, event, events.slice(0, events.indexOf(event)), calendars, rule);
    } else step(going, event, calendars, rule);
  }
  const at = going.closed ? going.run.since : asOf;
  if (!going.closed) closeSpan(going, at);
  return { view: viewAt(going, at, calendars, rule), spans: going.spans };
}

function begin(
  start: ClockEvent & { kind: "start" },
  calendars: Calendars,
  rule: ClockRule,
): Going {
  const run = startRun(start.target, calendars(start.calendar), start.at, rule);
  return {
    run,
    calendar: start.calendar,
    startedAt: start.at,
    paused: null,
    closed: null,
    spanFrom: start.at,
    restarted: false,
    target: null,
    spans: [],
  };
}

/**
 * The run as it would stand had the target held from the start: each of the events before counts in
 * the target's own measure. A deadline that would have passed is now: nobody was late by a rule
 * that did not hold yet.
 */
function retarget(
  going: Going,
  { at, target, calendar }: ClockEvent & { kind: "target-changed" },
  before: readonly ClockEvent[],
  calendars: Calendars,
  rule: ClockRule,
): void {
  const [start, ...rest] = before;
  if (start?.kind !== "start") throw new ClockError("Expected a start before another target");
  const again = begin({ ...start, target }, calendars, rule);
  for (const event of rest)
    step(
      again,
      event.kind === "target-changed" ? { ...event, kind: "calendar-changed" } : event,
      calendars,
      rule,
    );
  const run = again.paused ? again.run : advanceRun(again.run, at, rule);
  const isPassed = run.progress.phase === "due" && run.progress.at < at;
  const settled: Run = isPassed ? { ...run, progress: { phase: "due", at }, lateAfter: null } : run;
  going.run = changeHours(settled, calendars(calendar), rule);
  going.calendar = calendar;
  going.target = target;
}

type Stepped = Exclude<ClockEvent, { readonly kind: "target-changed" }>;

function step(going: Going, event: Stepped, calendars: Calendars, rule: ClockRule): void {
  if (event.kind === "pause" && going.paused) return;
  if (event.kind === "resume" && !going.paused) return;
  closeSpan(going, event.at);
  const { run } = going;
  // Time in a pause is not counted, it only passes.
  const settled = going.paused ? run : advanceRun(run, event.at, rule);
  switch (event.kind) {
    case "start":
      throw new ClockError(
        "Expected one start event; a reassignment with restart begins the target again",
      );
    case "pause":
      going.paused = { reason: event.reason };
      going.run = settled;
      return;
    case "resume":
      going.paused = null;
      going.run = resumeRun(run, event.at, rule);
      return;
    case "reassign":
    case "calendar-changed":
      going.calendar = event.calendar;
      if (event.kind === "reassign" && event.restart) {
        going.run = startRun(run.target, calendars(event.calendar), event.at, rule);
        going.startedAt = event.at;
        going.restarted = true;
      } else {
        going.run = changeHours(settled, calendars(event.calendar), rule);
      }
      return;
    case "stop":
    case "cancel":
      going.closed = event.kind;
      // Frozen on the run as it stood, so that the deadline it was judged by stays visible.
      going.run = { ...settled, since: event.at };
      return;
    default:
      throw new ClockError(`Unknown clock event ${JSON.stringify(event satisfies never)}`);
  }
}

function closeSpan(going: Going, to: Instant): void {
  const { spanFrom: from, calendar, paused, restarted, target } = going;
  // A restart and another target are told even when nothing follows them yet.
  if (from < to || restarted || target !== null) {
    going.spans.push({ from, to, calendar, paused: paused?.reason ?? null, restarted, target });
    going.restarted = false;
    going.target = null;
  }
  going.spanFrom = to;
}

function viewAt(going: Going, at: Instant, calendars: Calendars, rule: ClockRule): ClockView {
  const run = going.paused || going.closed ? going.run : advanceRun(going.run, at, rule);
  const ahead = outlook(run, rule);
  const reached = run.progress.phase === "due";
  const ticking = going.paused === null;
  const lateAfter = ticking || reached ? lateMoment(run, ahead, ticking) : null;
  const late = lateAfter !== null && at > lateAfter;
  return {
    state: stateOf(going, run, late, isOpen(calendars(going.calendar), at)),
    open: going.closed === null,
    target: run.target,
    calendar: going.calendar,
    startedAt: going.startedAt,
    stoppedAt: going.closed === null ? null : at,
    usedMs: run.usedMs,
    leftMs: ahead.leftMs,
    dueAt: ticking || reached ? ahead.dueAt : null,
    lateAfter,
    late,
    nextWarnAt: ticking && going.closed === null ? nextWarning(ahead.warnings, at) : null,
    // While paused no further one falls due, whatever the wall clock says.
    warnings: ticking ? ahead.warnings.filter((warning) => warning.at <= at) : run.warnings,
    pauseReason: going.paused?.reason ?? null,
    unreachable: ahead.unreachable,
  };
}

/** While paused no hours come, so only a lateness that was already a fact stays one. */
function lateMoment(run: Run, ahead: Outlook, ticking: boolean): Instant | null {
  return ticking ? ahead.lateAfter : run.lateAfter;
}

function nextWarning(warnings: readonly Warning[], at: Instant): Instant | null {
  const ahead = warnings.map((warning) => warning.at).filter((moment) => moment > at);
  return ahead.length === 0 ? null : Math.min(...ahead);
}

function stateOf(going: Going, run: Run, late: boolean, inHours: boolean): ClockState {
  if (going.closed === "cancel") return "cancelled";
  if (going.closed === "stop") return late ? "breached" : "met";
  if (late) return "breached";
  if (going.paused) return "paused";
  // An elapsed target runs through the night; every other waits for the opening.
  return run.progress.phase === "elapsed" || inHours ? "running" : "outside-hours";
}
