/** Numbers that look random and are the same for the same seed. */
export interface Dice {
  /** 0 <= x < 1. */
  next(): number;
  chance(probability: number): boolean;
  between(low: number, high: number): number;
  whole(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  /** One of the names, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
  /** Around 1: half of the numbers are below it, a few are several times as large. */
  spread(width: number): number;
}

/** Dice for a seed (mulberry32). */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (low: number, high: number) => low + next() * (high - low);
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    whole: (low, high) => Math.floor(between(low, high + 1)),
    pick: <T>(list: readonly T[]) => {
      const one = list[Math.floor(next() * list.length)];
      if (one === undefined) throw new RangeError("nothing to pick from");
      return one;
    },
    weighted: <K extends string>(weights: Readonly<Record<K, number>>) => {
      const names = Object.keys(weights) as K[];
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0);
      for (const name of names) {
        left -= weights[name];
        if (left < 0) return name;
      }
      const last = names.at(-1);
      if (last === undefined) throw new RangeError("nothing to weigh");
      return last;
    },
    // The sum of twelve is close enough to a normal distribution, and never far out.
    spread: (width) => {
      let sum = -6;
      for (let n = 0; n < 12; n++) sum += next();
      return Math.exp(width * sum);
    },
  };
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * An id in the form of those that the store makes, but the same for the same dice: prefix, ten
 * characters of time, ten drawn ones.
 */
export function sampleId(prefix: string, at: number, dice: Dice): string {
  let id = "";
  for (let rest = at, n = 0; n < 10; n++, rest = Math.floor(rest / 32))
    id = alphabet.charAt(rest % 32) + id;
  for (let n = 0; n < 10; n++) id += alphabet.charAt(dice.whole(0, 31));
  return `${prefix}_${id}`;
}
