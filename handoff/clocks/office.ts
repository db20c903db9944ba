import type { Agreement } from "../agreement.ts";
import { appliedCalendar, compileApplied } from "../time/applied-calendar.ts";
import type { Instant } from "../time/calendar.ts";
import { dueAt, type Target } from "../time/deadline.ts";

/** When something is due that is asked of the office: on the agreement's own hours. */
export function dueByOffice(agreement: Agreement, target: Target, from: Instant): Instant {
  const hours = compileApplied(appliedCalendar(agreement, null, null), from);
  return dueAt(target, from, hours, { elapsedRoll: { kind: "none" } });
}
