import { setTimeout as pause } from "node:timers/promises";
import {
  ChildFailed,
  describeExit,
  lastLines,
  launch,
  type Child,
  type ChildSpec,
  type Exit,
} from "./child.ts";
import type { Io } from "../command.ts";
import { CommandError } from "../command.ts";

/** What a start script works with. */
export type RunningStack = {
  /**
   * Starts a child and waits until it is ready. Throws a `ChildFailed` when it does not get there.
   */
  start(spec: ChildSpec): Promise<void>;
  /** It was asked to stop, or has failed: nothing more is begun. */
  readonly isOver: () => boolean;
};

type Ending =
  | { readonly kind: "asked"; readonly signal: NodeJS.Signals }
  | {
      readonly kind: "died";
      readonly child: Child;
      readonly exit: Exit;
      /** How often it had died by then; more than once only where it was started again. */
      readonly deaths: number;
    }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Runs `script`, which starts children one after another, then waits. It ends on a signal, when a
 * child dies that is not started again, or when the script fails. Then all children are stopped in
 * reverse order, so that each still has the servers it writes to. Resolves to the exit code: 0 when
 * asked, else 1. `record` is told the running children each time their list changes.
 */
export async function supervise(
  io: Io,
  record: (children: readonly Child[]) => void,
  script: (stack: RunningStack) => Promise<void>,
): Promise<number> {
  const children: Child[] = [];
  let ended = false;
  let settle: ((ending: Ending) => void) | undefined;
  const ending = new Promise<Ending>((done) => (settle = done));
  const end = (how: Ending) => {
    ended = true;
    settle?.(how);
  };
  const deaf = listenForSignals(
    (signal) => end({ kind: "asked", signal }),
    () => children.forEach((child) => child.kill()),
  );

  const deaths = new Map<ChildSpec, number[]>();
  const revivals = new Set<Promise<void>>();

  /** What a death means: the end of the stack, or another start. */
  function died(child: Child, exit: Exit, wasReady: boolean): void {
    const { spec } = child;
    const { restarts } = spec;
    const now = performance.now();
    const recent = [...(deaths.get(spec) ?? []), now].filter(
      (at) => restarts !== undefined && now - at <= restarts.withinMs,
    );
    deaths.set(spec, recent);
    if (ended || !restarts || !wasReady || recent.length > restarts.most)
      return end({ kind: "died", child, exit, deaths: recent.length });
    const waitMs = Math.min(restarts.firstWaitMs * 2 ** (recent.length - 1), 30_000);
    io.err(
      `${spec.name} ${describeExit(exit)}; it is started again in ${waitMs / 1000} s, its ` +
        `lines are in ${spec.logFile}`,
    );
    const revival = revive(child, waitMs)
      .catch((error: unknown) => end({ kind: "failed", error }))
      .finally(() => revivals.delete(revival));
    revivals.add(revival);
  }

  async function revive(dead: Child, waitMs: number): Promise<void> {
    await Promise.race([pause(waitMs, undefined, { ref: false }), ending]);
    if (ended) return;
    const child = await launch(dead.spec, true);
    children[children.indexOf(dead)] = child;
    record(children);
    void child.exited.then((exit) => died(child, exit, true));
    if (ended) {
      child.kill();
      return;
    }
    // One that does not get ready in time has died as well.
    await child.ready.then(
      () => io.out(`${child.spec.name} is ready again`),
      () => child.kill(),
    );
  }

  const stack: RunningStack = {
    isOver: () => ended,
    async start(spec) {
      if (ended) throw new Interrupted();
      const child = await launch(spec);
      children.push(child);
      record(children);
      let isReady = false;
      void child.exited.then((exit) => died(child, exit, isReady));
      await child.ready;
      isReady = true;
    },
  };
  const scripted = script(stack).catch((error: unknown) => end({ kind: "failed", error }));

  const how = await ending;
  if (how.kind === "asked") io.out(`Stopping (${how.signal})`);
  // The script may be between two children: it stops at its next start, and what it had just
  // launched is then in the list.
  for (const child of children.toReversed()) await child.stop();
  await Promise.all([scripted, ...revivals]);
  for (const child of children.toReversed()) await child.stop();
  deaf();
  return report(how, io);
}

class Interrupted extends Error {}

function report(how: Ending, io: Io): number {
  switch (how.kind) {
    case "asked":
      io.out("Stopped");
      return 0;
    case "died":
      io.err(
        `${how.child.spec.name} ${describeExit(how.exit)}${often(how)}, so everything was ` +
          `stopped. Its last lines (${how.child.spec.logFile}):`,
      );
      io.err(lastLines(how.child.spec.logFile) || "(none)");
      return 1;
    case "failed":
      if (how.error instanceof ChildFailed || how.error instanceof CommandError) {
        io.err(how.error.message);
        return 1;
      }
      throw how.error;
    default:
      return how satisfies never;
  }
}

function often({ child, deaths }: Extract<Ending, { kind: "died" }>): string {
  const { restarts } = child.spec;
  if (deaths < 2 || !restarts) return "";
  return `, ${deaths} deaths within ${restarts.withinMs / 60_000} minutes`;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * The first signal asks for an orderly stop. A later one kills at once, but not within two
 * seconds: npm forwards the terminal's Ctrl-C, so a single one arrives twice.
 */
function listenForSignals(
  first: (signal: NodeJS.Signals) => void,
  impatient: () => void,
): () => void {
  let since: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (since === undefined) {
      since = performance.now();
      first(signal);
    } else if (performance.now() - since > 2000) {
      impatient();
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => SIGNALS.forEach((signal) => process.off(signal, onSignal));
}
