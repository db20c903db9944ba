import type { Agreement } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Deltas, CreditLedger } from "./round-robin.ts";
import type { Member, Needs } from "./eligibility.ts";
import type { Evidence, TerritoryPlace } from "./territory.ts";
import { pick } from "./round-robin.ts";
import { eligibility, ownerEligibility } from "./eligibility.ts";
import { placeOf } from "./territory.ts";

/** How a lead came to its rep or queue. */
export type Via =
  | "owner"
  | "tier"
  | "segment"
  | "territory"
  | "parent"
  | "sibling"
  | "fallback"
  | "manager"
  | "release";

/** Where a lead goes: to a rep, on hold in a pool, or to a named queue of people. Never nowhere. */
export type Routed =
  | {
      readonly kind: "assigned";
      readonly repId: string;
      readonly pool: string | null;
      readonly via: Via;
    }
  /** Until the first opening; null when somebody is there and only room is missing. */
  | { readonly kind: "held"; readonly pool: string; readonly untilAt: Instant | null }
  | { readonly kind: "queue"; readonly queue: string };

/**
 * Everybody who was looked at. `why` is the reason for being left out; null for those whose turn it
 * could be.
 */
export interface Candidate {
  readonly repId: string;
  readonly pool: string | null;
  readonly as: "chosen" | "owner" | "member";
  readonly eligible: boolean;
  readonly why: string | null;
  readonly weight?: number;
  /** Before this pick, in millionths of a lead. */
  readonly credit?: number;
}

export interface PoolInput {
  readonly members: readonly Member[];
  /** The pool's ledger for this lead type, leavers already settled. */
  readonly ledger: CreditLedger;
}

/** Somebody proposed by name; `member` is null when the roster does not know them. */
export interface Proposed {
  readonly repId: string;
  readonly member: Member | null;
  /** A pool that the rep works in, for hours; null when in none. */
  readonly pool: string | null;
}

/**
 * Everything that routing was given. Plain data, stored with the assignment, so that it can be
 * routed again.
 */
export interface RouteInput {
  readonly kind: "route" | "release";
  readonly now: Instant;
  readonly dueAt: Instant;
  readonly needs: Needs;
  readonly place: TerritoryPlace;
  /** What the place was found from; null in the assignment's own copy. */
  readonly evidence: Evidence | null;
  /** A manager's explicit choice. */
  readonly chosen: Proposed | null;
  /** Who has the account already, in the order in which they are asked. */
  readonly owners: readonly Proposed[];
  readonly pools: Readonly<Record<string, PoolInput>>;
  readonly followTheSun: boolean;
  readonly fallback: string;
}

export interface RouteAnswer {
  readonly routed: Routed;
  readonly territory: string | null;
  readonly segment: string | null;
  readonly candidates: readonly Candidate[];
}

/**
 * The answer, and what the pick costs in the pool's ledger; null when it was nobody's turn (owner,
 * manager, hold, queue).
 */
export interface Walked {
  readonly answer: RouteAnswer;
  readonly charge: { readonly pool: string; readonly deltas: Deltas } | null;
}

/**
 * Routes again from a stored input: same input, same answer. With the agreement, the territory is
 * found again too. Throws when the input lacks a pool that the walk comes to, for then it is not
 * what routing was given.
 */
export function routeAgain(input: RouteInput, agreement?: Agreement): RouteAnswer {
  const place = agreement && input.evidence ? placeOf(agreement, input.evidence) : input.place;
  const walked = walk({ ...input, place });
  if ("unread" in walked)
    throw new Error(`the stored input of this routing lacks the pool ${walked.unread}`);
  return walked.answer;
}

/**
 * The order of docs/routing.md: a manager's choice, who has the account, then pool by pool
 * (tier, segment, territory, parents), then the fallback queue. A pool where somebody can take the lead
 * soon holds it; one where nobody can passes it on. Gives `unread` when the walk comes to a pool
 * that `input.pools` does not have.
 */
