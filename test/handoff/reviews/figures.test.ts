import fc from "fast-check";
import { expect, test } from "vitest";
import { brokenBands, isImmature, isRecurring, rateOf } from "../../../handoff/reviews/figures.ts";

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
