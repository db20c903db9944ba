import type { Subject } from "../../handoff/process/words.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, send, sql, type Db, type Tx } from "./db.ts";

/**
 * Something Temporal must be told once the transaction that says so is committed. Payloads hold ids
 * only.
 */
export interface OutboxMessage {
  /** 1 overtakes 2; imports go in 2. */
  readonly lane: 1 | 2;
  readonly kind: "start" | "signal";
  readonly workflowId: string;
  /** The workflow type, or the signal's name. */
  readonly message: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/**
 * The channel on which the relay listens; the payload names the lane, and is empty where any may be
 * meant.
 */
export const outboxChannel = "baton_outbox";

/** Writes the telling in the caller's transaction and wakes the relay when it commits. */
export async function enqueue(db: Db, telling: OutboxMessage, now: Instant): Promise<void> {
  await enqueueAll(db, [telling], now);
}

/** Writes many tellings at once, in their order; an empty list writes nothing. */
export async function enqueueAll(
  db: Db,
  tellings: readonly OutboxMessage[],
  now: Instant,
): Promise<void> {
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
      from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as
        t(lane smallint, kind text, workflow_id text, message text, payload jsonb, n integer)
      order by n)
    select pg_notify(${outboxChannel}, lane::text)
      from unnest(${[...new Set(tellings.map((one) => one.lane))]}::smallint[]) as lane`,
  );
}

/** A row of the outbox that is still to be told. */
export interface WaitingTelling {
  readonly id: number;
  readonly kind: OutboxMessage["kind"];
  readonly workflow_id: string;
  readonly message: string;
  readonly payload: Record<string, unknown>;
  /** How often it could not be told. */
  readonly attempts: number;
}

/**
 * What of a lane is to be told now, the oldest first, locked until the transaction ends. What
 * another relay holds is skipped, so several share the work.
 */
export async function claimTellings(
  tx: Tx,
  lane: OutboxMessage["lane"],
  limit: number,
  now: Instant,
): Promise<WaitingTelling[]> {
  return rows<WaitingTelling>(
    tx,
    sql`
    select id, kind, workflow_id, message, payload, attempts from outbox
    where done_at is null and lane = ${lane} and next_at <= ${new Date(now)} order by id
      limit ${limit} for update skip locked`,
  );
}

/** Notes that Temporal has been told these; an empty list writes nothing. */
export async function markTold(tx: Tx, ids: readonly number[], now: Instant): Promise<void> {
  if (ids.length === 0) return;
  await send(tx, sql`update outbox set done_at = ${new Date(now)} where id = any(${ids})`);
}

/** Notes that one could not be told, why, and from when on it is tried again. */
export async function postponeTelling(
  tx: Tx,
  id: number,
  why: string,
  nextAt: Instant,
): Promise<void> {
  await send(
    tx,
    sql`
    update outbox set attempts = attempts + 1, next_at = ${new Date(nextAt)}, error = ${why}
      where id = ${id}`,
  );
}

/** Whether the start of this workflow is still to be told, in whichever lane. */
export async function isStartWaiting(db: Db, workflowId: string): Promise<boolean> {
  const start = await firstRow(
    db,
    sql`
    select from outbox where workflow_id = ${workflowId} and kind = 'start' and done_at is null
      limit 1`,
  );
  return start !== undefined;
}

/** What should have been told to Temporal by `before` and was not: how much, and since when. */
export async function waitingSince(
  db: Db,
  before: Instant,
): Promise<{ readonly count: number; readonly since: Date | null }> {
  const row = await firstRow<{ count: number; since: Date | null }>(
    db,
    sql`
    select count(*)::int as count, min(created_at) as since from outbox
    where done_at is null and created_at < ${new Date(before)}`,
  );
  return row ?? { count: 0, since: null };
}

/**
 * Tells a lead's process; the id is `leadWorkflowId` of the contract, which the store may not load.
 */
export function leadSignal(
  leadId: string,
  kind: OutboxMessage["kind"],
  message: string,
  payload: OutboxMessage["payload"],
  lane: OutboxMessage["lane"],
): OutboxMessage {
  return { lane, kind, workflowId: `lead/${leadId}`, message, payload };
}

/** Which process: an account has one for each of its cycles. */
export interface ProcessRef {
  readonly kind: Subject["kind"];
  readonly id: string;
  readonly cycle: number;
}

/** Tells the process of a lead or an account; the ids are those of the contract. */
export function processSignal(
  { kind: of, id, cycle }: ProcessRef,
  kind: OutboxMessage["kind"],
  message: string,
  payload: OutboxMessage["payload"],
  lane: OutboxMessage["lane"],
): OutboxMessage {
  if (of === "lead") return leadSignal(id, kind, message, payload, lane);
  return { lane, kind, workflowId: `account/${id}/${cycle}`, message, payload };
}

/**
 * News of a closed lead, which has no process to hear it: the worker decides about it (the relay
 * tells no process). Should it be open again by then, its process is told of the decision.
 */
export function closedLeadNews(
  leadId: string,
  message: "engaged",
  lane: OutboxMessage["lane"],
): OutboxMessage {
  return leadSignal(leadId, "signal", message, { id: leadId, toProcess: false }, lane);
}

/**
 * A person works on the lead from here on: should it have come with an import, its process goes no
 * longer behind all others. The relay tells Temporal (`toProcess` as above).
 */
export async function enqueuePriority(
  db: Db,
  leadId: string,
  priority: number,
  now: Instant,
): Promise<void> {
  const { kind, workflowId, message, payload, lane } = leadSignal(
    leadId,
    "signal",
    "priority",
    { id: leadId, priority, toProcess: false },
    1,
  );
  await send(
    db,
    sql`
    with told as (
      insert into outbox (lane, kind, workflow_id, message, payload, created_at)
      select ${lane}::smallint, ${kind}, ${workflowId}, ${message},
        ${JSON.stringify(payload)}::jsonb,
        ${new Date(now)}::timestamptz
      from lead where id = ${leadId} and imported returning lane)
    select pg_notify(${outboxChannel}, lane::text) from told`,
  );
}

/** Asks processes to see to the open effects of their subjects (`effectsLeft` of the contract). */
export async function enqueueEffectsLeft(
  db: Db,
  subjects: readonly Subject[],
  now: Instant,
): Promise<void> {
  const accounts = subjects.flatMap(({ kind, id }) => (kind === "account" ? [id] : []));
  const cycles = new Map(
    accounts.length === 0
      ? []
      : (
          await rows<{ id: string; cycle: number }>(
            db,
            sql`
            select subject_id as id, cycle from process where subject_kind = 'account'
              and subject_id = any(${accounts}::text[])`,
          )
        ).map(({ id, cycle }): [string, number] => [id, cycle]),
  );
  await enqueueAll(
    db,
    subjects.map(({ kind, id }) =>
      processSignal({ kind, id, cycle: cycles.get(id) ?? 1 }, "signal", "effectsLeft", { id }, 1),
    ),
    now,
  );
}
