import type { Context } from "hono";
import type { AppEnv } from "../../deps.ts";
import { Problem } from "../../http/errors.ts";

/** Days of UTC, as reports count them; both are included. */
export interface Days {
  readonly from: string;
  readonly to: string;
}

const dayMs = 86_400_000;
const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);

/** The days of the address, `from` and `to`; thirty up to today where it says nothing. */
export function daysHere(c: Context<AppEnv>): Days {
  const to = dayIn(c, "to") ?? dayOf(c.var.receivedAt);
  return { from: dayIn(c, "from") ?? lastDays(30, Date.parse(to)).from, to };
}

function dayIn(c: Context<AppEnv>, field: "from" | "to"): string | undefined {
  const given = c.req.query(field)?.trim();
  if (given === undefined || given === "") return undefined;
  const at = /^\d{4}-\d\d-\d\d$/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(at) || dayOf(at) !== given)
    throw new Problem("invalid", { field, detail: "expected a day such as 2026-10-31" });
  return given;
}

/** The same as the API asks for it: `to` is not included there. */
export function asAsked({ from, to }: Days): Readonly<Record<"from" | "to", string>> {
  return {
    from: `${from}T00:00:00Z`,
    to: `${dayOf(Date.parse(to) + dayMs)}T00:00:00Z`,
  };
}

/** The days of a time that begins and ends at midnight (UTC), its end not included. */
export function daysOf({ from, to }: Days): Days {
  return { from: dayOf(Date.parse(from)), to: dayOf(Date.parse(to) - 1) };
}

/** So many days up to the one of this moment. */
export function lastDays(count: number, now: number): Days {
  return { from: dayOf(now - (count - 1) * dayMs), to: dayOf(now) };
}

/** The months up to the one of this moment, the latest first. */
export function lastMonths(count: number, now: number): Days[] {
  const at = new Date(now);
  return Array.from({ length: count }, (_, n) => {
    const month = (later: number) => Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - n + later, 1);
    return { from: dayOf(month(0)), to: dayOf(month(1) - dayMs) };
  });
}

/** "October 2026" for a whole month, else "1 Oct to 15 Nov 2026". */
export function sayDays({ from, to }: Days): string {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  const isMonth = from.endsWith("-01") && dayOf(last + dayMs) === nextMonth(first);
  if (isMonth) return said(first, { month: "long", year: "numeric" });
  const whole = { day: "numeric", month: "short", year: "numeric" } as const;
  if (from === to) return said(first, whole);
  const isOneYear = from.slice(0, 4) === to.slice(0, 4);
  const begin = said(first, isOneYear ? { day: "numeric", month: "short" } : whole);
  return `${begin} to ${said(last, whole)}`;
}

function nextMonth(at: number): string {
  const day = new Date(at);
  return dayOf(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1));
}

function said(at: number, how: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat("en-GB", { ...how, timeZone: "UTC" }).format(at);
}
