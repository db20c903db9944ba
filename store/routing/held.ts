import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import { spreadLeavers } from "../../handoff/routing/round-robin.ts";
import type { Needs } from "../../handoff/routing/eligibility.ts";
import { walk, type RouteInput } from "../../handoff/routing/route.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import { enqueueAll, processSignal, type ProcessRef } from "../postgres/outbox.ts";
import { accountsOf, beingRouted, type LeadAccount } from "./account-owner.ts";
import { noteGiven, ownersNow, proposed, readNamed } from "./proposals.ts";
import { book, ledgerOf, load, membersOf, offerKey, type Snapshot } from "./read.ts";
import { writeTurns, type LedgerEntry, type NewAssignment } from "./write.ts";

/** What a lead on hold needs, so that any process that wakes can route it. No facts of the lead. */
export interface HeldRequest {
  readonly needs: Needs;
  readonly territory: string | null;
  readonly segment: string | null;
  /** The agreement's own hours, for reps and pools without any. */
  readonly base: CalendarDef;
  /** Who has the account goes first. Absent from older rows until the hold is renewed. */
  readonly keepsOwners?: boolean;
  /** Who has the account's own handoff goes first all the same. */
  readonly withAccount?: true;
}

/** A lead's place in the order of release: priority, due time, arrival, id. */
export interface HeldPlace {
  readonly priority: number;
  readonly dueAt: Instant;
  readonly arrivedAt: Instant;
  readonly handoffId: string;
}

export interface Held extends HeldPlace {
  readonly pool: string;
  readonly round: number;
  readonly leadType: string;
  /** First opening; null when somebody is there and only room is missing. */
  readonly untilAt: Instant | null;
  readonly request: HeldRequest;
}

export interface Released {
  readonly handoffId: string;
  readonly subjectId: string;
  readonly repId: string;
}

/**
 * Puts a handoff on hold in a pool, or renews its hold; it keeps the time since which it is held.
 */
export async function hold(tx: Tx, held: Held, now: Instant): Promise<void> {
  await send(
    tx,
    sql`
    insert into held (handoff_id, pool, round, lead_type, request, priority, due_at, arrived_at,
      until_at, since)
    values (${held.handoffId}, ${held.pool}, ${held.round}, ${held.leadType},
      ${JSON.stringify(held.request)}, ${held.priority},
      ${new Date(held.dueAt)}, ${new Date(held.arrivedAt)},
        ${held.untilAt === null ? null : new Date(held.untilAt)}, ${new Date(now)})
    on conflict (handoff_id) do update
      set pool = excluded.pool, round = excluded.round, lead_type = excluded.lead_type,
      request = excluded.request,
      priority = excluded.priority, due_at = excluded.due_at, arrived_at = excluded.arrived_at,
        until_at = excluded.until_at`,
  );
}

export async function holdNoLonger(tx: Tx, handoffIds: readonly string[]): Promise<void> {
  await send(tx, sql`delete from held where handoff_id = any(${handoffIds})`);
}

/**
 * Leads on hold in a pool, in the order of release; with `before`, those that go first; with
 * `most`, so many. The pool is locked by the caller. A lead that is just being closed or routed
 * elsewhere is skipped: its own decision stands.
 */
export async function heldInOrder(
  tx: Tx,
  pool: string,
  before?: HeldPlace,
  most: number | null = null,
): Promise<(Held & OfSubject)[]> {
  const limit = before
    ? [before.priority, new Date(before.dueAt), new Date(before.arrivedAt), before.handoffId]
    : [null, null, null, null];
  const found = await rows<HeldRow>(tx, {
    text: `
      select held.*, h.subject_kind, h.subject_id, h.cycle from held join handoff h on h.id = held.handoff_id
        and h.state = 'open'
      where held.pool = $1 and ($2::smallint is null
        or (held.priority, held.due_at, held.arrived_at) <= ($2::smallint, $3::timestamptz,
        $4::timestamptz) and held.handoff_id <> $5)
      order by held.priority, held.due_at, held.arrived_at, held.handoff_id
      limit $6 for update of held skip locked`,
    values: [pool, ...limit, most],
  });
  // Hours that read the same are one object: what follows from them is worked out once.
  const bases = new Map<string, CalendarDef>();
  const shared = (base: CalendarDef): CalendarDef => {
    const text = JSON.stringify(base);
    return bases.get(text) ?? (bases.set(text, base), base);
  };
  return found.map((row) => ({
    handoffId: row.handoff_id,
    pool: row.pool,
    round: row.round,
    leadType: row.lead_type,
    request: { ...row.request, base: shared(row.request.base) },
    priority: row.priority,
    dueAt: row.due_at.getTime(),
    arrivedAt: row.arrived_at.getTime(),
    untilAt: row.until_at?.getTime() ?? null,
    subjectId: row.subject_id,
    process: { kind: row.subject_kind, id: row.subject_id, cycle: row.cycle },
  }));
}

interface HeldRow {
  handoff_id: string;
  pool: string;
  round: number;
  lead_type: string;
  request: HeldRequest;
  priority: number;
  due_at: Date;
  arrived_at: Date;
  until_at: Date | null;
  subject_kind: "lead" | "account";
  subject_id: string;
  cycle: number;
}

/** Whose handoff is on hold, and the process that hears of it. */
interface OfSubject {
  readonly subjectId: string;
  readonly process: ProcessRef;
}

