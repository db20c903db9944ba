import { expect, test } from "vitest";
import { together } from "../../store/together.ts";

/** Work that is held until it is let go, so that the next ones must wait. */
function heldWork(atOnce?: number, patienceMs?: number) {
  const batches: number[][] = [];
  const doors = new Map<number, () => void>();
  const ask = together(3, async (asked: readonly number[]) => {
    batches.push([...asked]);
    await new Promise<void>((open) => doors.set(asked[0] ?? 0, open));
    if (asked.includes(13)) throw new Error("13 cannot be done");
    return asked.map((one) => one * 2);
  }, atOnce, patienceMs);
  /** Lets the batch go that begins with `first`. */
  const letGo = async (first: number) => { doors.get(first)?.(); await turn(); };
  return { ask, batches, letGo };
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 2));

test("those who ask in one turn share a batch, those who come meanwhile the next one, and each gets its own answer", async () => {
  const { ask, batches, letGo } = heldWork();
  const answers = [ask(1)];
  await turn();
  expect(batches).toEqual([[1]]);
  answers.push(...[2, 3, 4, 5, 6, 7].map((one) => ask(one)));
  await turn();
  expect(batches).toEqual([[1], [2, 3, 4]]);
  await letGo(1);
  expect(batches).toEqual([[1], [2, 3, 4], [5, 6, 7]]);
  await letGo(5);
  await letGo(2);
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8, 10, 12, 14]);
});

test("with one at once they come one after the other", async () => {
  const { ask, batches, letGo } = heldWork(1);
  const answers = [1, 2, 3, 4].map((one) => ask(one));
  await turn();
  expect(batches).toEqual([[1, 2, 3]]);
  await letGo(1);
  expect(batches).toEqual([[1, 2, 3], [4]]);
  await letGo(4);
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8]);
});

test("who waits for a lock holds up nobody else for longer than the patience, and never more than a few are overtaken", async () => {
  const { ask, batches, letGo } = heldWork(1, 20);
  const answers: Promise<number>[] = [];
  for (let n = 1; n <= 6; n++) {
    answers.push(ask(n));
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  expect(batches).toEqual([[1], [2], [3], [4], [5]]);
  await letGo(3);
  expect(batches).toHaveLength(5);
  await letGo(5);
  expect(batches.at(-1)).toEqual([6]);
  for (const n of [1, 2, 4, 6]) await letGo(n);
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8, 10, 12]);
});

test("who cannot be served fails alone: a batch that fails is done again one by one", async () => {
  const { ask, batches, letGo } = heldWork();
  const answers = Promise.allSettled([3, 13, 5].map((one) => ask(one)));
  await turn();
  for (const n of [3, 3, 13, 5]) await letGo(n);
  expect((await answers).map((one) => (one.status === "fulfilled" ? one.value : String(one.reason)))).toEqual([6, "Error: 13 cannot be done", 10]);
  expect(batches).toEqual([[3, 13, 5], [3], [13], [5]]);
});
