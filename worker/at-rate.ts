import { setTimeout as pause } from "node:timers/promises";

/** What a round did: how much it took, and whether more is waiting. */
export interface Round {
  readonly taken: number;
  readonly isMore: boolean;
}

/**
 * A round that rests, after its work, until what it took is no more than `perSecond` a second; 0
 * takes as much as there is. `ending` ends the rest. The round says whether more is waiting.
 */
export function atRate(
  perSecond: number,
  ending: AbortSignal,
  round: () => Promise<Round>,
): () => Promise<boolean> {
  return async () => {
    const began = performance.now();
    const { taken, isMore } = await round();
    const restMs = perSecond > 0 ? (taken * 1_000) / perSecond - (performance.now() - began) : 0;
    if (restMs > 0 && !ending.aborted)
      await pause(restMs, undefined, { signal: ending }).catch(() => undefined);
    return isMore;
  };
}
