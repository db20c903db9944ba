import type { Agreement } from "../agreement.ts";
import type { Calendar, Instant } from "../time/calendar.ts";
import { dueAt } from "../time/deadline.ts";

/** How the work on an accepted lead stands. */
export interface Work {
  readonly acceptedAt: Instant;
  /**
   * End of the window for attempts: `working.over` from acceptance, worked out on the calendar that
   * applied.
   */
  readonly until: Instant;
  readonly attempts: number;
  readonly connected: boolean;
  /** The last logged outreach or answer; acceptance counts. */
  readonly lastActivityAt: Instant;
  /** The hours on which `working.stalledAfter` is counted when it is business time. */
  readonly hours: Calendar;
  readonly now: Instant;
}

/**
 * What follows: wait for `next`, give the lead up as no-response, or show it to the manager as
 * stalled.
 */
export type Cadence =
  | { readonly next: { readonly at: Instant; readonly what: string } }
  | { readonly exhausted: "no-response"; readonly because: string }
  | {
      readonly stalled: string;
      readonly next: { readonly at: Instant; readonly what: string } | null;
    };

/**
 * The cadence of an accepted lead (docs/clocks.md, "Attempts after acceptance"). The window over
 * with all attempts made and nobody reached means no response. The window over with attempts
 * missing is the rep's affair, not the lead's: stalled, for the manager. So is a lead on which
 * nothing happened for `stalledAfter`. Once somebody was reached only the latter counts.
 */
export function cadence(working: Agreement["working"], work: Work): Cadence {
  const { attempts, now, until, connected } = work;
  const stalledAt = stalledFrom(working, work);
  const windowOver = !connected && now >= until;
  if (windowOver && attempts >= working.attempts) {
    return {
      exhausted: "no-response",
      because: `${attempts} attempts logged, nobody reached, and the time for them is over`,
    };
  }
  const ahead = soonest([
    ...(connected || now >= until ? [] : [{ at: until, what: "time for attempts ends" }]),
    ...(now >= stalledAt ? [] : [{ at: stalledAt, what: "stalled unless something happens" }]),
  ]);
  if (windowOver)
    return {
      stalled: `the time for attempts is over with ${attempts} of ${working.attempts} logged`,
      next: ahead,
    };
  if (now >= stalledAt)
    return { stalled: "nothing logged for the time the agreement allows", next: ahead };
  return { next: ahead ?? { at: stalledAt, what: "stalled unless something happens" } };
}

/**
 * Elapsed time is not moved to opening hours, because the instant is no deadline: it only informs
 * the manager.
 */
function stalledFrom(
  { stalledAfter }: Agreement["working"],
  { lastActivityAt, acceptedAt, hours }: Work,
): Instant {
  return dueAt(stalledAfter, Math.max(lastActivityAt, acceptedAt), hours, {
    elapsedRoll: { kind: "none" },
  });
}

function soonest(
  moments: readonly { at: Instant; what: string }[],
): { at: Instant; what: string } | null {
  return [...moments].sort((a, b) => a.at - b.at)[0] ?? null;
}
