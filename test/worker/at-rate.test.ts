import { expect, test } from "vitest";
import { atRate } from "../../worker/at-rate.ts";

const running = new AbortController().signal;
const round = (taken: number) => () => Promise.resolve({ taken, isMore: true });

test("what is taken in bulk is no more than the rate, so that whoever works today goes on", async () => {
  const began = performance.now();
  const paced = atRate(100, running, round(5));
  for (let n = 0; n < 3; n += 1) expect(await paced()).toBe(true);
  // A timer may be a millisecond early.
  expect(performance.now() - began).toBeGreaterThanOrEqual(3 * 50 - 3);
});

test("a round that took nothing, and one without a rate, is followed at once", async () => {
  // A rest would be of hours.
  expect(await atRate(0.0001, running, round(0))()).toBe(true);
  expect(await atRate(0, running, round(1_000))()).toBe(true);
});

test("a rest ends with the relay", async () => {
  const ending = new AbortController();
  const paced = atRate(0.0001, ending.signal, async () => {
    setImmediate(() => ending.abort());
    return Promise.resolve({ taken: 1, isMore: true });
  });
  expect(await paced()).toBe(true);
  expect(await paced()).toBe(true);
});

test("a round that fails is not rested after", async () => {
  const failing = atRate(0.0001, running, () => Promise.reject(new Error("no")));
  await expect(failing()).rejects.toThrow("no");
});
