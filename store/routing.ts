import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { Known } from "../handoff/condition.ts";
import { reversed, type Deltas } from "../handoff/credit.ts";
import type { RouteAnswer, RouteInput } from "../handoff/route.ts";
import { firstRow, inSavepoint, prepared, rows, send, sql, type Tx } from "./db.ts";
import { giveOut, heldInOrder, type Released } from "./held.ts";
import { lockPools, readSnapshot } from "./routing-read.ts";
import { placed, takeTurns, type Asked } from "./routing-turns.ts";
import { writeTurns } from "./routing-write.ts";

/** What routing is asked: one offer, numbered by its round. */
export interface RouteRequest {
  readonly handoffId: string;
  readonly round: number;
  readonly now: Instant;
  readonly agreement: Agreement;
  readonly known: Known;
  readonly leadType: string;
  /** 1 is the most urgent. */
  readonly priority: number;
  /** When outreach is due: held leads are released in this order, and none waits for room longer. */
  readonly dueAt: Instant;
  readonly arrivedAt: Instant;
  /** Who had this lead before. */
  readonly exclude: readonly { readonly repId: string; readonly round: number }[];
  /** The rep who owns the account already. */
  readonly ownerId: string | null;
  readonly language: string | null;
  readonly product: string | null;
  readonly motion: string | null;
  /** A manager's explicit choice: rep id. */
  readonly assignTo?: string;
}

export interface RouteResult extends RouteAnswer {
  /** All that the pure function was given; `rejudgeRoute` answers the same again. */
  readonly input: RouteInput;
  /** Leads on hold that went first, under the same lock; their processes are told when it commits. */
  readonly released: readonly Released[];
}

/**
 * Routes a handoff in the caller's transaction: locks the pool, reads who is eligible, picks, writes assignment and
 * ledger (routing.md, "Atomic"). Asked again for the same (handoff, round) it returns the stored assignment, also when
 * somebody else's release made it meanwhile. Leads on hold that are as urgent or more go first.
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
 * Routes several in one transaction, in their order, each as `routeHandoff` would, with only their first pools locked.
 * Null for those that came to a pool beyond, which `routeFar` does.
 */
export async function routeNear(
  tx: Tx,
  asked: readonly Asked[],
  now: Instant,
): Promise<(RouteResult | null)[]> {
  return takeTurns(tx, asked, firstPools(asked), now);
}

/** Routes several in one transaction, in their order, with every pool locked that any of them may come to. */
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
    prepared(
      "routing-held-in",
      sql`select distinct pool from held where handoff_id = any(${asked.map((one) => one.request.handoffId)})`,
    ),
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
 * Releases leads on hold in these pools, in order of priority, due time, arrival, as far as anybody is there and has room.
 * Whoever wakes first calls it; the others find their assignment. Says who got what; their processes are told.
 */
export async function releaseHeld(
  tx: Tx,
  pools: readonly string[],
  now: Instant,
): Promise<Released[]> {
  await lockPools(tx, pools);
  const waiting = [];
  for (const pool of pools) waiting.push(...(await heldInOrder(tx, pool)));
  const [first] = waiting;
  if (!first) return [];
  const snapshot = await readSnapshot(
    tx,
    { pools, named: [], base: first.request.base, offers: [] },
    now,
  );
  return giveOut(tx, snapshot, waiting);
}

/** Ends an offer: the rep's room is free again. One ended before stays as it was. */
export async function endAssignment(
  tx: Tx,
  handoffId: string,
  round: number,
  now: Instant,
  why: string,
): Promise<void> {
  await send(
    tx,
    sql`update assignment set ended_at = ${new Date(now)}, ended_why = ${why} where handoff_id = ${handoffId} and round = ${round} and ended_at is null`,
  );
}

/**
 * Ends every offer of a handoff that is still open, also one that its process has not heard of: released from hold, or
 * made by a decision that was lost. Says which.
 */
export async function endAssignments(
  tx: Tx,
  handoffId: string,
  now: Instant,
  why: string,
): Promise<{ readonly round: number; readonly pool: string | null }[]> {
  return rows(
    tx,
    sql`
    update assignment set ended_at = ${new Date(now)}, ended_why = ${why} where handoff_id = ${handoffId} and ended_at is null returning round, pool`,
  );
}

/**
 * Gives the rep the turn back after a rejection for the lead's fault (routing.md, "Picking"): the entry of this offer
 * is undone, once. An offer that cost nobody a turn (owner, manager) has nothing to undo.
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
    select pool, lead_type, deltas from credit_entry where handoff_id = ${handoffId} and round = ${round} and kind = 'pick'`,
  );
  if (!pick) return;
  await lockPools(tx, [pick.pool]);
  const done = await firstRow(
    tx,
    sql`select 1 from credit_entry where handoff_id = ${handoffId} and round = ${round} and kind = 'reverse'`,
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
