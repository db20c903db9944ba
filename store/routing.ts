import type { Agreement } from "../handoff/agreement.ts";
import { baseHours } from "../handoff/applied-calendar.ts";
import type { CalendarDef, Instant } from "../handoff/calendar.ts";
import type { Known } from "../handoff/condition.ts";
import { reversed, type Deltas } from "../handoff/credit.ts";
import { walk, type Candidate, type Proposed, type RouteAnswer, type RouteInput, type Routed, type Via, type Walked } from "../handoff/route.ts";
import { placeOf, routingEvidence, type Evidence, type Place } from "../handoff/territory.ts";
import { firstRow, inSavepoint, prepared, send, sql, type Tx } from "./db.ts";
import { giveOut, heldInOrder, hold, holdNoLonger, settleLeavers, type Released } from "./held.ts";
import { ledgerOf, lockPools, memberOf, membersOf, readSnapshot, type Snapshot } from "./routing-read.ts";
import { writeTurns, type LedgerEntry } from "./routing-write.ts";

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
  /** Leads on hold that went first, under the same lock; their processes want to be told. */
  readonly released: readonly Released[];
}

/**
 * Routes a handoff in the caller's transaction: locks the pool, reads who is eligible, picks, writes assignment and
 * ledger (routing.md, "Atomic"). Asked again for the same (handoff, round) it returns the stored assignment, also when
 * somebody else's release made it meanwhile. Leads on hold that are as urgent or more go first.
 */
export async function routeHandoff(tx: Tx, request: RouteRequest): Promise<RouteResult> {
  const { agreement, now } = request;
  const evidence = routingEvidence(agreement, { ...request.known, now });
  const asked: Asked = { request, evidence, place: placeOf(agreement, evidence), base: baseHours(agreement) };
  const heldIn = await firstRow<{ pool: string }>(tx, prepared("routing-held-in", sql`select pool from held where handoff_id = ${request.handoffId}`));
  const near = distinct([...(heldIn ? [heldIn.pool] : []), ...asked.place.steps.slice(0, 1).map((step) => step.pool)]);
  const all = distinct([...near, ...asked.place.steps.flatMap((step) => [step.pool, ...(agreement.routing.hold === "follow-the-sun" ? step.siblings : [])])]);
  if (all.length > near.length) {
    // Nearly always the first pool decides, and the others need not wait for us.
    // Undone, it gives the locks back, so that all can be taken in one order.
    const result = await inSavepoint(tx, () => attempt(tx, asked, near), (answer) => answer !== null);
    if (result) return result;
  }
  const result = await attempt(tx, asked, all);
  if (!result) throw new Error(`routing of handoff ${request.handoffId} came to a pool outside its own steps`);
  return result;
}

interface Asked {
  readonly request: RouteRequest;
  readonly evidence: Evidence;
  readonly place: Place;
  readonly base: CalendarDef;
}

/** Routes with these pools locked and read; null when the walk comes to one that is not among them. */
async function attempt(tx: Tx, asked: Asked, pools: readonly string[]): Promise<RouteResult | null> {
  const { request, base } = asked;
  await lockPools(tx, pools);
  const named = [request.assignTo, ownerOf(request)].filter((id) => id !== undefined && id !== null);
  const snapshot = await readSnapshot(tx, { pools, named, base, offer: request }, request.now);
  if (snapshot.isMade) return storedAssignment(tx, request);
  const leaving = pools.flatMap((pool) => settleLeavers(snapshot, pool, request.leadType));
  await writeTurns(tx, [], leaving, request.now);

  const released: Released[] = [];
  const served = new Set<string>();
  for (;;) {
    const input = inputOf(asked, snapshot);
    const walked = walk(input);
    if ("unread" in walked) return null;
    const pool = walked.charge?.pool;
    if (pool === undefined || served.has(pool) || !snapshot.pools[pool]?.holding) {
      await write(tx, asked, input, walked);
      // Whoever was on hold is in one of the locked pools.
      if (walked.answer.routed.kind !== "held" && pools.some((one) => snapshot.pools[one]?.holding)) await holdNoLonger(tx, [request.handoffId]);
      return { ...walked.answer, input, released };
    }
    // Somebody has a turn here: leads on hold that are as urgent or more take theirs first. Each pool once.
    served.add(pool);
    released.push(...(await giveOut(tx, snapshot, await heldInOrder(tx, pool, request))));
  }
}

function inputOf({ request, evidence, place, base }: Asked, snapshot: Snapshot): RouteInput {
  const { now, dueAt, agreement } = request;
  const owner = ownerOf(request);
  return {
    kind: "route", now, dueAt, evidence, place,
    needs: { language: request.language, product: request.product, motion: request.motion, exclude: request.exclude },
    chosen: request.assignTo === undefined ? null : proposed(snapshot, request.assignTo, place, base),
    owner: owner === null ? null : proposed(snapshot, owner, place, base),
    pools: Object.fromEntries(Object.keys(snapshot.pools).map((pool) => [pool, { members: membersOf(snapshot, pool, base), ledger: ledgerOf(snapshot, pool, request.leadType) }])),
    followTheSun: agreement.routing.hold === "follow-the-sun",
    fallback: agreement.routing.fallback,
  };
}

