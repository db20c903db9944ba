import { repHours } from "../../handoff/time/applied-calendar.ts";
import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import { applyDeltas, type Deltas, type CreditLedger } from "../../handoff/routing/round-robin.ts";
import type { Member } from "../../handoff/routing/eligibility.ts";
import { localSpan, presenceAt, type Presence } from "../../handoff/routing/presence.ts";
import type { Caps } from "../../handoff/routing/roster.ts";
import { firstRow, rows, send, sql, type Tx } from "../postgres/db.ts";
import { capsOf } from "./roster.ts";

/**
 * What routing reads under the locks of its pools; `loads` and `ledgers` move on as leads are given
 * out.
 */
export interface Snapshot {
  readonly pools: Readonly<Record<string, PoolState>>;
  /** Reps looked up by name, with the pools they work in. */
  readonly named: Record<
    string,
    RepState & {
      readonly pools: readonly { readonly id: string; readonly hours: CalendarDef | null }[];
    }
  >;
  /** By pool, then by lead type. */
  readonly ledgers: Record<string, Record<string, CreditLedger>>;
  /** By rep, for those with caps: nobody asks for the others'. */
  readonly loads: Map<string, Counted>;
  /** By account, who was given one of its leads since. */
  readonly given: Map<string, readonly string[]>;
  /** Of the handoffs asked about, the offers made before, by `offerKey`. */
  readonly made: Set<string>;
  /** Of the handoffs asked about, those on hold, and in which pool. */
  readonly heldIn: ReadonlyMap<string, string>;
  readonly now: Instant;
  /** Members as they stand: shared by all requests of the batch; only a load changes. */
  readonly members: Map<RepState, CountedMember[]>;
  /** By the hours that reps without hours and absences of their own work. */
  readonly presences: Map<CalendarDef, Present>;
  /** The number of the latest pick, counted on from what was read. */
  lastPick: number;
}

export interface PoolState {
  readonly hours: CalendarDef | null;
  readonly members: readonly RepState[];
  /** Leads are on hold here. */
  readonly holding: boolean;
  /** Lead types of which the leavers' credit is spread already. */
  readonly settled: Set<string>;
}

/** A rep as stored, in one pool. */
export interface RepState {
  readonly repId: string;
  readonly weight: number;
  readonly active: boolean;
  readonly hours: CalendarDef | null;
  readonly languages: readonly string[];
  readonly products: readonly string[];
  readonly motions: readonly string[];
  readonly caps: Caps;
  readonly absences: readonly { readonly from: Instant; readonly to: Instant }[];
}

type Counted = Pick<Member["load"], "open" | "today" | "thisHour">;

/** When a rep works, and when the local day and hour end. */
interface Present {
  readonly presence: Presence;
  readonly dayTo: Instant;
  readonly hourTo: Instant;
}

/** A member on these hours, and the counts that its load was made from. */
interface CountedMember {
  readonly poolHours: CalendarDef | null;
  readonly base: CalendarDef;
  counted: Counted;
  member: Member;
}

/** One offer: a handoff is put before a rep once a round. */
export interface Offer {
  readonly handoffId: string;
  readonly round: number;
}

export function offerKey({ handoffId, round }: Offer): string {
  return `${handoffId}/${round}`;
}

/**
 * Locks pools, each in a statement of its own: a lock taken inside the statement that reads comes
 * after its snapshot (docs/routing.md, "Locks and repeats"). In one order, so that two routings
 * never wait for each other.
 */
export async function lockPools(tx: Tx, pools: readonly string[]): Promise<void> {
  for (const pool of [...new Set(pools)].sort())
    await send(tx, sql`select pg_advisory_xact_lock(${lockClass}, hashtext(${pool}))`);
}

const lockClass = 7_201_665;

/** What to read: pools (locked before), reps by name, and whether these offers were made. */
export interface Wanted {
  readonly pools: readonly string[];
  readonly named: readonly string[];
  /** Whose local day and hour count for reps and pools without hours. */
  readonly base: CalendarDef;
  readonly offers: readonly Offer[];
}

