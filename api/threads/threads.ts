import { Piscina } from "piscina";
import type { Agreement } from "../../handoff/agreement.ts";
import { Problem } from "../http/errors.ts";
import type * as work from "./work.ts";

type Work = typeof work;
type Kind = keyof Work;
type Given<K extends Kind> = Parameters<Work[K]>[0];
type Found<K extends Kind> = Awaited<ReturnType<Work[K]>>;

/** How a piece of work is bounded, and how its refusal calls it. */
interface Bound {
  readonly what: string;
  /** The field of the request that the work is about. */
  readonly field: string;
  readonly seconds: number;
}

/**
 * Reads what was sent beside the event loop, so that no text or file can stop the answers to
 * others. Two threads for all senders; each sender has one at a time. Work that takes longer than
 * `seconds`, or more memory than a thread has, is ended and refused with a 422 that says so.
 */
export async function inThread<K extends Kind>(
  sender: string,
  kind: K,
  given: Given<K>,
  bound: Bound,
): Promise<Found<K>> {
  const leave = await enter(sender);
  const late = new AbortController();
  const begun = new Int32Array(new SharedArrayBuffer(4));
  // A thread that is only just started loads first; that is not the sender's time.
  let since: number | undefined;
  const timer = setInterval(() => {
    if (since === undefined && Atomics.load(begun, 0) === 1) since = performance.now();
    if (since !== undefined && performance.now() - since > bound.seconds * 1000) late.abort();
  }, 50);
  try {
    return (await pool().run({ kind, given, begun }, { signal: late.signal })) as Found<K>;
  } catch (error) {
    if (late.signal.aborted)
      throw new Problem("invalid", {
        field: bound.field,
        detail: `${bound.what} may take ${bound.seconds} s to read; this took longer, and was given up`,
      });
    if ((error as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY")
      throw new Problem("too-large", {
        field: bound.field,
        detail: `${bound.what} may take ${threadMegabytes} MiB of memory to read; this took more`,
      });
    throw error;
  } finally {
    clearInterval(timer);
    leave();
  }
}

/**
 * The agreement of a stored version, read beside the event loop as well: large ones take their
 * time. It waits for no sender, since most requests need it.
 */
export async function storedInThread(text: string): Promise<Agreement> {
  const kind: Kind = "readStored";
  const begun = new Int32Array(new SharedArrayBuffer(4));
  return (await pool().run({ kind, given: text, begun })) as Agreement;
}

const mostThreads = 2;
const threadMegabytes = 384;
/** What all threads may take, beside the memory of the process itself; one more than senders have. */
export const threadsMegabytes = (mostThreads + 1) * threadMegabytes;

let threads: Piscina | undefined;

/** Started with the first work; idle threads keep no process alive. */
function pool(): Piscina {
  threads ??= new Piscina({
    filename: new URL("./thread.mjs", import.meta.url).href,
    minThreads: 0,
    // One more than senders can have.
    maxThreads: mostThreads + 1,
    idleTimeout: 300_000,
    resourceLimits: { maxOldGenerationSizeMb: threadMegabytes },
    execArgv: [],
    // Threads need no secrets.
    env: {},
  });
  return threads;
}

/** Starts a thread before the first request needs it: loading takes a second. */
export async function warmThreads(): Promise<void> {
  const kind: Kind = "readRosterFile";
  await pool().run({ kind, given: "{}", begun: new Int32Array(new SharedArrayBuffer(4)) });
}

/** Senders whose work is in a thread, and those who wait for one, in order. */
const busy = new Set<string>();
const waiting: { readonly sender: string; readonly go: () => void }[] = [];
const mostWaiting = 32;
const longestWaitMs = 2_000;

/** Waits for a thread; gives what must be called when the work is over. */
async function enter(sender: string): Promise<() => void> {
  if (isFree(sender)) busy.add(sender);
  else if (waiting.length >= mostWaiting) throw crowded();
  else
    await new Promise<void>((resolve, reject) => {
      const entry = {
        sender,
        go: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(crowded());
      }, longestWaitMs);
      waiting.push(entry);
    });
  return () => {
    busy.delete(sender);
    const next = waiting.findIndex((one) => isFree(one.sender));
    if (next < 0) return;
    const [entry] = waiting.splice(next, 1);
    if (!entry) return;
    busy.add(entry.sender);
    entry.go();
  };
}

function isFree(sender: string): boolean {
  return busy.size < mostThreads && !busy.has(sender);
}

function crowded(): Problem {
  return new Problem("unavailable", {
    detail: "other files and texts are being read; send this again in a moment",
    retryAfter: 2,
  });
}
