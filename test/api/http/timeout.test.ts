import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { newRoutes } from "../../../api/deps.ts";
import { problemResponse } from "../../../api/http/errors.ts";
import { withDeadline, outsideDeadline, prolonged } from "../../../api/http/timeout.ts";

const pause = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
/** Answers after `before`, a part whose time does not count, and `after`; all in milliseconds. */
const app = newRoutes();
const begun: string[] = [];
app.get("/:before/:free/:after", async (c) => {
  const [before = 0, free = 0, after = 0] = (["before", "free", "after"] as const).map((part) =>
    Number(c.req.param(part)),
  );
  await pause(before);
  if (free > 0) await outsideDeadline(c.req.raw, () => pause(free));
  await pause(after);
  begun.push(c.req.path);
  return c.text("done");
});
/** Adds `more` to its time, once, for work that takes `ms`, and answers `after` it. */
app.get("/prolonged/:more/:ms/:after", async (c) => {
  const [more = 0, ms = 0, after = 0] = (["more", "ms", "after"] as const).map((part) =>
    Number(c.req.param(part)),
  );
  const given = [more];
  await prolonged(
    c.req.raw,
    () => given.shift() ?? 0,
    () => pause(ms),
  );
  await pause(after);
  return c.text("done");
});
withDeadline(app, problemResponse);

beforeEach(() => {
  vi.useFakeTimers();
  begun.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

/** The status, and when it came. */
async function answer(path: string): Promise<[number, number]> {
  const began = performance.now();
  const came: [number, number][] = [];
  const ask = async (): Promise<void> => {
    came.push([(await app.request(path)).status, performance.now() - began]);
  };
  const asking = ask();
  while (came.length === 0) await vi.advanceTimersByTimeAsync(10);
  await asking;
  return came[0]!;
}

test("an answer in time is given as it is", async () => {
  expect(await answer("/1000/0/1400")).toEqual([200, 2400]);
});

test(
  "whoever waits longer than two and a half seconds is told to come again, and what was begun " +
    "goes on",
  async () => {
    const response = app.request("/2000/0/2000");
    await vi.advanceTimersByTimeAsync(2_500);
    expect((await response).status).toBe(503);
    expect((await response).headers.get("retry-after")).not.toBeNull();
    expect(begun).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(begun).toEqual(["/2000/0/2000"]);
  },
);

test("what takes as long as it takes does not count, what comes before and after it does", async () => {
  expect(await answer("/1000/60000/1400")).toEqual([200, 62_400]);
  expect(await answer("/1000/60000/1600")).toEqual([503, 62_500]);
});

test("time that is over before it begins stays over", async () => {
  expect(await answer("/2600/60000/0")).toEqual([503, 2_500]);
});

test("what may outlast the time is asked for more when it is over, and has the usual time after it", async () => {
  expect(await answer("/prolonged/10000/2300/100")).toEqual([200, 2_400]);
  expect(await answer("/prolonged/10000/12000/2400")).toEqual([200, 14_400]);
  expect(await answer("/prolonged/10000/12000/2600")).toEqual([503, 14_500]);
  expect(await answer("/prolonged/10000/13000/0")).toEqual([503, 12_500]);
  expect(await answer("/prolonged/0/2600/0")).toEqual([503, 2_500]);
});

test("work in time leaves the time as it was", async () => {
  expect(await answer("/prolonged/10000/2000/600")).toEqual([503, 2_500]);
});

test("no timer is left when the answer is given", async () => {
  await answer("/10/10/10");
  expect(vi.getTimerCount()).toBe(0);
});

test("outside of a request nobody is in a hurry", async () => {
  const done = outsideDeadline(new Request("http://baton.test/"), () => Promise.resolve(1));
  await expect(done).resolves.toBe(1);
});
