import { inForm } from "../facts/text.ts";
import { isoOf, offsetMinutes, offsetShape } from "./dates.ts";
import { dayNumber, firstInstantReading, offsetSpans } from "./local-time.ts";

/** How a file writes its dates: `dd.MM.yyyy HH:mm`, taken apart once. */
export interface DatePattern {
  readonly written: string;
  readonly parts: readonly (Token | { readonly text: string })[];
}

const tokens = [
  "EEEE",
  "EEE",
  "yyyy",
  "yy",
  "MMMM",
  "MMM",
  "MM",
  "M",
  "dd",
  "d",
  "HH",
  "H",
  "hh",
  "h",
  "mm",
  "ss",
  "a",
  "XXX",
] as const;
type Token = (typeof tokens)[number];

/**
 * The pattern, or null when it does not name year, month and day once each, or has letters that
 * mean nothing.
 */
export function datePattern(written: string): DatePattern | null {
  const parts: DatePattern["parts"][number][] = [];
  for (let rest = evenlySpaced(written); rest !== "";) {
    const token = tokens.find((one) => rest.startsWith(one));
    const text = token ?? rest[0] ?? "";
    if (!token && /\p{L}/u.test(text) && text !== "T") return null;
    parts.push(token ?? { text });
    rest = rest.slice(text.length);
  }
  const count = (...wanted: Token[]) =>
    parts.filter((part) => typeof part === "string" && wanted.includes(part)).length;
  const twelve = count("hh", "h");
  const complete =
    count("yyyy", "yy") === 1 &&
    count("MMMM", "MMM", "MM", "M") === 1 &&
    count("dd", "d") === 1 &&
    count("HH", "H") + twelve <= 1 &&
    count("a") === twelve &&
    count("XXX") <= Math.min(1, count("HH", "H") + twelve);
  return complete ? { written, parts } : null;
}

/**
 * Text written by the pattern as `YYYY-MM-DD`, or with a time as an ISO instant in the zone; null
 * when it is no such date.
 */
export function readPattern(pattern: DatePattern, text: string, zone: string): string | null {
  const read: Partial<Record<Token, number>> = {};
  const isNamed = pattern.parts.some((part) => part === "MMM" || part === "MMMM");
  let rest = evenlySpaced(text);
  // `3 de marzo de 2026`
  if (isNamed) rest = rest.replaceAll(/ del? /gi, " ");
  for (const [n, part] of pattern.parts.entries()) {
    if (typeof part === "object") {
      // `4:05PM`
      if (part.text === " " && pattern.parts[n + 1] === "a" && !rest.startsWith(" ")) continue;
      if (!rest.startsWith(part.text)) return null;
      rest = rest.slice(part.text.length);
      continue;
    }
    const found = digitsOf(part).exec(rest)?.[0];
    if (found === undefined) return null;
    const value = valueOf(part, found);
    if (value === null) return null;
    read[part] = value;
    rest = rest.slice(found.length);
    // `23rd`, `1er`
    if (isNamed && (part === "d" || part === "dd"))
      rest = rest.replace(/^(?:st|nd|rd|th|er|[º°])(?![\p{L}\p{M}])/iu, "");
  }
  return rest === "" ? isoFrom(read, zone) : null;
}

/** Kinds of spaces do not count, nor how many there are. */
function evenlySpaced(text: string): string {
  return text.replaceAll(/[\s\u200b]+/g, " ").trim();
}

function valueOf(token: Token, found: string): number | null {
  // The day of the week says nothing that the date does not say.
  if (token === "EEE" || token === "EEEE") return 0;
  if (token === "a") return /^p/i.test(found) ? 12 : 0;
  if (token === "XXX") return offsetMinutes(found);
  return token === "MMM" || token === "MMMM" ? monthOf(found) : Number(found);
}

/** The month that a name or the beginning of one (`Sept.`) says, in one of seven languages. */
function monthOf(name: string): number | null {
  const word = inForm(name, "NFD")
    .replaceAll(/\p{Mn}|\./gu, "")
    .toLowerCase();
  if (word.length < 3) return null;
  const found = new Set(
    monthNames.flatMap((months) =>
      months.split(" ").flatMap((month, n) => (month.startsWith(word) ? [n % 12] : [])),
    ),
  );
  const [month, ...others] = found;
  return month === undefined || others.length > 0 ? null : month + 1;
}

/** Without accents; German and Dutch also abbreviate one month by leaving letters out. */
const monthNames = [
  "january february march april may june july august september october november december",
  "januar februar marz april mai juni juli august september oktober november dezember",
  "jaenner februar maerz april mai juni juli august september oktober november dezember",
  "janner feber mrz april mai juni juli august september oktober november dezember",
  "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
  "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
  "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
  "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
  "januari februari maart april mei juni juli augustus september oktober november december",
  "januari februari mrt april mei juni juli augustus september oktober november december",
];

function digitsOf(token: Token): RegExp {
  if (token === "yyyy") return /^\d{4}/;
  if (token === "MMM" || token === "MMMM") return /^[\p{L}\p{M}]{3,20}\.?/u;
  if (token === "EEE" || token === "EEEE") return /^[\p{L}\p{M}-]{1,20}\.?/u;
  if (token === "XXX") return new RegExp(`^(?:${offsetShape})`, "i");
  // `p. m.` in Spanish
  if (token === "a") return /^[ap]\.?\s?m\.?/i;
  return token.length === 2 ? /^\d{2}/ : /^\d{1,2}/;
}

function isoFrom(read: Partial<Record<Token, number>>, zone: string): string | null {
  // `99` is no year to come.
  const year = read.yyyy ?? (read.yy ?? 0) + ((read.yy ?? 0) < 70 ? 2000 : 1900);
  const [month, day] = [read.MMMM ?? read.MMM ?? read.MM ?? read.M ?? 0, read.dd ?? read.d ?? 0];
  const lastDay =
    [
      31,
      year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28,
      31,
      30,
      31,
      30,
      31,
      31,
      30,
      31,
      30,
      31,
    ][month - 1] ?? 0;
  if (day < 1 || day > lastDay) return null;
  const twelve = read.hh ?? read.h;
  const hour = twelve === undefined ? (read.HH ?? read.H) : (twelve % 12) + (read.a ?? 0);
  if (hour === undefined)
    return `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
  const [minute, second] = [read.mm ?? 0, read.ss ?? 0];
  if (
    hour > 23 ||
    minute > 59 ||
    second > 59 ||
    (twelve !== undefined && (twelve < 1 || twelve > 12))
  )
    return null;
  const wall =
    dayNumber(year, month, day) * 86_400_000 + ((hour * 60 + minute) * 60 + second) * 1000;
  if (read.XXX !== undefined) return isoOf(wall - read.XXX * 60_000);
  return isoOf(
    firstInstantReading(offsetSpans(zone, wall - 2 * 86_400_000, wall + 2 * 86_400_000), wall),
  );
}
