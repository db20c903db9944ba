import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Agreement } from "../../../handoff/agreement.ts";
import type { Engagement } from "../../../handoff/facts/facts.ts";
import {
  bandOf,
  scoresOf,
  intentCrosses,
  intentFallsBelow,
  intentScore,
} from "../../../handoff/qualify/score.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const { signals, bands } = agreement;
const now = Date.UTC(2026, 10, 20, 15);
const day = 86_400_000;
let n = 0;
const did = (type: string, daysAgo: number): Engagement => ({
  id: `m${n++}`,
  type,
  occurredAt: now - daysAgo * day,
});

describe("intent", () => {
  test("a signal with a half-life counts half after it, a quarter after two", () => {
    expect(intentScore([did("pricing_page", 0)], signals, now)).toBe(15);
    expect(intentScore([did("pricing_page", 14)], signals, now)).toBe(7.5);
    expect(intentScore([did("pricing_page", 28)], signals, now)).toBe(3.75);
  });

  test("a signal without a half-life never fades", () =>
    expect(intentScore([did("demo_request", 4_000)], signals, now)).toBe(40));

  test("a type the agreement does not know adds nothing, whatever it is called", () => {
    expect(
      intentScore([did("constructor", 0), did("__proto__", 0), did("newsletter", 0)], signals, now),
    ).toBe(0);
  });

  test("the same message twice counts once, and a late one counts from when it happened", () => {
    const one = did("pricing_page", 14);
    expect(intentScore([one, one], signals, now)).toBe(7.5);
  });

  test("the order of arrival changes nothing, to the last digit", () => {
    const many = Array.from({ length: 40 }, (_, i) =>
      did(["pricing_page", "blog_view", "buyers_guide"][i % 3]!, i * 1.7),
    );
    const sum = intentScore(many, signals, now);
    for (let shift = 1; shift < 40; shift += 7)
      expect(intentScore([...many.slice(shift), ...many.slice(0, shift)], signals, now)).toBe(sum);
  });
});

describe("when intent falls below a threshold", () => {
  test("one signal: 15 points fall below 7.5 just after one half-life", () => {
    const at = intentFallsBelow([did("pricing_page", 0)], signals, 7.5, now)!;
    expect(Math.abs(at - (now + 14 * day))).toBeLessThan(1_000);
  });

  test("already below is now; what does not fade never falls", () => {
    expect(intentFallsBelow([], signals, 1, now)).toBe(now);
    expect(intentFallsBelow([did("demo_request", 3)], signals, 40, now)).toBeNull();
    expect(
      intentFallsBelow([did("demo_request", 3), did("pricing_page", 1)], signals, 40, now),
    ).toBeNull();
    expect(intentFallsBelow([did("pricing_page", 1)], signals, 0, now)).toBeNull();
  });

  const types = fc.constantFrom(
    "pricing_page",
    "buyers_guide",
    "blog_view",
    "demo_request",
    "annoyed",
    "left",
  );
  const mixed: Agreement["signals"] = {
    ...signals,
    annoyed: { points: -12, depth: "low", halfLifeMs: 3 * day },
    left: { points: -7, depth: "low" },
  };
  const history = fc
    .array(fc.record({ type: types, age: fc.integer({ min: 0, max: 200 * day }) }), {
      maxLength: 8,
    })
    .map((all) =>
      all.map(({ type, age }, i): Engagement => ({ id: String(i), type, occurredAt: now - age })),
    );

  test("with points of one sign: at or above it a millisecond before, below it then", () => {
    fc.assert(
      fc.property(history, fc.double({ min: 0.5, max: 60, noNaN: true }), (all, threshold) => {
        const events = all.filter((one) => !["annoyed", "left"].includes(one.type));
        const at = intentFallsBelow(events, signals, threshold, now);
        if (at === null) {
          expect(intentScore(events, signals, now + 3_650 * day)).toBeGreaterThanOrEqual(threshold);
        } else {
          expect(intentScore(events, signals, at)).toBeLessThan(threshold);
          if (at > now)
            expect(intentScore(events, signals, at - 1)).toBeGreaterThanOrEqual(threshold);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("with negative points too: it crosses there, and on no hour before", () => {
    fc.assert(
      fc.property(history, fc.double({ min: -20, max: 40, noNaN: true }), (all, threshold) => {
        const side = (at: number) => intentScore(all, mixed, at) >= threshold;
        const at = intentCrosses(all, mixed, threshold, now);
        const until = Math.min(at ?? Infinity, now + 120 * day);
        for (let hour = now; hour < until; hour += 7 * 3_600_000)
          expect(side(hour)).toBe(side(now));
        if (at !== null) expect(side(at)).not.toBe(side(now));
      }),
      { numRuns: 300 },
    );
  });
});

describe("fit and bands", () => {
  const icp = { "account.employees": 200, "account.industry": "software", "account.country": "US" };
  const fit = (facts: Record<string, string | number>) =>
    scoresOf(agreement, { facts, engagements: [], now }).fit;

  test("fit is the sum of the rows that hold; an unknown row gives nothing", () => {
    expect(fit(icp)).toBe(30);
    expect(fit({ ...icp, "lead.seniority": "vp" })).toBe(40);
    expect(fit({ ...icp, "lead.emailKind": "free" })).toBe(10);
    expect(fit({ "account.employees": 200 })).toBe(0);
  });

  test.each([
    [30, 40, "A"],
    [30, 39.9, "B"],
    [30, 15, "B"],
    [30, 14, "C"],
    [20, 5, "C"],
    [29, 100, "C"],
    [19, 100, "D"],
    [-20, 0, "D"],
  ])("fit %d and intent %d is band %s", (f, i, band) => expect(bandOf(bands, f, i)).toBe(band));
});