/**
 * Gives held leads out in their order, as far as anybody can take them, and moves the snapshot on:
 * to who has the account, else to whose turn it is. A lead that cannot be placed stays on hold. One
 * write for all: a weekend's leads are released at once. Their processes are told in the same
 * transaction, as nothing else would tell them later. `ours` are accounts that are locked by whoever
 * waits for this; a lead of one in which somebody else routes a colleague is told to ask by itself.
 */
export async function assignHeld(
  tx: Tx,
  snapshot: Snapshot,
  waiting: readonly (Held & OfSubject)[],
  ours: ReadonlySet<string> = new Set(),
): Promise<Released[]> {
  const assignments: NewAssignment[] = [];
  const entries: LedgerEntry[] = [];
  const released: Released[] = [];
  const { accounts, busy } = await accountsOfHeld(tx, snapshot, waiting, ours);
  for (const held of waiting) {
    if (busy.has(held.subjectId)) continue;
    const { accountId, owners } = accounts.get(held.subjectId) ?? noAccount;
    const asked = ownersNow(snapshot, { accountId, owners });
    await readNamed(tx, snapshot, asked, held.request.base);
    entries.push(...settleLeavers(snapshot, held.pool, held.leadType));
    const input = releaseInput(snapshot, held, asked);
    const walked = walk(input);
    if ("unread" in walked)
      throw new Error(`pool ${walked.unread} was not read before its release`);
    const { routed, candidates } = walked.answer;
    if (routed.kind !== "assigned") continue;
    const { repId, pool, via } = routed;
    if (walked.charge) {
      const entry: LedgerEntry = {
        ...walked.charge,
        leadType: held.leadType,
        kind: "pick",
        handoffId: held.handoffId,
        round: held.round,
        winner: repId,
      };
      book(snapshot, entry);
      entries.push(entry);
    } else load(snapshot, repId);
    noteGiven(snapshot, accountId, repId);
    assignments.push({
      handoffId: held.handoffId,
      round: held.round,
      repId,
      queue: null,
      pool,
      via,
      candidates,
      input,
    });
    released.push({ handoffId: held.handoffId, subjectId: held.subjectId, repId });
    snapshot.made.add(offerKey(held));
  }
  await writeTurns(tx, assignments, entries, snapshot.now);
  if (released.length > 0)
    await holdNoLonger(
      tx,
      released.map((one) => one.handoffId),
    );
  const given = new Set(released.map(({ handoffId }) => handoffId));
  await enqueueAll(
    tx,
    [
      ...waiting
        .filter(({ handoffId }) => given.has(handoffId))
        .map(({ process, handoffId }) =>
          processSignal(process, "signal", "released", { id: handoffId }, 1),
        ),
      ...waiting
        .filter(({ subjectId }) => busy.has(subjectId))
        .map(({ process, subjectId }) =>
          processSignal(process, "signal", "rosterChanged", { id: subjectId }, 1),
        ),
    ],
    snapshot.now,
  );
  return released;
}

const noAccount: LeadAccount = { accountId: null, owners: [] };

/** Whose accounts the leads are, and whose account somebody else gives to a rep just now. */
async function accountsOfHeld(
  tx: Tx,
  snapshot: Snapshot,
  waiting: readonly (Held & OfSubject)[],
  ours: ReadonlySet<string>,
): Promise<{
  readonly accounts: ReadonlyMap<string, LeadAccount>;
  readonly busy: ReadonlySet<string>;
}> {
  const keeping = waiting.filter(
    ({ request }) => request.keepsOwners === true || request.withAccount === true,
  );
  const leads = keeping.map(({ subjectId }) => subjectId);
  const busy = await beingRouted(tx, leads, ours);
  const known = await accountsOf(tx, leads);
  const accounts = new Map(
    keeping.flatMap(({ subjectId, request }): [string, LeadAccount][] => {
      const account = known.get(subjectId);
      if (!account) return [];
      const { accountId, owners, holders } = account;
      return [[subjectId, { accountId, owners: request.keepsOwners === true ? owners : holders }]];
    }),
  );
  const owners = [...accounts.values()].flatMap((account) => account.owners);
  if (keeping[0]) await readNamed(tx, snapshot, owners, keeping[0].request.base);
  return { accounts, busy };
}

function releaseInput(
  snapshot: Snapshot,
  { pool, leadType, dueAt, request }: Held,
  owners: readonly string[],
): RouteInput {
  const { needs, territory, segment, base } = request;
  const place = {
    territory,
    segment,
    steps: [{ pool, via: "territory" as const, language: null, siblings: [] }],
    trace: [],
  };
  return {
    kind: "release",
    now: snapshot.now,
    dueAt,
    needs,
    chosen: null,
    owners: owners.map((one) => proposed(snapshot, one, place, base)),
    evidence: null,
    followTheSun: false,
    fallback: pool,
    place,
    pools: {
      [pool]: {
        members: membersOf(snapshot, pool, base),
        ledger: ledgerOf(snapshot, pool, leadType),
      },
    },
  };
}

/**
 * The entry that spreads the credit of those who left the pool or the company; none when nobody
 * did.
 */
export function settleLeavers(snapshot: Snapshot, pool: string, leadType: string): LedgerEntry[] {
  if (snapshot.pools[pool]?.settled.has(leadType)) return [];
  snapshot.pools[pool]?.settled.add(leadType);
  const staying = (snapshot.pools[pool]?.members ?? []).filter((one) => one.active);
  const deltas = spreadLeavers(ledgerOf(snapshot, pool, leadType), staying);
  if (!deltas) return [];
  const entry: LedgerEntry = {
    pool,
    leadType,
    kind: "leave",
    handoffId: null,
    round: null,
    winner: null,
    deltas,
  };
  book(snapshot, entry);
  return [entry];
}
