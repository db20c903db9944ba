import type { Instant } from "../handoff/calendar.ts";
import { send, sql, type Db } from "./db.ts";

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

/** The channel on which the relay listens; the payload names the lane, and is empty where any may be meant. */
export const outboxChannel = "baton_outbox";

/** Writes the telling in the caller's transaction and wakes the relay when it commits. */
export async function tell(db: Db, telling: Telling, now: Instant): Promise<void> {
  await tellAll(db, [telling], now);
}

/** Writes many tellings at once, in their order; an empty list writes nothing. */
export async function tellAll(db: Db, tellings: readonly Telling[], now: Instant): Promise<void> {
  if (tellings.length === 0) return;
  const given = tellings.map((one, n) => ({
    lane: one.lane,
    kind: one.kind,
    workflow_id: one.workflowId,
    message: one.message,
    payload: one.payload,
    n,
  }));
  await send(
    db,
    sql`
    with told as (
      insert into outbox (lane, kind, workflow_id, message, payload, created_at)
      select lane, kind, workflow_id, message, payload, ${new Date(now)}
      from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as t(lane smallint, kind text, workflow_id text, message text, payload jsonb, n integer)
      order by n)
    select pg_notify(${outboxChannel}, lane::text) from unnest(${[...new Set(tellings.map((one) => one.lane))]}::smallint[]) as lane`,
  );
}

/** Tells a lead's process; the id is `leadWorkflowId` of the contract, which the store may not load. */
export function aboutLead(
  leadId: string,
  kind: Telling["kind"],
  message: string,
  payload: Telling["payload"],
  lane: Telling["lane"],
): Telling {
  return { lane, kind, workflowId: `lead/${leadId}`, message, payload };
}

/** Asks leads' processes to see to the leads' open effects (`effectsLeft` of the contract). */
export async function tellOfEffects(
  db: Db,
  leadIds: readonly string[],
  now: Instant,
): Promise<void> {
  await tellAll(
    db,
    leadIds.map((id) => aboutLead(id, "signal", "effectsLeft", { id }, 1)),
    now,
  );
}
