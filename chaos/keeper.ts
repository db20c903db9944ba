import { setTimeout as pause } from "node:timers/promises";
import { describeExit, lastLines, launch, type Child, type ChildSpec } from "../cli/stack/child.ts";

/** A process that is started again whenever it ends, as an operator's supervisor would. */
export interface Kept {
  readonly name: string;
  pid(): number | undefined;
  /**
   * Resolves when it is ready, now or after its next start. Throws when that takes longer than
   * `withinMs`.
   */
  up(withinMs: number): Promise<void>;
  isUp(): boolean;
  /** Ends it with this signal; the next start has these variables on top of its own. */
  kill(signal: NodeJS.Signals, next?: Readonly<Record<string, string>>): void;
  /** How often it ended at a crash point. */
  crashes(): readonly string[];
  /**
   * Ends that nobody asked for, in words. Not one that could not start because what it needs was
   * away.
   */
  readonly unasked: string[];
  starts(): number;
  stop(): Promise<void>;
}

/**
 * Begins to keep it. `spec` is asked before each start. `changed` is told each time the running
 * child is another one.
 */
export function keep(
  name: string,
  spec: (start: number, extra: Readonly<Record<string, string>>) => Promise<ChildSpec>,
  changed: () => void,
): Kept & { child(): Child | undefined } {
  let child: Child | undefined;
  let ready = false;
  let stopping = false;
  let isAsked = false;
  let extra: Readonly<Record<string, string>> = {};
  let starts = 0;
  const crashes: string[] = [];
  const unasked: string[] = [];
  const waiting = new Set<() => void>();

  const once = async (): Promise<void> => {
    const mine = extra;
    extra = {};
    starts += 1;
    const running = await launch(await spec(starts, mine));
    child = running;
    changed();
    if (stopping) running.kill();
    try {
      await running.ready;
      ready = true;
      for (const tell of waiting) tell();
      waiting.clear();
    } catch {
      // Ended before it was ready, or not ready in time: the next start may do better.
      running.kill();
    }
    const wasReady = ready;
    const exit = await running.exited;
    ready = false;
    child = undefined;
    changed();
    const crash = mine["BATON_CRASH_AT"];
    if (isAsked || stopping) isAsked = false;
    else if (crash !== undefined && exit.signal === "SIGKILL")
      crashes.push(crash.split(":")[0] ?? crash);
    else if (wasReady)
      unasked.push(`${name} ${describeExit(exit)}: ${lastLines(running.spec.logFile, 4)}`);
  };
  const running = (async () => {
    for (;;) {
      await once().catch((error: unknown) => {
        unasked.push(
          `${name} could not be started: ${error instanceof Error ? error.message : String(error)}`,
        );
      });
      if (stopping) return;
      await pause(200);
      if (stopping) return;
    }
  })();

  return {
    name,
    crashes: () => crashes,
    unasked,
    starts: () => starts,
    isUp: () => ready,
    pid: () => child?.pid,
    child: () => child,
    up: (withinMs) =>
      ready
        ? Promise.resolve()
        : new Promise((done, fail) => {
            const timer = setTimeout(
              () =>
                fail(
                  new Error(`${name} was not ready within ${withinMs} ms. ${unasked.join(" ")}`),
                ),
              withinMs,
            );
            waiting.add(() => {
              clearTimeout(timer);
              done();
            });
          }),
    kill(signal, next = {}) {
      extra = next;
      if (!child) return;
      isAsked = true;
      ready = false;
      try {
        process.kill(child.pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    },
    async stop() {
      stopping = true;
      await child?.stop();
      await running;
    },
  };
}
