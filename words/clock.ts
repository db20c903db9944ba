import type { Instant } from "../handoff/time/calendar.ts";
import { localDateOf } from "../handoff/time/calendar.ts";
import { withFieldNames } from "./trace.ts";

/** How far a deadline is, at a glance: "18 min late", "in 1 h 41 min". */
export function sayDue(due: Instant, now: Instant): string {
  const minutes = Math.floor(Math.abs(due - now) / 60_000);
  if (due < now) return minutes === 0 ? "just late" : `${sayMinutes(minutes)} late`;
  return minutes === 0 ? "due now" : `in ${sayMinutes(minutes)}`;
}

/** "40 min", "1 h 41 min", "2 d 3 h"; of days no minutes. */
export function sayMinutes(minutes: number): string {
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  const rest = minutes % 60;
  const parts = [
    ...(days > 0 ? [`${days} d`] : []),
    ...(hours > 0 ? [`${hours} h`] : []),
    ...(days === 0 && (rest > 0 || hours === 0) ? [`${rest} min`] : []),
  ];
  return parts.join(" ");
}

/** How long a clock counted or has left, from ISO 8601: "PT1H30M" is "1 h 30 min". */
export function saySpan(duration: string): string {
  const [, hours = "0", minutes = "0", seconds = "0"] =
    /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(duration) ?? [];
  const total = Number(hours) * 60 + Number(minutes);
  return total === 0 && Number(seconds) > 0 ? `${seconds} s` : sayMinutes(total);
}

/** A window of whole days as a person says it: "PT720H" is "30 days"; else as `saySpan`. */
export function sayDays(duration: string): string {
  const hours = Number(/^PT(\d+)H$/.exec(duration)?.[1]);
  if (Number.isNaN(hours) || hours === 0 || hours % 24 !== 0) return saySpan(duration);
  return hours === 24 ? "day" : `${hours / 24} days`;
}

/** A next step without the time that it is noted with: the page says it in the reader's zone. */
export function sayStep(step: string): string {
  return withFieldNames(step).replace(/ \d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)? [\w/+-]+$/, "");
}

/** An instant among facts as a moment; other values stay as they are. */
export function sayInstant(text: string, now: Instant, zone: string): string {
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  return isInstant && !Number.isNaN(Date.parse(text))
    ? sayMoment(Date.parse(text), now, zone)
    : text;
}

/**
 * A sentence in which times stand as they are kept, as its reader says them: instants on the
 * reader's wall clock, days and wall clocks of another zone by weekday, that zone by its city, and
 * how long something took.
 */
export function withTimes(text: string, now: Instant, zone: string): string {
  return text
    .replaceAll(instantIn, (at) => sayInstant(at, now, zone))
    .replaceAll(wallIn, (kept: string, date: string, time?: string, of?: string) => {
      const at = Date.parse(`${date}T${time ?? "00:00"}Z`);
      if (Number.isNaN(at)) return kept;
      const said = time === undefined ? sayDate(date, now) : sayMoment(at, now, "UTC");
      return of === undefined ? said : `${said} (${sayZone(of)})`;
    })
    .replaceAll(/\(([A-Z]\w+(?:\/[\w+-]+)+)\)/g, (_, of: string) => `(${sayZone(of)})`)
    .replaceAll(/(?<![\w:.-])(\d+):(\d\d):(\d\d)(?![\w:.-])/g, (_, h, min, s) =>
      saySpan(`PT${h}H${min}M${s}S`),
    );
}

const instantIn = /\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)/g;

/** `2026-12-04`, with a time `2026-12-04 16:50`, with its zone `2026-12-04 16:50 Europe/Berlin`. */
const wallIn =
  /(?<![\w-])(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d)(?::\d\d)?(?: ([A-Z]\w+(?:\/[\w+-]+)+))?)?(?![\w-])/g;

/** A date that is of no zone: "Fri 4 Dec", and the year where it is another. */
export function sayDate(date: string, now: Instant): string {
  return `${sayWeekday(date)} ${sayDay(Date.parse(`${date}T00:00:00Z`), now, "UTC")}`;
}

const weekMs = 6 * 86_400_000;

/** A moment on the reader's wall clock: "Mon 09:55", and with its date when it is further away. */
export function sayMoment(at: Instant, now: Instant, zone: string): string {
  const part = partsOf(at, zone);
  const clock = `${part("hour")}:${part("minute")}`;
  if (Math.abs(at - now) < weekMs) return `${part("weekday")} ${clock}`;
  return `${part("weekday")} ${dayOf(at, now, zone)} ${clock}`;
}

/** The day of it: "3 Nov", and the year where it is another. */
export function sayDay(at: Instant, now: Instant, zone: string): string {
  return dayOf(at, now, zone);
}

/** The time alone, for a second zone: "15:55". */
export function sayTime(at: Instant, zone: string): string {
  const part = partsOf(at, zone);
  return `${part("hour")}:${part("minute")}`;
}

const weekdays = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short" });

/** The weekday of a date that is of no zone: "Tue" of "2026-11-24". */
export function sayWeekday(date: string): string {
  return weekdays.format(Date.parse(`${date}T00:00:00Z`));
}

/** "America/New_York" as a reader calls it: "New York". */
export function sayZone(zone: string): string {
  return (zone.split("/").at(-1) ?? zone).replaceAll("_", " ");
}

/** When an absence is over: its last day where it ends with a day, else the moment. */
export function sayLastOf(until: Instant, now: Instant, zone: string): string {
  if (sayTime(until, zone) !== "00:00") return sayMoment(until, now, zone);
  const last = until - 60_000;
  return `${partsOf(last, zone)("weekday")} ${dayOf(last, now, zone)}`;
}

function dayOf(at: Instant, now: Instant, zone: string): string {
  const part = partsOf(at, zone);
  const isOther = localDateOf(zone, at).slice(0, 4) !== localDateOf(zone, now).slice(0, 4);
  return `${part("day")} ${part("month")}${isOther ? ` ${part("year")}` : ""}`;
}

type Parts = (type: Intl.DateTimeFormatPartTypes) => string;

/** By zone and minute: a page of fifty rows says many moments, and the next one the same again. */
const saidParts = new Map<string, Parts>();

function partsOf(at: Instant, zone: string): Parts {
  const minute = Math.floor(at / 60_000);
  const key = `${zone} ${minute}`;
  const kept = saidParts.get(key);
  if (kept) return kept;
  const parts = formatterOf(zone).formatToParts(minute * 60_000);
  const made: Parts = (type) => parts.find((one) => one.type === type)?.value ?? "";
  if (saidParts.size >= 5_000) saidParts.clear();
  saidParts.set(key, made);
  return made;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const kept = formatters.get(zone);
  if (kept) return kept;
  const made = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  formatters.set(zone, made);
  return made;
}
