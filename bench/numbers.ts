/**
 * One line of the report. `goal` is what the figure should reach; `atMost` or `atLeast` says in
 * which direction.
 */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number };
  /** What it was measured beside, in the same run. */
  readonly beside?: readonly { readonly name: string; readonly value: number }[];
}

/** What one bench gives: figures, and sentences about how they came to be. */
export interface Report {
  readonly figures: readonly Figure[];
  readonly notes?: readonly string[];
}

export function isReached({ value, goal }: Figure): boolean | null {
  if (!goal) return null;
  return "atMost" in goal ? value <= goal.atMost : value >= goal.atLeast;
}

/** The value below which this share of the samples lies; 0 without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** p50, p95 and p99 in milliseconds; the goal is p95's. */
export function spread(name: string, samples: readonly number[], p95AtMost?: number): Figure[] {
  return [
    { name: `${name}, p50`, value: percentile(samples, 0.5), unit: "ms" },
    {
      name: `${name}, p95`,
      value: percentile(samples, 0.95),
      unit: "ms",
      ...(p95AtMost === undefined ? {} : { goal: { atMost: p95AtMost } }),
    },
    { name: `${name}, p99`, value: percentile(samples, 0.99), unit: "ms" },
  ];
}

/** Runs work over a list with so many clients taking the next one as they become free. */
export async function atOnce<T>(
  clients: number,
  list: readonly T[],
  work: (one: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < list.length) {
        const one = list[next];
        next += 1;
        await work(one as T);
      }
    }),
  );
}
