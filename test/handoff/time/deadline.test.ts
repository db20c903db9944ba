import { describe, expect, test } from "vitest";
import { compile, formatLocal, NoOpenTime } from "../../../handoff/time/calendar.ts";
import { dueAt, parseDuration, parseTarget, printTarget } from "../../../handoff/time/deadline.ts";
import type { DueRule, Target } from "../../../handoff/time/deadline.ts";

const HOUR = 3_600_000;
const hours = ["09:00-17:00"];
const hq = compile(
  {
    zone: "America/New_York",
    week: { mon: hours, tue: hours, wed: hours, thu: hours, fri: hours },
    exceptions: { "2026-11-26": [], "2026-11-27": ["09:00-13:00"] },
  },
  { from: 2026, to: 2027 },
);
const ny = (wall: string) => Date.parse(`${wall}:00-05:00`);
const plain: DueRule = { elapsedRoll: { kind: "none" } };
const rolling: DueRule = { elapsedRoll: { kind: "next-open", graceMs: HOUR } };
const due = (target: string, from: string, rule: DueRule = plain) =>
  formatLocal(hq.zone, dueAt(targetOf(target), ny(from), hq, rule)).slice(0, 16);

function targetOf(text: string): Target {
  const target = parseTarget(text);
  if ("error" in target) throw new Error(target.error);
  return target;
}

describe("the four kinds of target", () => {
  test("a demo request on Friday 16:50 has outreach due Monday 09:50 and status due Monday 17:00", () => {
    const outreachDueAt = dueAt(targetOf("1 business hour"), ny("2026-11-20T16:50"), hq, rolling);
    expect(formatLocal(hq.zone, outreachDueAt)).toBe("2026-11-23 09:50 America/New_York");
    expect(due("same day", "2026-11-20T16:50", { ...rolling, outreachDueAt })).toBe(
      "2026-11-23 17:00",
    );
  });

  test.each([
    ["1 business hour", "2026-11-20T16:00", "2026-11-20 17:00", "an exact fit ends at the close"],
    ["4 business hours", "2026-11-25T15:00", "2026-11-27 11:00", "over Thanksgiving"],
    [
      "24 hours",
      "2026-11-20T16:50",
      "2026-11-21 16:50",
      "elapsed time does not stop for the weekend",
    ],
    ["5 business days", "2026-11-18T10:00", "2026-11-25 17:00", "the fifth business date after"],
    [
      "5 business days",
      "2026-11-21T10:00",
      "2026-12-01 17:00",
      "a Saturday handoff belongs to Monday",
    ],
    ["1 business day", "2026-11-25T10:00", "2026-11-27 13:00", "a half day closes at 13:00"],
    [
      "same day",
      "2026-11-20T10:00",
      "2026-11-20 17:00",
      "without an outreach deadline, the handoff's own date",
    ],
    ["same day", "2026-11-20T17:00", "2026-11-23 17:00", "after the close, the next business date"],
  ])("%s from %s is due %s: %s", (target, from, expected) => {
    expect(due(target, from)).toBe(expected);
  });
});

describe("elapsed deadlines outside hours, when the agreement rolls them", () => {
  test.each([
    [
      "24 hours",
      "2026-11-20T16:50",
      "2026-11-23 10:00",
      "Saturday moves to Monday's opening plus the grace",
    ],
    ["24 hours", "2026-11-18T12:00", "2026-11-19 12:00", "inside hours it stays"],
    ["24 hours", "2026-11-18T17:00", "2026-11-19 17:00", "17:00 sharp can still be met"],
    ["24 hours", "2026-11-22T09:00", "2026-11-23 09:00", "so can the opening"],
    [
      "48 hours",
      "2026-11-24T12:00",
      "2026-11-27 10:00",
      "a holiday moves to the next business date",
    ],
  ])("%s from %s is due %s: %s", (target, from, expected) => {
    expect(due(target, from, rolling)).toBe(expected);
  });

  test("without grace it is the opening itself", () => {
    expect(
      due("24 hours", "2026-11-20T16:50", { elapsedRoll: { kind: "next-open", graceMs: 0 } }),
    ).toBe("2026-11-23 09:00");
  });
});

