import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { every } from "../../worker/every.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a round never begins while another is under way", async () => {
  const begun: (() => void)[] = [];
  const repeated = every(
    1_000,
    () => new Promise((done) => void begun.push(done)),
    () => undefined,
  );
  await vi.advanceTimersByTimeAsync(3_500);
  expect(begun).toHaveLength(1);
  const asked = repeated.now();
  expect(begun).toHaveLength(1);
  begun[0]!();
  await asked;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(begun).toHaveLength(2);
  begun[1]!();
  await repeated.stop();
});

test("of failures in a row only the first is told, and a later one again after a success", async () => {
  const failures: unknown[] = [];
  const answers = ["a", "b", null, "c"];
  const repeated = every(
    1_000,
    async () => {
      const answer = answers.shift();
      if (answer) throw new Error(answer);
    },
    (error) => failures.push((error as Error).message),
  );
  await vi.advanceTimersByTimeAsync(4_000);
  expect(failures).toEqual(["a", "c"]);
  await repeated.stop();
});

test("after a failure a long round does not begin again at once", async () => {
  const begun: number[] = [];
  const repeated = every(
    1_000,
    async () => {
      begun.push(Date.now());
      if (begun.length === 1) throw new Error("away");
    },
    () => undefined,
    5_000,
  );
  await vi.advanceTimersByTimeAsync(8_000);
  expect(begun).toEqual([1_000, 6_000, 7_000, 8_000]);
  await repeated.stop();
});

test("stopping waits for the round under way, and no further one begins", async () => {
  const seen: string[] = [];
  let end = () => {};
  const repeated = every(
    1_000,
    () =>
      new Promise((done) => {
        seen.push("begun");
        end = () => done(undefined);
      }),
    () => undefined,
  );
  await vi.advanceTimersByTimeAsync(1_000);
  const stopped = repeated.stop().then(() => seen.push("stopped"));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(seen).toEqual(["begun"]);
  end();
  await stopped;
  expect(seen).toEqual(["begun", "stopped"]);
});

test("a round is told to end, and what it throws then is no failure", async () => {
  const failures: unknown[] = [];
  const repeated = every(
    1_000,
    (ending) =>
      new Promise((_, reject) => {
        ending.addEventListener("abort", () => reject(new Error("ended")));
      }),
    (error) => failures.push(error),
  );
  await vi.advanceTimersByTimeAsync(1_000);
  await repeated.stop();
  expect(failures).toEqual([]);
});
