import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CommandError } from "../command.ts";
import { identityOf } from "./identity.ts";
import { withLock } from "./lock.ts";

type Process = {
  readonly name: string;
  readonly pid: number;
  readonly identity: string | undefined;
  readonly stopSignal: NodeJS.Signals;
};

/** `<folder>/run.json`: who runs here. What a killed supervisor leaves is found through it. */
type Run = { readonly supervisor: Process; readonly children: readonly Process[] };

export type HomeClaim = {
  /** Writes down the children that run now; to be called each time one was started. */
  record(
    children: readonly {
      readonly spec: { readonly name: string; readonly stopSignal: NodeJS.Signals };
      readonly pid: number;
    }[],
  ): void;
  release(): void;
};

/**
 * Takes a data folder for this process. Throws a `CommandError` while another supervisor runs on
 * it; stops, newest first, what a dead one left, and tells `say`.
 */
export async function claimHome(
  folder: string,
  say: (line: string) => void,
  graceMs = 15_000,
): Promise<HomeClaim> {
  const file = join(folder, "run.json");
  const supervisor = describeProcess("supervisor", process.pid, "SIGTERM");
  const write = (run: Run) => {
    writeFileSync(`${file}.new`, JSON.stringify(run, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  await withLock(
    join(folder, "run.lock"),
    () => {},
    async () => {
      const before = read(file);
      if (before && lives(before.supervisor)) {
        throw new CommandError(
          `Baton already runs on ${folder} (process ${before.supervisor.pid}); stop it with ` +
            "Ctrl-C there, or set BATON_HOME, PORT, TEMPORAL_PORT and TEMPORAL_UI_PORT to run a " +
            "second one.",
        );
      }
      for (const child of (before?.children ?? []).toReversed()) {
        if (!lives(child)) continue;
        say(`Stopping ${child.name} (process ${child.pid}), left by a start that was killed`);
        await stop(child, graceMs);
      }
      write({ supervisor, children: [] });
    },
  );
  return {
    record(children) {
      write({
        supervisor,
        children: children.map(({ spec, pid }) => describeProcess(spec.name, pid, spec.stopSignal)),
      });
    },
    release: () => rmSync(file, { force: true }),
  };
}

/** The pid of the supervisor that runs on a folder now, if one does. Changes nothing. */
export function runningOn(folder: string): number | undefined {
  const run = read(join(folder, "run.json"));
  return run && lives(run.supervisor) ? run.supervisor.pid : undefined;
}

function describeProcess(name: string, pid: number, stopSignal: NodeJS.Signals): Process {
  return { name, pid, identity: identityOf(pid), stopSignal };
}

function read(file: string): Run | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Run;
  } catch {
    throw new CommandError(
      `${file} cannot be read; see that no Baton runs on this folder, then delete the file.`,
    );
  }
}

/** The same process, not just the same number. */
function lives(one: Process): boolean {
  return one.identity !== undefined && identityOf(one.pid) === one.identity;
}

async function stop(child: Process, graceMs: number): Promise<void> {
  process.kill(child.pid, child.stopSignal);
  const deadline = performance.now() + graceMs;
  while (lives(child)) {
    // Checked just now, so the group is still the child's own.
    if (performance.now() > deadline) process.kill(-child.pid, "SIGKILL");
    await pause(50);
  }
}
