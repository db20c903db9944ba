import { setTimeout as pause } from "node:timers/promises";

/** How a long work goes from one step to the next: it does the step, and may rest after it. */
export type Pace = <T>(step: () => Promise<T>) => Promise<T>;

/** Without rests: somebody waits for the result. */
export const withoutRests: Pace = (step) => step();

/**
 * After each step it rests for `factor` times as long as the step took: decisions and pages share
 * the processors with it. A step holds no transaction when it ends, so that none is kept open
 * through a rest. Once `ending` or `mayGoOn` says so, no step begins any more.
 * @throws the reason of `ending`, or its timer's AbortError during a rest; an error when `mayGoOn`
 * says no
 */
export function resting(
  factor: number,
  ending?: AbortSignal,
  mayGoOn: () => boolean = () => true,
): Pace {
  return async (step) => {
    ending?.throwIfAborted();
    if (!mayGoOn()) throw new Error("this work is no longer ours: no further step");
    const began = performance.now();
    const result = await step();
    await pause(factor * (performance.now() - began), undefined, ending ? { signal: ending } : {});
    return result;
  };
}
