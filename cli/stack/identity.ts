import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/**
 * Who a pid is: a text that stays the same while this process lives and that no later process with
 * the same pid will share. Undefined when no such process runs. Pids are reused, after a reboot or
 * in a container within seconds, so a pid alone must never be signalled.
 */
export function identityOf(pid: number): string | undefined {
  return existsSync("/proc/self/stat") ? fromProc(pid) : fromPs(pid);
}

/** Linux: the boot and the clock tick at which the process began. */
function fromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in brackets, may hold spaces: count the fields after it.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${rest[18]}`;
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): string | undefined {
  const listed = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return listed.status === 0 ? listed.stdout.trim() || undefined : undefined;
}

/** The command line of a process, for telling ours from others; empty when it cannot be read. */
export function commandLineOf(pid: number): string {
  const listed = spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  return listed.status === 0 ? listed.stdout.trim() : "";
}
