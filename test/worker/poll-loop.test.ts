import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { pollLoop, type PollLoop } from "../../worker/poll-loop.ts";

interface Begun {
  readonly end: (isMore?: boolean) => Promise<void>;
  readonly fail: (why: string) => Promise<void>;
}

let begun: Begun[];
let failures: [string, number][];
let rounds: PollLoop;

/** Rounds that end when the test says so. */
function start(atOnce: number): void {
  begun = [];
  failures = [];
  rounds = pollLoop(
    {
      atOnce,
      idleMs: 1_000,
      clock: Date.now,
      failed: (error, inARow) => failures.push([(error as Error).message, inARow]),
    },
    () =>
      new Promise((resolve, reject) => {
        begun.push({
          end: async (isMore = false) => {
            resolve(isMore);
            await vi.advanceTimersByTimeAsync(0);
          },
          fail: async (why) => {
            reject(new Error(why));
            await vi.advanceTimersByTimeAsync(0);
          },
        });
      }),
  );
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

test("it begins at once, and by itself a second after the last round", async () => {
  start(1);
  expect(begun).toHaveLength(1);
  await begun[0]!.end();
  await vi.advanceTimersByTimeAsync(999);
  expect(begun).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toHaveLength(2);
});

test("a ring while a round is under way begins another one beside it, as far as that is allowed", () => {
  start(3);
  for (let n = 0; n < 5; n++) rounds.ring();
  expect(begun).toHaveLength(3);
});

test("no ring is lost: one that found no room is made up for when a round is over, once", async () => {
  start(1);
  rounds.ring();
  rounds.ring();
  await begun[0]!.end();
  expect(begun).toHaveLength(2);
  await begun[1]!.end();
  expect(begun).toHaveLength(2);
});

test("while a round hangs others come round by themselves, as far as that is allowed", async () => {
  start(3);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(begun).toHaveLength(2);
  await begun[1]!.fail("not yet");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(begun).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(begun).toHaveLength(4);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(begun).toHaveLength(4);
});

test("a round that says there is more is followed by the next one", async () => {
  start(1);
  await begun[0]!.end(true);
  expect(begun).toHaveLength(2);
});

test(
  "while rounds fail the pause grows to five seconds, every failure is counted, and a ring is " +
    "answered at once",
  async () => {
    start(1);
    for (const seconds of [1, 2, 3, 4, 5, 5]) {
      await begun.at(-1)!.fail("Temporal is away");
      const before = begun.length;
      await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1);
      expect(begun).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(begun).toHaveLength(before + 1);
    }
    expect(failures.map(([, inARow]) => inARow)).toEqual([1, 2, 3, 4, 5, 6]);
    await begun.at(-1)!.fail("Temporal is away");
    const before = begun.length;
    rounds.ring();
    expect(begun).toHaveLength(before + 1);
    await begun.at(-1)!.end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(begun).toHaveLength(before + 2);
  },
);

test("it ends when the rounds under way are over, and begins none after that", async () => {
  start(2);
  rounds.ring();
  let isOver = false;
  const stopped = rounds.stop().finally(() => {
    isOver = true;
  });
  rounds.ring();
  await begun[0]!.end(true);
  expect(isOver).toBe(false);
  await begun[1]!.end();
  await stopped;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(begun).toHaveLength(2);
});

test("it says when a round was last over", async () => {
  start(1);
  await vi.advanceTimersByTimeAsync(400);
  await begun[0]!.end();
  expect(rounds.lastPass()).toBe(400);
});
