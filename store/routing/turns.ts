import { agreementHours } from "../../handoff/time/applied-calendar.ts";
import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import {
  walk,
  type PoolInput,
  type RouteInput,
  type Routed,
  type Via,
  type Walked,
} from "../../handoff/routing/route.ts";
import {
  placeOf,
  routingEvidence,
  type Evidence,
  type TerritoryPlace,
} from "../../handoff/routing/territory.ts";
import { firstRow, sql, type Tx } from "../postgres/db.ts";
import {
  assignHeld,
  heldInOrder,
  hold,
  holdNoLonger,
  settleLeavers,
  type Held,
  type Released,
} from "./held.ts";
import type { LeadAccount } from "./account-owner.ts";
import { noteGiven, ownersNow, proposed, readNamed } from "./proposals.ts";
import type { RouteRequest, RouteResult } from "./route-request.ts";
import {
  book,
  ledgerOf,
  load,
  lockPools,
  membersOf,
  offerKey,
  readSnapshot,
  type Snapshot,
} from "./read.ts";
import { restored, type KeptRow } from "./record.ts";
import { writeTurns, type LedgerEntry, type NewAssignment } from "./write.ts";

/** A request, and where its lead belongs by the facts it was made with. */
export interface Asked {
  readonly request: RouteRequest;
  readonly evidence: Evidence;
  readonly place: TerritoryPlace;
  readonly base: CalendarDef;
}

/** Finds the pools of a request: what can be known before anything is locked. */
export function placed(request: RouteRequest): Asked {
  const evidence = routingEvidence(request.agreement, { ...request.known, now: request.now });
  return {
    request,
    evidence,
    place: placeOf(request.agreement, evidence),
    base: agreementHours(request.agreement),
  };
}

/**
 * Walks the requests in their order with these pools locked and read; null for one that comes to a
 * pool which is not among them. Each finds the pools as those before it leave them. All must have
 * the same `base`.
 */
export async function takeTurns(
  tx: Tx,
  asked: readonly Asked[],
  pools: readonly string[],
  now: Instant,
): Promise<(RouteResult | null)[]> {
  await lockPools(tx, pools);
  const named = [
    ...new Set(
      asked.flatMap(({ request }) => [
        ...(request.assignTo === undefined ? [] : [request.assignTo]),
        ...accountOf(request).owners,
      ]),
    ),
  ];
  const snapshot = await readSnapshot(
    tx,
    { pools, named, base: asked[0]!.base, offers: asked.map((one) => one.request) },
    now,
  );
  // Whoever asks has locked the account.
  const ours = new Set(asked.flatMap(({ request }) => request.accountId ?? []));
  const turns: Turns = { tx, snapshot, ours, assignments: [], entries: [], holds: new Map() };
  const results: (RouteResult | null | "stored")[] = [];
  for (const one of asked) results.push(await takeTurn(turns, one));
  await write(turns);
  return Promise.all(
    results.map(async (result, n) =>
      result === "stored" ? storedAssignment(tx, asked[n]!.request) : result,
    ),
  );
}

/**
 * Requests that are walked under one set of locks, and what they decided that is not written yet.
 */
interface Turns {
  readonly tx: Tx;
  readonly snapshot: Snapshot;
  /** Accounts of the requests. */
  readonly ours: ReadonlySet<string>;
  readonly assignments: NewAssignment[];
  readonly entries: LedgerEntry[];
  /** By handoff; null is on hold no longer. */
  readonly holds: Map<string, Held | null>;
}

async function takeTurn(turns: Turns, asked: Asked): Promise<RouteResult | null | "stored"> {
  const { tx, snapshot } = turns;
  const { request } = asked;
  const on = snapshot.heldIn.get(request.handoffId);
  if (on !== undefined && !snapshot.pools[on]) return null;
  const released: Released[] = [];
  const served = new Set<string>();
  for (;;) {
    // Made before, or by the release of somebody who came first.
    if (snapshot.made.has(offerKey(request))) return "stored";
    await readNamed(tx, snapshot, ownersNow(snapshot, accountOf(request)), asked.base);
    const found = walkOn(turns, asked);
    if (!found) return null;
    const { input, walked } = found;
    const pool = walked.charge?.pool;
    if (pool === undefined || served.has(pool) || !snapshot.pools[pool]?.holding) {
      note(turns, asked, input, walked);
      return { ...walked.answer, input, released };
    }
    // Somebody has a turn here: leads on hold that are as urgent or more take theirs first. Each
    // pool once.
    served.add(pool);
    await write(turns);
    const waiting = await heldInOrder(tx, pool, request);
    released.push(...(await assignHeld(tx, snapshot, waiting, turns.ours)));
  }
}

/**
 * Walks with the pools that the walk comes to, and no others, so that only they are kept; null when
 * one was not read.
 */
