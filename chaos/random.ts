import { seededRandom } from "../test/support/generated-leads.ts";

/** Repeatable draws: the same seed gives the same ones. */
export interface Draw {
  /** From 0, below 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  one<T>(list: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
}

export function drawFrom(seed: number): Draw {
  const next = seededRandom(seed);
  const between = (low: number, high: number): number =>
    low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    one: (list) => list[between(0, list.length - 1)] as (typeof list)[number],
    shuffled(list) {
      const mixed = [...list];
      for (let n = mixed.length - 1; n > 0; n--) {
        const other = between(0, n);
        [mixed[n], mixed[other]] = [
          mixed[other] as (typeof list)[number],
          mixed[n] as (typeof list)[number],
        ];
      }
      return mixed;
    },
  };
}