function ownerOf({ agreement, ownerId }: RouteRequest): string | null {
  return agreement.routing.owners === "keep" ? ownerId : null;
}

/** A rep by name, in the lead's own pool when the rep works there, else in the rep's first. */
function proposed(snapshot: Snapshot, repId: string, place: Place, base: CalendarDef): Proposed {
  const state = snapshot.named[repId];
  if (!state) return { repId, member: null, pool: null };
  const steps = place.steps.map((step) => step.pool);
  const pool = state.pools.find((one) => steps.includes(one.id)) ?? state.pools[0] ?? null;
  return { repId, member: memberOf(snapshot, state, pool?.hours ?? null, base), pool: pool?.id ?? null };
}

async function write(tx: Tx, { request, place, base }: Asked, input: RouteInput, { answer, charge }: Walked): Promise<void> {
  const { handoffId, round, now, leadType, priority, dueAt, arrivedAt } = request;
  const { routed, candidates } = answer;
  switch (routed.kind) {
    case "assigned": {
      const entries: LedgerEntry[] = charge ? [{ ...charge, leadType, kind: "pick", handoffId, round, winner: routed.repId }] : [];
      return writeTurns(tx, [{ handoffId, round, repId: routed.repId, queue: null, pool: routed.pool, via: routed.via, candidates, input }], entries, now);
    }
    case "queue":
      return writeTurns(tx, [{ handoffId, round, repId: null, queue: routed.queue, pool: null, via: "fallback", candidates, input }], [], now);
    case "held": {
      const language = input.needs.language ?? place.steps.find((step) => step.pool === routed.pool)?.language ?? null;
      const request = { needs: { ...input.needs, language }, territory: place.territory, segment: place.segment, base };
      return hold(tx, { handoffId, pool: routed.pool, round, leadType, priority, dueAt, arrivedAt, untilAt: routed.untilAt, request }, now);
    }
  }
}

interface AssignmentRow { rep_id: string | null; queue: string | null; pool: string | null; via: Via; candidates: Candidate[]; input: RouteInput }

async function storedAssignment(tx: Tx, { handoffId, round }: RouteRequest): Promise<RouteResult> {
  const row = await firstRow<AssignmentRow>(tx, prepared("routing-stored", sql`
    select rep_id, queue, pool, via, candidates, input from assignment where handoff_id = ${handoffId} and round = ${round}`));
  if (!row) throw new Error(`the assignment of handoff ${handoffId}, round ${round}, is gone`);
  const routed: Routed = row.rep_id === null ? { kind: "queue", queue: row.queue ?? "" } : { kind: "assigned", repId: row.rep_id, pool: row.pool, via: row.via };
  return { routed, territory: row.input.place.territory, segment: row.input.place.segment, candidates: row.candidates, input: row.input, released: [] };
}

/**
 * Releases leads on hold in a pool, in order of priority, due time, arrival, as far as anybody is there and has room.
 * Whoever wakes first calls it; the others find their assignment. Says who got what, so that processes can be told.
 */
export async function releaseHeld(tx: Tx, pool: string, now: Instant): Promise<Released[]> {
  await lockPools(tx, [pool]);
  const waiting = await heldInOrder(tx, pool);
  const [first] = waiting;
  if (!first) return [];
  const snapshot = await readSnapshot(tx, { pools: [pool], named: [], base: first.request.base }, now);
  return giveOut(tx, snapshot, waiting);
}

/** Ends an offer: the rep's room is free again. One ended before stays as it was. */
export async function endAssignment(tx: Tx, handoffId: string, round: number, now: Instant, why: string): Promise<void> {
  await send(tx, sql`update assignment set ended_at = ${new Date(now)}, ended_why = ${why} where handoff_id = ${handoffId} and round = ${round} and ended_at is null`);
}

/**
 * Gives the rep the turn back after a rejection for the lead's fault (routing.md, "Picking"): the entry of this offer
 * is undone, once. An offer that cost nobody a turn (owner, manager) has nothing to undo.
 */
export async function reverseCredit(tx: Tx, handoffId: string, round: number, now: Instant): Promise<void> {
  const pick = await firstRow<{ pool: string; lead_type: string; deltas: Deltas }>(tx, sql`
    select pool, lead_type, deltas from credit_entry where handoff_id = ${handoffId} and round = ${round} and kind = 'pick'`);
  if (!pick) return;
  await lockPools(tx, [pick.pool]);
  const done = await firstRow(tx, sql`select 1 from credit_entry where handoff_id = ${handoffId} and round = ${round} and kind = 'reverse'`);
  if (done) return;
  await writeTurns(tx, [], [{ pool: pick.pool, leadType: pick.lead_type, kind: "reverse", handoffId, round, winner: null, deltas: reversed(pick.deltas) }], now);
}

function distinct(list: readonly string[]): string[] {
  return [...new Set(list)];
}
