import type { RepPool, Rep, Roster } from "./roster.ts";

/** What is different in a roster, as far as work under way is concerned. Ids only. */
export interface RosterChange {
  /** Came or left, work at other times, or have another deputy: what lies with them is looked at again. */
  readonly people: readonly string[];
  /** Came or left, or report to somebody else: so are the tasks that name them. */
  readonly named: readonly string[];
  /** Pools that cover other hours: clocks of their open handoffs run on them. */
  readonly hours: readonly string[];
  /** Who works in a pool no more. */
  readonly moved: readonly { readonly pool: string; readonly repId: string }[];
  /** Pools in which a lead on hold may find somebody now, or has to wait for another time. */
  readonly holding: readonly string[];
  /** People who left. */
  readonly left: readonly string[];
}

/** Compares two rosters. Names, addresses and reasons of absence make no difference. */
export function rosterChange(before: Roster, after: Roster): RosterChange {
  const reps = changed(before.reps, after.reps);
  const pools = changed(before.pools, after.pools);
  const people = reps
    .filter(([was, is]) => presence(was) !== presence(is) || standIns(was) !== standIns(is))
    .map(([, { id }]) => id);
  const takers = new Set(
    reps.filter(([was, is]) => taking(was) !== taking(is)).map(([, { id }]) => id),
  );
  const touched = new Set(pools.map(([, { id }]) => id));
  return {
    people,
    named: reps
      .filter(([was, is]) => was?.active !== is.active || was.managerId !== is.managerId)
      .map(([, { id }]) => id),
    hours: pools
      .filter(([was, is]) => was !== undefined && same(was.hours) !== same(is.hours))
      .map(([, { id }]) => id),
    moved: pools.flatMap(([was, is]) =>
      Object.keys(was?.members ?? {})
        .filter((repId) => !(repId in is.members))
        .map((repId) => ({ pool: is.id, repId })),
    ),
    holding: Object.values(after.pools)
      .filter(
        ({ id, members }) => touched.has(id) || Object.keys(members).some((one) => takers.has(one)),
      )
      .map(({ id }) => id),
    left: reps.filter(([was, is]) => was?.active !== false && !is.active).map(([, { id }]) => id),
  };
}

/** Entries that are new or not as they were. Nobody and no pool is ever removed. */
function changed<T extends Rep | RepPool>(
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
): [T | undefined, T][] {
  return Object.values(after)
    .map((is): [T | undefined, T] => [before[is.id], is])
    .filter(([was, is]) => same(was) !== same(is));
}

/** When somebody is there. */
function presence(rep: Rep | undefined): string {
  return rep === undefined
    ? ""
    : same({
        active: rep.active,
        hours: rep.hours,
        absences: rep.absences.map(({ from, to }) => [from, to]),
      });
}

/** Who stands in for somebody. */
function standIns(rep: Rep | undefined): string {
  return same([rep?.deputyId ?? null, rep?.absences.map(({ deputyId = null }) => deputyId) ?? []]);
}

/** What decides whether somebody can take a lead. */
function taking(rep: Rep | undefined): string {
  if (rep === undefined) return "";
  const { caps, languages, products, motions } = rep;
  return same({ presence: presence(rep), caps, languages, products, motions });
}

function same(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
