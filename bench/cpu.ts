import { readFileSync, readdirSync } from "node:fs";

/**
 * Processor time in milliseconds and resident memory in bytes of a process; null where there is no
 * /proc (macOS).
 */
export function usageOf(pid: number): { cpuMs: number; rss: number } | null {
  try {
    const { cpu, rss } = statOf(pid);
    return { cpuMs: cpu, rss };
  } catch {
    return null;
  }
}

/**
 * The same for Postgres: the postmaster with its backends, gone ones included. Shared memory makes
 * a sum of memory meaningless, so it has none.
 */
export function cpuOfFamily(pid: number): number | null {
  try {
    const children = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const stat = statOf(Number(name));
          return stat.parent === pid ? [stat.cpu] : [];
        } catch {
          return [];
        }
      });
    const own = statOf(pid);
    return own.cpu + own.waited + children.reduce((sum, one) => sum + one, 0);
  } catch {
    return null;
  }
}

/**
 * How long a process of one thread has run, in milliseconds with fractions; null where the system
 * does not tell.
 */
export function ranMs(pid: number): number | null {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    return Number(nanoseconds) / 1e6;
  } catch {
    return null;
  }
}

/** Who started it; null where there is no /proc. */
export function parentOf(pid: number): number | null {
  try {
    return statOf(pid).parent;
  } catch {
    return null;
  }
}

/** The kernel counts in hundredths of a second. */
const tickMs = 10;

function statOf(pid: number): { parent: number; cpu: number; waited: number; rss: number } {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in brackets that may hold anything.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const at = (n: number) => fields[n - 3] ?? 0;
  return {
    parent: at(4),
    cpu: (at(14) + at(15)) * tickMs,
    waited: (at(16) + at(17)) * tickMs,
    rss: at(24) * 4096,
  };
}
