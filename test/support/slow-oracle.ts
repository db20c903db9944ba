import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import type { ClockEvent } from "../../handoff/clocks/clock.ts";
import type { Target } from "../../handoff/time/deadline.ts";
import { SlowHours } from "../handoff/time/business-time/slow-hours.ts";

const minute = 60_000;
const day = 86_400_000;

/**
 * What the agreement of the quarter says about elapsed deadlines outside hours: the next opening
 * and this much open time.
 */
const graceMs = 60 * minute;

/**
 * The verdict about one clock: `lateAfter` is the last moment in time; null while it is paused or
 * never reached its target.
 */
export interface Verdict {
  readonly dueAt: Instant | null;
  readonly lateAfter: Instant | null;
}

/**
 * SLA verdicts worked out by walking minute by minute through the quarter: which minutes are open
 * is asked of the wall clock alone, and nothing of the product's calendar or clock code is used.
 * Written from docs/clocks.md and the agreement.
 */
export class SlowOracle {
  private readonly from: Instant;
  private readonly to: Instant;
  private readonly hours = new Map<string, SlowHours>();
  private readonly walls = new Map<string, Walk>();

  constructor(window: { from: Instant; to: Instant }) {
    this.from = Math.floor(window.from / day) * day;
    this.to = Math.ceil(window.to / day) * day;
  }

  /**
   * What the clock with these events says at `at`. A status clock whose target is `same day` is
   * told the deadline of its outreach clock.
   */
  judge(
    events: readonly ClockEvent[],
    calendars: Readonly<Record<string, AppliedCalendar>>,
    at: Instant,
    outreachDueAt: Instant | null,
  ): Verdict {
    const { run, last, isPaused } = this.walked(events, calendars, at, outreachDueAt);
    if (!isPaused) run.walkTo(last, this.to);
    return run.verdict(last, isPaused);
  }

  /** Up to the last event by `at`. */
  private walked(
    events: readonly ClockEvent[],
    calendars: Readonly<Record<string, AppliedCalendar>>,
    at: Instant,
    outreachDueAt: Instant | null,
  ): { run: Run; last: Instant; isPaused: boolean } {
    const [start, ...rest] = events;
    if (start?.kind !== "start") throw new Error("a clock begins with a start");
    let run = new Run(
      start.target,
      this.walkOf(calendars, start.calendar),
      outreachDueAt,
      start.at,
    );
    let last = start.at;
    let pausedAt = start.at;
    let isPaused = false;
    for (const [n, event] of rest.entries()) {
      if (event.at > at || event.kind === "stop" || event.kind === "cancel") break;
      if (event.kind === "target-changed") {
        // Walked again from the start, as if this target had held all the while.
        const before = rest
          .slice(0, n)
          .map((one) =>
            one.kind === "target-changed" ? { ...one, kind: "calendar-changed" as const } : one,
          );
        const again: ClockEvent[] = [{ ...start, target: event.target }, ...before];
        const walked = this.walked(again, calendars, event.at, outreachDueAt);
        run = walked.run;
        if (!isPaused) run.walkTo(walked.last, event.at);
        run.retargeted(event.at);
        run.walk = this.walkOf(calendars, event.calendar);
        last = event.at;
        continue;
      }
      if (!isPaused) run.walkTo(last, event.at);
      if (!isPaused) run.passed(event.at);
      if (event.kind === "resume" && isPaused) run.resumed(pausedAt, event.at);
      last = event.at;
      if (event.kind === "pause" && !isPaused) pausedAt = event.at;
      if (event.kind === "pause") isPaused = true;
      if (event.kind === "resume") isPaused = false;
      if (event.kind === "reassign" || event.kind === "calendar-changed")
        run.walk = this.walkOf(calendars, event.calendar);
    }
    return { run, last, isPaused };
  }

  private walkOf(calendars: Readonly<Record<string, AppliedCalendar>>, key: string): Walk {
    const known = this.walls.get(key);
    if (known) return known;
    const applied = calendars[key];
    if (!applied) throw new Error(`no calendar ${key}`);
    const all = [applied.hours, ...(applied.within ? [applied.within] : [])].map((def) =>
      this.hoursOf(def),
    );
    const open = new Uint8Array((this.to - this.from) / minute);
    for (let i = 0; i < open.length; i++) {
      const at = this.from + i * minute;
      open[i] =
        all.every((hours) => hours.isOpen(at)) &&
        !applied.minus.some((away) => away.from <= at && at < away.to)
          ? 1
          : 0;
    }
    const walk = new Walk(open, this.from, applied.hours.zone);
    this.walls.set(key, walk);
    return walk;
  }

  private hoursOf(def: CalendarDef): SlowHours {
    const key = JSON.stringify(def);
    const known =
      this.hours.get(key) ?? new SlowHours(def, { zone: def.zone, from: this.from, to: this.to });
    this.hours.set(key, known);
    return known;
  }
}

/** The open minutes of one calendar. */
class Walk {
  readonly open: Uint8Array;
  readonly from: Instant;
  private readonly format: Intl.DateTimeFormat;

  constructor(open: Uint8Array, from: Instant, zone: string) {
    this.open = open;
    this.from = from;
    this.format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short" });
  }

  isOpen(at: Instant): boolean {
    return this.open[Math.floor((at - this.from) / minute)] === 1;
  }

