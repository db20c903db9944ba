import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

/** A program under test: what it printed so far, and when it ends. */
export type Program = {
  readonly pid: number;
  readonly lines: string[];
  readonly exit: Promise<number | null>;
  /**
   * Resolves when a printed line holds `text`; rejects with everything printed when the program
   * ends first.
   */
  until(text: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Closes our end of its output: from now on it writes into a broken pipe. */
  deafen(): void;
};

export type ProgramOptions = {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
};

/** Starts a program with stdout and stderr taken together, line by line. */
export function run(command: string, args: readonly string[], options: ProgramOptions): Program {
  const child = spawn(command, [...args], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  let ended = false;
  const exit = new Promise<number | null>((done) => {
    child.once("error", (error) => lines.push(error.message));
    child.once("close", (code) => {
      ended = true;
      done(code);
    });
  });
  return {
    pid: child.pid ?? 0,
    lines,
    exit,
    signal: (name) => void child.kill(name),
    deafen() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    async until(text) {
      const deadline = Date.now() + 100_000;
      while (!lines.some((line) => line.includes(text))) {
        if (ended || Date.now() > deadline)
          throw new Error(`no line with "${text}", only:\n${lines.join("\n")}`);
        await pause(20);
      }
    },
  };
}

/** Waits for a fact about the world outside of this process, up to five seconds. */
export async function eventually(
  fact: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await fact())) {
    if (Date.now() > deadline) throw new Error(`still not so after 5 s: ${what}`);
    await pause(20);
  }
}
