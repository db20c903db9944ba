import type { Part } from "./parts.ts";

export interface Repeated extends Part {
  /** Does it now, too; resolves when that is over, whether or not it failed. */
  now(): Promise<void>;
}

/**
 * Does `round` again and again, never twice at once. Of failures in a row only the first is told:
 * it is tried again anyway. A round is told when it shall end, so that a long one need not be waited
 * for; what it throws then is no failure. After a failure none begins by itself for `afterFailureMs`:
 * for rounds that take long and would begin from the start.
 */
export function every(
  ms: number,
  round: (ending: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
  afterFailureMs = 0,
): Repeated {
  const ending = new AbortController();
  let isFailing = false;
  let notBefore = 0;
  let underWay: Promise<void> | null = null;
  const once = async (): Promise<void> => {
    try {
      await round(ending.signal);
      isFailing = false;
    } catch (error) {
      if (!isFailing && !ending.signal.aborted) failed(error);
      isFailing = true;
      notBefore = performance.now() + afterFailureMs;
    }
  };
  const now = (): Promise<void> =>
    (underWay ??= once().finally(() => {
      underWay = null;
    }));
  const timer = setInterval(() => {
    if (performance.now() >= notBefore) void now();
  }, ms);
  timer.unref();
  return {
    now,
    async stop() {
      clearInterval(timer);
      ending.abort();
      await underWay;
    },
  };
}
