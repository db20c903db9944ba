import { setTimeout as pause } from "node:timers/promises";

/** How a long work goes from one step to the next: it does the step, and may rest after it. */
export type Pace = <T>(step: () => Promise<T>) => Promise<T>;

/** Without rests: somebody waits for the result. */
export const withoutRests: Pace = (step) => step();

/**
 * After each step it rests for `factor` times as long as the step took: decisions and pages share
 * the processors with it. A step holds no transaction when it ends, so that none is kept open
 * through a rest. Once `ending` says so, no step begins any more.
 * @throws the reason of `ending`
 */
export function resting(factor: number, ending?: AbortSignal): Pace {
  return async (step) => {
    ending?.throwIfAborted();
    const began = performance.now();
    const result = await step();
    await pause(factor * (performance.now() - began), undefined, ending ? { signal: ending } : {});
    return result;
  };
}