function walkOn(turns: Turns, asked: Asked): { input: RouteInput; walked: Walked } | null {
  const { snapshot } = turns;
  const { request, base, place } = asked;
  const pools: Record<string, PoolInput> = {};
  const input = inputOf(asked, snapshot, pools);
  // A walk comes to each pool once at most.
  for (let next: string | undefined = place.steps[0]?.pool; ;) {
    if (next !== undefined) {
      if (!snapshot.pools[next]) return null;
      turns.entries.push(...settleLeavers(snapshot, next, request.leadType));
      pools[next] = {
        members: membersOf(snapshot, next, base),
        ledger: ledgerOf(snapshot, next, request.leadType),
      };
    }
    const walked = walk(input);
    if (!("unread" in walked)) return { input, walked };
    next = walked.unread;
  }
}

function inputOf(
  { request, evidence, place, base }: Asked,
  snapshot: Snapshot,
  pools: RouteInput["pools"],
): RouteInput {
  const { dueAt, agreement } = request;
  return {
    kind: "route",
    now: snapshot.now,
    dueAt,
    evidence,
    place,
    needs: {
      language: request.language,
      product: request.product,
      motion: request.motion,
      exclude: request.exclude,
    },
    chosen:
      request.assignTo === undefined ? null : proposed(snapshot, request.assignTo, place, base),
    owners: ownersNow(snapshot, accountOf(request)).map((one) =>
      proposed(snapshot, one, place, base),
    ),
    pools,
    followTheSun: agreement.routing.hold === "follow-the-sun",
    fallback: agreement.routing.fallback,
  };
}

function accountOf({ agreement, accountId, owners, withAccount }: RouteRequest): LeadAccount {
  return agreement.routing.owners === "keep" || withAccount === true
    ? { accountId, owners }
    : { accountId: null, owners: [] };
}

/** Moves the snapshot on by what was decided, and notes what is to be written. */
function note(
  { snapshot, assignments, entries, holds }: Turns,
  { request, place, base }: Asked,
  input: RouteInput,
  { answer, charge }: Walked,
): void {
  const { handoffId, round, leadType, priority, dueAt, arrivedAt } = request;
  const { routed, candidates } = answer;
  if (routed.kind === "held") {
    const language =
      input.needs.language ??
      place.steps.find((step) => step.pool === routed.pool)?.language ??
      null;
    const held = {
      needs: { ...input.needs, language },
      territory: place.territory,
      segment: place.segment,
      base,
      keepsOwners: request.agreement.routing.owners === "keep",
      ...(request.withAccount === true ? { withAccount: true as const } : {}),
    };
    holds.set(handoffId, {
      handoffId,
      pool: routed.pool,
      round,
      leadType,
      priority,
      dueAt,
      arrivedAt,
      untilAt: routed.untilAt,
      request: held,
    });
    // Nobody can take it, and until the batch ends there is only ever less room: the next ones need
    // not look for it.
    return;
  }
  if (holds.has(handoffId) || snapshot.heldIn.has(handoffId)) holds.set(handoffId, null);
  snapshot.made.add(offerKey(request));
  if (routed.kind === "queue") {
    assignments.push({
      handoffId,
      round,
      repId: null,
      queue: routed.queue,
      pool: null,
      via: "fallback",
      candidates,
      input,
    });
    return;
  }
  const { repId, pool, via } = routed;
  assignments.push({ handoffId, round, repId, queue: null, pool, via, candidates, input });
  noteGiven(snapshot, accountOf(request).accountId, repId);
  if (!charge) return load(snapshot, repId);
  const entry: LedgerEntry = { ...charge, leadType, kind: "pick", handoffId, round, winner: repId };
  entries.push(entry);
  book(snapshot, entry);
}

/** Writes what is noted, ledger entries in their order. */
async function write({ tx, snapshot: { now }, assignments, entries, holds }: Turns): Promise<void> {
  await writeTurns(tx, assignments.splice(0), entries.splice(0), now);
  const held = [...holds];
  holds.clear();
  const free = held.filter(([, one]) => one === null).map(([id]) => id);
  if (free.length > 0) await holdNoLonger(tx, free);
  for (const [, one] of held) if (one) await hold(tx, one, now);
}

type AssignmentRow = KeptRow & {
  rep_id: string | null;
  queue: string | null;
  pool: string | null;
  via: Via;
};

async function storedAssignment(tx: Tx, { handoffId, round }: RouteRequest): Promise<RouteResult> {
  const row = await firstRow<AssignmentRow>(
    tx,
    sql`
    select a.rep_id, a.queue, a.pool, a.via, a.candidates, a.input, a.record, v.content as roster
    from assignment a left join roster_version v on v.id = a.roster
      where a.handoff_id = ${handoffId} and a.round = ${round}`,
  );
  if (!row) throw new Error(`the assignment of handoff ${handoffId}, round ${round}, is gone`);
  const routed: Routed =
    row.rep_id === null
      ? { kind: "queue", queue: row.queue ?? "" }
      : { kind: "assigned", repId: row.rep_id, pool: row.pool, via: row.via };
  const { input, candidates } = restored(row);
  return {
    routed,
    territory: input.place.territory,
    segment: input.place.segment,
    candidates,
    input,
    released: [],
  };
}
