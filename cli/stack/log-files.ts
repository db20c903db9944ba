import {
  copyFileSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";

/** How large a log may grow, and how many older ones are kept beside it. */
export interface LogLimits {
  readonly bytes: number;
  readonly older: number;
}

export const logLimits: LogLimits = { bytes: 10_000_000, older: 5 };

const lookEveryMs = 10_000;

/**
 * Keeps the logs of a folder small: each `name.log` that has grown too large goes on in an empty
 * file, and what it held is `name.log.1`, before it `.2` and so on. The process that writes keeps
 * its file open for appending, so it is copied and cut instead of renamed; a line written in the
 * moment between the two is lost. Gives what stops it.
 */
export function keepLogsSmall(
  folder: string,
  limits: LogLimits = logLimits,
  everyMs = lookEveryMs,
): () => void {
  const timer = setInterval(() => {
    for (const file of logsIn(folder)) rotateLog(file, limits);
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Makes room for a start: the logs of the run before keep their lines under the next number. */
export function shiftLogs(folder: string, limits: LogLimits = logLimits): void {
  for (const file of logsIn(folder)) shift(file, limits);
}

/** Copies a log that is too large and cuts it; says whether it did. Never throws. */
export function rotateLog(file: string, limits: LogLimits): boolean {
  try {
    if (statSync(file).size < limits.bytes) return false;
    shift(file, limits);
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
    return true;
  } catch {
    // A full disk, or a folder that is being removed: the processes go on, and so do their logs.
    return false;
  }
}

function logsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .map((name) => join(folder, name));
}

/** `.1` becomes `.2` and so on; the last one goes. */
function shift(file: string, { older }: LogLimits): void {
  rmSync(`${file}.${older}`, { force: true });
  for (let n = older - 1; n >= 1; n--)
    if (existsSync(`${file}.${n}`)) renameSync(`${file}.${n}`, `${file}.${n + 1}`);
}
