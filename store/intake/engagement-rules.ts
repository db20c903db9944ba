import type { Instant } from "../../handoff/time/calendar.ts";
import { isStorable } from "../../handoff/facts/text.ts";

/** Something a person did, as it arrives. */
export interface ArrivingEngagement {
  /** The sender's id of it: counted once. */
  readonly messageId: string;
  readonly type: string;
  readonly topic?: string;
  readonly asset?: string;
  readonly occurredAt: Instant;
}

/**
 * What keeps an engagement from being stored, by field; null when nothing does. One that is dated
 * ahead is stored as of its receipt.
 */
export function checkEngagement(
  engagement: ArrivingEngagement,
): { field: "messageId" | "type" | "topic" | "asset" | "occurredAt"; message: string } | null {
  for (const field of ["messageId", "type", "topic", "asset"] as const) {
    const text = engagement[field];
    if (text === undefined) continue;
    if (!isStorable(text))
      return { field, message: "expected text without NUL characters or broken surrogates" };
    if (text.length > 300) return { field, message: "expected at most 300 characters" };
    if (text.trim() === "") return { field, message: "expected text that is not empty" };
  }
  if (!Number.isSafeInteger(engagement.occurredAt))
    return { field: "occurredAt", message: "expected an instant" };
  return null;
}
