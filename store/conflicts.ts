import type { Instant } from "../handoff/calendar.ts";
import { send, sql, type Tx } from "./db.ts";

/** An arrival that belongs to `leadId` carried a name of `otherId`. */
export interface Conflict {
  readonly leadId: string;
  readonly otherId: string;
  readonly kind: "email" | "crm" | "external" | "user";
}

/** Notes that two leads may be one person, once. A settled conflict is not opened again by the same news. */
export async function addConflicts(
  tx: Tx,
  conflicts: readonly Conflict[],
  now: Instant,
): Promise<void> {
  if (conflicts.length === 0) return;
  await send(
    tx,
    sql`
    insert into lead_conflict (lead_id, other_id, kind, since)
    select lead_id, other_id, kind, ${new Date(now)}
    from unnest(${conflicts.map((one) => one.leadId)}::text[], ${conflicts.map((one) => one.otherId)}::text[], ${conflicts.map((one) => one.kind)}::text[]) as t(lead_id, other_id, kind)
    on conflict (lead_id, other_id) do nothing`,
  );
}
