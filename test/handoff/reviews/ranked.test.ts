import { describe, expect, test } from "vitest";
import {
  percentileOfRuns,
  placesOfPercentile,
  type RankedRun,
} from "../../../handoff/reviews/ranked.ts";
import { seededRandom } from "../../support/generated-leads.ts";

const seed = Number(process.env["SEED"] ?? 77);
const random = seededRandom(seed);
const upTo = (n: number) => Math.floor(random() * n);

/** As Postgres has it: interpolated between the neighbours in the sorted list of all. */
function percentileOfAll(numbers: readonly number[], p: number): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const at = p * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? 0, sorted[Math.ceil(at)] ?? 0];
  return low === high ? low : low + (at - Math.floor(at)) * (high - low);
}

const runOf = (sorted: readonly number[], stride: number): RankedRun => ({
  n: sorted.length,
  stride,
  marks: sorted.filter((_, i) => i % stride === 0),
});

describe("a percentile of sorted runs", () => {
  test(`is that of all their numbers, from few of them (seed ${seed})`, () => {
    for (let round = 0; round < 100; round += 1) {
      const stride = 1 + upTo(9);
      const different = 1 + upTo(500);
      const lists = Array.from({ length: 1 + upTo(12) }, () =>
        Array.from({ length: upTo(80) }, () => upTo(different) / 7).sort((a, b) => a - b),
      );
      const runs = lists.map((list, i) => runOf(list, i % 3 === 0 ? 1 : stride));
      for (const p of [0, 0.5, 0.75, 0.9, 1]) {
        const places = placesOfPercentile(runs, p);
        const found = lists.map((list, i) => list.slice(places[i]?.from, places[i]?.to));
        expect(percentileOfRuns(runs, p, places, found)).toBe(percentileOfAll(lists.flat(), p));
      }
    }
  });

  test("looks at few numbers where there are many", () => {
    const lists = Array.from({ length: 50 }, () =>
      Array.from({ length: 2_000 }, () => random()).sort((a, b) => a - b),
    );
    const places = placesOfPercentile(
      lists.map((list) => runOf(list, 50)),
      0.5,
    );
    const looked = places.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(looked).toBeLessThan(10_000);
  });

  test("is nothing of nothing, and never made of the wrong numbers", () => {
    expect(percentileOfRuns([], 0.5, placesOfPercentile([], 0.5), [])).toBeNull();
    const run = runOf([1, 2, 3], 1);
    expect(() => percentileOfRuns([run], 0.5, [{ from: 0, to: 0 }], [[]])).toThrow(
      "outside of the places",
    );
  });
});
