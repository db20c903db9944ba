import { createHash } from "node:crypto";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { CreditLedger } from "../../handoff/routing/round-robin.ts";
import type { Load, Member } from "../../handoff/routing/eligibility.ts";
import type { Presence } from "../../handoff/routing/presence.ts";
import type { Candidate, PoolInput, Proposed, RouteInput } from "../../handoff/routing/route.ts";

/**
 * What a pick was given and whom it considered, as its assignment keeps it. Members stay the same
 * for many picks and are most of it, so they are kept once, as a version of the roster, and the
 * assignment names the version. Versions never change: an assignment and its version say all that
 * its pick was given, however the roster changes later.
 */
export interface PickRecord extends KeptInput<Omit<RouteInput, "evidence" | "pools">> {
  /** In the order of the version's pools. */
  readonly pools: readonly KeptPool[];
  /**
   * Why each candidate was left out, null for those whose turn it could be; who it is tells the
   * place in the list.
   */
  readonly why: readonly (string | null)[];
}

/** Picks from before several could be asked name the owner of the account, if any. */
type KeptInput<Input extends Pick<RouteInput, "owners">> = Omit<Input, "owners"> & {
  readonly owners?: readonly Proposed[];
  readonly owner?: Proposed | null;
};

interface KeptPool {
  /**
   * Credit and latest pick, in the order of the version's members; null for those who are not in
   * the ledger.
   */
  readonly credits: readonly (readonly [millionths: number, lastPick: number] | null)[];
  /** Of the ledger, those who are no members. */
  readonly left?: CreditLedger;
  /** Offers open, today and this hour, by rep; of those who have any. */
  readonly loads?: Readonly<
    Record<string, readonly [open: number, today: number, thisHour: number]>
  >;
}

export interface RosterVersion {
  /** Made from the content: the same content has the same id. */
  readonly id: string;
  /** `RosterPool[]` as JSON. */
  readonly content: string;
}

/** Pools stand in the order in which the walk came to them. */
interface RosterPool {
  readonly pool: string;
  readonly members: readonly LastingMember[];
}

/**
 * A member without what moves with each pick. Versions are new when somebody changes, comes or
 * goes, and every hour.
 */
type LastingMember = Omit<Member, "load" | "presence"> &
  Pick<Load, "dayTo" | "hourTo"> & {
    readonly presence: Omit<Presence, "opensAt"> & {
      readonly opensAt: Instant | null | typeof atWork;
    };
  };

/**
 * Who works opens at the moment of the pick; as an instant it would make each moment a version of
 * its own.
 */
const atWork = "now";

/** How an assignment's row keeps it: with a version of the roster, or whole. */
export type KeptRow =
  | { readonly roster: readonly RosterPool[]; readonly record: PickRecord }
  | {
      readonly roster: null;
      readonly candidates: readonly Candidate[];
      readonly input: KeptInput<RouteInput>;
    };

/**
 * Makes the records of picks of one moment; null for a pick without any pool, which has nothing to
 * share. The decision keeps what the place was found from; an assignment keeps no fact of the lead.
 */
export function recorder(): (
  input: RouteInput,
  candidates: readonly Candidate[],
) => { readonly roster: RosterVersion; readonly record: PickRecord } | null {
  const versionOf = rosterVersions();
  return (
    { kind, now, dueAt, needs, place, chosen, owners, pools, followTheSun, fallback },
    candidates,
  ) => {
    const looked = inOrder(pools, candidates);
    if (looked.length === 0) return null;
    const record = {
      kind,
      now,
      dueAt,
      needs,
      place: { ...place, trace: [] },
      chosen,
      owners,
      followTheSun,
      fallback,
      pools: looked.map(([, pool]) => keptPool(pool)),
      why: candidates.map((one) => one.why),
    };
    return { roster: versionOf(looked, now), record };
  };
}

/** The input without what the place was found from. */
export function withoutFacts(input: RouteInput): RouteInput {
  return { ...input, evidence: null, place: { ...input.place, trace: [] } };
}

/** What the record was made from, to the letter: the input without facts, and the candidates. */
export function restored(row: KeptRow): {
  readonly candidates: readonly Candidate[];
  readonly input: RouteInput;
} {
  if (!row.roster) return { candidates: row.candidates, input: withOwners(row.input) };
  const {
    roster,
    record: { why, pools: kept, ...rest },
  } = row;
  const given = withOwners(rest);
  const pools = roster.map(
    ({ pool, members }, n) => [pool, restoredPool(members, kept[n]!, given.now)] as const,
  );
  const seen = [
    ...named("chosen", given.chosen === null ? [] : [given.chosen]),
    ...named("owner", given.owners),
    ...pools.flatMap(([pool, read]) => membersSeen(pool, read)),
  ];
  return {
    input: { ...given, evidence: null, pools: Object.fromEntries(pools) },
    candidates: why.map((one, n) => ({ ...seen[n]!, eligible: one === null, why: one })),
  };
}

