import type { Situation } from "../../handoff/process/situation.ts";
import { afterCommit, send, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";

/**
 * Hints for open pages that a subject has changed, and for whom: never what it is now, which is read
 * where it always is. They go to all API processes by NOTIFY, gathered and after the commit, for a
 * transaction that notifies holds a lock of the whole server until it is over. A hint can be lost
 * with its process; pages are told when that may have been (docs/decisions/0111-hints-for-pages.md).
 */

/** That a lead (or an account) has changed, and whose it was and is. */
export interface Hint {
  readonly id: string;
  /** The people who had or have it; for what nobody has its pool, or the queue (`ofPool`, `ofQueue`). */
  readonly whose: readonly string[];
}

/** Who looks after what nobody owns: the people of its pool, and every manager for the queue. */
export const ofPool = (pool: string): string => `pool ${pool}`;
export const ofQueue = "queue";

/** API processes listen here. */
export const changesChannel = "baton_changes";

const gatheredMs = 250;
/** Beyond so many at once nothing is said of single ones. */
const mostAtOnce = 500;
/** In one notification: Postgres takes 8,000 bytes. */
const mostInOne = 40;

/** Whose each subject was and is, by its id. */
type Gathered = Map<string, Set<string>>;
const gatherers = new WeakMap<Pool, Gathered>();

/** Notes that a decision has changed its subject, to be told when it is committed. */
export function noteChange(tx: Tx, before: Situation, after: Situation): void {
  noteHint(tx, { id: before.subject.id, whose: [...whoseIs(before), ...whoseIs(after)] });
}

/** The same of what was changed without a decision, such as a task that somebody ended. */
export function noteHint(tx: Tx, { id, whose }: Hint): void {
  afterCommit(tx, (pool) => {
    const gathered = gatherers.get(pool);
    gathered?.set(id, new Set([...(gathered.get(id) ?? []), ...whose]));
  });
}

function whoseIs({ process, handoff }: Situation): string[] {
  if (process.owner !== null) return [process.owner];
  if (process.waitingOn === "queue" || process.waitingOn === "manager") return [ofQueue];
  const pool = handoff?.pool ?? null;
  return pool === null ? [] : [ofPool(pool)];
}

/**
 * Tells what transactions of these pools have changed, four times a second at most, by statements
 * of its own on `by`. Begins by saying that something may have changed: what a process of before
 * had gathered is lost with it. What cannot be told is told later.
 */
export function tellChanges(pools: readonly Pool[], by: Db): { stop(): Promise<void> } {
  const gathered: Gathered = new Map();
  let mayBeMore = true;
  let telling: Promise<void> | null = null;
  for (const pool of pools) gatherers.set(pool, gathered);

  const tell = async (): Promise<void> => {
    if (!mayBeMore && gathered.size === 0) return;
    const isMuch = mayBeMore || gathered.size > mostAtOnce;
    const payloads = isMuch ? [""] : payloadsOf(gathered);
    gathered.clear();
    mayBeMore = false;
    try {
      await notify(by, payloads);
    } catch {
      mayBeMore = true;
    }
  };
  const now = (): Promise<void> =>
    (telling ??= tell().finally(() => {
      telling = null;
    }));
  const timer = setInterval(() => void now(), gatheredMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      for (const pool of pools) gatherers.delete(pool);
      await telling;
      await now();
    },
  };
}

function payloadsOf(gathered: Gathered): string[] {
  const hints = [...gathered].map(([id, whose]) => [id, ...whose]);
  const payloads: string[] = [];
  for (let n = 0; n < hints.length; n += mostInOne)
    payloads.push(JSON.stringify(hints.slice(n, n + mostInOne)));
  return payloads;
}

async function notify(by: Db, payloads: readonly string[]): Promise<void> {
  await send(
    by,
    sql`select pg_notify(${changesChannel}, payload) from unnest(${payloads}::text[]) as payload`,
  );
}

/** The hints of a notification; null: something may have changed, and nobody knows what. */
export function hintsOf(payload: string): readonly Hint[] | null {
  if (payload === "") return null;
  return (JSON.parse(payload) as string[][]).map(([id = "", ...whose]) => ({ id, whose }));
}
