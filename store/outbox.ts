import type { Instant } from "../handoff/calendar.ts";
import { sql, type Db } from "./db.ts";

/** Something Temporal must be told once the transaction that says so is committed. Payloads hold ids only. */
export interface Telling {
  /** 1 overtakes 2; imports go in 2. */
  readonly lane: 1 | 2;
  readonly kind: "start" | "signal";
  readonly workflowId: string;
  /** The workflow type, or the signal's name. */
  readonly message: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The channel on which the relay listens. */
export const outboxChannel = "baton_outbox";

/** Writes the telling in the caller's transaction and wakes the relay when it commits. */
export async function tell(db: Db, telling: Telling, now: Instant): Promise<void> {
  await db.query(sql`
    insert into outbox (lane, kind, workflow_id, message, payload, created_at)
    values (${telling.lane}, ${telling.kind}, ${telling.workflowId}, ${telling.message}, ${telling.payload}, ${new Date(now)})`);
  await db.query(`notify ${outboxChannel}`);
}
