import { openIntervals, type Calendar, type Instant } from "../time/calendar.ts";
import type { ClockRule } from "./run.ts";
import type { ClockEvent } from "./clock.ts";
import { traceClock, type Calendars } from "./fold.ts";

/** Open time from MQL to the first outreach, without pauses, by whom it was spent. */
export interface ResponseTime {
  /** Before the first offer: qualification, routing, hold. */
  readonly systemMs: number;
  /** From the first offer to the first outreach. */
  readonly humanMs: number;
}

/**
 * The response time on the hours of whoever had the lead, from the events of its lead outreach
 * clock. A lead picked up before any open hour took no time. Null where the clock has no event.
 */
export function responseTime(
  events: readonly ClockEvent[],
  calendars: Calendars,
  rule: ClockRule,
  { offeredAt, firstOutreachAt }: { offeredAt: Instant | null; firstOutreachAt: Instant },
): ResponseTime | null {
  const began = events[0]?.at;
  if (began === undefined) return null;
  const until = Math.max(began, firstOutreachAt);
  const { spans } = traceClock(events, calendars, rule, until);
  const offered = Math.min(offeredAt ?? until, until);
  const open = (from: Instant, to: Instant) =>
    spans
      .filter(({ paused }) => paused === null)
      .map((span) => ({
        calendar: calendars(span.calendar),
        from: Math.max(span.from, from),
        to: Math.min(span.to, to),
      }))
      .reduce((sum, one) => sum + openMs(one.calendar, one.from, one.to), 0);
  return { systemMs: open(began, offered), humanMs: open(offered, until) };
}

function openMs(calendar: Calendar, from: Instant, to: Instant): number {
  if (from >= to) return 0;
  return openIntervals(calendar, from, to).reduce((sum, one) => sum + one.to - one.from, 0);
}
