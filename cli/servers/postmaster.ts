import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { commandLineOf, identityOf } from "../stack/identity.ts";

/**
 * Makes a data folder free to start on. A server that outlived its supervisor is asked to stop
 * (fast shutdown); a `postmaster.pid` whose process is gone, or whose pid now belongs to some
 * other program, is removed, because Postgres itself refuses to start on a reused pid.
 */
export async function clearStalePostmaster(data: string, withinMs = 30_000): Promise<void> {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
  const identity = identityOf(pid);
  if (identity && commandLineOf(pid).includes(data)) {
    process.kill(pid, "SIGINT");
    const deadline = performance.now() + withinMs;
    while (identityOf(pid) === identity) {
      if (performance.now() > deadline) process.kill(pid, "SIGQUIT");
      await pause(50);
    }
  }
  rmSync(file, { force: true });
}
