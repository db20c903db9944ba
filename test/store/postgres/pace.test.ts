import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { resting, withoutRests } from "../../../store/postgres/pace.ts";

test("it rests after a step for so many times as long as the step took", async () => {
  const pace = resting(2);
  for (const ms of [60, 20]) {
    const began = performance.now();
    let took = 0;
    const result = await pace(async () => {
      await pause(ms);
      took = performance.now() - began;
      return "done";
    });
    expect(result).toBe("done");
    // A timer may be a millisecond early.
    expect(performance.now() - began).toBeGreaterThanOrEqual(3 * took - 2);
  }
});

test("a step that fails is not rested after, and without rests nothing waits", async () => {
  const failing = () => Promise.reject(new Error("no"));
  await expect(resting(1e9)(failing)).rejects.toThrow("no");
  expect(await withoutRests(() => Promise.resolve(1))).toBe(1);
});

test("once the work is another's no further step begins", async () => {
  let isOurs = true;
  const pace = resting(0, undefined, () => isOurs);
  expect(await pace(() => Promise.resolve(1))).toBe(1);
  isOurs = false;
  await expect(pace(() => Promise.resolve(2))).rejects.toThrow("no longer ours");
});

test("once the work shall end a rest is over, and no further step begins", async () => {
  const ending = new AbortController();
  const pace = resting(1e6, ending.signal);
  let begun = 0;
  const step = async () => {
    begun += 1;
    await pause(5);
    setImmediate(() => ending.abort());
  };
  await expect(pace(step)).rejects.toThrow("abort");
  await expect(pace(step)).rejects.toThrow("abort");
  expect(begun).toBe(1);
});
