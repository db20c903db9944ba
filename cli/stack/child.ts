import { spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { SystemUser } from "../servers/system-user.ts";

/** How a child that died is started again. */
export type Restarts = {
  /** The wait before the first of them; it doubles with each death, up to half a minute. */
  readonly firstWaitMs: number;
  /** More deaths than `most` within `withinMs` end the stack. */
  readonly most: number;
  readonly withinMs: number;
};

/** One process of the stack: how it starts, how it shows that it is ready, how it stops. */
export type ChildSpec = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Run as this user instead of ours; only root can. */
  readonly user?: SystemUser | undefined;
  /**
   * Everything the child prints goes here. The file of the stack's previous run is kept as
   * `<file>.1`.
   */
  readonly logFile: string;
  readonly stopSignal: NodeJS.Signals;
  /** How long the child may take to stop before its whole group is killed, in ms. */
  readonly graceMs: number;
  readonly readyWithinMs: number;
  /** Started again when it dies after it was ready; absent: its death ends the stack. */
  readonly restarts?: Restarts;
  /**
   * Asked again and again until it says true. While it says "recovers" its time does not run: the
   * child works off what was left to it. `log` is what the child has printed so far.
   */
  readonly ready: (log: () => string) => Promise<boolean | "recovers">;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Child = {
  readonly spec: ChildSpec;
  readonly pid: number;
  /** Resolves when the process is gone, for whatever reason. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Resolves when ready; rejects with a `ChildFailed` when the child ends or takes too long. */
  readonly ready: Promise<void>;
  /** Asks politely, waits the grace period, then kills the group. Safe to call twice. */
  stop(): Promise<void>;
  /** Kills the group at once. */
  kill(): void;
};

/** A child ended or did not become ready. The message holds its last lines. */
export class ChildFailed extends Error {}

/**
 * Starts a process in a group of its own, so that a Ctrl-C in the terminal reaches only the
 * supervisor, which then stops its children in order. Output goes straight to a file and not
 * through a pipe: a child must not be killed by a broken pipe when the supervisor dies.
 * What it writes is for this user's eyes only. With `isAgain` it goes on in the log of the one that
 * died. Throws a `ChildFailed` when the program cannot be started at all.
 */
export async function launch(spec: ChildSpec, isAgain = false): Promise<Child> {
  const log = openLog(spec.logFile, isAgain);
  const before = fstatSync(log).size;
  const umask = process.umask(0o077);
  let started: ChildProcess;
  try {
    started = spawn(spec.command, [...spec.args], {
      detached: true,
      stdio: ["ignore", log, log],
      env: spec.env,
      ...(spec.cwd ? { cwd: spec.cwd } : {}),
      ...(spec.user ? { uid: spec.user.uid, gid: spec.user.gid } : {}),
    });
  } finally {
    process.umask(umask);
    closeSync(log);
  }
  const exited = new Promise<Exit>((done) =>
    started.once("exit", (code, signal) => done({ code, signal })),
  );
  await new Promise<void>((ok, fail) => {
    started.once("spawn", ok);
    started.once("error", (cause) =>
      fail(new ChildFailed(`${spec.name} could not be started: ${cause.message}`)),
    );
  });
  const pid = started.pid!;

  let over = false;
  void exited.then(() => (over = true));
  const group = (signal: NodeJS.Signals) => send(-pid, signal);

  const child: Child = {
    spec,
    pid,
    exited,
    ready: untilReady(spec, exited, () => readLog(spec.logFile, before)),
    async stop() {
      if (!over) {
        send(pid, spec.stopSignal);
        const late = new AbortController();
        await Promise.race([
          exited,
          pause(spec.graceMs, undefined, { signal: late.signal }).catch(() => undefined),
        ]);
        late.abort();
      }
      group("SIGKILL");
      await exited;
    },
    kill: () => group("SIGKILL"),
  };
  // A child may fail before `ready` is awaited. The rejection stays available to a later await.
  child.ready.catch(() => undefined);
  return child;
}

/** The last lines a child printed, for a message to the operator. */
export function lastLines(logFile: string, count = 12): string {
  return readLog(logFile).trimEnd().split("\n").slice(-count).join("\n");
}

async function untilReady(
  spec: ChildSpec,
  exited: Promise<Exit>,
  log: () => string,
): Promise<void> {
  let deadline = performance.now() + spec.readyWithinMs;
  let ended: Exit | undefined;
  void exited.then((exit) => (ended = exit));
  for (let wait = 10; ; wait = Math.min(wait * 1.5, 200)) {
    if (ended) throw failed(spec, `${spec.name} ${describeExit(ended)} before it was ready.`);
    const state = await spec.ready(log);
    if (state === true) return;
    if (state === "recovers") deadline = performance.now() + spec.readyWithinMs;
    if (performance.now() > deadline) {
      throw failed(spec, `${spec.name} was not ready after ${spec.readyWithinMs / 1000} s.`);
    }
    await pause(wait);
  }
}

/** "ended with exit code 3" or "was ended by SIGKILL". */
export function describeExit(exit: Exit): string {
  return exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
}

function failed(spec: ChildSpec, sentence: string): ChildFailed {
  const lines = lastLines(spec.logFile);
  return new ChildFailed(
    lines ? `${sentence} Its last lines:\n${lines}` : `${sentence} It printed nothing.`,
  );
}

function openLog(file: string, isAgain: boolean): number {
  mkdirSync(dirname(file), { recursive: true });
  if (!isAgain && existsSync(file)) renameSync(file, `${file}.1`);
  return openSync(file, "a", 0o600);
}

function readLog(file: string, from = 0): string {
  return existsSync(file) ? readFileSync(file).subarray(from).toString("utf8") : "";
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
