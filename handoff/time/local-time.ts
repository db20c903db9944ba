/** A point in time: epoch milliseconds, UTC. */
export type Instant = number;
/** A calendar date, `YYYY-MM-DD`, without a zone. */
export type LocalDate = string;

/**
 * Days since 1970-01-01 of a civil date. Wall-clock arithmetic uses these, so no host date object
 * is ever asked.
 */
export type DayNumber = number;

/** One stretch of constant UTC offset, up to the next span's `from`. */
export type OffsetSpan = { readonly from: Instant; readonly offsetMs: number };

export const MINUTE = 60_000;
export const DAY = 86_400_000;

/**
 * First instant at which the wall clock of the zone reads `wallMs` or later (docs/clocks.md,
 * "Business time"). A time inside a spring-forward gap gives the transition, a repeated time its
 * first occurrence.
 * @param spans offsets in order of time, wide enough to contain the answer
 * @param wallMs wall-clock reading as milliseconds, counted as if the wall clock were UTC
 */
export function firstInstantReading(spans: readonly OffsetSpan[], wallMs: number): Instant {
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i]!;
    const end = spans[i + 1]?.from ?? Infinity;
    // The wall clock of this span stops short of end + offset; a reading at or past that belongs to
    // a later span.
    if (wallMs < end + span.offsetMs) return Math.max(span.from, wallMs - span.offsetMs);
  }
  throw new RangeError("The last offset span is open-ended, so a reading past it cannot exist");
}

/**
 * All offsets of a zone between two instants. Sampled once a day and narrowed to the second where
 * two samples differ: no zone has gone to another offset and back within one day.
 * @param zone IANA name, already checked with `isZone`
 */
export function offsetSpans(zone: string, from: Instant, to: Instant): readonly OffsetSpan[] {
  const key = `${zone}|${from}|${to}`;
  const known = spanCache.get(key);
  if (known) return known;

  const spans: OffsetSpan[] = [{ from, offsetMs: offsetAt(zone, from) }];
  for (let at = from; at < to; at += DAY) narrow(zone, at, Math.min(at + DAY, to), spans);
  // Bounded, because zones and years come from user-defined calendars.
  if (spanCache.size >= 1_000) spanCache.clear();
  spanCache.set(key, spans);
  return spans;
}

const spanCache = new Map<string, readonly OffsetSpan[]>();

function narrow(zone: string, from: Instant, to: Instant, spans: OffsetSpan[]): void {
  const after = offsetAt(zone, to);
  if (after === spans[spans.length - 1]!.offsetMs) return;
  if (to - from <= 1_000) {
    spans.push({ from: to, offsetMs: after });
    return;
  }
  const middle = from + Math.floor((to - from) / 2_000) * 1_000;
  narrow(zone, from, middle, spans);
  narrow(zone, middle, to, spans);
}

/** UTC offset of a zone at an instant, in milliseconds, east positive. */
export function offsetAt(zone: string, at: Instant): number {
  const printed = formatterOf(zone).format(at);
  const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(printed);
  if (!match)
    throw new RangeError(`Expected an offset like GMT+05:30 for zone ${zone}, found "${printed}"`);
  if (!match[1]) return 0;
  const seconds = Number(match[2]) * 3_600 + Number(match[3]) * 60 + Number(match[4] ?? 0);
  return (match[1] === "-" ? -seconds : seconds) * 1_000;
}

/**
 * Whether this runtime's time zone data knows the name. Fixed offsets such as `+05:00` are refused:
 * they are not zones.
 */
export function isZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(zone) || zone.length > 64) return false;
  try {
    formatterOf(zone);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether it is the zone of a place, with its changes of the clock, or UTC. `EST` and its like stand
 * for one offset the whole year, or for a region under an old name; `Etc/GMT+5` is five hours west.
 */
export function isPlaceZone(zone: string): boolean {
  if (!isZone(zone)) return false;
  return zone === "UTC" || (zone.includes("/") && !/^etc\/gmt[+-]/i.test(zone));
}

/** What `isPlaceZone` expects, in words. */
export const placeZoneExpected =
  "the zone of a place such as America/New_York or Europe/Berlin, or UTC";

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  if (formatters.size >= 1_000) formatters.clear();
  formatters.set(zone, made);
  return made;
}

/** The date on the zone's wall calendar at an instant. */
export function localDateOf(zone: string, at: Instant): LocalDate {
  return dateOfDay(Math.floor((at + offsetAt(zone, at)) / DAY));
}

/** The first instant of the next date on the zone's wall calendar: where today ends. */
export function endOfDay(zone: string, at: Instant): Instant {
  const today = Math.floor((at + offsetAt(zone, at)) / DAY);
  const spans = offsetSpans(zone, (today - 2) * DAY, (today + 3) * DAY);
  return firstInstantReading(spans, (today + 1) * DAY);
}

/** The first instant of a date on the zone's wall calendar. */
export function startOfDay(zone: string, day: DayNumber): Instant {
  return instantReading(zone, day * DAY);
}

/** The first instant at which the zone's wall clock reads `wallMs`, counted as if it were UTC. */
export function instantReading(zone: string, wallMs: number): Instant {
  return firstInstantReading(offsetSpans(zone, wallMs - 2 * DAY, wallMs + 2 * DAY), wallMs);
}

/** For people: `2026-11-23 10:00 America/New_York`; seconds appear only when they are not zero. */
export function formatLocal(zone: string, at: Instant): string {
  return `${formatWall(zone, at)} ${zone}`;
}

/** The same without the zone's name, for tables that name it once. */
export function formatWall(zone: string, at: Instant): string {
  const wall = at + offsetAt(zone, at);
  const second = Math.floor((((wall % DAY) + DAY) % DAY) / 1_000);
  const clock = `${two(Math.floor(second / 3_600))}:${two(Math.floor(second / 60) % 60)}`;
  return `${dateOfDay(Math.floor(wall / DAY))} ${clock}${second % 60 === 0 ? "" : `:${two(second % 60)}`}`;
}

/** Day number of a date, or null when the text is not a date that exists. */
export function dayOfDate(date: LocalDate): DayNumber | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date);
  if (!match) return null;
  const day = dayNumber(Number(match[1]), Number(match[2]), Number(match[3]));
  return dateOfDay(day) === date ? day : null;
}

/** Proleptic Gregorian, counted from March so that the leap day comes last in its year. */
export function dayNumber(year: number, month: number, day: number): DayNumber {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719_468
  );
}

export function dateOfDay(day: DayNumber): LocalDate {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9);
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1)}`;
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
