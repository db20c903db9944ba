import { appendFile, open, readFile } from "node:fs/promises";
import type { Instant } from "../../handoff/time/calendar.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import type { AuditAnchor } from "./audit.ts";

/**
 * The heads that the audit trail has had, in a file outside of the database, one line each: who can
 * change the database cannot change them with it.
 */
export async function appendAnchor(path: string, anchor: AuditAnchor, now: Instant): Promise<void> {
  await appendFile(path, `${JSON.stringify({ at: isoOf(now), ...anchor })}\n`, { mode: 0o600 });
}

/** Every anchor of the file; none when there is no file. A line that is no anchor throws. */
export async function readAnchors(path: string): Promise<AuditAnchor[]> {
  const text = await readFile(path, "utf8").catch(orNothing);
  return text.split("\n").flatMap((line, n) => (line === "" ? [] : [anchorOf(line, n + 1)]));
}

const lastBytes = 4_096;

/** The latest anchor of the file, without reading all of it; null when there is none. */
export async function lastAnchor(path: string): Promise<AuditAnchor | null> {
  const file = await open(path, "r").catch(orNothing);
  if (file === "") return null;
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - lastBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(lastBytes), 0, lastBytes, from);
    const line = buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").at(-1) ?? "";
    return line === "" ? null : anchorOf(line, 0);
  } finally {
    await file.close();
  }
}

function anchorOf(line: string, number: number): AuditAnchor {
  const anchor = parsed(line);
  if (anchor) return anchor;
  const where = number > 0 ? `line ${number} of the anchors` : "the last line of the anchors";
  throw new RangeError(`${where}: expected JSON with the id and the hash of an audit row`);
}

function parsed(line: string): AuditAnchor | null {
  try {
    const { id, hash } = JSON.parse(line) as Partial<Record<string, unknown>>;
    return typeof id === "number" && Number.isSafeInteger(id) && typeof hash === "string"
      ? { id, hash }
      : null;
  } catch {
    return null;
  }
}

function orNothing(error: NodeJS.ErrnoException): "" {
  if (error.code === "ENOENT") return "";
  throw error;
}