/** Reads pools and reps: members, absences, loads and ledgers as they are now. */
export async function readSnapshot(tx: Tx, want: Wanted, now: Instant): Promise<Snapshot> {
  // One statement: the lock is held meanwhile, and a round trip takes longer than the reading.
  const handoffs = want.offers.map((one) => one.handoffId);
  const read = await firstRow<{
    places: PlaceRow[] | null;
    reps: RepRow[] | null;
    ledgers: LedgerRow[] | null;
    made: Offer[] | null;
    held: { handoffId: string; pool: string }[] | null;
  }>(
    tx,
    sql`
    with places as (
      select p.id as pool, p.hours, m.rep_id, m.weight,
        exists (select 1 from held where held.pool = p.id) as holding
      from pool p left join pool_member m on m.pool_id = p.id where p.id = any(${want.pools})
        or m.rep_id = any(${want.named})),
    reps as (
      select r.id, r.active, r.hours, r.languages, r.products, r.motions, r.max_open, r.max_per_day,
        r.max_per_hour,
        (select json_agg(json_build_object('from',
          floor(extract(epoch from a.from_at) * 1000)::bigint, 'to',
          floor(extract(epoch from a.to_at) * 1000)::bigint) order by a.from_at)
          from absence a where a.rep_id = r.id and a.to_at > ${new Date(now)}) as absences,
        (select count(*)::int from pool_member m where m.rep_id = r.id) as pools
      from rep r where r.id = any(${want.named}) or r.id in (select rep_id from places))
    select (select json_agg(p order by p.pool, p.rep_id) from places p) as places,
      (select json_agg(r order by r.id) from reps r) as reps,
      (select json_agg(l order by l.pool, l.lead_type, l.rep_id) from (
        select pool, lead_type, rep_id, millionths, last_pick from credit
          where pool = any(${want.pools})) l) as ledgers,
      (select json_agg(json_build_object('handoffId', handoff_id, 'round', round)) from assignment
        where handoff_id = any(${handoffs})) as made,
      (select json_agg(json_build_object('handoffId', handoff_id, 'pool', pool)) from held
        where handoff_id = any(${handoffs})) as held`,
  );
  const [places, reps, ledgers, made] = [
    read?.places ?? [],
    read?.reps ?? [],
    read?.ledgers ?? [],
    new Set((read?.made ?? []).map(offerKey)),
  ];
  // An offer that is made already is read as an answer instead.
  const isMade = want.offers.length > 0 && want.offers.every((one) => made.has(offerKey(one)));
  const stateOf = (id: string, weight: number): RepState[] =>
    reps
      .filter((row) => row.id === id)
      .map((row) => ({
        repId: id,
        weight,
        active: row.active,
        hours: row.hours,
        languages: row.languages,
        products: row.products,
        motions: row.motions,
        caps: capsOf(row),
        absences: row.absences ?? [],
      }));
  const poolOf = (id: string): PoolState => {
    const members = places.filter((place) => place.pool === id);
    return {
      hours: members[0]?.hours ?? null,
      holding: members[0]?.holding ?? false,
      settled: new Set(),
      members: members.flatMap((place) =>
        place.rep_id === null ? [] : stateOf(place.rep_id, place.weight ?? 0),
      ),
    };
  };
  return {
    pools: Object.fromEntries(want.pools.map((id) => [id, poolOf(id)])),
    named: Object.fromEntries(
      want.named
        .flatMap((id) => stateOf(id, 0))
        .map((state) => [
          state.repId,
          {
            ...state,
            pools: places
              .filter((place) => place.rep_id === state.repId)
              .map((place) => ({ id: place.pool, hours: place.hours })),
          },
        ]),
    ),
    ledgers: ledgersOf(ledgers),
    loads: isMade ? new Map() : await readLoads(tx, reps, want, places, now),
    heldIn: new Map((read?.held ?? []).map((one) => [one.handoffId, one.pool])),
    given: new Map(),
    members: new Map(),
    presences: new Map(),
    lastPick: ledgers.reduce((latest, row) => Math.max(latest, row.last_pick), 0),
    made,
    now,
  };
}

interface PlaceRow {
  pool: string;
  hours: CalendarDef | null;
  rep_id: string | null;
  weight: number | null;
  holding: boolean;
}

interface RepRow {
  id: string;
  active: boolean;
  hours: CalendarDef | null;
  languages: string[];
  products: string[];
  motions: string[];
  max_open: number | null;
  max_per_day: number | null;
  max_per_hour: number | null;
  absences: { from: Instant; to: Instant }[] | null;
  /** How many pools the rep works in. */
  pools: number;
}

/**
 * Counts for reps with caps: offers open and not worked by them, and offers made in their local day
 * and hour.
 */
async function readLoads(
  tx: Tx,
  reps: readonly RepRow[],
  want: Wanted,
  places: readonly PlaceRow[],
  now: Instant,
): Promise<Map<string, Counted>> {
  const capped = reps.filter((row) => Object.keys(capsOf(row)).length > 0);
  if (capped.length === 0) return new Map();
  // A rep of several pools is given leads under several locks: the lock of the rep's row keeps the
  // caps.
  const shared = capped
    .filter((row) => row.pools > 1 || want.named.includes(row.id))
    .map((row) => row.id);
  if (shared.length > 0)
    await send(tx, sql`select id from rep where id = any(${shared}) order by id for no key update`);
  const spans = capped.map((row) =>
    localSpan(
      (row.hours ?? places.find((place) => place.rep_id === row.id)?.hours ?? want.base).zone,
      now,
    ),
  );
  // Nothing is counted further than its cap: a rep's history may be long.
  const found = await rows<{ id: string; open: number; today: number; this_hour: number }>(
    tx,
    sql`
    select r.id,
      (select count(*)::int from (select 1 from assignment a join handoff h on h.id = a.handoff_id
        where a.rep_id = r.id and a.ended_at is null and h.state = 'open' and h.sal_at is null
          and not exists (select 1 from outreach o where o.handoff_id = a.handoff_id
            and o.rep_id = r.id) limit r.max_open) one) as open,
      (select count(*)::int from (select 1 from assignment a where a.rep_id = r.id and a.at >= r.day
        limit r.max_day) one) as today,
      (select count(*)::int from (select 1 from assignment a where a.rep_id = r.id
        and a.at >= r.hour limit r.max_hour) one) as this_hour
    from unnest(${capped.map((row) => row.id)}::text[],
      ${spans.map((span) => new Date(span.dayFrom))}::timestamptz[],
      ${spans.map((span) => new Date(span.hourFrom))}::timestamptz[],
      ${capped.map((row) => row.max_open ?? 0)}::int[],
        ${capped.map((row) => row.max_per_day ?? 0)}::int[],
        ${capped.map((row) => row.max_per_hour ?? 0)}::int[]) as r(id, day, hour, max_open, max_day,
        max_hour)`,
  );
  return new Map(
    found.map((row) => [row.id, { open: row.open, today: row.today, thisHour: row.this_hour }]),
  );
}

