import {
  NoOpenTime,
  addBusinessDays,
  addBusinessTime,
  businessDaysUntil,
  isOpen,
} from "./calendar.ts";
import type { Calendar, Instant } from "./calendar.ts";

/**
 * How long a clock may run (docs/clocks.md, "Targets"). Four kinds, kept four: a day is never
 * hours.
 */
export type Target =
  | { readonly kind: "business"; readonly ms: number }
  | { readonly kind: "elapsed"; readonly ms: number }
  | { readonly kind: "business-days"; readonly days: number }
  | { readonly kind: "same-day" };

/**
 * What happens to an elapsed deadline outside hours: it stays, or moves to the next opening plus
 * open time.
 */
export type ElapsedRoll =
  { readonly kind: "none" } | { readonly kind: "next-open"; readonly graceMs: number };

export type DueRule = {
  readonly elapsedRoll: ElapsedRoll;
  /** Deadline of the outreach clock; the status target `same day` follows its date. */
  readonly outreachDueAt?: Instant;
};

/**
 * The deadline of a target that starts at `from`.
 * @throws NoOpenTime when the calendar has no such deadline in the years compiled
 */
export function dueAt(target: Target, from: Instant, calendar: Calendar, rule: DueRule): Instant {
  switch (target.kind) {
    case "business":
      return addBusinessTime(calendar, from, target.ms);
    case "elapsed":
      return rollElapsed(from + target.ms, calendar, rule.elapsedRoll);
    case "business-days":
      return addBusinessDays(calendar, from, target.days);
    case "same-day":
      return notBefore(
        addBusinessDays(calendar, from, datesToGo(target, from, calendar, rule)),
        rule,
      );
    default:
      return never(target);
  }
}

/**
 * Business dates between the date of `from` and the date on which the target falls due. `same day`
 * means the date of the outreach deadline, or that of `from` when there is none (or it passed
 * before this clock began).
 */
export function datesToGo(
  target: Target & { kind: "business-days" | "same-day" },
  from: Instant,
  calendar: Calendar,
  rule: DueRule,
): number {
  if (target.kind === "business-days") return target.days;
  return rule.outreachDueAt === undefined || rule.outreachDueAt < from
    ? 0
    : businessDaysUntil(calendar, from, rule.outreachDueAt);
}

/** `same day` is never due before the outreach it follows. */
export function notBefore(due: Instant, rule: DueRule): Instant {
  return Math.max(due, rule.outreachDueAt ?? due);
}

/**
 * An elapsed deadline inside hours, both ends included, stays: 17:00 sharp can still be met.
 * Outside them it moves to the next opening plus the grace, when the agreement says so.
 */
export function rollElapsed(due: Instant, calendar: Calendar, roll: ElapsedRoll): Instant {
  if (roll.kind === "none") return due;
  if (due > calendar.to)
    throw new NoOpenTime(
      "The elapsed deadline lies beyond the years its calendar was compiled for",
    );
  if (withinHours(calendar, due)) return due;
  return addBusinessTime(calendar, due, roll.graceMs);
}

export function withinHours(calendar: Calendar, due: Instant): boolean {
  return isOpen(calendar, due) || (due > calendar.from && isOpen(calendar, due - 1));
}

const second = 1_000;
const units = {
  second,
  minute: 60 * second,
  hour: 3_600 * second,
  day: 86_400 * second,
  week: 604_800 * second,
};
type Unit = keyof typeof units;
// Longer than any promise between two teams, short enough that the compiled years can hold it.
const mostMs = 3_660 * units.day;
const mostBusinessDays = 2_600;
const expected =
  "expected `90 minutes`, `24 hours`, `14 days`, `1 business hour`, `5 business days` or `same day`";

/**
 * Reads a target as the agreement writes it. The error says what was expected and quotes the text.
 */
export function parseTarget(text: string): Target | { readonly error: string } {
  const words = text.trim().toLowerCase().replace(/\s+/g, " ");
  if (words === "same day") return { kind: "same-day" };
  const match = /^(\d{1,9}) (business )?(second|minute|hour|day|week)s?$/.exec(words);
  if (!match) return { error: `${expected}, found "${text}"` };
  const count = Number(match[1]);
  const unit = match[3] as Unit;
  if (match[2] === undefined) return bounded("elapsed", count * units[unit], text);
  if (unit === "week")
    return { error: `expected business days instead of business weeks, found "${text}"` };
  if (unit !== "day") return bounded("business", count * units[unit], text);
  if (count === 0)
    return { error: `expected 1 business day or more, or \`same day\`, found "${text}"` };
  if (count > mostBusinessDays)
    return { error: `expected at most ${mostBusinessDays} business days, found "${text}"` };
  return { kind: "business-days", days: count };
}

function bounded(
  kind: "business" | "elapsed",
  ms: number,
  text: string,
): Target | { readonly error: string } {
  return ms <= mostMs
    ? { kind, ms }
    : { error: `expected at most ${mostMs / units.day} days, found "${text}"` };
}

/**
 * Reads an elapsed duration: `90 minutes`, `24 hours`, `14 days`. Business time and `same day` are
 * refused.
 */
export function parseDuration(
  text: string,
): { readonly kind: "elapsed"; readonly ms: number } | { readonly error: string } {
  const target = parseTarget(text);
  if ("kind" in target && target.kind === "elapsed") return target;
  return {
    error: `expected an elapsed duration such as \`90 minutes\`, \`24 hours\` or \`14 days\`, found "${text}"`,
  };
}

/** The words for a target; `parseTarget` reads them back. */
export function printTarget(target: Target): string {
  switch (target.kind) {
    case "business":
      return amount(target.ms, ["hour", "minute"], "business ");
    case "elapsed":
      // People say 24 and 48 hours, and 14 days.
      return amount(
        target.ms,
        target.ms > 72 * units.hour ? ["day", "hour", "minute"] : ["hour", "minute"],
        "",
      );
    case "business-days":
      return plural(target.days, "business day");
    case "same-day":
      return "same day";
    default:
      return never(target);
  }
}

function amount(ms: number, preferred: readonly Unit[], kind: string): string {
  const unit = ms === 0 ? "minute" : (preferred.find((name) => ms % units[name] === 0) ?? "second");
  return plural(ms / units[unit], `${kind}${unit}`);
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function never(target: never): never {
  throw new Error(`Unknown kind of target: ${JSON.stringify(target)}`);
}
