import type { Instant } from "../handoff/time/calendar.ts";

/**
 * "Monday 23 November 2026, 10:00 (America/New_York)": never a time without its day and zone. An
 * unknown zone reads as UTC.
 */
export function when(at: Instant, zone: string): string {
  const known = knownZone(zone);
  const part = new Map(
    formatter(known)
      .formatToParts(new Date(at))
      .map(({ type, value }) => [type, value]),
  );
  return (
    `${part.get("weekday")} ${part.get("day")} ${part.get("month")} ${part.get("year")}, ` +
    `${part.get("hour")}:${part.get("minute")} (${known})`
  );
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  const kept = formatters.get(zone);
  if (kept) return kept;
  const made = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  formatters.set(zone, made);
  return made;
}

function knownZone(zone: string): string {
  try {
    formatter(zone);
    return zone;
  } catch {
    return "UTC";
  }
}
