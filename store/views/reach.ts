import { rows, sql, type Db } from "../postgres/db.ts";
import { ofPool, ofQueue } from "../process/changed.ts";

/**
 * Whose leads somebody may see: everybody's, or those of these people; `team` adds what waits for a
 * manager.
 */
export type Reach =
  | { readonly kind: "all" }
  | { readonly kind: "people"; readonly repIds: readonly string[]; readonly team: boolean };

/**
 * The reach behind a row of the authorisation table. A manager's team is everybody below, however
 * deep. Somebody without a place in the roster reaches nothing but `all`.
 */
export async function reachOf(
  db: Db,
  scope: "own" | "team" | "all",
  repId: string | null,
): Promise<Reach> {
  if (scope === "all") return { kind: "all" };
  if (repId === null) return { kind: "people", repIds: [], team: false };
  if (scope === "own") return { kind: "people", repIds: [repId], team: false };
  const team = await rows<{ id: string }>(
    db,
    sql`
    with recursive below as (
      select id from rep where id = ${repId}
      union select r.id from rep r join below b on r.manager_id = b.id
    ) select id from below order by id`,
  );
  return { kind: "people", repIds: team.map((rep) => rep.id), team: true };
}

/**
 * The reach as the two values that statements take: ids (null means everybody's) and whether it is
 * a team's.
 */
export function reachValues(reach: Reach): { ids: readonly string[] | null; team: boolean } {
  return reach.kind === "all"
    ? { ids: null, team: false }
    : { ids: reach.repIds, team: reach.team };
}

/** Of whose changes somebody with this reach hears: people, pools, the queue; null: of everybody's. */
export async function hearsOf(db: Db, reach: Reach): Promise<ReadonlySet<string> | null> {
  const { ids, team } = reachValues(reach);
  if (ids === null || !team) return ids === null ? null : new Set(ids);
  const pools = await rows<{ id: string }>(
    db,
    sql`select distinct pool_id as id from pool_member where rep_id = any(${ids}::text[])`,
  );
  return new Set([...ids, ofQueue, ...pools.map(({ id }) => ofPool(id))]);
}
