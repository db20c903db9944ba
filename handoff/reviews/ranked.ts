/**
 * Sorted numbers of which only some are at hand: every `stride`-th from the first on (`marks`). Of
 * many runs together, such as one for each week, a percentile needs few of the numbers between.
 */
export interface RankedRun {
  readonly n: number;
  readonly stride: number;
  readonly marks: readonly number[];
}

/** RankedPlaces of a run from the first one on, counted from 0; the end is not included. */
export interface RankedPlaces {
  readonly from: number;
  readonly to: number;
}

/** How many marks lie below `x`, or are not above it. */
function marksBelow(marks: readonly number[], x: number, isAlsoEqual: boolean): number {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const mark = marks[middle] ?? Infinity;
    if (mark < x || (isAlsoEqual && mark === x)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** At most so many numbers of the run lie below `x`: those before the first mark that does not. */
function mostBelow({ n, stride, marks }: RankedRun, x: number): number {
  const below = marksBelow(marks, x, false);
  return below === marks.length ? n : below * stride;
}

/** At least so many numbers of the run are not above `x`: those up to the last mark that is not. */
function leastUpTo({ stride, marks }: RankedRun, x: number): number {
  const upTo = marksBelow(marks, x, true);
  return upTo === 0 ? 0 : (upTo - 1) * stride + 1;
}

/** Which numbers stand on both sides of a percentile, counted from 0. */
function ranksOf(n: number, p: number): { first: number; second: number; part: number } {
  const at = p * (n - 1);
  return { first: Math.floor(at), second: Math.ceil(at), part: at - Math.floor(at) };
}

const total = (runs: readonly RankedRun[]): number => runs.reduce((sum, { n }) => sum + n, 0);

/**
 * Of each run the places among which the percentile of all runs lies: what stands before them is
 * below it, what stands behind them above it.
 */
export function placesOfPercentile(runs: readonly RankedRun[], p: number): readonly RankedPlaces[] {
  const { first, second } = ranksOf(total(runs), p);
  const marks = Float64Array.from(runs.flatMap((run) => run.marks)).sort();
  // The highest mark below which there are surely not more than `first` numbers.
  const least = marks[lastWhere(marks, (x) => sumOf(runs, (run) => mostBelow(run, x)) <= first)];
  // The lowest mark up to which there are surely more than `second` numbers; none: up to the end.
  const most =
    marks[lastWhere(marks, (x) => sumOf(runs, (run) => leastUpTo(run, x)) <= second) + 1];
  return runs.map((run) => {
    const below = least === undefined ? 0 : marksBelow(run.marks, least, false);
    const upTo = most === undefined ? run.marks.length : marksBelow(run.marks, most, true);
    return {
      from: below === 0 ? 0 : (below - 1) * run.stride + 1,
      to: upTo === run.marks.length ? run.n : upTo * run.stride,
    };
  });
}

/** The last of the places for which it holds, which holds for all before; -1: for none. */
function lastWhere(marks: Float64Array, holds: (x: number) => boolean): number {
  let [low, high] = [-1, marks.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (holds(marks[middle] ?? Infinity)) low = middle;
    else high = middle - 1;
  }
  return low;
}

const sumOf = (runs: readonly RankedRun[], of: (run: RankedRun) => number): number =>
  runs.reduce((sum, run) => sum + of(run), 0);

/**
 * The percentile of all runs together, interpolated between its neighbours as Postgres does
 * (`percentile_cont`), from the numbers at the places that `placesOfPercentile` gave; null where
 * there are none.
 */
export function percentileOfRuns(
  runs: readonly RankedRun[],
  p: number,
  places: readonly RankedPlaces[],
  found: readonly (readonly number[])[],
): number | null {
  const n = total(runs);
  if (n === 0) return null;
  const { first, second, part } = ranksOf(n, p);
  const before = places.reduce((sum, { from }) => sum + from, 0);
  const near = found.flat().sort((a, b) => a - b);
  const [low, high] = [near[first - before], near[second - before]];
  if (low === undefined || high === undefined)
    throw new RangeError(`the percentile ${p} lies outside of the places that were looked at`);
  return first === second ? low : low + part * (high - low);
}
