/**
 * Does for many at once what each of them asks for alone. Whoever comes while `atOnce` batches are under way waits for
 * the next one; when nobody is there, nobody waits. With two, one is at the database while the next one fills; with one,
 * they come one after the other. The answers stand in the order of what was asked. A batch that fails is done again one
 * by one, so that nobody fails for somebody else.
 */
export function together<A, R>(most: number, work: (asked: readonly A[]) => Promise<readonly R[]>, atOnce = 2): (asked: A) => Promise<R> {
  interface Waiting { readonly asked: A; readonly answer: (result: R) => void; readonly fail: (error: unknown) => void }
  const waiting: Waiting[] = [];
  let underWay = 0;

  async function doBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await work(batch.map((one) => one.asked));
      batch.forEach((one, n) => { one.answer(results[n] as R); });
    } catch (error) {
      if (batch.length === 1) batch[0]?.fail(error);
      else for (const one of batch) await doBatch([one]);
    }
  }

  function goOn(): void {
    if (underWay >= atOnce || waiting.length === 0) return;
    underWay += 1;
    void doBatch(waiting.splice(0, most)).finally(() => {
      underWay -= 1;
      // Those who were just answered and ask again at once are in the next batch, instead of one of them alone.
      process.nextTick(goOn);
    });
  }

  return (asked) => new Promise((answer, fail) => {
    waiting.push({ asked, answer, fail });
    goOn();
  });
}
