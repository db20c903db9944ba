import type { Instant } from "./local-time.ts";

export type Interval = { readonly from: Instant; readonly to: Instant };

/**
 * Disjoint half-open intervals in order, never touching, with the open time before each: every
 * question below is one binary search. `before` has one entry more than there are intervals; the
 * last is the whole.
 */
export type OpenSet = {
  readonly opens: Float64Array;
  readonly closes: Float64Array;
  readonly before: Float64Array;
};

/** Joins overlapping and touching intervals; empty ones vanish. Input in any order. */
export function openSet(intervals: readonly Interval[]): OpenSet {
  const sorted = intervals.filter((i) => i.from < i.to).sort((a, b) => a.from - b.from);
  const joined: { from: Instant; to: Instant }[] = [];
  for (const next of sorted) {
    const last = joined[joined.length - 1];
    if (last && next.from <= last.to) last.to = Math.max(last.to, next.to);
    else joined.push({ from: next.from, to: next.to });
  }
  const set = {
    opens: new Float64Array(joined.length),
    closes: new Float64Array(joined.length),
    before: new Float64Array(joined.length + 1),
  };
  joined.forEach(({ from, to }, i) => {
    set.opens[i] = from;
    set.closes[i] = to;
    set.before[i + 1] = set.before[i]! + to - from;
  });
  return set;
}

/** How many values of an ascending array are at most `x`. */
export function countAtMost(values: Float64Array, x: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function contains(set: OpenSet, at: Instant): boolean {
  const i = countAtMost(set.opens, at) - 1;
  return i >= 0 && at < set.closes[i]!;
}

/** First open instant at or after `at`, or null. */
export function firstOpen(set: OpenSet, at: Instant): Instant | null {
  const i = countAtMost(set.closes, at);
  return i < set.opens.length ? Math.max(at, set.opens[i]!) : null;
}

/** Open milliseconds before an instant, counted from the beginning of the set. */
export function openBefore(set: OpenSet, at: Instant): number {
  const i = countAtMost(set.opens, at) - 1;
  return i < 0 ? 0 : set.before[i]! + Math.min(at, set.closes[i]!) - set.opens[i]!;
}

/**
 * Earliest instant with `total` open milliseconds before it, total > 0: filling an interval gives
 * its close.
 */
export function earliestAfter(set: OpenSet, total: number): Instant | null {
  // The first interval whose end brings at least `total`, so never the opening after an exact fit.
  const i = countAtMost(set.before, total - 1) - 1;
  if (i < 0 || i >= set.opens.length) return null;
  return set.opens[i]! + total - set.before[i]!;
}

/**
 * Latest instant with `total` open milliseconds before it, total < the whole: an exact fit gives
 * the next opening.
 */
export function latestAfter(set: OpenSet, total: number): Instant | null {
  const i = countAtMost(set.before, total) - 1;
  if (i < 0 || i >= set.opens.length) return null;
  return set.opens[i]! + total - set.before[i]!;
}

/** The parts of the set inside [from, to), in order. */
export function* within(set: OpenSet, from: Instant, to: Instant): Generator<Interval> {
  for (let i = countAtMost(set.closes, from); i < set.opens.length && set.opens[i]! < to; i++) {
    const part = { from: Math.max(from, set.opens[i]!), to: Math.min(to, set.closes[i]!) };
    if (part.from < part.to) yield part;
  }
}

/** The complement of the set inside [from, to). */
export function* outside(set: OpenSet, from: Instant, to: Instant): Generator<Interval> {
  let start = from;
  for (const open of within(set, from, to)) {
    if (start < open.from) yield { from: start, to: open.from };
    start = open.to;
  }
  if (start < to) yield { from: start, to };
}
