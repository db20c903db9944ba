import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "../command.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export const command: Command = {
  name: "test",
  summary: "run the tests on a real Postgres and a real Temporal server",
  usage: `baton test [vitest arguments]

Runs vitest once; file names and options after "test" are vitest's. The last line reads
"N passed, N failed".`,
  async run(args, io) {
    const folder = mkdtempSync(join(tmpdir(), "baton-result-"));
    try {
      const file = join(folder, "result.json");
      const exit = await vitest([
        "run",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${file}`,
        ...args,
      ]);
      const { passed, failed } = count(file);
      // vitest can also fail without a failing test: an error outside of one, or no test at all.
      const failures = exit === 0 ? failed : Math.max(failed, 1);
      io.out(`${passed} passed, ${failures} failed`);
      return failures === 0 ? 0 : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function vitest(args: readonly string[]): Promise<number> {
  const program = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const run = spawn(process.execPath, [program, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  // The terminal's Ctrl-C reaches vitest itself; a kill of this process is passed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => run.kill("SIGTERM"));
  return new Promise((done) => run.once("close", (code) => done(code ?? 1)));
}

type Result = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
};

function count(file: string): { passed: number; failed: number } {
  try {
    const result = JSON.parse(readFileSync(file, "utf8")) as Result;
    // A file that could not even be loaded has failed without a single failing test in it.
    const broken = result.testResults.filter(
      (one) =>
        one.status === "failed" && one.assertionResults.every((test) => test.status !== "failed"),
    );
    return { passed: result.numPassedTests, failed: result.numFailedTests + broken.length };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
