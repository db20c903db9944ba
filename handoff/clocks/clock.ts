import { formatLocal, localDateOf, openIntervals } from "../time/calendar.ts";
import type { Calendar, CalendarException, Instant } from "../time/calendar.ts";
import { traceClock } from "./fold.ts";
import type { Calendars, ClockEvent, ClockView, Span } from "./fold.ts";
import type { ClockRule } from "./run.ts";
import { DAY, formatWall } from "../time/local-time.ts";
import { printTarget, type Target } from "../time/deadline.ts";

export { ClockError } from "./fold.ts";
export type { Calendars, ClockEvent, ClockView } from "./fold.ts";
export type { ClockRule } from "./run.ts";

/**
 * What a clock shows at `asOf` (docs/clocks.md). A pause suspends every kind of target in its own
 * unit: open time, elapsed time, or whole business dates; one over closing leaves the open time that
 * there was until the close, so that no part of a date is given twice. New hours keep what was used
 * and run the rest. Nothing is late while no open time has passed since the deadline, except an
 * elapsed target whose agreement rolls nothing.
 * @param events in order of time, `start` first; those after `asOf` are left out
 * @param calendars compiled hours by the keys that the events carry
 * @throws ClockError for a list that is no clock's history
 */
export function foldClock(
  events: readonly ClockEvent[],
  calendars: Calendars,
  rule: ClockRule,
  asOf: Instant,
): ClockView {
  return traceClock(events, calendars, rule, asOf).view;
}

/**
 * One line of the account a rep can check by hand. Totals are milliseconds of the target's own
 * measure.
 */
export type LedgerRow =
  | {
      readonly kind: "hours";
      readonly from: Instant;
      readonly calendar: string;
      readonly zone: string;
      readonly exceptions: readonly CalendarException[];
    }
  | {
      readonly kind: "counted";
      readonly from: Instant;
      readonly to: Instant;
      readonly ms: number;
      readonly totalMs: number;
      readonly zone: string;
    }
  | {
      readonly kind: "paused";
      readonly from: Instant;
      readonly to: Instant;
      readonly reason: string;
      readonly zone: string;
    }
  | { readonly kind: "restarted"; readonly at: Instant; readonly zone: string }
  | {
      readonly kind: "retargeted";
      readonly at: Instant;
      readonly target: Target;
      readonly zone: string;
    }
  | {
      readonly kind: "verdict";
      readonly at: Instant;
      readonly zone: string;
      readonly view: ClockView;
    };

/**
 * How the verdict at `asOf` came about: every interval counted, under which hours, with the running
 * total.
 */
export function clockLedger(
  events: readonly ClockEvent[],
  calendars: Calendars,
  rule: ClockRule,
  asOf: Instant,
): LedgerRow[] {
  const { view, spans } = traceClock(events, calendars, rule, asOf);
  const rows: LedgerRow[] = [];
  let totalMs = 0;
  spans.forEach((span, i) => {
    const calendar = calendars(span.calendar);
    const { zone } = calendar;
    if (span.calendar !== spans[i - 1]?.calendar) {
      rows.push({
        kind: "hours",
        from: span.from,
        calendar: span.calendar,
        zone,
        exceptions: exceptionsDuring(calendar, span.from, endOfHours(spans, i)),
      });
    }
    if (span.restarted) {
      rows.push({ kind: "restarted", at: span.from, zone });
      totalMs = 0;
    }
    if (span.target !== null)
      rows.push({ kind: "retargeted", at: span.from, target: span.target, zone });
    if (span.from === span.to) return;
    if (span.paused !== null) {
      rows.push({ kind: "paused", from: span.from, to: span.to, reason: span.paused, zone });
      return;
    }
    // An elapsed target counts the whole stretch, nights included.
    const counted =
      view.target.kind === "elapsed" ? [span] : openIntervals(calendar, span.from, span.to);
    for (const { from, to } of counted) {
      totalMs += to - from;
      rows.push({ kind: "counted", from, to, ms: to - from, totalMs, zone });
    }
  });
  rows.push({
    kind: "verdict",
    at: view.stoppedAt ?? asOf,
    zone: calendars(view.calendar).zone,
    view,
  });
  return rows;
}

/** Where the run of spans on the same hours that begins at `i` ends. */
function endOfHours(spans: readonly Span[], i: number): Instant {
  let end = i;
  while (spans[end + 1]?.calendar === spans[i]!.calendar) end++;
  return spans[end]!.to;
}

function exceptionsDuring(calendar: Calendar, from: Instant, to: Instant): CalendarException[] {
  return (
    calendar.exceptions
      // The evening shift of the day before can reach into the span.
      .filter(
        ({ zone, date }) => localDateOf(zone, from - DAY) <= date && date <= localDateOf(zone, to),
      )
      .sort((a, b) => (a.date < b.date ? -1 : 1))
  );
}

/** The ledger as plain text, local times in the zone of the hours that applied. */
export function printClockLedger(rows: readonly LedgerRow[]): string {
  return rows.flatMap(printRow).join("\n");
}

function printRow(row: LedgerRow): string[] {
  switch (row.kind) {
    case "hours":
      return [
        `hours ${row.calendar}, from ${formatLocal(row.zone, row.from)}`,
        ...row.exceptions.map(
          ({ date, hours }) =>
            `  on ${date} instead: ${hours.length === 0 ? "closed" : hours.join(", ")}`,
        ),
      ];
    case "counted":
      return [`  ${stretch(row)}  ${printDuration(row.ms)}  total ${printDuration(row.totalMs)}`];
    case "paused":
      return [`  ${stretch(row)}  paused: ${row.reason}`];
    case "restarted":
      return [
        `  ${formatWall(row.zone, row.at)}  reassigned, the target begins again, total ${printDuration(0)}`,
      ];
    case "retargeted":
      return [
        `  ${formatWall(row.zone, row.at)}  another version's target: ${printTarget(row.target)}, ` +
          "used time stays used",
      ];
    case "verdict":
      return [verdict(row.view, row.zone, row.at)];
    default:
      return row satisfies never;
  }
}

function stretch({ zone, from, to }: { zone: string; from: Instant; to: Instant }): string {
  return `${formatWall(zone, from)} to ${formatWall(zone, to)}`;
}

function verdict(view: ClockView, zone: string, at: Instant): string {
  const due =
    view.dueAt === null
      ? (view.unreachable ?? "no deadline while paused")
      : `due ${formatLocal(zone, view.dueAt)}`;
  return (
    `${view.state} at ${formatLocal(zone, at)}: ${printTarget(view.target)}, used ` +
    `${printDuration(view.usedMs)}, left ${printDuration(view.leftMs)}, ${due}`
  );
}

/** `8:00:00`, hours unbounded; milliseconds only when there are any. */
export function printDuration(ms: number): string {
  const rest = ms % 60_000;
  const seconds = (rest / 1_000).toFixed(rest % 1_000 === 0 ? 0 : 3);
  return `${Math.floor(ms / 3_600_000)}:${String(Math.floor(ms / 60_000) % 60).padStart(2, "0")}:${seconds.padStart(rest % 1_000 === 0 ? 2 : 6, "0")}`;
}
