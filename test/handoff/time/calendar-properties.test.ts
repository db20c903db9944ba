import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addBusinessDays,
  addBusinessTime,
  businessTimeBetween,
  compile,
  intersect,
  isOpen,
  nextOpen,
  NoOpenTime,
  openIntervals,
  subtract,
  subtractBusinessTime,
  subtractIntervals,
  union,
} from "../../../handoff/time/calendar.ts";
import type { Calendar } from "../../../handoff/time/calendar.ts";
import {
  MINUTE,
  anyWindow,
  calendarIn,
  hoursIn,
  minuteIn,
  yearsOf,
} from "./business-time/generated.ts";
import { SlowHours } from "./business-time/slow-hours.ts";

const runs = { numRuns: 400 };

/** One calendar in one window, two minutes of it and an amount of whole minutes. */
const question = anyWindow.chain((window) =>
  fc.record({
    window: fc.constant(window),
    def: hoursIn(window),
    at: minuteIn(window),
    other: minuteIn(window),
    ms: fc.integer({ min: 0, max: 60 * 60 }).map((minutes) => minutes * MINUTE),
    days: fc.integer({ min: 0, max: 4 }),
  }),
);

describe("generated calendars agree with counting minute by minute", () => {
  test("open, next opening, time between, time added and taken away, business days", () => {
    fc.assert(
      fc.property(question, ({ window, def, at, other, ms, days }) => {
        const fast = compile(def, yearsOf(window));
        const slow = new SlowHours(def, window);
        expect(isOpen(fast, at)).toBe(slow.isOpen(at));
        expect(businessTimeBetween(fast, at, other)).toBe(slow.between(at, other));
        const inside = (answer: number | null) =>
          answer !== null && answer >= window.from && answer <= window.to;
        // An answer past the window is one the slow way cannot give; the fast one must then lie
        // past it too.
        const agree = (ask: () => number | null, answer: number | null) => {
          const given = orNull(ask);
          if (inside(answer) || inside(given)) expect(given).toBe(answer);
        };
        agree(() => nextOpen(fast, at), slow.nextOpen(at));
        agree(() => addBusinessTime(fast, at, ms), slow.add(at, ms));
        agree(() => addBusinessDays(fast, at, days), slow.addDays(at, days));
        if (ms > 0) agree(() => subtractBusinessTime(fast, at, ms), slow.subtract(at, ms));
      }),
      runs,
    );
  });

  test("two calendars joined, crossed and taken from each other", () => {
    const pair = anyWindow.chain((window) =>
      fc.record({
        window: fc.constant(window),
        one: hoursIn(window),
        two: hoursIn(window),
        at: minuteIn(window),
        other: minuteIn(window),
      }),
    );
    fc.assert(
      fc.property(pair, ({ window, one, two, at, other }) => {
        const [a, b] = [compile(one, yearsOf(window)), compile(two, yearsOf(window))];
        const [slowA, slowB] = [new SlowHours(one, window), new SlowHours(two, window)];
        const combined = { either: union(a, b), both: intersect(a, b), onlyA: subtract(a, b) };
        const wrong: number[] = [];
        for (let minute = window.from; minute < window.to; minute += 15 * MINUTE) {
          const [inA, inB] = [slowA.isOpen(minute), slowB.isOpen(minute)];
          const right =
            isOpen(combined.either, minute) === (inA || inB) &&
            isOpen(combined.both, minute) === (inA && inB) &&
            isOpen(combined.onlyA, minute) === (inA && !inB);
          if (!right) wrong.push(minute);
        }
        expect(wrong).toEqual([]);
        const time = (c: Calendar) => businessTimeBetween(c, at, other);
        expect(time(combined.either) + time(combined.both)).toBe(time(a) + time(b));
        expect(time(combined.onlyA) + time(combined.both)).toBe(time(a));
        expect(openIntervals(union(a, a), window.from, window.to)).toEqual(
          openIntervals(a, window.from, window.to),
        );
        expect(openIntervals(subtract(a, a), window.from, window.to)).toEqual([]);
        expect(openIntervals(union(combined.onlyA, combined.both), window.from, window.to)).toEqual(
          openIntervals(a, window.from, window.to),
        );
      }),
      { numRuns: 120 },
    );
  });
});

describe("laws that hold to the millisecond", () => {
  const fine = anyWindow.chain((window) =>
    fc.record({
      calendar: calendarIn(window),
      a: fc.integer({ min: window.from, max: window.to }),
      b: fc.integer({ min: window.from, max: window.to }),
      ms: fc.integer({ min: 1, max: 500_000_000 }),
    }),
  );

  test("a deadline leaves exactly the time asked for, and is the earliest that does", () => {
    fc.assert(
      fc.property(fine, ({ calendar, a, ms }) => {
        const due = orNull(() => addBusinessTime(calendar, a, ms));
        if (due === null) return;
        expect(businessTimeBetween(calendar, a, due)).toBe(ms);
        expect(businessTimeBetween(calendar, a, due - 1)).toBe(ms - 1);
        const start = subtractBusinessTime(calendar, due, ms);
        expect(start).toBeGreaterThanOrEqual(a);
        expect(businessTimeBetween(calendar, start, due)).toBe(ms);
      }),
      runs,
    );
  });

  test("later starts and longer targets are never due earlier", () => {
    fc.assert(
      fc.property(fine, ({ calendar, a, b, ms }) => {
        const due = (from: number, amount: number) =>
          orNull(() => addBusinessTime(calendar, from, amount)) ?? Infinity;
        expect(due(Math.min(a, b), ms)).toBeLessThanOrEqual(due(Math.max(a, b), ms));
        expect(due(a, ms)).toBeLessThanOrEqual(due(a, ms + 1));
        expect(due(a, 0)).toBeLessThanOrEqual(due(a, ms));
      }),
      runs,
    );
  });

  test("time adds up, reverses its sign, and equals the intervals listed", () => {
    fc.assert(
      fc.property(fine, ({ calendar, a, b }) => {
        const middle = Math.floor((a + b) / 2);
        expect(
          businessTimeBetween(calendar, a, middle) + businessTimeBetween(calendar, middle, b),
        ).toBe(businessTimeBetween(calendar, a, b));
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const listed = openIntervals(calendar, from, to);
        expect(listed.reduce((sum, open) => sum + open.to - open.from, 0)).toBe(
          businessTimeBetween(calendar, from, to),
        );
        listed.forEach((open, i) =>
          expect(open.from).toBeGreaterThan(listed[i - 1]?.to ?? -Infinity),
        );
      }),
      runs,
    );
  });

  test("an absence takes away its open time and nothing else", () => {
    fc.assert(
      fc.property(fine, ({ calendar, a, b }) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const left = subtractIntervals(calendar, [{ from, to }]);
        expect(businessTimeBetween(left, calendar.from, calendar.to)).toBe(
          businessTimeBetween(calendar, calendar.from, calendar.to) -
            businessTimeBetween(calendar, from, to),
        );
        expect(openIntervals(left, from, to)).toEqual([]);
        expect(nextOpen(subtractIntervals(calendar, [{ from, to: null }]), from)).toBeNull();
      }),
      { numRuns: 100 },
    );
  });
});

function orNull(ask: () => number | null): number | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof NoOpenTime) return null;
    throw error;
  }
}
