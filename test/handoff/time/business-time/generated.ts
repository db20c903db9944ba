import fc from "fast-check";
import { compile } from "../../../../handoff/time/calendar.ts";
import type { Calendar, CalendarDef, DayName } from "../../../../handoff/time/calendar.ts";

const DAY = 86_400_000;
export const MINUTE = 60_000;

export type Window = { zone: string; from: number; to: number };

/** Eleven days around an awkward moment of a zone. */
export const windows: Window[] = (
  [
    ["America/New_York", "2026-03-08"], // an hour missing
    ["America/New_York", "2026-11-01"], // an hour twice
    ["Australia/Lord_Howe", "2026-04-05"], // half an hour twice
    ["Australia/Lord_Howe", "2026-10-04"],
    ["Pacific/Apia", "2011-12-30"], // a date that never was
    ["Pacific/Kwajalein", "1993-08-21"],
    ["Africa/Cairo", "2026-10-29"],
    ["Africa/Casablanca", "2026-02-15"], // summer time suspended for Ramadan
    ["America/Santiago", "2026-09-06"], // midnight missing
    ["Atlantic/Azores", "2026-10-25"], // midnight twice
    ["America/St_Johns", "2026-03-08"],
    ["Asia/Kathmandu", "2026-06-10"],
    ["UTC", "2026-12-31"], // across a year
  ] as const
).map(([zone, date]) => ({
  zone,
  from: Date.parse(date) - 5 * DAY,
  to: Date.parse(date) + 6 * DAY,
}));

export const anyWindow = fc.constantFrom(...windows);

const shift = fc
  .tuple(fc.integer({ min: 0, max: 95 }), fc.integer({ min: 0, max: 96 }))
  .filter(([from, to]) => from !== to)
  .map(([from, to]) => `${time(from * 15)}-${time(to * 15)}`);

function time(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

const hours = fc.array(shift, { maxLength: 3 });
const dayNames: DayName[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/**
 * Any legal hours in the window's zone: overnight, overlapping, split, closed; exceptions on dates
 * of the window.
 */
export function hoursIn(window: Window): fc.Arbitrary<CalendarDef> {
  const date = fc
    .integer({ min: 0, max: (window.to - window.from) / DAY })
    .map((i) => new Date(window.from + i * DAY).toISOString().slice(0, 10));
  return fc.record({
    zone: fc.constant(window.zone),
    week: fc.dictionary(fc.constantFrom(...dayNames), hours, { maxKeys: 7, noNullPrototype: true }),
    exceptions: fc.dictionary(date, hours, { maxKeys: 3, noNullPrototype: true }),
  });
}

/** The same, compiled; a counterexample prints the hours instead of two years of shifts. */
export function calendarIn(window: Window): fc.Arbitrary<Calendar> {
  return hoursIn(window).map((def) =>
    Object.assign(compile(def, yearsOf(window)), {
      [fc.toStringMethod]: () => JSON.stringify(def),
    }),
  );
}

/** A whole minute of the window. */
export function minuteIn(window: Window): fc.Arbitrary<number> {
  return fc
    .integer({ min: 0, max: (window.to - window.from) / MINUTE })
    .map((i) => window.from + i * MINUTE);
}

export function yearsOf(window: Window): { from: number; to: number } {
  return {
    from: new Date(window.from - 4 * DAY).getUTCFullYear(),
    to: new Date(window.to + 4 * DAY).getUTCFullYear(),
  };
}
