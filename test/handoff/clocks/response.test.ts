import { expect, test } from "vitest";
import { responseTime } from "../../../handoff/clocks/response.ts";
import type { ClockEvent } from "../../../handoff/clocks/clock.ts";
import { compile } from "../../../handoff/time/calendar.ts";

const HOUR = 3_600_000;
const utc = (text: string) => Date.parse(`2026-11-${text}:00Z`);
const week = (hours: string) =>
  compile(
    { zone: "UTC", week: { mon: [hours], tue: [hours], fri: [hours] } },
    { from: 2025, to: 2028 },
  );
// Friday the 20th, Monday the 23rd.
const calendars = (id: string) => (id === "early" ? week("06:00-10:00") : week("09:00-17:00"));
const rule = { elapsedRoll: { kind: "none" } as const, warnAt: [] };
const start = (at: string): ClockEvent => ({
  kind: "start",
  at: utc(at),
  target: { kind: "business", ms: 4 * HOUR },
  calendar: "day",
});
const response = (events: readonly ClockEvent[], offered: string, outreach: string) =>
  responseTime(events, calendars, rule, {
    offeredAt: utc(offered),
    firstOutreachAt: utc(outreach),
  });

test("open time before the first offer is the system's, after it the person's", () => {
  expect(response([start("20T15:00")], "20T16:00", "23T10:00")).toEqual({
    systemMs: HOUR,
    humanMs: 2 * HOUR,
  });
});

test("a lead that is picked up before any open hour took no time", () => {
  expect(response([start("21T12:00")], "23T09:00", "23T09:00")).toEqual({
    systemMs: 0,
    humanMs: 0,
  });
});

test("a pause is nobody's time, and each stretch counts on the hours of who had it", () => {
  const events: ClockEvent[] = [
    start("20T15:00"),
    { kind: "pause", at: utc("20T16:00"), reason: "asked to wait" },
    { kind: "resume", at: utc("20T16:30") },
    { kind: "reassign", at: utc("20T17:00"), calendar: "early", restart: false },
    { kind: "stop", at: utc("23T10:00") },
  ];
  expect(response(events, "20T15:30", "23T07:00")).toEqual({
    systemMs: HOUR / 2,
    humanMs: HOUR / 2 + HOUR / 2 + HOUR,
  });
});

test(
  "outreach that was made before the offer ends the system's time, and without a clock there " +
    "is none",
  () => {
    expect(response([start("20T10:00")], "20T16:00", "20T11:00")).toEqual({
      systemMs: HOUR,
      humanMs: 0,
    });
    expect(response([], "20T16:00", "20T11:00")).toBeNull();
  },
);
