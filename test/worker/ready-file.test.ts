import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepReadyFile } from "../../worker/ready-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-ready-"));
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

test("the file is there while the worker works, is written anew, and is removed with it", async () => {
  const file = join(folder, "worker-ready");
  writeFileSync(file, "of the process before");
  let [isRunning, now] = [false, Date.parse("2026-11-20T12:00:00Z")];
  const failed = vi.fn();
  const part = keepReadyFile({ file, clock: () => now, isRunning: () => isRunning, failed });
  await vi.waitUntil(() => !existsSync(file));
  const written = async (text: string) => {
    vi.advanceTimersByTime(2_000);
    await vi.waitUntil(() => existsSync(file) && readFileSync(file, "utf8") === text);
  };
  isRunning = true;
  await written("2026-11-20T12:00:00.000Z\n");
  now += 2_000;
  await written("2026-11-20T12:00:02.000Z\n");
  isRunning = false;
  vi.advanceTimersByTime(2_000);
  await vi.waitUntil(() => !existsSync(file));
  isRunning = true;
  await written("2026-11-20T12:00:02.000Z\n");
  await part.stop();
  expect([existsSync(file), failed.mock.calls]).toEqual([false, []]);
});

test("a place that cannot be written is told once, and ends nothing", async () => {
  const file = join(folder, "missing", "worker-ready");
  const failed = vi.fn();
  const part = keepReadyFile({ file, clock: () => 0, isRunning: () => true, failed });
  await vi.waitUntil(() => failed.mock.calls.length > 0);
  vi.advanceTimersByTime(2_000);
  await part.stop();
  expect(failed.mock.calls).toEqual([[expect.objectContaining({ code: "ENOENT" })]]);
});
