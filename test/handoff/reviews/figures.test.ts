import fc from "fast-check";
import { expect, test } from "vitest";
import {
  brokenBands,
  excessOf,
  isImmature,
  isRecurring,
  rateOf,
  standardised,
  standsOut,
} from "../../../handoff/reviews/figures.ts";

test.each([
  // Wilson's interval as published for these counts.
  [0, 10, 0, 0.2775],
  [6, 30, 0.095, 0.373],
  [20, 100, 0.133, 0.289],
  [1, 10, 0.0179, 0.4042],
  [5, 10, 0.2366, 0.7634],
  [10, 10, 0.7225, 1],
  [50, 100, 0.4038, 0.5962],
  [263, 500, 0.4822, 0.5694],
])("%i of %i lies between %f and %f", (numerator, denominator, low, high) => {
  const rate = rateOf(numerator, denominator);
  expect(rate.low).toBeCloseTo(low, 3);
  expect(rate.high).toBeCloseTo(high, 3);
});

test("a denominator of 0 is an empty rate, never 0 or NaN", () => {
  expect(rateOf(0, 0)).toEqual({
    numerator: 0,
    denominator: 0,
    rate: null,
    low: null,
    high: null,
    isSmall: true,
  });
});

test.each([
  [2, 1],
  [-1, 5],
  [Number.NaN, 5],
])("%d of %d is a wrong query and throws", (numerator, denominator) => {
  expect(() => rateOf(numerator, denominator)).toThrow(RangeError);
});

test("the interval holds the rate, lies within 0 and 1, and narrows with more cases", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), (a, b) => {
      const [numerator, denominator] = [Math.min(a, b), Math.max(a, b, 1)];
      const [one, ten] = [rateOf(numerator, denominator), rateOf(numerator * 10, denominator * 10)];
      expect(one.low).toBeGreaterThanOrEqual(0);
      expect(one.low).toBeLessThanOrEqual(one.rate ?? -1);
      expect(one.high).toBeGreaterThanOrEqual(one.rate ?? 2);
      expect(one.high).toBeLessThanOrEqual(1);
      expect((ten.high ?? 1) - (ten.low ?? 0)).toBeLessThan(
        (one.high ?? 0) - (one.low ?? 0) + 1e-12,
      );
    }),
  );
});

test("below thirty cases a rate is small", () => {
  expect([rateOf(3, 29).isSmall, rateOf(3, 30).isSmall]).toEqual([true, false]);
});

test("a cohort is immature while its youngest is younger than what nine of ten took", () => {
  expect([isImmature(5, 6), isImmature(6, 6), isImmature(null, 6), isImmature(5, null)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("three times in a month recur, twice do not", () => {
  expect([isRecurring(2), isRecurring(3)]).toEqual([false, true]);
});

test("a band is broken when its interval lies below that of a lower band, and only then", () => {
  const bands = (...cases: [string, number, number][]) =>
    brokenBands(cases.map(([band, n, of]) => ({ band, rate: rateOf(n, of) })));
  expect([...bands(["A", 10, 100], ["B", 20, 100], ["C", 30, 100])]).toEqual([["A", ["C"]]]);
  expect([...bands(["A", 30, 100], ["B", 10, 100], ["C", 0, 0])]).toEqual([]);
  expect([...bands(["A", 0, 0], ["B", 90, 100])]).toEqual([]);
});

test.each([
  ["named twice in a month", 2, [300, 400], [1, 400], false],
  ["as often as before", 40, [40, 400], [40, 400], false],
  ["somewhat more often", 40, [48, 400], [40, 400], false],
  ["beyond chance more often", 80, [80, 400], [40, 400], true],
  ["less often", 40, [40, 400], [80, 400], false],
  ["recurring where few were answered", 3, [3, 20], [0, 400], true],
  ["with nothing to compare with", 80, [80, 400], [0, 0], false],
] as const)("a reason stands out: %s", (_what, mostInMonth, now, before, is) => {
  const [rise, fall] = [rateOf(now[0], now[1]), rateOf(before[0], before[1])];
  expect(standsOut({ mostInMonth, now: rise, before: fall })).toBe(is);
});

test("rates are mixed as the cases are that they are compared with", () => {
  const part = (cases: number, sql: number, of: number) => ({ cases, without: rateOf(sql, of) });
  // Three of four are of the first part: 0.75 of 80 % and 0.25 of 20 %.
  expect(standardised([part(30, 80, 100), part(10, 20, 100)])).toEqual(rateOf(130, 200));
  expect(standardised([part(30, 80, 100), part(10, 0, 0)])).toEqual(rateOf(80, 100));
  expect(standardised([part(30, 0, 0)])).toEqual(rateOf(0, 0));
  expect(standardised([])).toEqual(rateOf(0, 0));
});

test("an excess is what the rate of before would not have given", () => {
  expect(excessOf(rateOf(80, 400), rateOf(20, 200))).toBe(40);
  expect(excessOf(rateOf(8, 400), rateOf(20, 200))).toBe(-32);
  expect(excessOf(rateOf(8, 400), rateOf(0, 0))).toBeNull();
});
