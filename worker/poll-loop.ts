import type { Part } from "./parts.ts";

export interface PollLoop extends Part {
  /**
   * There may be something to do: a round begins now, or as soon as one that is under way is over.
   */
  ring(): void;
  /** When a round was last over, in epoch milliseconds. */
  lastPass(): number;
}

export interface PollLoopOptions {
  /** How many rounds may be under way. */
  readonly atOnce: number;
  /**
   * Without a ring a round begins this long after another began or ended; after failures in a row
   * later, at most five seconds.
   */
  readonly idleMs: number;
  readonly clock: () => number;
  /** A round failed; `inARow` counts the failures since the last one that did not. */
  readonly failed: (error: unknown, inARow: number) => void;
}

/**
 * Does `round` when it is rung for, and now and then without. A round says whether there is more to
 * do.
 */
export function pollLoop(
  { atOnce, idleMs, clock, failed }: PollLoopOptions,
  round: () => Promise<boolean>,
): PollLoop {
  const underWay = new Set<Promise<void>>();
  let wasMissed = false;
  let failures = 0;
  let last = clock();
  let isStopping = false;
  let timer: NodeJS.Timeout | undefined;

  function wake(): void {
    if (isStopping) return;
    if (underWay.size >= atOnce) {
      wasMissed = true;
      return;
    }
    const one: Promise<void> = once(() => underWay.delete(one));
    underWay.add(one);
    rest();
  }

  /**
   * The next round comes by itself where there is room for one: a round that hangs holds up only
   * what it has taken.
   */
  function rest(): void {
    clearTimeout(timer);
    if (underWay.size < atOnce && !isStopping)
      timer = setTimeout(wake, failures === 0 ? idleMs : Math.min(idleMs * failures, 5_000));
  }

  async function once(isOver: () => void): Promise<void> {
    let isMore = false;
    try {
      isMore = await round();
      failures = 0;
    } catch (error) {
      failures += 1;
      failed(error, failures);
    }
    last = clock();
    isOver();
    if (isMore || wasMissed) {
      wasMissed = false;
      wake();
    } else {
      rest();
    }
  }

  wake();
  return {
    ring: wake,
    lastPass: () => last,
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      await Promise.all(underWay);
    },
  };
}
