import { readFileSync } from "node:fs";
import { compile } from "../../../../handoff/time/calendar.ts";
import type { Calendar, CalendarDef } from "../../../../handoff/time/calendar.ts";

type VectorFile = {
  calendars: Record<
    string,
    { time_zone: string; hours_mon0: Record<string, [string, string][]>; holidays: string[] }
  >;
  deadline_cases: {
    id: string;
    calendar: string;
    start: string;
    business_seconds: number;
    deadline: string;
    why: string;
  }[];
  elapsed_cases: {
    id: string;
    calendar: string;
    start: string;
    end: string;
    business_seconds: number;
  }[];
};

/**
 * Worked cases. Of the two answers a case can give, ours is `deadline`: the earliest instant
 * (docs/clocks.md, "Business time").
 */
export const vectors = JSON.parse(
  readFileSync(new URL("./vectors.json", import.meta.url), "utf8"),
) as VectorFile;

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export function definitionOf(name: string): CalendarDef {
  const { time_zone, hours_mon0, holidays } = vectors.calendars[name]!;
  return {
    zone: time_zone,
    week: Object.fromEntries(
      days.map((day, i) => [day, (hours_mon0[i] ?? []).map(([from, to]) => `${from}-${to}`)]),
    ),
    exceptions: Object.fromEntries(holidays.map((date) => [date, []])),
  };
}

export function compiledVectors(): Record<string, Calendar> {
  return Object.fromEntries(
    Object.keys(vectors.calendars).map((name) => {
      const years = name === "apia_2011" ? { from: 2011, to: 2012 } : { from: 2025, to: 2027 };
      return [name, compile(definitionOf(name), years)];
    }),
  );
}
