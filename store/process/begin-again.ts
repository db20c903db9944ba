import type { Instant } from "../../handoff/time/calendar.ts";
import type { LeadStart, Standing } from "../../handoff/process/words.ts";
import { enqueueAll, leadSignal } from "../postgres/outbox.ts";
import { firstRow, sql, type Tx } from "../postgres/db.ts";

/** Has the process of a lead started that was closed until this transaction. */
export async function beginAgain(
  tx: Tx,
  leadId: string,
  standing: Standing,
  now: Instant,
): Promise<void> {
  const { cycle } = standing;
  const last = await firstRow<{ priority: number }>(
    tx,
    sql`
    select priority from handoff where subject_kind = 'lead' and subject_id = ${leadId}
      order by cycle desc limit 1`,
  );
  const start: LeadStart = {
    leadId,
    cycle,
    from: "resume",
    priority: last?.priority ?? 3,
    at: standing,
  };
  // Where the earlier process still tells the outside that it ended, nothing is started: it goes
  // on.
  const told = { id: `reopened/${cycle}`, standing };
  await enqueueAll(
    tx,
    [
      leadSignal(leadId, "start", "leadHandoff", { ...start }, 1),
      leadSignal(leadId, "signal", "reopened", told, 1),
    ],
    now,
  );
}
