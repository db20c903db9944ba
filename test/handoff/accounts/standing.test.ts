import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  signalsFrom,
  judgeAccount,
  tierOf,
  type LastFlag,
} from "../../../handoff/accounts/standing.ts";
import type { Facts } from "../../../handoff/facts/facts.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const day = 86_400_000;
const now = Date.parse("2026-11-20T12:00:00Z");
const agreement = exampleAgreement();
const rules = agreement.accounts!;
const icp: Facts = {
  "account.employees": 200,
  "account.industry": "Software",
  "account.country": "US",
  "account.openOpportunities": 0,
};
const stands = (
  people: readonly number[],
  {
    facts = icp,
    flag = null,
    at = now,
  }: Partial<{ facts: Facts; flag: LastFlag | null; at: number }> = {},
) => judgeAccount(agreement, rules, { facts, people, flag, now: at });
const ago = (...days: number[]) => days.map((one) => now - one * day);

describe("an account stands by its people", () => {
  test("three within thirty days are enough, two are not, and an old one does not count", () => {
    expect(stands(ago(1, 2, 3))).toMatchObject({
      contacts: 3,
      engaged: true,
      holds: true,
      flag: "raise",
    });
    expect(stands(ago(1, 2))).toMatchObject({ contacts: 2, engaged: false, flag: null });
    expect(stands(ago(1, 2, 31))).toMatchObject({ contacts: 2, engaged: false });
    // To the millisecond.
    expect(stands(ago(1, 2, 30)).engaged).toBe(true);
    expect(stands(ago(1, 2, 30), { at: now + 1 }).engaged).toBe(false);
  });

  test("it falls when the last one who is needed grows too old", () => {
    const { nextChangeAt } = stands(ago(1, 2, 3, 4));
    expect(nextChangeAt).toBe(now - 3 * day + 30 * day + 1);
    expect(stands(ago(1, 2, 3, 4), { at: nextChangeAt! - 1 }).engaged).toBe(true);
    expect(stands(ago(1, 2, 3, 4), { at: nextChangeAt! })).toMatchObject({
      engaged: false,
      nextChangeAt: null,
    });
  });

  test("people of a customer or a competitor do not count", () => {
    for (const field of ["account.customer", "account.competitor"])
      expect(stands(ago(1, 2, 3), { facts: { ...icp, [field]: true } })).toMatchObject({
        contacts: 0,
        engaged: false,
        holds: false,
        nextChangeAt: null,
      });
  });

  test("outside the profile, or where it is not known, nothing is flagged, and the trace says why", () => {
    for (const facts of [{ ...icp, "account.employees": 3 }, {}]) {
      const found = stands(ago(1, 2, 3), { facts });
      expect(found).toMatchObject({ engaged: true, holds: false, flag: null });
      expect(found.trace.some(({ result }) => result !== true)).toBe(true);
    }
  });
});

describe("a flag", () => {
  const flagged = (raised: number, ended: number | null) => ({
    raisedAt: now - raised * day,
    endedAt: ended === null ? null : now - ended * day,
  });

  test("is raised once while it stands, and again after the cool-down", () => {
    expect(stands(ago(1, 2, 3), { flag: flagged(5, null) }).flag).toBeNull();
    const cool = stands(ago(1, 2, 3), { flag: flagged(40, 39) });
    expect(cool).toMatchObject({ flag: null, nextChangeAt: now + 20 * day });
    expect(stands(ago(-19, -18, -17), { flag: flagged(40, 39), at: now + 20 * day }).flag).toBe(
      "raise",
    );
  });

  test("outlives the engagement, and not what the company becomes", () => {
    expect(stands(ago(40, 41, 42), { flag: flagged(45, null) }).flag).toBeNull();
    for (const facts of [
      { ...icp, "account.customer": true },
      { ...icp, "account.employees": 3 },
    ])
      expect(stands(ago(1, 2, 3), { facts, flag: flagged(5, null) }).flag).toEqual({
        withdraw: expect.any(String),
      });
    expect(stands([], { facts: { ...icp, "account.employees": 3 } }).flag).toBeNull();
  });
});

test("mid or deeper is mid and high; low is all", () => {
  const { signals } = agreement;
  expect(signalsFrom(signals, "mid")).not.toContain("blog_view");
  expect(signalsFrom(signals, "high")).not.toContain("buyers_guide");
  expect(signalsFrom(signals, "mid")).toEqual(
    expect.arrayContaining(["demo_request", "buyers_guide"]),
  );
  expect(signalsFrom(signals, "low")).toEqual(Object.keys(signals));
});

test("the tier of a flagged account is the better of the two", () => {
  expect(tierOf(rules, {}, false)).toBeNull();
  expect(tierOf(rules, { "account.tier": 3 }, false)).toBe(3);
  expect(tierOf(rules, { "account.tier": 3 }, true)).toBe(1);
  expect(tierOf({ ...rules, tier: 2 }, { "account.tier": 1 }, true)).toBe(1);
  expect(tierOf(null, {}, true)).toBeNull();
});

test("looked at only when somebody engages and at the moment it named, it is at every instant what a count of everything finds", () => {
  const minute = 60_000;
  const within = rules.engaged.withinMs;
  const step = fc.record({
    lead: fc.integer({ min: 0, max: 5 }),
    // Late ones, and ones beyond the window.
    ago: fc.integer({ min: 0, max: Math.floor((within * 1.3) / minute) }),
    wait: fc.integer({ min: 0, max: Math.floor((within * 0.6) / minute) }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const all: { lead: number; at: number }[] = [];
      const latest = new Map<number, number>();
      let at = now;
      let kept = stands([], { at });
      const isRight = (instant: number) => {
        const people = new Set(
          all
            .filter((one) => one.at <= instant && instant - one.at <= within)
            .map(({ lead }) => lead),
        );
        expect(kept.engaged).toBe(people.size >= rules.engaged.contacts);
      };
      const pass = (until: number) => {
        while (kept.nextChangeAt !== null && kept.nextChangeAt <= until) {
          isRight(kept.nextChangeAt - 1);
          at = kept.nextChangeAt;
          kept = stands([...latest.values()], { at });
          isRight(at);
        }
        at = until;
        isRight(at);
      };
      for (const { lead, ago: before, wait } of steps) {
        pass(at + wait * minute);
        const happened = at - before * minute;
        all.push({ lead, at: happened });
        latest.set(lead, Math.max(latest.get(lead) ?? 0, happened));
        kept = stands([...latest.values()], { at });
        isRight(at);
      }
      pass(at + 2 * within);
      expect(kept).toMatchObject({ engaged: false, nextChangeAt: null });
    }),
    { numRuns: 400 },
  );
});
