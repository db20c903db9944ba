import { randomBytes } from "node:crypto";
import { underName } from "./connection.ts";
import { byKeySession, openPool, reportSession, type Pool, type PoolOptions } from "./db.ts";

/** The API's pools, by what they are for. */
export interface ApiPools {
  /** Whatever none of the others is for: lists, reports, actions, imports. */
  readonly pool: Pool;
  /**
   * What is asked again and again, by its keys, and is planned once: tokens, arrivals, and what
   * pages show of a person and of a lead.
   */
  readonly keyed: Pool;
  /** Routing alone: those who wait for it may hold every connection of `pool`. */
  readonly routing: Pool;
}

/** The worker's pools, by what they are for. */
export interface WorkerPools {
  /** Decisions, and whatever none of the others is for. */
  readonly pool: Pool;
  /**
   * A commit does not wait for the disk (`synchronous_commit = off`). After a crash of Postgres
   * the latest commits may be missing, never one in between. For writes that are repeated then, or
   * that a later waiting commit makes durable.
   */
  readonly repeatable: Pool;
  /** As in the API. */
  readonly routing: Pool;
}

interface PoolsOf {
  readonly api: ApiPools;
  readonly worker: WorkerPools;
}

/** The processes that keep connections open. */
export type PoolOwner = keyof PoolsOf;

/** How many connections each pool may open; `routing` has its own number. */
export type PoolSizes<P extends PoolOwner> = Readonly<
  Record<Exclude<keyof PoolsOf[P], "routing">, number>
>;

/** A batch of those that go to their first pool, and one of those that go further. */
export const routingConnections = 2;

/** What a process opens beside its pools to be notified. */
export const listeners: Readonly<Record<PoolOwner, number>> = { api: 1, worker: 2 };

const byKey = { session: byKeySession };
const kinds: { readonly [P in PoolOwner]: Readonly<Record<keyof PoolsOf[P], PoolOptions>> } = {
  api: { pool: { session: reportSession }, keyed: byKey, routing: byKey },
  worker: {
    pool: byKey,
    repeatable: { session: [...byKeySession, "synchronous_commit = off"] },
    routing: byKey,
  },
};

/** Pools of one process, and what they have in common. */
export type Pools<P extends PoolOwner> = PoolsOf[P] & {
  /** The address under the name that the process has in Postgres, for its listeners. */
  readonly url: string;
  /** Closes all of them. */
  readonly end: () => Promise<void>;
};

/**
 * How long a connection that nobody needs is kept. A new one has no plans: the first decision on it
 * takes ten times as long. They count towards the budget whether they are open or not.
 */
const keptMs = 600_000;

/** Opens the pools of a process; connections are made when they are first asked for. */
export function openPools<P extends PoolOwner>(
  owner: P,
  url: string,
  sizes: PoolSizes<P>,
  options: Omit<PoolOptions, "max" | "session" | "keptMs"> = {},
): Pools<P> {
  const named = underName(url, nameOf(owner, mostConnections(owner, sizes)));
  const open = (name: keyof PoolsOf[P]) =>
    openPool(named, {
      ...options,
      ...kinds[owner][name],
      keptMs,
      max: name === "routing" ? routingConnections : sizes[name as keyof PoolSizes<P>],
    });
  const names = Object.keys(kinds[owner]) as (keyof PoolsOf[P])[];
  const pools = Object.fromEntries(
    names.map((name) => [name, open(name)]),
  ) as unknown as PoolsOf[P];
  return {
    ...pools,
    url: named,
    end: async () => void (await Promise.all(names.map((name) => (pools[name] as Pool).end()))),
  };
}

/** How many connections a process may have at most, those of its listeners included. */
export function mostConnections<P extends PoolOwner>(owner: P, sizes: PoolSizes<P>): number {
  const given = Object.values<number>(sizes).reduce((sum, one) => sum + one, 0);
  return given + routingConnections + listeners[owner];
}

/** Says in Postgres whose a connection is, and how many of them there may be. */
function nameOf(owner: PoolOwner, most: number): string {
  return `baton ${owner} ${most} ${randomBytes(4).toString("hex")}`;
}

/** How many connections the process with this name may have; null when it is none of Baton's. */
export function mostUnderName(name: string): number | null {
  const most = /^baton (?:api|worker) (\d+) [0-9a-f]{8}$/.exec(name)?.[1];
  return most === undefined ? null : Number(most);
}
