import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** The release fetched from the vendor; its server can skip time. */
export const DOWNLOAD_VERSION = "1.9.1";

/** SHA-256 of the release's archives, as its checksums.txt lists them. */
const ARCHIVES: Readonly<Record<string, string>> = {
  "darwin-arm64": "41e0425378fcb4fb5766340b97435e20fe47bbff2d7bf644ec2d51f7662b7c56",
  "darwin-x64": "48cdd6c84c56e27ae8e4d9a47052b89289a9c552dee029b49dd312c6fb72873f",
  "linux-arm64": "6c57c352d52fc3df34412376fd9ba6f74b7e3ace8e426e6cba8600156d36a145",
  "linux-x64": "09a0326a51db84d02735e53542b9ebd8c4758daf47482a9ab0abce15844e60d5",
};

/** For tests: another server, another pin, shorter waits. */
export type DownloadOptions = {
  readonly origin?: string;
  readonly sha256?: string | undefined;
  /** Given up after so long without an answer. */
  readonly connectMs?: number;
  /** Given up after so long without another byte. */
  readonly stallMs?: number;
};

/**
 * Fetches the official CLI to `target`, checked against its pinned SHA-256. False, and not an
 * error, when there is no network, no build for this machine, or another archive than the pinned
 * one: the caller goes on to its next source. A closed network costs seconds and not minutes.
 */
export async function downloadTemporal(
  target: string,
  progress: (line: string) => void,
  options: DownloadOptions = {},
): Promise<boolean> {
  const { origin = "https://temporal.download", connectMs = 4_000, stallMs = 30_000 } = options;
  const sha256 = options.sha256 ?? ARCHIVES[`${platform()}-${arch()}`];
  if (sha256 === undefined) return false;
  const cpu = arch() === "x64" ? "amd64" : arch();
  const url = `${origin}/cli/archive/v${DOWNLOAD_VERSION}?platform=${platform()}&arch=${cpu}`;
  const late = new AbortController();
  const bell = setTimeout(() => late.abort(), connectMs);
  try {
    const answer = await fetch(url, { signal: late.signal });
    clearTimeout(bell);
    if (!answer.ok || !answer.body) return false;
    progress(`Downloading the Temporal CLI ${DOWNLOAD_VERSION} (about 45 MB, once)`);
    const stop = () => late.abort();
    return await unpack(answer.body, { target, sha256, stallMs, stop, progress });
  } catch {
    return false;
  } finally {
    clearTimeout(bell);
  }
}

type Unpacking = {
  readonly target: string;
  readonly sha256: string;
  readonly stallMs: number;
  readonly stop: () => void;
  readonly progress: (line: string) => void;
};

async function unpack(
  body: AsyncIterable<Uint8Array>,
  { target, sha256, stallMs, stop, progress }: Unpacking,
): Promise<boolean> {
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}.`);
  try {
    const archive = join(folder, "cli.tar.gz");
    if ((await receive(body, archive, stallMs, stop)) !== sha256) {
      progress("What was downloaded is not that release (its SHA-256 differs); it is not used");
      return false;
    }
    await promisify(execFile)("tar", ["-xzf", archive], { cwd: folder, timeout: 60_000 });
    chmodSync(join(folder, "temporal"), 0o755);
    renameSync(join(folder, "temporal"), target);
    return true;
  } catch {
    progress("The download broke off");
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes what arrives to a file and gives its SHA-256. `stop` ends a body that has stalled. */
async function receive(
  body: AsyncIterable<Uint8Array>,
  path: string,
  stallMs: number,
  stop: () => void,
): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "w");
  const bell = setTimeout(stop, stallMs);
  try {
    for await (const chunk of body) {
      bell.refresh();
      hash.update(chunk);
      await file.write(chunk);
    }
    return hash.digest("hex");
  } finally {
    clearTimeout(bell);
    await file.close();
  }
}
