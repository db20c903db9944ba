import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { identityOf } from "./identity.ts";

/** Who holds a lock file: a pid and the identity that tells it from later processes of that pid. */
type Holder = { readonly pid: number; readonly identity: string | undefined };

/**
 * Runs `work` while holding a lock file, waiting for another process that holds it (`waiting` is
 * called once). A lock whose process is gone is taken over.
 */
export async function withLock<T>(
  file: string,
  waiting: () => void,
  work: () => Promise<T>,
): Promise<T> {
  let told = false;
  while (!tryLock(file)) {
    if (!told) waiting();
    told = true;
    await pause(250);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file: string): boolean {
  const me: Holder = { pid: process.pid, identity: identityOf(process.pid) };
  try {
    writeFileSync(file, JSON.stringify(me), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (!isLive(holderOf(file))) discard(file);
  return false;
}

function holderOf(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

function isLive(holder: Holder | undefined): boolean {
  return (
    holder !== undefined &&
    holder.identity !== undefined &&
    identityOf(holder.pid) === holder.identity
  );
}

/**
 * Removes a dead holder's file. Of two processes that try, only one can rename it away; should the
 * name have passed to a live holder in between, it is put back.
 */
function discard(file: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (isLive(holderOf(aside))) renameSync(aside, file);
    else rmSync(aside);
  } catch {
    // Another process was quicker; the next round looks again.
  }
}
