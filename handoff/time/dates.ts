import type { Instant } from "./local-time.ts";
import { dateOfDay, dayOfDate } from "./local-time.ts";

/** An offset as it stands in a time: `Z`, `+02:00`, `+5:30`, `UTC+2`; the minus may be Unicode's. */
export const offsetShape = "Z|(?:UTC|GMT)?[+\\-−](?:\\d{2}(?::?\\d{2})?|\\d(?::\\d{2})?)|UTC|GMT";

const shape = new RegExp(
  "^(\\d{4})-(\\d{2})-(\\d{2})" +
    `(?:(?:T|\\s+)(\\d{2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,9}))?)?\\s?(${offsetShape})?)?$`,
  "i",
);

/** The years 1 to 9999: others have no four digits, and no database reads them as they are written. */
const [first, last] = [-62_135_596_800_000, 253_402_300_799_999];

/** Whether an instant can be written with a year of four digits. */
export function isWritable(at: Instant): boolean {
  return at >= first && at <= last;
}

/**
 * Whether something of a lead can have happened then. Systems write the years 1, 1900 and 1970 where
 * they know no time; what is dated ahead counts as of its receipt, which is its reader's to do.
 */
export function canHaveHappened(at: Instant): boolean {
  return at >= Date.UTC(1971, 0) && isWritable(at);
}

/** What a refusal of such a time says. */
export const happenedWhen = "expected a time after 1970";

/**
 * Reads `2026-11-23` (its start in UTC) or a time such as `2026-11-23T16:30:00-05:00`. A time
 * without an offset is read as UTC, as exports of CRMs write them. Null when the text is not a real
 * date or time.
 */
export function instantOf(text: string): Instant | null {
  const parts = shape.exec(text.trim());
  if (!parts) return null;
  const day = dayOfDate(`${parts[1]}-${parts[2]}-${parts[3]}`);
  const [hour, minute, second] = [
    Number(parts[4] ?? 0),
    Number(parts[5] ?? 0),
    Number(parts[6] ?? 0),
  ];
  if (day === null || hour > 23 || minute > 59 || second > 59) return null;
  const offset = offsetMinutes(parts[8]);
  if (offset === null) return null;
  const ms = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const at = day * 86_400_000 + ((hour * 60 + minute - offset) * 60 + second) * 1000 + ms;
  return isWritable(at) ? at : null;
}

/** True for a bare date, false for a date with a time. */
export function isBareDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text.trim());
}

/** `2026-11-23T21:30:00.000Z` */
export function isoOf(at: Instant): string {
  const [days, rest] = [Math.floor(at / 86_400_000), ((at % 86_400_000) + 86_400_000) % 86_400_000];
  const [hour, minute, second, ms] = [
    Math.floor(rest / 3_600_000),
    Math.floor(rest / 60_000) % 60,
    Math.floor(rest / 1000) % 60,
    rest % 1000,
  ];
  return `${dateOfDay(days)}T${pad(hour)}:${pad(minute)}:${pad(second)}.${pad(ms, 3)}Z`;
}

/** Whether a time that `instantOf` reads carries its own offset. */
export function hasOffset(text: string): boolean {
  return shape.exec(text.trim())?.[8] !== undefined;
}

/** Minutes east of UTC; null when no clock on earth has that offset. */
export function offsetMinutes(text: string | undefined): number | null {
  if (!text || /^[A-Z]+$/i.test(text)) return 0;
  const [, sign, hours, minutes] = /([+\-−])(\d{1,2}):?(\d{2})?$/.exec(text) ?? [];
  const east = Number(hours) * 60 + Number(minutes ?? 0);
  if (Number(minutes ?? 0) > 59 || !(east <= 14 * 60)) return null;
  return sign === "+" ? east : -east;
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}
