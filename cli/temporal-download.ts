import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** The release fetched from the vendor; its server can skip time. */
export const DOWNLOAD_VERSION = "1.9.1";

/**
 * Fetches the official CLI to `target`. False, and not an error, when there is no network or no
 * build for this machine: the caller goes on to its next source. Gives up after `connectMs`
 * without an answer, so that a closed network costs seconds and not minutes.
 */
export async function downloadTemporal(
  target: string,
  progress: (line: string) => void,
  connectMs = 4000,
  origin = "https://temporal.download",
): Promise<boolean> {
  if (!["linux", "darwin"].includes(platform())) return false;
  const cpu = arch() === "x64" ? "amd64" : arch();
  const url = `${origin}/cli/archive/v${DOWNLOAD_VERSION}?platform=${platform()}&arch=${cpu}`;
  const answer = await fetchQuickly(url, connectMs);
  if (!answer?.ok) return false;
  progress(`Downloading the Temporal CLI ${DOWNLOAD_VERSION} (about 60 MB, once)`);
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}.`);
  try {
    await writeFile(join(folder, "cli.tar.gz"), Buffer.from(await answer.arrayBuffer()));
    await promisify(execFile)("tar", ["-xzf", "cli.tar.gz"], { cwd: folder });
    if (!existsSync(join(folder, "temporal"))) return false;
    chmodSync(join(folder, "temporal"), 0o755);
    renameSync(join(folder, "temporal"), target);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fetchQuickly(url: string, connectMs: number): Promise<Response | undefined> {
  const patience = new AbortController();
  const bell = setTimeout(() => patience.abort(), connectMs);
  try {
    return await fetch(url, { signal: patience.signal });
  } catch {
    return undefined;
  } finally {
    clearTimeout(bell);
  }
}
