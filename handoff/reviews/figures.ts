/**
 * A rate with what it was made from; `rate` and the interval are null when there is nothing to
 * divide by.
 */
export interface Rate {
  readonly numerator: number;
  readonly denominator: number;
  readonly rate: number | null;
  /** Wilson's 95 % interval. */
  readonly low: number | null;
  readonly high: number | null;
  /** So few that the counts say more than the rate, which is shown grey. */
  readonly isSmall: boolean;
}

/** Below so many in the denominator a rate is shown grey, beside its counts. */
export const smallBelow = 30;

const z95 = 1.959963984540054;

/**
 * Numerator over denominator with its Wilson score interval, which stays within 0 and 1 and is
 * honest for small numbers (docs/metrics.md). Throws a RangeError when the numerator is not a part
 * of the denominator: then the query is wrong. `z` is for an interval of another certainty.
 */
export function rateOf(numerator: number, denominator: number, z = z95): Rate {
  if (!(numerator >= 0 && numerator <= denominator))
    throw new RangeError(`${numerator} of ${denominator} is no rate`);
  const isSmall = denominator < smallBelow;
  if (denominator === 0)
    return { numerator, denominator, rate: null, low: null, high: null, isSmall };
  const rate = numerator / denominator;
  const z2 = z * z;
  const centre = (rate + z2 / (2 * denominator)) / (1 + z2 / denominator);
  const half =
    (z * Math.sqrt((rate * (1 - rate) + z2 / (4 * denominator)) / denominator)) /
    (1 + z2 / denominator);
  // Rounding must not leave the interval without the rate at its ends.
  return {
    numerator,
    denominator,
    rate,
    low: numerator === 0 ? 0 : Math.max(0, centre - half),
    high: numerator === denominator ? 1 : Math.min(1, centre + half),
    isSmall,
  };
}

/**
 * Whether a cohort is so young that its rates will still rise: its youngest member is younger than
 * what nine of ten decided members took to be decided. Nothing is said where none is decided.
 */
export function isImmature(youngest: number | null, nineOfTen: number | null): boolean {
  return youngest !== null && nineOfTen !== null && youngest < nineOfTen;
}

/** More than a couple of times within a month is a pattern, not chance. */
export function isRecurring(timesInMonth: number): boolean {
  return timesInMonth > 2;
}

/**
 * Whether a recurring reason is to be looked at first. At real volume nearly every reason recurs, so
 * it has to be named for a larger share of the answered than in the period before, by intervals that
 * lie apart. Where few were answered recurring itself is news, and there is nothing to compare.
 */
export function standsOut(reason: {
  readonly mostInMonth: number;
  readonly now: Rate;
  readonly before: Rate;
}): boolean {
  const { mostInMonth, now, before } = reason;
  if (!isRecurring(mostInMonth)) return false;
  if (now.isSmall) return true;
  return !before.isSmall && before.high !== null && now.low !== null && now.low > before.high;
}

/**
 * How many more there are than the rate of the period before would have given; null where that has
 * no cases.
 */
export function excessOf(now: Rate, before: Rate): number | null {
  return before.rate === null ? null : now.numerator - before.rate * now.denominator;
}

/**
 * The bands whose rate is surely worse than that of a lower band: its interval lies below the
 * other's. Bands come from best to worst; a band without cases proves nothing.
 */
export function brokenBands(
  bands: readonly { readonly band: string; readonly rate: Rate }[],
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    bands.flatMap(({ band, rate }, n) => {
      const below = bands
        .slice(n + 1)
        .filter(
          (lower) => rate.high !== null && lower.rate.low !== null && rate.high < lower.rate.low,
        )
        .map((lower) => lower.band);
      return below.length === 0 ? [] : [[band, below] as const];
    }),
  );
}

/**
 * The rate of several parts as it would be if they were mixed as `cases` says: a comparison with it
 * is one of like with like. Parts without cases to compare with are left out; its counts are those
 * of the parts, so that its interval is no narrower than they allow.
 */
export function standardised(
  parts: readonly { readonly cases: number; readonly without: Rate }[],
): Rate {
  const known = parts.filter(({ without }) => without.rate !== null);
  const cases = known.reduce((sum, one) => sum + one.cases, 0);
  const denominator = known.reduce((sum, one) => sum + one.without.denominator, 0);
  if (cases === 0) return rateOf(0, 0);
  const rate = known.reduce((sum, one) => sum + one.cases * (one.without.rate ?? 0), 0) / cases;
  return rateOf(Math.round(rate * denominator), denominator);
}
