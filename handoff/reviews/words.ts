import type { Rate } from "./figures.ts";

/** 12345 as "12,345". */
export function numberWords(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** 0.6613 as "66 %"; what is not quite none or all is not rounded to it. */
export function percent(value: number): string {
  if (value > 0 && value < 0.01) return "under 1 %";
  return `${value < 1 ? Math.min(99, Math.round(value * 100)) : 100} %`;
}

/** "61 to 70 %", the interval of a rate. */
export function interval({ low, high }: Rate): string {
  return `${Math.round((low ?? 0) * 100)} to ${Math.round((high ?? 0) * 100)} %`;
}

/** A time in hours as people say it: "20 s", "41 min", "6.2 h". An open hour is no part of a day. */
export function hoursWords(hours: number): string {
  if (hours < 0) return `-${hoursWords(-hours)}`;
  if (hours > 0 && hours * 60 < 1) return `${Math.max(1, Math.round(hours * 3600))} s`;
  if (hours < 1) return `${Math.round(hours * 60)} min`;
  return `${short(hours)} h`;
}

/** A time in days: "5.3 h", "3.4 days"; "-2 h" where the later step was taken first. */
export function daysWords(days: number): string {
  if (days < 0) return `-${daysWords(-days)}`;
  if (days < 1) return hoursWords(days * 24);
  return short(days) === "1" ? "1 day" : `${short(days)} days`;
}

function short(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : numberWords(Math.round(value));
}

/** A rate with all that it was made from. */
export function rateWords(rate: Rate): string {
  if (rate.rate === null) return "no cases";
  return `${percent(rate.rate)}, ${numberWords(rate.numerator)} of ${numberWords(rate.denominator)}, interval ${interval(rate)}${rate.isSmall ? ", few cases" : ""}`;
}

/** "1 handoff", "2,140 handoffs". */
export function counted(n: number, one: string, several = `${one}s`): string {
  return `${numberWords(n)} ${n === 1 ? one : several}`;
}

/** "once", "twice", "5 times". */
export function timesWords(n: number): string {
  return n === 1 ? "once" : n === 2 ? "twice" : `${numberWords(n)} times`;
}

/** "a", "a and b", "a, b and c". */
export function enumerated(words: readonly string[]): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

/** A sentence begins with it; `mql`, `sal` and `sql` are letters: `SAL`. */
export function capitalised(words: string): string {
  const letters = /^(?:[ms]ql|sal)\b/.exec(words)?.[0];
  if (letters !== undefined) return `${letters.toUpperCase()}${words.slice(letters.length)}`;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What was a sentence goes on within another one. */
export function lowerFirst(words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
