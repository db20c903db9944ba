import { Piscina } from "piscina";
import type { Logger } from "pino";
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

/** Has one piece of work done by a thread. */
export type RunInThread = <K extends Kind>(
  kind: K,
  given: Given<K>,
  bound: Bound,
) => Promise<Found<K>>;

/**
 * Reads what was sent beside the event loop, so that no text or file can stop the answers to
 * others. Two threads for all senders; each sender has one at a time. Work that takes longer than
 * `seconds`, or more memory than a thread has, is ended and refused with a 422 that says so.
 */
export function inThread<K extends Kind>(
  sender: string,
  kind: K,
  given: Given<K>,
  bound: Bound,
): Promise<Found<K>> {
  return inOnePlace(sender, (run) => run(kind, given, bound));
}

/**
 * Several pieces of work for one answer: the sender waits for a thread once, before the first, and
 * has it until the last. Whoever calls this bounds how long that may be.
 */
export async function inOnePlace<T>(
  sender: string,
  work: (run: RunInThread) => Promise<T>,
): Promise<T> {
  const leave = await enter(sender);
  try {
    return await work(runBounded);
  } finally {
    leave();
  }
}

async function runBounded<K extends Kind>(
  kind: K,
  given: Given<K>,
  bound: Bound,
): Promise<Found<K>> {
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
        detail:
          `${bound.what} may take ${bound.seconds} s to read; this took longer, and was given ` +
          "up",
      });
    if (isOutOfMemory(error))
      throw new Problem("too-large", {
        field: bound.field,
        detail: `${bound.what} may take ${threadMegabytes} MiB of memory to read; this took more`,
      });
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Reads stored versions for `createAgreements`. One that a thread's memory cannot hold never fits:
 * it is logged and tried once, and from then on whatever needs it is answered with a 503.
 */
export function storedReader(
  log: Pick<Logger, "error">,
  read: (text: string) => Promise<Agreement> = storedInThread,
): (text: string, id: string) => Promise<Agreement> {
  const tooLarge = new Set<string>();
  const refused = (id: string) =>
    new Problem("unavailable", {
      detail:
        `version ${id} of the agreement takes more than ${threadMegabytes} MiB of memory to ` +
        "read; publish a smaller one",
      retryAfter: 60,
    });
  return async (text, id) => {
    if (tooLarge.has(id)) throw refused(id);
    try {
      return await read(text);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      tooLarge.add(id);
      log.error(
        { agreement: id, code: error.code },
        `a version of the agreement takes more than ${threadMegabytes} MiB of memory to read`,
      );
      throw refused(id);
    }
  };
}

function isOutOfMemory(error: unknown): error is { readonly code: string } {
  return (error as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY";
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