describe("same day follows the outreach deadline", () => {
  test.each([
    [
      "2026-11-20T17:00",
      "2026-11-20 17:00",
      "a deadline exactly at the close belongs to the date that closes",
    ],
    ["2026-11-23T09:00", "2026-11-23 17:00", "one at the opening to the date that opens"],
    ["2026-11-21T12:00", "2026-11-23 17:00", "one on a Saturday to the next business date"],
    ["2026-11-20T16:00", "2026-11-20 17:00", "one on the same date to that date"],
  ])("outreach due %s gives status due %s: %s", (outreach, expected) => {
    expect(due("same day", "2026-11-20T15:00", { ...plain, outreachDueAt: ny(outreach) })).toBe(
      expected,
    );
  });

  test("never due before the outreach", () => {
    for (let minute = 0; minute < 7 * 24 * 60; minute += 37) {
      const from = ny("2026-11-19T00:00") + minute * 60_000;
      const outreachDueAt = dueAt(targetOf("24 hours"), from, hq, plain);
      expect(
        dueAt({ kind: "same-day" }, from, hq, { ...plain, outreachDueAt }),
      ).toBeGreaterThanOrEqual(outreachDueAt);
    }
  });
});

test.each(["1 business hour", "1 business day", "same day"])(
  "%s on hours that never come is a NoOpenTime",
  (target) => {
    const never = compile({ zone: "UTC", week: {} }, { from: 2026, to: 2026 });
    expect(() => dueAt(targetOf(target), ny("2026-11-20T10:00"), never, plain)).toThrow(NoOpenTime);
  },
);

test("an elapsed deadline beyond the compiled years rolls nowhere, and stands when nothing rolls", () => {
  const from = ny("2027-12-31T12:00");
  expect(() => dueAt(targetOf("48 hours"), from, hq, rolling)).toThrow(NoOpenTime);
  expect(() =>
    dueAt({ kind: "same-day" }, from, hq, { ...plain, outreachDueAt: from + 48 * HOUR }),
  ).toThrow(NoOpenTime);
  expect(dueAt(targetOf("48 hours"), from, hq, plain)).toBe(from + 48 * HOUR);
});

describe("targets in words", () => {
  test.each<[string, Target, string]>([
    ["1 business hour", { kind: "business", ms: HOUR }, "1 business hour"],
    ["60 business minutes", { kind: "business", ms: HOUR }, "1 business hour"],
    ["0 business minutes", { kind: "business", ms: 0 }, "0 business minutes"],
    ["90 business minutes", { kind: "business", ms: 1.5 * HOUR }, "90 business minutes"],
    ["24 hours", { kind: "elapsed", ms: 24 * HOUR }, "24 hours"],
    ["48 hours", { kind: "elapsed", ms: 48 * HOUR }, "48 hours"],
    ["14 days", { kind: "elapsed", ms: 336 * HOUR }, "14 days"],
    ["1 week", { kind: "elapsed", ms: 168 * HOUR }, "7 days"],
    [" 90  Minutes ", { kind: "elapsed", ms: 1.5 * HOUR }, "90 minutes"],
    ["45 seconds", { kind: "elapsed", ms: 45_000 }, "45 seconds"],
    ["5 business days", { kind: "business-days", days: 5 }, "5 business days"],
    ["1 business day", { kind: "business-days", days: 1 }, "1 business day"],
    ["same day", { kind: "same-day" }, "same day"],
  ])("`%s` is read, and printed so that it reads the same", (text, target, printed) => {
    expect(parseTarget(text)).toEqual(target);
    expect(printTarget(target)).toBe(printed);
    expect(parseTarget(printed)).toEqual(target);
  });

  test.each([
    "",
    "soon",
    "1",
    "hours",
    "1.5 hours",
    "-1 hours",
    "1 buisness hour",
    "4h",
    "0 business days",
    "1 business week",
    "9999 business days",
    "99999 days",
    "1 month",
  ])("`%s` is refused with what was expected", (text) => {
    const refused = parseTarget(text);
    expect("error" in refused && refused.error).toMatch(/^expected .*/);
    expect("error" in refused && refused.error).toContain(`"${text}"`);
  });

  test("durations are elapsed time only", () => {
    expect(parseDuration("14 days")).toEqual({ kind: "elapsed", ms: 336 * HOUR });
    for (const text of ["1 business hour", "5 business days", "same day", "later"])
      expect(parseDuration(text)).toHaveProperty("error");
  });
});
