import type { Instant } from "../../handoff/time/calendar.ts";
import { reversed, type Deltas } from "../../handoff/routing/round-robin.ts";
import { firstRow, inSavepoint, rows, sql, type Tx } from "../postgres/db.ts";
import { assignHeld, heldInOrder, type Released } from "./held.ts";
import { lockPools, readSnapshot } from "./read.ts";
import type { RouteRequest, RouteResult } from "./route-request.ts";
import { placed, takeTurns, type Asked } from "./turns.ts";
import { writeTurns } from "./write.ts";

/**
 * Routes a handoff in the caller's transaction: locks the pool, reads who is eligible, picks,
 * writes assignment and ledger (docs/routing.md, "Locks and repeats"). Asked again for the same
 * (handoff, round) it returns the stored assignment, also when somebody else's release made it
 * meanwhile. Leads on hold that are as urgent or more go first.
 */
export async function routeHandoff(tx: Tx, request: RouteRequest): Promise<RouteResult> {
  const asked = [placed(request)];
  const heldIn = await holdingPools(tx, asked);
  const near = distinct([...heldIn, ...firstPools(asked)]);
  const all = distinct([...near, ...allPools(asked)]);
  if (all.length > near.length) {
    // Nearly always the first pool decides, and the others need not wait for us.
    // Undone, it gives the locks back, so that all can be taken in one order.
    const [result] = await inSavepoint(
      tx,
      () => takeTurns(tx, asked, near, request.now),
      ([answer]) => answer != null,
    );
    if (result) return result;
  }
  return settled(asked, await takeTurns(tx, asked, all, request.now))[0]!;
}

/**
 * Routes several in one transaction, in their order, each as `routeHandoff` would, with only their
 * first pools locked. Null for those that came to a pool beyond, which `routeFar` does.
 */
export async function routeNear(
  tx: Tx,
  asked: readonly Asked[],
  now: Instant,
): Promise<(RouteResult | null)[]> {
  return takeTurns(tx, asked, firstPools(asked), now);
}

/**
 * Routes several in one transaction, in their order, with every pool locked that any of them may
 * come to.
 */
export async function routeFar(
  tx: Tx,
  asked: readonly Asked[],
  now: Instant,
): Promise<RouteResult[]> {
  const pools = distinct([...(await holdingPools(tx, asked)), ...allPools(asked)]);
  return settled(asked, await takeTurns(tx, asked, pools, now));
}

function firstPools(asked: readonly Asked[]): string[] {
  return distinct(asked.flatMap(({ place }) => place.steps.slice(0, 1).map((step) => step.pool)));
}

function allPools(asked: readonly Asked[]): string[] {
  return distinct(
    asked.flatMap(({ place, request }) =>
      place.steps.flatMap((step) => [
        step.pool,
        ...(request.agreement.routing.hold === "follow-the-sun" ? step.siblings : []),
      ]),
    ),
  );
}

/** Pools in which these handoffs are on hold. */
async function holdingPools(tx: Tx, asked: readonly Asked[]): Promise<string[]> {
  const found = await rows<{ pool: string }>(
    tx,
    sql`
        select distinct pool from held
          where handoff_id = any(${asked.map((one) => one.request.handoffId)})`,
  );
  return found.map((row) => row.pool);
}

function settled(asked: readonly Asked[], results: readonly (RouteResult | null)[]): RouteResult[] {
  return results.map((result, n) => {
    if (!result)
      throw new Error(
        `routing of handoff ${asked[n]?.request.handoffId} came to a pool outside its own steps`,
      );
    return result;
  });
}

/**
 * Releases leads on hold in these pools, in order of priority, due time, arrival, as far as anybody
 * is there and has room. The first process that wakes calls it; the others find their
 * assignment. Gives each assignment made; the processes are told. With `most`, so many leads of
 * each pool are looked at, the first in their order.
 */
export async function releaseHeld(
  tx: Tx,
  pools: readonly string[],
  now: Instant,
  most: number | null = null,
): Promise<Released[]> {
  await lockPools(tx, pools);
  const waiting = [];
  for (const pool of pools) waiting.push(...(await heldInOrder(tx, pool, undefined, most)));
  const [first] = waiting;
  if (!first) return [];
  const snapshot = await readSnapshot(
    tx,
    { pools, named: [], base: first.request.base, offers: [] },
    now,
  );
  return assignHeld(tx, snapshot, waiting);
}

/**
 * Gives the rep the turn back after a rejection for the lead's fault (docs/routing.md, "Turns"):
 * the entry of this offer is undone, once. An offer that cost nobody a turn (owner, manager) has
 * nothing to undo.
 */
export async function reverseCredit(
  tx: Tx,
  handoffId: string,
  round: number,
  now: Instant,
): Promise<void> {
  const pick = await firstRow<{ pool: string; lead_type: string; deltas: Deltas }>(
    tx,
    sql`
    select pool, lead_type, deltas from credit_entry where handoff_id = ${handoffId}
      and round = ${round} and kind = 'pick'`,
  );
  if (!pick) return;
  await lockPools(tx, [pick.pool]);
  const done = await firstRow(
    tx,
    sql`
      select 1 from credit_entry where handoff_id = ${handoffId} and round = ${round}
        and kind = 'reverse'`,
  );
  if (done) return;
  await writeTurns(
    tx,
    [],
    [
      {
        pool: pick.pool,
        leadType: pick.lead_type,
        kind: "reverse",
        handoffId,
        round,
        winner: null,
        deltas: reversed(pick.deltas),
      },
    ],
    now,
  );
}

function distinct(list: readonly string[]): string[] {
  return [...new Set(list)];
}
