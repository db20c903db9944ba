import { rateOf, type Rate } from "./figures.ts";
import { counted, interval, enumerated, numberWords, percent } from "./words.ts";

/** A share that a paragraph tells: "of 412 handed off 198 were accepted". */
export interface Share {
  /** What is counted, as in "412 leads handed off". */
  readonly of: string;
  /** What became of the part, as in "were accepted". */
  readonly did: string;
  /** How long it may take: in a trend, months that ended less than so long ago are left out. */
  readonly ripeAfterDays?: number;
}

/** All cases of several rates together. */
export function sumOfRates(rates: readonly Rate[]): Rate {
  return rateOf(
    rates.reduce((sum, { numerator }) => sum + numerator, 0),
    rates.reduce((sum, { denominator }) => sum + denominator, 0),
  );
}

/** How a rate stands to another one; null where too few cases say nothing. */
export function compared(one: Rate, other: Rate): "above" | "below" | "not apart" | null {
  if (one.isSmall || other.isSmall) return null;
  if (liesBelow(other, one)) return "above";
  return liesBelow(one, other) ? "below" : "not apart";
}

/** Whether the interval of a rate lies below that of another one. */
export function liesBelow(one: Rate, other: Rate): boolean {
  return one.high !== null && other.low !== null && one.high < other.low;
}

/**
 * A share in a sentence, against the one before. Below thirty cases there are counts alone; a change
 * is said to be one only where the intervals lie apart.
 */
export function shareSentence({ of, did }: Share, now: Rate, before: Rate | null): string {
  const { numerator, denominator } = now;
  const earlier = before === null ? "" : beforeWords(now, before);
  if (denominator === 0) return before?.denominator ? `No ${of}${earlier}.` : "";
  const counts = `Of ${numberWords(denominator)} ${of} ${numberWords(numerator)} ${did}`;
  if (now.isSmall) return `${counts}, too few for a rate${earlier}.`;
  return `${counts} (${percent(now.rate ?? 0)}, interval ${interval(now)})${earlier}.`;
}

function beforeWords(now: Rate, before: Rate): string {
  const { numerator, denominator, rate } = before;
  if (denominator === 0) return "; none in the period before";
  const counts = `${numberWords(numerator)} of ${numberWords(denominator)}`;
  const was = before.isSmall ? counts : `${percent(rate ?? 0)} (${counts})`;
  switch (compared(now, before)) {
    case "above":
      return `, more than the ${was} of the period before`;
    case "below":
      return `, less than the ${was} of the period before`;
    case "not apart":
      return `; ${was} in the period before, no proven change`;
    default:
      return `; ${was} in the period before`;
  }
}

export interface Named {
  readonly name: string;
  readonly rate: Rate;
}

/** Names that a sentence lists at most. */
const mostNamed = 4;

/**
 * Which groups lie apart from all others together. Those below thirty cases are counted, and nothing
 * is said of them. Empty for fewer than two groups.
 */
export function standOutSentence(groups: readonly Named[]): string {
  if (groups.length < 2) return "";
  const judged = groups.filter(({ rate }) => !rate.isSmall);
  const small = groups.length - judged.length;
  const left =
    small === 0 ? "" : ` Of ${counted(small, "group")} with fewer than 30 nothing is said.`;
  if (judged.length === 0) return left.trim();
  const apart = judged.map((one) => ({
    ...one,
    is: compared(one.rate, sumOfRates(groups.filter((other) => other !== one).map((o) => o.rate))),
  }));
  const of = (is: "above" | "below") => apart.filter((one) => one.is === is);
  const [above, below] = [of("above"), of("below")];
  if (above.length + below.length === 0) return `None lies apart from the others.${left}`;
  return [
    above.length === 0 ? "" : `Higher than the others: ${namedRates(above, -1)}.`,
    below.length === 0 ? "" : `Lower than the others: ${namedRates(below, 1)}.`,
  ]
    .filter((part) => part !== "")
    .join(" ")
    .concat(left);
}

/** "web (62 of 90, 69 %)", by their rates. */
export function namedRates(groups: readonly Named[], ascending: 1 | -1): string {
  const sorted = [...groups].sort(
    (a, b) => ascending * ((a.rate.rate ?? 0) - (b.rate.rate ?? 0)) || (a.name < b.name ? -1 : 1),
  );
  const names = sorted.slice(0, mostNamed).map(({ name, rate }) => `${name} (${shortRate(rate)})`);
  const more = sorted.length - names.length;
  return enumerated(more === 0 ? names : [...names, `${more} more`]);
}

/** "62 of 90, 69 %"; without the rate where the cases are few. */
export function shortRate({ numerator, denominator, rate, isSmall }: Rate): string {
  const counts = `${numberWords(numerator)} of ${numberWords(denominator)}`;
  return isSmall || rate === null ? counts : `${counts}, ${percent(rate)}`;
}

/**
 * How rates of one line of time go: the last one against all before it together. Empty where there
 * is no earlier one.
 */
export function trendSentence({ of, did }: Share, steps: readonly Named[]): string {
  const last = steps.at(-1);
  if (last === undefined || steps.length < 2) return "";
  const earlier = sumOfRates(steps.slice(0, -1).map(({ rate }) => rate));
  const counts =
    `In ${last.name} of ${numberWords(last.rate.denominator)} ${of} ` +
    `${numberWords(last.rate.numerator)} ${did}`;
  const now = last.rate.isSmall ? counts : `${counts} (${percent(last.rate.rate ?? 0)})`;
  const all = `${shortRate(earlier)} in the ${counted(steps.length - 1, "month")} before`;
  switch (compared(last.rate, earlier)) {
    case "above":
      return `${now}: higher than the ${all}.`;
    case "below":
      return `${now}: lower than the ${all}.`;
    case "not apart":
      return `${now}; ${all}, no proven change.`;
    default:
      return `${now}; ${all}.`;
  }
}
