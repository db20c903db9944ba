import { expect, test } from "vitest";
import { together } from "../../store/together.ts";

/** Work that is held until it is let go, so that the next ones must wait. */
function heldWork() {
  const batches: number[][] = [];
  const doors: (() => void)[] = [];
  const ask = together(3, async (asked: readonly number[]) => {
    batches.push([...asked]);
    await new Promise<void>((open) => doors.push(open));
    if (asked.includes(13)) throw new Error("13 cannot be done");
    return asked.map((one) => one * 2);
  });
  return { ask, batches, letGo: () => doors.shift()?.() };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("nobody waits while nobody is there; those who come meanwhile share the next batch, and each gets its own answer", async () => {
  const { ask, batches, letGo } = heldWork();
  const answers = [1, 2, 3, 4, 5, 6].map((one) => ask(one));
  await turn();
  expect(batches).toEqual([[1], [2]]);
  letGo();
  await turn();
  expect(batches).toEqual([[1], [2], [3, 4, 5]]);
  letGo();
  await turn();
  expect(batches).toEqual([[1], [2], [3, 4, 5], [6]]);
  letGo();
  letGo();
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8, 10, 12]);
});

test("one batch at a time: those who are answered and ask again at once share the next one", async () => {
  const batches: number[][] = [];
  const ask = together(10, async (asked: readonly number[]) => {
    batches.push([...asked]);
    await turn();
    return asked;
  }, 1);
  const client = async (first: number) => {
    for (const one of [first, first + 10, first + 20]) await ask(one);
  };
  await Promise.all([1, 2, 3, 4].map(client));
  expect(batches).toEqual([[1], [2, 3, 4, 11], [12, 13, 14, 21], [22, 23, 24]]);
});

test("who cannot be served fails alone: a batch that fails is done again one by one", async () => {
  const { ask, batches, letGo } = heldWork();
  const answers = Promise.allSettled([1, 2, 3, 13, 5].map((one) => ask(one)));
  for (let n = 0; n < 12; n++) {
    await turn();
    letGo();
  }
  expect((await answers).map((one) => (one.status === "fulfilled" ? one.value : String(one.reason)))).toEqual([2, 4, 6, "Error: 13 cannot be done", 10]);
  expect(batches.slice(2)).toEqual([[3, 13, 5], [3], [13], [5]]);
});
