import type { CalendarDef } from "../../handoff/time/calendar.ts";
import type { Proposed } from "../../handoff/routing/route.ts";
import type { TerritoryPlace } from "../../handoff/routing/territory.ts";
import type { Tx } from "../postgres/db.ts";
import type { LeadAccount } from "./account-owner.ts";
import { memberOf, readSnapshot, type Snapshot } from "./read.ts";

/** A rep by name, in the lead's own pool when the rep works there, else in the rep's first. */
export function proposed(
  snapshot: Snapshot,
  repId: string,
  place: TerritoryPlace,
  base: CalendarDef,
): Proposed {
  const state = snapshot.named[repId];
  if (!state) return { repId, member: null, pool: null };
  const steps = place.steps.map((step) => step.pool);
  const pool = state.pools.find((one) => steps.includes(one.id)) ?? state.pools[0] ?? null;
  return {
    repId,
    member: memberOf(snapshot, state, pool?.hours ?? null, base),
    pool: pool?.id ?? null,
  };
}

/** Who has the account: as it was read, and whoever was given a colleague since, in one list. */
export function ownersNow(snapshot: Snapshot, { accountId, owners }: LeadAccount): string[] {
  const since = accountId === null ? [] : (snapshot.given.get(accountId) ?? []);
  return [...new Set([...owners, ...since])];
}

/** Colleagues that follow under the same locks go to the same rep. */
export function noteGiven(snapshot: Snapshot, accountId: string | null, repId: string): void {
  if (accountId === null) return;
  snapshot.given.set(accountId, [...(snapshot.given.get(accountId) ?? []), repId]);
}

/** Reads reps by name who were not known to be asked about when the snapshot was made. */
export async function readNamed(
  tx: Tx,
  snapshot: Snapshot,
  repIds: readonly string[],
  base: CalendarDef,
): Promise<void> {
  const missing = [...new Set(repIds)].filter((id) => !Object.hasOwn(snapshot.named, id));
  if (missing.length === 0) return;
  const { named, loads } = await readSnapshot(
    tx,
    { pools: [], named: missing, base, offers: [] },
    snapshot.now,
  );
  Object.assign(snapshot.named, named);
  // What is known already has moved on by picks that are not written yet.
  for (const [id, counted] of loads) if (!snapshot.loads.has(id)) snapshot.loads.set(id, counted);
}
