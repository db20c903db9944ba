import { expect, test } from "vitest";
import { endOfDay } from "../../../handoff/time/calendar.ts";

test.each([
  ["America/New_York", "2026-11-23T15:00:00Z", "2026-11-24T05:00:00.000Z"],
  ["America/New_York", "2026-11-24T04:59:59Z", "2026-11-24T05:00:00.000Z"],
  ["America/New_York", "2026-11-24T05:00:00Z", "2026-11-25T05:00:00.000Z"],
  ["Asia/Tokyo", "2026-11-23T15:00:00Z", "2026-11-24T15:00:00.000Z"],
  // The day on which clocks go back has 25 hours, the one on which they go forward 23.
  ["America/New_York", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00.000Z"],
  ["Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00.000Z"],
  // Midnight does not exist there on this date: today ends where the clock jumps.
  ["America/Santiago", "2026-09-05T20:00:00Z", "2026-09-06T04:00:00.000Z"],
])("in %s the day of %s ends at %s", (zone, at, end) => {
  expect(new Date(endOfDay(zone, Date.parse(at))).toISOString()).toBe(end);
});
