import { expect, test } from "vitest";
import { batched } from "../../../store/postgres/batch.ts";

/** Work that is held until it is let go, so that the next ones must wait. */
function heldWork(atOnce?: number, overtakenAfterMs?: number) {
  const batches: number[][] = [];
  const doors = new Map<number, () => void>();
  const ask = batched(
    3,
    async (asked: readonly number[]) => {
      batches.push([...asked]);
      await new Promise<void>((open) => doors.set(asked[0] ?? 0, open));
      if (asked.includes(13)) throw new Error("13 cannot be done");
      return asked.map((one) => one * 2);
    },
    atOnce,
    overtakenAfterMs,
  );
  /** Lets the batch go that begins with `first`. */
  const letGo = async (first: number) => {
    doors.get(first)?.();
    await turn();
  };
  return { ask, batches, letGo };
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 2));

test(
  "those who ask in one turn share a batch, those who come meanwhile the next one, and each " +
    "gets its own answer",
  async () => {
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
  },
);

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

test(
  "who waits for a lock holds up nobody else for longer than the patience, and never more than " +
    "a few are overtaken",
  async () => {
    const { ask, batches, letGo } = heldWork(1, 20);
    const answers: Promise<number>[] = [];
    for (let n = 1; n <= 4; n++) {
      answers.push(ask(n));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(batches).toEqual([[1], [2], [3]]);
    await letGo(2);
    expect(batches).toHaveLength(3);
    await letGo(3);
    expect(batches.at(-1)).toEqual([4]);
    for (const n of [1, 4]) await letGo(n);
    expect(await Promise.all(answers)).toEqual([2, 4, 6, 8]);
  },
);

test("one batch at a time: those who are answered and ask again at once share the next one", async () => {
  const batches: number[][] = [];
  const ask = batched(
    10,
    async (asked: readonly number[]) => {
      batches.push([...asked]);
      await turn();
      return asked;
    },
    1,
  );
  const client = async (first: number) => {
    for (const one of [first, first + 10, first + 20]) await ask(one);
  };
  await Promise.all([1, 2, 3, 4].map(client));
  expect(batches).toEqual([
    [1, 2, 3, 4],
    [11, 12, 13, 14],
    [21, 22, 23, 24],
  ]);
});

test("who cannot be served fails alone: a batch that fails is done again one by one", async () => {
  const { ask, batches, letGo } = heldWork();
  const answers = Promise.allSettled([3, 13, 5].map((one) => ask(one)));
  await turn();
  for (const n of [3, 3, 13, 5]) await letGo(n);
  expect(
    (await answers).map((one) => (one.status === "fulfilled" ? one.value : String(one.reason))),
  ).toEqual([6, "Error: 13 cannot be done", 10]);
  expect(batches).toEqual([[3, 13, 5], [3], [13], [5]]);
});

test("when the database is away all of a batch fail at once, and are not asked for one by one", async () => {
  let asked = 0;
  const ask = batched(8, () => {
    asked += 1;
    return Promise.reject(
      Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
    );
  });
  const answers = await Promise.allSettled([1, 2, 3].map((one) => ask(one)));
  expect(answers.map((one) => one.status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(asked).toBe(1);
});
