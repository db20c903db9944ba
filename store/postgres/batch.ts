import { isAway } from "./db.ts";

/** So many slow batches may be overtaken at one time: each has a connection. */
const mostOvertaken = 2;

/**
 * Combines calls into batches. Calls of one turn of the event loop share a batch. While `atOnce`
 * batches are under way, further calls wait for the next one; otherwise a call does not wait.
 *
 * With two batches at once, one is at the database while the next one fills. A batch that takes
 * longer than `overtakenAfterMs`, because it waits for a lock, is overtaken by the next ones, a few at
 * most. Answers have the order of the calls. The calls of a failed batch are repeated one by one,
 * so that one call cannot fail another, unless the database is away.
 */
export function batched<A, R>(
  most: number,
  work: (asked: readonly A[]) => Promise<readonly R[]>,
  atOnce = 2,
  overtakenAfterMs?: number,
): (asked: A) => Promise<R> {
  interface Waiting {
    readonly asked: A;
    readonly answer: (result: R) => void;
    readonly fail: (error: unknown) => void;
  }
  const waiting: Waiting[] = [];
  let underWay = 0;
  let overtaken = 0;
  let isGathering = false;

  async function doBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await work(batch.map((one) => one.asked));
      batch.forEach((one, n) => {
        one.answer(results[n] as R);
      });
    } catch (error) {
      // One by one each would wait as long, and fail of the same.
      if (batch.length === 1 || isAway(error)) for (const one of batch) one.fail(error);
      else for (const one of batch) await doBatch([one]);
    }
  }

  async function leave(): Promise<void> {
    let isOvertaken = false;
    const giveWay = () => {
      if (overtaken >= mostOvertaken) return;
      isOvertaken = true;
      overtaken += 1;
      underWay -= 1;
      goOn();
    };
    underWay += 1;
    const slow = overtakenAfterMs === undefined ? undefined : setTimeout(giveWay, overtakenAfterMs);
    await doBatch(waiting.splice(0, most));
    clearTimeout(slow);
    if (isOvertaken) overtaken -= 1;
    else underWay -= 1;
    goOn();
  }

  /**
   * What has come over several connections is read in one turn, and each request asks by itself:
   * they are heard before a batch leaves.
   */
  function goOn(): void {
    if (isGathering || underWay >= atOnce || waiting.length === 0) return;
    isGathering = true;
    setImmediate(() => {
      isGathering = false;
      while (underWay < atOnce && waiting.length > 0) void leave();
    });
  }

  return (asked) =>
    new Promise((answer, fail) => {
      waiting.push({ asked, answer, fail });
      goOn();
    });
}