export function walk(input: RouteInput): Walked | { readonly unread: string } {
  const candidates: Candidate[] = [];
  const { territory, segment } = input.place;
  const answer = (routed: Routed, charge: Walked["charge"] = null): Walked => ({
    answer: { routed, territory, segment, candidates },
    charge,
  });

  for (const { as, ...proposed } of proposals(input)) {
    const why = against(as, proposed, input);
    candidates.push({
      repId: proposed.repId,
      pool: proposed.pool,
      as,
      eligible: why === null,
      why,
    });
    if (why === null)
      return answer({
        kind: "assigned",
        repId: proposed.repId,
        pool: proposed.pool,
        via: as === "chosen" ? "manager" : "owner",
      });
  }

  for (const step of input.place.steps) {
    const needs = { ...input.needs, language: input.needs.language ?? step.language };
    const found = look(input, step.pool, needs, candidates);
    if (found.kind === "unread") return { unread: step.pool };
    if (found.kind === "turn")
      return answer(
        assignedTo(found, step.pool, input.kind === "release" ? "release" : step.via),
        found.charge,
      );
    if (found.kind === "nobody") continue;
    for (const sibling of input.followTheSun ? step.siblings : []) {
      const awake = look(input, sibling, needs, candidates);
      if (awake.kind === "unread") return { unread: sibling };
      if (awake.kind === "turn") return answer(assignedTo(awake, sibling, "sibling"), awake.charge);
    }
    return answer({ kind: "held", pool: step.pool, untilAt: found.at });
  }
  return answer({ kind: "queue", queue: input.fallback });
}

function proposals({
  chosen,
  owners,
}: RouteInput): readonly (Proposed & { readonly as: "chosen" | "owner" })[] {
  return [
    ...(chosen ? [{ ...chosen, as: "chosen" as const }] : []),
    ...owners.map((one) => ({ ...one, as: "owner" as const })),
  ];
}

/** A manager overrules hours, room and turn, and can only not choose who does not work here. */
function against(as: "chosen" | "owner", { member }: Proposed, input: RouteInput): string | null {
  if (!member) return "not on the roster";
  if (as === "chosen") return member.active ? null : "inactive";
  const owner = ownerEligibility(member, input.needs, input);
  return owner.can === "now" ? null : owner.why;
}

type Turn = {
  readonly kind: "turn";
  readonly repId: string;
  readonly charge: { readonly pool: string; readonly deltas: Deltas };
};
type Found =
  | Turn
  | { readonly kind: "unread" }
  | { readonly kind: "nobody" }
  | { readonly kind: "wait"; readonly at: Instant | null };

/** Looks into one pool and notes everybody in it. */
function look(input: RouteInput, pool: string, needs: Needs, candidates: Candidate[]): Found {
  const read = Object.hasOwn(input.pools, pool) ? input.pools[pool] : undefined;
  if (!read) return { kind: "unread" };
  const eligible: Member[] = [];
  const later: (Instant | null)[] = [];
  for (const member of read.members) {
    const found = eligibility(member, needs, input);
    if (found.can === "now") eligible.push(member);
    if (found.can === "later") later.push(found.at);
    candidates.push({
      repId: member.repId,
      pool,
      as: "member",
      eligible: found.can === "now",
      why: found.can === "now" ? null : found.why,
      weight: member.weight,
      credit: read.ledger[member.repId]?.millionths ?? 0,
    });
  }
  const turn = pick(read.ledger, eligible);
  if (turn) return { kind: "turn", repId: turn.winner, charge: { pool, deltas: turn.deltas } };
  if (later.length === 0) return { kind: "nobody" };
  // Open offers free up at a time that nobody knows; a known time comes first.
  const known = later.filter((at) => at !== null);
  return { kind: "wait", at: known.length > 0 ? Math.min(...known) : null };
}

function assignedTo(turn: Turn, pool: string, via: Via): Routed {
  return { kind: "assigned", repId: turn.repId, pool, via };
}