type Pools = readonly (readonly [pool: string, read: PoolInput])[];

/**
 * Pools in the order of their candidates: an object does not keep the order of names that are
 * numbers.
 */
function inOrder(pools: RouteInput["pools"], candidates: readonly Candidate[]): Pools {
  const found = Object.entries(pools);
  if (found.length < 2) return found;
  const order = [
    ...new Set(candidates.filter((one) => one.as === "member").map((one) => one.pool)),
  ];
  return found.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
}

/**
 * All leads of a batch choose among the same members: each member is stored once, and equal members
 * have equal numbers.
 */
function rosterVersions(): (pools: Pools, now: Instant) => RosterVersion {
  const numbers = new Map<Member, number>();
  const numberOfText = new Map<string, number>();
  const versions = new Map<string, RosterVersion>();
  const numberOf = (member: Member, now: Instant): number =>
    known(numbers, member, () =>
      known(numberOfText, JSON.stringify(lastingOf(member, now)), () => numberOfText.size),
    );
  return (pools, now) => {
    const numbered = pools.map(
      ([pool, { members }]) => [pool, members.map((one) => numberOf(one, now))] as const,
    );
    return known(versions, JSON.stringify(numbered), () => {
      const texts = [...numberOfText.keys()];
      const content = `[${numbered.map(([pool, members]) => `{"pool":${JSON.stringify(pool)},"members":[${members.map((n) => texts[n]).join()}]}`).join()}]`;
      return { id: `ro_${createHash("sha256").update(content).digest("base64url")}`, content };
    });
  };
}

function known<K, V>(all: Map<K, V>, key: K, make: () => V): V {
  let value = all.get(key);
  if (value === undefined) all.set(key, (value = make()));
  return value;
}

function lastingOf(
  { load: { dayTo, hourTo }, presence, ...member }: Member,
  now: Instant,
): LastingMember {
  return {
    ...member,
    presence: { ...presence, opensAt: presence.opensAt === now ? atWork : presence.opensAt },
    dayTo,
    hourTo,
  };
}

function keptPool({ members, ledger }: PoolInput): KeptPool {
  const ids = members.map((one) => one.repId);
  const credits = ids.map((id) => {
    const credit = ledger[id];
    return credit ? ([credit.millionths, credit.lastPick] as const) : null;
  });
  const left = Object.entries(ledger).filter(([id]) => !ids.includes(id));
  const busy = members.filter(({ load }) => load.open > 0 || load.today > 0 || load.thisHour > 0);
  return {
    credits,
    ...(left.length > 0 ? { left: Object.fromEntries(left) } : {}),
    ...(busy.length > 0
      ? {
          loads: Object.fromEntries(
            busy.map(({ repId, load }) => [repId, [load.open, load.today, load.thisHour] as const]),
          ),
        }
      : {}),
  };
}

function restoredPool(
  members: readonly LastingMember[],
  { credits, left, loads }: KeptPool,
  now: Instant,
): PoolInput {
  const ledger = members.flatMap(({ repId }, n) => {
    const credit = credits[n];
    return credit ? [[repId, { millionths: credit[0], lastPick: credit[1] }] as const] : [];
  });
  return {
    members: members.map(({ dayTo, hourTo, presence, ...member }) => {
      const [open, today, thisHour] = loads?.[member.repId] ?? [0, 0, 0];
      return {
        ...member,
        presence: { ...presence, opensAt: presence.opensAt === atWork ? now : presence.opensAt },
        load: { open, today, thisHour, dayTo, hourTo },
      };
    }),
    ledger: { ...Object.fromEntries(ledger), ...left },
  };
}

type Seen = Omit<Candidate, "eligible" | "why">;

function named(as: "chosen" | "owner", proposed: readonly Proposed[]): Seen[] {
  return proposed.map(({ repId, pool }) => ({ repId, pool, as }));
}

function withOwners<Rest extends object>({
  owner,
  owners,
  ...rest
}: Rest & Pick<PickRecord, "owner" | "owners">) {
  return { ...rest, owners: owners ?? (owner ? [owner] : []) };
}

function membersSeen(pool: string, { members, ledger }: PoolInput): Seen[] {
  return members.map(({ repId, weight }) => ({
    repId,
    pool,
    as: "member",
    weight,
    credit: ledger[repId]?.millionths ?? 0,
  }));
}
