import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { CommandError } from "../command.ts";
import { withLock } from "../stack/lock.ts";

/** The version of the Go on the path, e.g. "1.26.8"; undefined when there is none. */
export async function goVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("go", ["version"]);
    return /go(\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/**
 * Builds the CLI that the committed tools module pins to `target`. Two builds of one target do not
 * run at once: the second waits and uses the result. Throws a `CommandError` with Go's last lines.
 */
export async function buildTemporal(
  module: string,
  target: string,
  progress: (line: string) => void,
): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  await withLock(
    `${target}.lock`,
    () => progress("Waiting for another build of the Temporal CLI"),
    async () => {
      if (existsSync(target)) return;
      progress("Building the Temporal CLI with Go (once; 4 to 10 minutes)");
      const half = `${target}.${process.pid}`;
      const began = performance.now();
      const minutes = setInterval(
        () => progress(`  still building, ${Math.round((performance.now() - began) / 60_000)} min`),
        60_000,
      );
      try {
        await go(
          [
            "build",
            "-trimpath",
            "-ldflags",
            "-s -w",
            "-o",
            half,
            "github.com/temporalio/cli/cmd/temporal",
          ],
          module,
        );
        renameSync(half, target);
      } finally {
        clearInterval(minutes);
        rmSync(half, { force: true });
      }
    },
  );
}

function go(args: readonly string[], cwd: string): Promise<void> {
  return new Promise((done, fail) => {
    const build = spawn("go", [...args], { cwd, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    build.stderr
      .setEncoding("utf8")
      .on("data", (chunk: string) => (said = (said + chunk).slice(-4000)));
    build.once("error", fail);
    build.once("close", (code) => {
      if (code === 0) return done();
      const why = said.trim().split("\n").slice(-4).join(" | ");
      fail(
        new CommandError(
          `Go could not build the Temporal CLI (${why}); install the Temporal CLI 1.9 or newer ` +
            "instead, or set TEMPORAL_ADDRESS.",
        ),
      );
    });
  });
}
