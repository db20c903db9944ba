/* oxlint-disable no-thenable -- the agreement's own word; these objects are never awaited */
import { describe, expect, test } from "vitest";
import type { Facts } from "../../../handoff/facts/facts.ts";
import { judgeRejection, type Rejection } from "../../../handoff/answers/rejection.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import { wednesdayMorning as now } from "../../support/members.ts";

const agreement = exampleAgreement();
const judge = (reason: string, other: Partial<Rejection> & { facts?: Facts } = {}) => {
  const { facts = {}, ...rest } = other;
  return judgeRejection(agreement, {
    reason,
    attempts: 0,
    rejectionsToday: 0,
    known: { facts, engagements: [], now },
    ...rest,
  });
};

describe("the list of reasons is complete", () => {
  test.each([
    "not ready",
    "Not Ready",
    "not-ready",
    "not_ready yet",
    " NOTREADY ",
    "Not yet",
    "unready",
  ])("%j is refused by name", (reason) => {
    const judged = judge(reason);
    expect(judged).toMatchObject({ refused: { code: "not-a-reason", field: "reason" } });
    expect("refused" in judged && judged.refused.message).toMatch(
      /^"not ready" is not a reason.*expected one of: below-company-size, .*dated-timing$/,
    );
  });

  test.each(["", "wrong role", "Wrong-Role", "constructor", "__proto__", "Jane Roe, +1 555 0100"])(
    "%j is refused with the list, and not repeated",
    (reason) => {
      const judged = judge(reason);
      expect(judged).toMatchObject({
        refused: {
          code: "not-a-reason",
          message: expect.stringMatching(
            /^this is not a reason of the agreement; expected one of:/,
          ) as string,
        },
      });
      expect(JSON.stringify(judged)).not.toContain("Roe");
    },
  );

  test.each([
    ["unsupported-use-case", "disqualify", "no-fit"],
    ["wrong-role", "renurture", "no-access"],
    ["bad-contact-data", "fix-data", "data"],
  ])("%s: %s, counted as %s", (reason, then, group) => {
    expect(judge(reason)).toMatchObject({ then, group, contested: false });
  });
});

describe("what a reason requires", () => {
  test("unreachable after two attempts is refused, after three it holds", () => {
    expect(judge("unreachable", { attempts: 2 })).toEqual({
      refused: {
        code: "attempts-missing",
        field: "attempts",
        message: "expected at least 3 logged attempts before this reason, found 2",
      },
    });
    expect(judge("unreachable", { attempts: 3 })).toMatchObject({ then: "renurture" });
  });

  test('"not now" needs a date that exists and lies ahead', () => {
    expect(judge("dated-timing")).toMatchObject({
      refused: { code: "date-missing", field: "revisitOn" },
    });
    expect(judge("dated-timing", { revisitOn: "2027-02-29" })).toMatchObject({
      refused: { code: "date-wrong" },
    });
    expect(judge("dated-timing", { revisitOn: "soon" })).toMatchObject({
      refused: { code: "date-wrong" },
    });
    expect(judge("dated-timing", { revisitOn: "2026-11-18" })).toMatchObject({
      refused: { code: "date-past", message: "expected a date after 2026-11-18" },
    });
    expect(judge("dated-timing", { revisitOn: "2026-11-19" })).toMatchObject({
      then: "renurture",
      group: "timing",
    });
  });

  test("a date with another reason is welcome, but must be one", () => {
    expect(judge("wrong-role", { revisitOn: "2027-01-11" })).toMatchObject({ then: "renurture" });
    expect(judge("wrong-role", { revisitOn: "2020-01-11" })).toMatchObject({
      refused: { code: "date-past" },
    });
  });

  test("the twentieth rejection of a day holds, the twenty-first is refused", () => {
    expect(judge("wrong-role", { rejectionsToday: 19 })).toMatchObject({ then: "renurture" });
    expect(judge("wrong-role", { rejectionsToday: 20 })).toMatchObject({
      refused: { code: "too-many-today", field: "reason" },
    });
  });
});

describe("a rejection that the facts contradict is contested", () => {
  test("too small, with 51 employees on record: contested, with the trace", () => {
    expect(judge("below-company-size", { facts: { "account.employees": 51 } })).toMatchObject({
      then: "disqualify",
      contested: true,
      trace: [{ field: "account.employees", value: 51, result: true }],
    });
  });
  test("too small, with 49: it stands", () => {
    expect(judge("below-company-size", { facts: { "account.employees": 49 } })).toMatchObject({
      contested: false,
    });
  });
  test("too small, size not known: a missing fact contradicts nothing", () => {
    expect(judge("below-company-size")).toMatchObject({
      contested: false,
      trace: [{ result: "unknown", missing: ["account.employees"] }],
    });
  });
  test("no intent, with a demo request within 14 days: contested; after 14 days it stands", () => {
    const asked = (daysAgo: number) =>
      judge("no-intent-signals", {
        known: {
          facts: {},
          engagements: [{ id: "m1", type: "demo_request", occurredAt: now - daysAgo * 86_400_000 }],
          now,
        },
      });
    expect(asked(13)).toMatchObject({ contested: true });
    expect(asked(15)).toMatchObject({ contested: false });
  });
});
