/** A rate with what it was made from; `rate` and the interval are null when there is nothing to divide by. */
export interface Rate {
  readonly numerator: number;
  readonly denominator: number;
  readonly rate: number | null;
  /** Wilson's 95 % interval. */
  readonly low: number | null;
  readonly high: number | null;
}

const z95 = 1.959963984540054;

/**
 * Numerator over denominator with its Wilson score interval, which stays within 0 and 1 and is honest for small numbers
 * (reports.md). Throws a RangeError when the numerator is not a part of the denominator: then the query is wrong.
 */
export function rateOf(numerator: number, denominator: number): Rate {
  if (!(numerator >= 0 && numerator <= denominator))
    throw new RangeError(`${numerator} of ${denominator} is no rate`);
  if (denominator === 0) return { numerator, denominator, rate: null, low: null, high: null };
  const rate = numerator / denominator;
  const z2 = z95 * z95;
  const centre = (rate + z2 / (2 * denominator)) / (1 + z2 / denominator);
  const half =
    (z95 * Math.sqrt((rate * (1 - rate) + z2 / (4 * denominator)) / denominator)) /
    (1 + z2 / denominator);
  // Rounding must not leave the interval without the rate at its ends.
  return {
    numerator,
    denominator,
    rate,
    low: numerator === 0 ? 0 : Math.max(0, centre - half),
    high: numerator === denominator ? 1 : Math.min(1, centre + half),
  };
}
