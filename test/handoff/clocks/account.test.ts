import { describe, expect, test } from "vitest";
import { clockAccount } from "../../../handoff/clocks/account.ts";
import type { ClockEvent } from "../../../handoff/clocks/clock.ts";
import type { HandoffClock } from "../../../handoff/clocks/escalation.ts";
import { parseTarget } from "../../../handoff/time/deadline.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const at = (wall: string) => Date.parse(`2026-${wall}:00-05:00`);
const hq = {
  hours: {
    zone: "America/New_York",
    week: Object.fromEntries(
      ["mon", "tue", "wed", "thu", "fri"].map((day) => [day, ["09:00-17:00"]]),
    ),
    exceptions: { "2026-11-26": [] },
  },
  minus: [],
  from: "rep" as const,
};

function clockOf(kind: "outreach" | "status", target: string, from: string, ...more: ClockEvent[]) {
  const parsed = parseTarget(target);
  if ("error" in parsed) throw new Error(parsed.error);
  const start: ClockEvent = { at: at(from), kind: "start", target: parsed, calendar: "hq" };
  const events = [start, ...more];
  const clock: HandoffClock = {
    id: `ho_1/${kind}/rep/1`,
    kind,
    scope: "rep",
    events,
    warned: 0,
    rung: 0,
    breached: false,
  };
  return clock;
}

function words(clock: HandoffClock, now: string, beside: readonly HandoffClock[] = []): string {
  const input = { clocks: [clock, ...beside], calendars: { hq }, now: at(now) };
  return clockAccount(agreement, input, clock).inWords.replace(" (America/New_York)", "");
}

describe("the deadline as a person would count it", () => {
  test("open hours are counted day by day, over a weekend", () => {
    const clock = clockOf("outreach", "1 business hour", "12-04T16:50");
    expect(words(clock, "12-04T16:55")).toBe(
      "1 business hour of opening hours from 2026-12-04 16:50: 0:10:00 on 2026-12-04, 0:50:00 " +
        "on 2026-12-07; so until 2026-12-07 09:50",
    );
  });

  test("the zone is said once, at the end", () => {
    const clock = clockOf("outreach", "1 business hour", "12-04T16:50");
    const input = { clocks: [clock], calendars: { hq }, now: at("12-04T16:55") };
    const { inWords } = clockAccount(agreement, input, clock);
    expect(inWords.match(/America\/New_York/g)).toHaveLength(1);
    expect(inWords).toMatch(/ \(America\/New_York\)$/);
  });

  test("many days are summed up", () => {
    const clock = clockOf("outreach", "40 business hours", "11-23T13:00");
    expect(words(clock, "11-23T13:00")).toMatch(
      /: 4:00:00 on 2026-11-23, 32:00:00 on the 4 days after, 4:00:00 on 2026-12-01; so until 2026-12-01 13:00/,
    );
  });

  test("an elapsed deadline outside hours says where it would be, and why it is not", () => {
    const clock = clockOf("outreach", "24 hours", "12-04T10:00");
    expect(words(clock, "12-04T10:00")).toBe(
      "24 hours by the clock from 2026-12-04 10:00 ends 2026-12-05 10:00, outside hours; so " +
        "the next opening and 1:00:00 of it: 2026-12-07 10:00",
    );
    expect(words(clockOf("outreach", "24 hours", "12-03T10:00"), "12-03T10:00")).toBe(
      "24 hours by the clock from 2026-12-03 10:00: 2026-12-04 10:00",
    );
  });

  test("pauses are left out, and while one lasts there is no deadline", () => {
    const pause: ClockEvent = { at: at("12-01T10:00"), kind: "pause", reason: "legal-review" };
    const paused = clockOf("outreach", "24 hours", "12-01T09:00", pause);
    expect(words(paused, "12-01T11:00")).toBe(
      "24 hours; no deadline while it is paused (legal-review)",
    );
    const resumed = clockOf("outreach", "24 hours", "12-01T09:00", pause, {
      at: at("12-01T13:30"),
      kind: "resume",
    });
    expect(words(resumed, "12-01T14:00")).toBe(
      "24 hours by the clock from 2026-12-01 09:00, without 3:30:00 of pauses: 2026-12-02 12:30",
    );
  });

  test("business days and `same day` are closes", () => {
    const outreach = clockOf("outreach", "1 business hour", "12-04T16:50");
    expect(words(clockOf("status", "same day", "12-04T16:50"), "12-04T16:55", [outreach])).toBe(
      "the close of the business day on which the outreach is due (2026-12-07 09:50), never " +
        "before it: 2026-12-07 17:00",
    );
    expect(words(clockOf("status", "2 business days", "11-25T10:00"), "11-25T10:00")).toBe(
      "the close of the second business day after 2026-11-25 10:00: 2026-11-30 17:00",
    );
    // After hours, and over a weekend: from the day on which it opens.
    expect(words(clockOf("status", "1 business day", "12-04T22:55"), "12-04T22:56")).toBe(
      "the close of the first business day after 2026-12-07, the day of the first opening after " +
        "2026-12-04 22:55: 2026-12-08 17:00",
    );
  });

  test("a clock that was stopped early still says what it had been given", () => {
    const stop: ClockEvent = { at: at("12-04T16:52"), kind: "stop" };
    const clock = clockOf("outreach", "1 business hour", "12-04T16:50", stop);
    expect(words(clock, "12-10T12:00")).toMatch(/0:50:00 on 2026-12-07; so until 2026-12-07 09:50/);
  });

  test("hours that never come are said instead of a date", () => {
    const clock = clockOf("outreach", "1 business hour", "12-04T16:50");
    const never = { ...hq, hours: { zone: "UTC", week: {} } };
    const input = { clocks: [clock], calendars: { hq: never }, now: at("12-04T17:00") };
    expect(clockAccount(agreement, input, clock).inWords).toMatch(/^1 business hour; .+/);
  });
});
