import { describe, expect, test } from "vitest";
import { compile } from "../../../handoff/time/calendar.ts";
import { cadence, type Work } from "../../../handoff/clocks/cadence.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const { working, calendars } = exampleAgreement();
const day = 86_400_000;
const acceptedAt = Date.parse("2026-11-02T15:00:00Z");
const until = Date.parse("2026-11-23T22:00:00Z");
const hours = compile(calendars.hq!, { from: 2026, to: 2027 });
const at = (now: number, other: Partial<Work> = {}) =>
  cadence(working, {
    acceptedAt,
    until,
    attempts: 2,
    connected: false,
    lastActivityAt: acceptedAt,
    hours,
    now,
    ...other,
  });

describe("the attempts cadence after acceptance", () => {
  test("the window open: it waits for the first thing that can happen", () => {
    expect(at(acceptedAt)).toEqual({
      next: { at: acceptedAt + 14 * day, what: "stalled unless something happens" },
    });
    expect(at(until - 1, { lastActivityAt: until - day })).toEqual({
      next: { at: until, what: "time for attempts ends" },
    });
  });

  test("six attempts, nobody reached, the window over: no response", () => {
    expect(at(until, { attempts: 6, lastActivityAt: until - day })).toMatchObject({
      exhausted: "no-response",
    });
  });

  test("six attempts a millisecond before the window ends: it still waits", () => {
    expect(at(until - 1, { attempts: 6, lastActivityAt: until - day })).toMatchObject({
      next: { at: until },
    });
  });

  test("five attempts and the window over: the manager's affair, not no response", () => {
    expect(at(until, { attempts: 5, lastActivityAt: until - day })).toEqual({
      stalled: "the time for attempts is over with 5 of 6 logged",
      next: { at: until + 13 * day, what: "stalled unless something happens" },
    });
  });

  test("fourteen days without anything logged: stalled, and the end of the window still comes", () => {
    expect(at(acceptedAt + 14 * day)).toEqual({
      stalled: "nothing logged for the time the agreement allows",
      next: { at: until, what: "time for attempts ends" },
    });
    expect(at(acceptedAt + 14 * day, { lastActivityAt: acceptedAt + day })).toMatchObject({
      next: { at: acceptedAt + 15 * day },
    });
  });

  test("once somebody was reached the attempts no longer count, only silence does", () => {
    expect(at(until, { attempts: 9, connected: true, lastActivityAt: until - day })).toEqual({
      next: { at: until + 13 * day, what: "stalled unless something happens" },
    });
    expect(at(until, { connected: true })).toEqual({
      stalled: "nothing logged for the time the agreement allows",
      next: null,
    });
  });

  test("stalledAfter in business days is counted on the hours given", () => {
    const inDays = { ...working, stalledAfter: { kind: "business-days" as const, days: 2 } };
    expect(
      cadence(inDays, {
        acceptedAt,
        until,
        attempts: 0,
        connected: false,
        lastActivityAt: acceptedAt,
        hours,
        now: acceptedAt,
      }),
    ).toMatchObject({ next: { at: Date.parse("2026-11-04T22:00:00Z") } });
  });
});
