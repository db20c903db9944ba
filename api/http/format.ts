import { z } from "@hono/zod-openapi";
import type { Instant } from "../../handoff/time/calendar.ts";
import { isWritable } from "../../handoff/time/dates.ts";

/** Instants go out as ISO 8601 in UTC, durations as ISO 8601; null stays null. */
export function iso(at: Date | Instant): string;
export function iso(at: Date | Instant | null): string | null;
export function iso(at: Date | Instant | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** 5,400,000 -> PT1H30M; whole seconds, as precise as a person needs. */
export function isoDuration(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes, seconds] = [
    Math.floor(total / 3600),
    Math.floor(total / 60) % 60,
    total % 60,
  ];
  const parts = `${hours ? `${hours}H` : ""}${minutes ? `${minutes}M` : ""}${seconds ? `${seconds}S` : ""}`;
  return `PT${parts || "0S"}`;
}

/** "due in 3 h 10 min", "overdue by 2 d 4 h": for a person's list. */
export function inWords(due: Instant | null, now: Instant): string {
  if (due === null) return "no deadline";
  const minutes = Math.floor(Math.abs(due - now) / 60_000);
  if (minutes === 0) return due >= now ? "due now" : "just overdue";
  const [days, hours, rest] = [
    Math.floor(minutes / 1440),
    Math.floor(minutes / 60) % 24,
    minutes % 60,
  ];
  const parts = [
    days ? `${days} d` : "",
    hours ? `${hours} h` : "",
    rest && !days ? `${rest} min` : "",
  ]
    .filter(Boolean)
    .join(" ");
  return due >= now ? `due in ${parts}` : `overdue by ${parts}`;
}

/**
 * An instant in a body: ISO 8601 with offset, so that the zone is never guessed; a date that
 * exists.
 */
export const instantIn = z.iso
  .datetime({ offset: true, error: "expected an instant such as 2026-11-23T16:30:00-05:00" })
  .refine((text) => realDate(text.slice(0, 10)) && isWritable(Date.parse(text)), {
    error: "expected a date that exists",
  })
  .openapi({ format: "date-time" });

/** A day in a body: YYYY-MM-DD, and one that exists. */
export const dayIn = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, { error: "expected a day such as 2027-01-31" })
  .refine(realDate, { error: "expected a date that exists" })
  .openapi({ format: "date" });

function realDate(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return isWritable(at.getTime()) && at.toISOString().slice(0, 10) === day;
}

/** Text that a person wrote: trimmed, bounded, not empty. */
export function textIn(longest: number) {
  return z
    .string()
    .trim()
    .min(1, { error: "expected text" })
    .max(longest, { error: `expected at most ${longest} characters` });
}
