import type { Instant } from "../time/calendar.ts";

/** Nobody gets two mails of reminders within this time. */
export const digestWindowMs = 60 * 60_000;

/** From when on a reader may be mailed reminders again: at once, where that was long ago. */
export function nextDigest(lastSentAt: Instant | null, now: Instant): Instant {
  return lastSentAt === null ? now : Math.max(now, lastSentAt + digestWindowMs);
}