interface LedgerRow {
  pool: string;
  lead_type: string;
  rep_id: string;
  millionths: number;
  last_pick: number;
}

function ledgersOf(found: readonly LedgerRow[]): Snapshot["ledgers"] {
  const ledgers: Record<string, Record<string, Record<string, CreditLedger[string]>>> = {};
  for (const row of found)
    ((ledgers[row.pool] ??= {})[row.lead_type] ??= {})[row.rep_id] = {
      millionths: row.millionths,
      lastPick: row.last_pick,
    };
  return ledgers;
}

/** The members of a pool that was read, as they are at this moment of the transaction. */
export function membersOf(snapshot: Snapshot, pool: string, base: CalendarDef): Member[] {
  const { hours, members } = snapshot.pools[pool] ?? { hours: null, members: [] };
  return members.map((state) => memberOf(snapshot, state, hours, base));
}

/** A rep as the rules see one: hours become instants, and the load is what it is now. */
export function memberOf(
  snapshot: Snapshot,
  state: RepState,
  poolHours: CalendarDef | null,
  base: CalendarDef,
): Member {
  const counted = snapshot.loads.get(state.repId) ?? nothing;
  const seen = snapshot.members.get(state) ?? [];
  const known = seen.find((one) => one.poolHours === poolHours && one.base === base);
  if (!known) {
    const member = freshMember(snapshot, state, poolHours, base, counted);
    snapshot.members.set(state, [...seen, { poolHours, base, counted, member }]);
    return member;
  }
  if (known.counted !== counted) {
    known.counted = counted;
    known.member = { ...known.member, load: { ...known.member.load, ...counted } };
  }
  return known.member;
}

const nothing: Counted = { open: 0, today: 0, thisHour: 0 };

function freshMember(
  snapshot: Snapshot,
  state: RepState,
  poolHours: CalendarDef | null,
  base: CalendarDef,
  counted: Counted,
): Member {
  const { presence, dayTo, hourTo } = presentOf(snapshot, state, poolHours, base);
  const { repId, weight, active, languages, products, motions, caps } = state;
  return {
    repId,
    weight,
    active,
    languages,
    products,
    motions,
    caps,
    load: { ...counted, dayTo, hourTo },
    presence,
  };
}

function presentOf(
  { presences, now }: Snapshot,
  state: RepState,
  poolHours: CalendarDef | null,
  base: CalendarDef,
): Present {
  const isLikeOthers = state.hours === null && state.absences.length === 0;
  const known = isLikeOthers ? presences.get(poolHours ?? base) : undefined;
  if (known) return known;
  const presence = presenceAt(repHours(state, { hours: poolHours }, base), now);
  const { dayTo, hourTo } = localSpan(presence.zone, now);
  const found = { presence, dayTo, hourTo };
  if (isLikeOthers) presences.set(poolHours ?? base, found);
  return found;
}

export function ledgerOf(snapshot: Snapshot, pool: string, leadType: string): CreditLedger {
  return snapshot.ledgers[pool]?.[leadType] ?? {};
}

/** Moves the snapshot on as the database will be once the entry is written. */
export function book(
  snapshot: Snapshot,
  {
    pool,
    leadType,
    deltas,
    winner,
  }: {
    readonly pool: string;
    readonly leadType: string;
    readonly deltas: Deltas;
    readonly winner: string | null;
  },
): void {
  // The entry's number is given by the database later; for the order of ties any number after all
  // others will do.
  const pickedAs = winner === null ? undefined : { winner, entry: (snapshot.lastPick += 1) };
  (snapshot.ledgers[pool] ??= {})[leadType] = applyDeltas(
    ledgerOf(snapshot, pool, leadType),
    deltas,
    pickedAs,
  );
  if (winner !== null) load(snapshot, winner);
}

/** One more offer on a rep's dispatcher. */
export function load(snapshot: Snapshot, repId: string): void {
  const counted = snapshot.loads.get(repId);
  if (counted)
    snapshot.loads.set(repId, {
      open: counted.open + 1,
      today: counted.today + 1,
      thisHour: counted.thisHour + 1,
    });
}
