import type { AppliedCalendar } from "../time/applied-calendar.ts";
import type { Calendar, Instant } from "../time/calendar.ts";
import { compileApplied } from "../time/applied-calendar.ts";
import { NoOpenTime, addBusinessDays, nextOpen } from "../time/calendar.ts";
import {
  DAY,
  MINUTE,
  dayOfDate,
  firstInstantReading,
  localDateOf,
  offsetAt,
  offsetSpans,
} from "../time/local-time.ts";

/**
 * When a rep works, as seen at one moment. Routing is given these instants instead of hours, and
 * they are stored with the decision: judged again under newer time zone data, it still gives the
 * same answer.
 */
export interface Presence {
  readonly zone: string;
  /**
   * First instant at or after now at which the rep works; now itself when working. Null: never in
   * the years compiled.
   */
  readonly opensAt: Instant | null;
  /** Close of the rep's first working day at or after now, absences not regarded. */
  readonly dayEndsAt: Instant | null;
  /** End of the absence that covers now or the next opening. */
  readonly absentTo: Instant | null;
}

/** Presence by hours and absences. No loop is longer than the list of absences. */
export function presenceAt(applied: AppliedCalendar, now: Instant): Presence {
  const hours = compileApplied({ ...applied, minus: [] }, now);
  const opening = nextOpen(hours, now);
  let opensAt = opening;
  let absentTo: Instant | null = null;
  // In order of time, so one pass finds the first opening that no absence covers.
  for (const away of [...applied.minus].sort((a, b) => a.from - b.from)) {
    if (opensAt === null || away.from > opensAt || away.to <= opensAt) continue;
    absentTo = away.to;
    opensAt = away.to >= hours.to ? null : nextOpen(hours, away.to);
  }
  return {
    zone: hours.zone,
    opensAt,
    dayEndsAt: opening === null ? null : closeOfDay(hours, now),
    absentTo,
  };
}

function closeOfDay(hours: Calendar, now: Instant): Instant | null {
  try {
    return addBusinessDays(hours, now, 0);
  } catch (error) {
    if (error instanceof NoOpenTime) return null;
    throw error;
  }
}

/** The local day and hour around an instant, for caps per day and per hour. */
export interface LocalSpan {
  readonly dayFrom: Instant;
  readonly dayTo: Instant;
  readonly hourFrom: Instant;
  readonly hourTo: Instant;
}

export function localSpan(zone: string, at: Instant): LocalSpan {
  const day = dayOfDate(localDateOf(zone, at))! * DAY;
  const spans = offsetSpans(zone, day - 2 * DAY, day + 4 * DAY);
  const hour = 60 * MINUTE;
  const intoHour = (((at + offsetAt(zone, at)) % hour) + hour) % hour;
  return {
    dayFrom: firstInstantReading(spans, day),
    dayTo: firstInstantReading(spans, day + DAY),
    hourFrom: at - intoHour,
    hourTo: at - intoHour + hour,
  };
}
