import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { withLock } from "../../cli/stack/lock.ts";

/** The parts of docker-compose.yml that the rehearsal carries out without containers. */
export interface Compose {
  readonly services: Readonly<
    Record<string, { image?: string; command?: string[]; environment?: Record<string, string> }>
  >;
  readonly configs: Readonly<Record<string, { content: string }>>;
}

export function readCompose(): Compose {
  const file = new URL("../../docker-compose.yml", import.meta.url);
  return parse(readFileSync(file, "utf8"), { merge: true }) as Compose;
}

/** The words of a script in the file: `$$` stands for `$` there. */
export const scriptOf = (text: string | undefined): string => (text ?? "").replaceAll("$$", "$");

/** The version of the server that the file names, `1.32.0`. */
export function serverVersionOf({ services }: Compose): string {
  const version = /:(\d+\.\d+\.\d+)@/.exec(services["temporal"]?.image ?? "")?.[1];
  if (!version) throw new Error("docker-compose.yml names no version of temporalio/server");
  return version;
}

/**
 * Temporal's own server and its tool for schemas, built from their Go modules once and kept under
 * `cache`. Gives the folder with both programs, and the one with the module's sources.
 */
export async function buildServer(
  version: string,
  cache: string,
  environment: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<{ readonly programs: string; readonly sources: string }> {
  const programs = join(cache, `temporal-server-${version}`);
  mkdirSync(programs, { recursive: true });
  const module = `go.temporal.io/server@v${version}`;
  await withLock(
    `${programs}.lock`,
    () => say("waiting for another build of the Temporal server"),
    async () => {
      if (["server", "sql"].every((one) => existsSync(join(programs, one)))) return;
      say(`building the Temporal server ${version} with Go (once; 5 to 20 minutes)`);
      const packages = ["cmd/server", "cmd/tools/sql"].map(
        (path) => `go.temporal.io/server/${path}@v${version}`,
      );
      await run("go", ["install", ...packages], { ...environment, GOBIN: programs });
    },
  );
  const { stdout } = await run("go", ["mod", "download", "-json", module], environment);
  return { programs, sources: (JSON.parse(stdout) as { Dir: string }).Dir };
}

/** A folder for PATH in which programs go by the names that the scripts of the file use. */
export function namedPrograms(folder: string, programs: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(folder, name));
  return folder;
}

/** Runs a program to its end; throws with its last lines. */
export async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  try {
    return await promisify(execFile)(program, [...args], { env, maxBuffer: 64 * 2 ** 20 });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const lines = `${stdout}${stderr}`.trim().split("\n").slice(-8).join("\n");
    throw new Error(`${program} ${args[0] ?? ""} failed:\n${lines}`, { cause: error });
  }
}
