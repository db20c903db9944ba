import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepLogsSmall, rotateLog, shiftLogs } from "../../../cli/stack/log-files.ts";
import { eventually } from "../../support/eventually.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-logs-"));
  file = join(folder, "worker.log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const text = (name: string) => readFileSync(join(folder, name), "utf8");

test("a log that is too large goes on in an empty file; the process that writes notices nothing", () => {
  const open = openSync(file, "a");
  writeSync(open, "first\n".repeat(10));
  expect(rotateLog(file, { bytes: 61, older: 3 })).toBe(false);
  expect(rotateLog(file, { bytes: 60, older: 3 })).toBe(true);
  writeSync(open, "second\n");
  closeSync(open);
  expect(text("worker.log")).toBe("second\n");
  expect(text("worker.log.1")).toBe("first\n".repeat(10));
});

test("only so many older ones are kept, the newest first", () => {
  for (const line of ["a", "b", "c", "d", "e"]) {
    writeFileSync(file, line);
    rotateLog(file, { bytes: 1, older: 3 });
  }
  expect(["1", "2", "3"].map((n) => text(`worker.log.${n}`))).toEqual(["e", "d", "c"]);
  expect(existsSync(`${file}.4`)).toBe(false);
});

test("a start keeps what the runs before have written", () => {
  writeFileSync(file, "run 3");
  writeFileSync(`${file}.1`, "run 2");
  writeFileSync(`${file}.2`, "run 1");
  shiftLogs(folder, { bytes: 1, older: 3 });
  // The log itself becomes `.1` when its process is started.
  expect(existsSync(`${file}.1`)).toBe(false);
  expect([text("worker.log"), text("worker.log.2"), text("worker.log.3")]).toEqual([
    "run 3",
    "run 2",
    "run 1",
  ]);
});

test(
  "every log of the folder is watched, until it is stopped; a folder that goes away breaks " +
    "nothing",
  async () => {
    const stop = keepLogsSmall(folder, { bytes: 10, older: 2 }, 20);
    appendFileSync(join(folder, "api.log"), "0123456789");
    appendFileSync(join(folder, "notes.txt"), "0123456789");
    await eventually(5, () => Promise.resolve(existsSync(join(folder, "api.log.1"))));
    expect(text("api.log")).toBe("");
    expect(text("notes.txt")).toBe("0123456789");
    stop();
    appendFileSync(join(folder, "api.log"), "0123456789");
    rmSync(folder, { recursive: true });
    expect(rotateLog(file, { bytes: 1, older: 2 })).toBe(false);
  },
);
