import {
  ChildFailed,
  describeExit,
  lastLines,
  launch,
  type Child,
  type ChildSpec,
  type Exit,
} from "./child.ts";
import type { Io } from "./command.ts";
import { Problem } from "./command.ts";

/** What a start script works with. */
export type Stack = {
  /** Starts a child and waits until it is ready. Throws a `ChildFailed` when it does not get there. */
  start(spec: ChildSpec): Promise<void>;
};

type Ending =
  | { readonly kind: "asked"; readonly signal: NodeJS.Signals }
  | { readonly kind: "died"; readonly child: Child; readonly exit: Exit }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Runs `script`, which starts children one after another, then waits. It ends when a signal asks
 * for it, when any child dies, or when the script fails; whichever it was, all children are stopped
 * in reverse order, so that nobody loses what it still writes to. Resolves to the exit code: 0 when
 * asked, else 1. `record` is told the running children each time their list changes.
 */
export async function supervise(
  io: Io,
  record: (children: readonly Child[]) => void,
  script: (stack: Stack) => Promise<void>,
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

  const stack: Stack = {
    async start(spec) {
      if (ended) throw new Interrupted();
      const child = await launch(spec);
      children.push(child);
      record(children);
      void child.exited.then((exit) => end({ kind: "died", child, exit }));
      await child.ready;
    },
  };
  const scripted = script(stack).catch((error: unknown) => end({ kind: "failed", error }));

  const how = await ending;
  if (how.kind === "asked") io.out(`Stopping (${how.signal})`);
  // The script may be between two children: it stops at its next start, and what it had just
  // launched is then in the list.
  for (const child of children.toReversed()) await child.stop();
  await scripted;
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
        `${how.child.spec.name} ${describeExit(how.exit)}, so everything was stopped. Its last lines (${how.child.spec.logFile}):`,
      );
      io.err(lastLines(how.child.spec.logFile) || "(none)");
      return 1;
    case "failed":
      if (how.error instanceof ChildFailed || how.error instanceof Problem) {
        io.err(how.error.message);
        return 1;
      }
      throw how.error;
    default:
      return how satisfies never;
  }
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
  const heard = (signal: NodeJS.Signals) => {
    if (since === undefined) {
      since = performance.now();
      first(signal);
    } else if (performance.now() - since > 2000) {
      impatient();
    }
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return () => SIGNALS.forEach((signal) => process.off(signal, heard));
}
