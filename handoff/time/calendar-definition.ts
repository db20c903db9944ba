import { dayOfDate, isZone } from "./local-time.ts";
import type { LocalDate } from "./local-time.ts";

export type DayName = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** In week order; index 0 is Monday. */
export const dayNames: readonly DayName[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/**
 * Opening hours as people write them. A shift is `09:00-17:00`; it belongs to the date on which it
 * starts, may end at `24:00`, and ends on the next day when its end is before its start
 * (`22:00-06:00`). An exception replaces the hours of its date; an empty list closes it, without
 * cutting the shift that began the evening before.
 */
export type CalendarDef = {
  readonly zone: string;
  readonly week: Readonly<Partial<Record<DayName, readonly string[]>>>;
  readonly exceptions?: Readonly<Record<LocalDate, readonly string[]>>;
};

/** One broken rule of a definition. `path` leads to the text inside it; `found` is that text. */
export type CalendarProblem = {
  readonly path: string[];
  readonly expected: string;
  readonly rule: string;
  readonly found: string;
};

/** A definition or a question that can never be answered. `rule` names what it breaks. */
export class CalendarError extends Error {
  override readonly name = "CalendarError";
  readonly rule: string;
  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

/**
 * Wall-clock minutes after the start of the owning date; `to` passes 1440 when the shift ends on
 * the next day.
 */
export type Shift = { readonly fromMinute: number; readonly toMinute: number };

// Bounds that no real calendar meets; they keep the work of any definition small.
const mostShiftsADay = 96;
const mostExceptions = 10_000;

/**
 * Every broken rule of a definition, for the agreement's parser to join with lines. Empty when
 * `compile` will accept it.
 */
export function checkCalendar(def: CalendarDef): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  // Definitions also come from imports and old rows, so the types are not taken on trust here.
  const zone: unknown = def.zone;
  if (typeof zone !== "string" || !isZone(zone)) {
    problems.push({
      path: ["zone"],
      rule: "known-zone",
      expected: "an IANA time zone such as America/New_York",
      found: String(zone),
    });
  }
  for (const [day, shifts] of Object.entries(def.week)) {
    if (!(dayNames as readonly string[]).includes(day)) {
      problems.push({
        path: ["week", day],
        rule: "known-day",
        expected: `one of ${dayNames.join(", ")}`,
        found: day,
      });
    } else {
      problems.push(...checkShifts(["week", day], shifts));
    }
  }
  const exceptions = Object.entries(def.exceptions ?? {});
  if (exceptions.length > mostExceptions) {
    problems.push({
      path: ["exceptions"],
      rule: "exception-count",
      expected: `at most ${mostExceptions} dates`,
      found: `${exceptions.length} dates`,
    });
    return problems;
  }
  for (const [date, shifts] of exceptions) {
    if (dayOfDate(date) === null) {
      problems.push({
        path: ["exceptions", date],
        rule: "real-date",
        expected: "a date that exists, as YYYY-MM-DD",
        found: date,
      });
    }
    problems.push(...checkShifts(["exceptions", date], shifts));
  }
  return problems;
}

function checkShifts(path: string[], shifts: unknown): CalendarProblem[] {
  if (!Array.isArray(shifts))
    return [
      {
        path,
        rule: "shift-list",
        expected: 'a list of shifts such as ["09:00-17:00"]',
        found: String(shifts),
      },
    ];
  if (shifts.length > mostShiftsADay) {
    return [
      {
        path,
        rule: "shift-count",
        expected: `at most ${mostShiftsADay} shifts a day`,
        found: `${shifts.length} shifts`,
      },
    ];
  }
  return shifts.flatMap((text, i) => {
    const shift = parseShift(String(text));
    return "rule" in shift ? [{ path: [...path, String(i)], found: String(text), ...shift }] : [];
  });
}

/** `09:00-17:00` to minutes, or the rule it breaks and what was expected. */
export function parseShift(text: string): Shift | { rule: string; expected: string } {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(text);
  if (!match)
    return { rule: "shift-text", expected: "HH:MM-HH:MM from 00:00 to 24:00, such as 09:00-17:00" };
  const fromMinute = Number(match[1]) * 60 + Number(match[2]);
  const end = match[3] === undefined ? 1_440 : Number(match[3]) * 60 + Number(match[4]);
  if (end === fromMinute) {
    return {
      rule: "shift-not-empty",
      expected: "an end that differs from the start; a whole day is 00:00-24:00",
    };
  }
  return { fromMinute, toMinute: end < fromMinute ? end + 1_440 : end };
}