  /** The first open instant at or after `at`. */
  opens(at: Instant): Instant | null {
    if (this.isOpen(at)) return at;
    for (
      let next = (Math.floor(at / minute) + 1) * minute;
      next < this.from + this.open.length * minute;
      next += minute
    )
      if (this.isOpen(next)) return next;
    return null;
  }

  /**
   * The local date whose shift is open at `at`, or comes next. The quarter's shifts end on the date
   * on which they begin.
   */
  dateOf(at: Instant): string {
    return this.format.format(this.opens(at) ?? at);
  }

  /** The end of the last open minute of the date. */
  closeOf(date: string, after: Instant): Instant | null {
    let close: Instant | null = null;
    for (
      let at = Math.floor(after / minute) * minute - 2 * day;
      at < this.from + this.open.length * minute;
      at += minute
    ) {
      if (at < this.from || !this.isOpen(at)) continue;
      const on = this.format.format(at);
      if (on === date) close = at + minute;
      if (on > date) break;
    }
    return close;
  }
}

/** One clock being walked. */
class Run {
  walk: Walk;
  private readonly target: Target;
  private readonly outreachDueAt: Instant | null;
  /** Open or elapsed time to go. */
  private left: number;
  /** An elapsed target that ran out outside hours goes on in open time. */
  private inGrace = false;
  /** A pause over closing left this much of the day. */
  private inOpenTime = false;
  private dueAt: Instant | null = null;
  private missedAt: Instant | null = null;
  private since: Instant;
  private readonly startedAt: Instant;

  constructor(target: Target, walk: Walk, outreachDueAt: Instant | null, startedAt: Instant) {
    this.target = target;
    this.walk = walk;
    this.outreachDueAt = outreachDueAt;
    this.startedAt = startedAt;
    this.since = startedAt;
    this.left = "ms" in target ? target.ms : 0;
  }

  /** Counts the time between two moments, a minute or less at once. */
  walkTo(from: Instant, to: Instant): void {
    if (this.target.kind === "same-day" && !this.inOpenTime) {
      const due = this.closeFrom(from);
      if (this.dueAt === null && due !== null && due <= to) this.dueAt = due;
      return;
    }
    for (let at = from; at < to && this.dueAt === null;) {
      const next = Math.min((Math.floor(at / minute) + 1) * minute, to);
      const counts = this.target.kind === "elapsed" && !this.inGrace ? true : this.walk.isOpen(at);
      const used = counts ? next - at : 0;
      if (used >= this.left && counts) {
        const end = at + this.left;
        const isOver =
          this.target.kind === "business" ||
          this.inOpenTime ||
          this.inGrace ||
          this.walk.isOpen(end) ||
          this.walk.isOpen(end - 1);
        if (isOver) {
          this.dueAt = end;
          return;
        }
        this.inGrace = true;
        this.left = graceMs;
        at = end;
        continue;
      }
      this.left -= used;
      at = next;
    }
  }

  /**
   * The end of the working day on which the outreach is due, and never before the outreach itself.
   * New hours hold from when they come: where their day is over by then, the next one on which they
   * open is the day.
   */
  private closeFrom(from: Instant): Instant | null {
    const anchor =
      this.outreachDueAt === null || this.outreachDueAt < this.startedAt
        ? this.startedAt
        : this.outreachDueAt - 1;
    const onItsDay = this.walk.closeOf(this.walk.dateOf(anchor), anchor);
    const close =
      onItsDay !== null && onItsDay < from
        ? this.walk.closeOf(this.walk.dateOf(from), from)
        : onItsDay;
    return close === null ? null : Math.max(close, this.outreachDueAt ?? close);
  }

  /**
   * The clock runs until this moment, when something happens to it: a deadline missed by then stays
   * missed at the moment it was.
   */
  passed(at: Instant): void {
    const late = this.dueAt === null || this.dueAt > at ? null : this.lateFrom();
    if (this.missedAt === null && late !== null && late < at) this.missedAt = late;
    this.since = at;
  }

  /** Another target counts from now on: nobody was late by it before. */
  retargeted(at: Instant): void {
    if (this.dueAt !== null && this.dueAt < at) this.dueAt = at;
    this.missedAt = null;
    this.since = at;
  }

  /**
   * No hours come while it is paused: what was due before the pause and not late by then can be
   * late from the resume on. A pause that ends on another date than it began leaves the open time
   * that the day had left.
   */
  resumed(pausedAt: Instant, at: Instant): void {
    this.since = at;
    if (this.target.kind !== "same-day" || this.dueAt !== null || this.inOpenTime) return;
    if (this.walk.dateOf(pausedAt) === this.walk.dateOf(at)) return;
    const close = this.closeFrom(pausedAt);
    if (close === null) return;
    for (let now = pausedAt; now < close;) {
      const next = Math.min((Math.floor(now / minute) + 1) * minute, close);
      this.left += this.walk.isOpen(now) ? next - now : 0;
      now = next;
    }
    this.inOpenTime = true;
  }

  /**
   * While paused no hours come: only a deadline that came before the pause stands, late if it was
   * missed by then.
   */
  verdict(last: Instant, isPaused: boolean): Verdict {
    const dueAt = isPaused && this.dueAt !== null && this.dueAt > last ? null : this.dueAt;
    return { dueAt, lateAfter: this.missedAt ?? (isPaused ? null : this.lateFrom()) };
  }

  /** Late is after the deadline by some open time: at the next opening sharp it is not late yet. */
  private lateFrom(): Instant | null {
    return this.dueAt === null ? null : this.walk.opens(Math.max(this.dueAt, this.since));
  }
}
