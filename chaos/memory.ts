import { execFileSync } from "node:child_process";

/** Resident memory of a process in MiB; undefined when it is gone. */
export function memoryOf(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  try {
    const kib = Number(
      execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }).trim(),
    );
    return Number.isFinite(kib) && kib > 0 ? Math.round(kib / 1024) : undefined;
  } catch {
    return undefined;
  }
}
