import type { Part } from "./parts.ts";

export interface Repeated extends Part {
  /** Does it now, too; resolves when that is over, whether or not it failed. */
  now(): Promise<void>;
}

/**
 * Does `round` again and again, never twice at once. Of failures in a row only the first is told:
 * it is tried again anyway. A round is told when it shall end, so that a long one need not be waited
 * for; what it throws then is no failure.
 */
export function every(
  ms: number,
  round: (ending: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
): Repeated {
  const ending = new AbortController();
  let isFailing = false;
  let underWay: Promise<void> | null = null;
  const once = async (): Promise<void> => {
    try {
      await round(ending.signal);
      isFailing = false;
    } catch (error) {
      if (!isFailing && !ending.signal.aborted) failed(error);
      isFailing = true;
    }
  };
  const now = (): Promise<void> =>
    (underWay ??= once().finally(() => {
      underWay = null;
    }));
  const timer = setInterval(() => void now(), ms);
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
