import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, send, sql, type Db, type Tx } from "../postgres/db.ts";

/** The channel on which the inbox worker listens. */
export const inboxChannel = "baton_inbox";

export interface InboxRow {
  readonly id: number;
  readonly source: string;
  readonly eventId: string;
  readonly payload: unknown;
  readonly receivedAt: Instant;
  /** Tries that failed before. */
  readonly attempts: number;
}

/**
 * Stores an event for later; the same source and event id is stored once. True when it is new.
 * Wakes the reader when the transaction commits.
 */
export async function receive(
  db: Db,
  event: { readonly source: string; readonly eventId: string; readonly payload: unknown },
  now: Instant,
): Promise<boolean> {
  const at = new Date(now);
  const { rowCount } = await db.query(sql`
    insert into inbox (source, event_id, payload, received_at, next_at)
      values (${event.source}, ${event.eventId}, ${JSON.stringify(event.payload)}, ${at}, ${at})
    on conflict (source, event_id) do nothing`);
  if (rowCount === 0) return false;
  await send(db, `notify ${inboxChannel}`);
  return true;
}

/**
 * The next event whose time has come, locked until the transaction ends; events that others work on
 * are passed over.
 */
export async function nextInboxRow(tx: Tx, now: Instant): Promise<InboxRow | undefined> {
  const row = await firstRow<{
    id: number;
    source: string;
    event_id: string;
    payload: unknown;
    received_at: Date;
    attempts: number;
  }>(
    tx,
    sql`
    select id, source, event_id, payload, received_at, attempts from inbox
    where processed_at is null and next_at <= ${new Date(now)} order by id limit 1
      for update skip locked`,
  );
  return (
    row && {
      id: row.id,
      source: row.source,
      eventId: row.event_id,
      payload: row.payload,
      receivedAt: row.received_at.getTime(),
      attempts: row.attempts,
    }
  );
}

/** The event is about somebody who was erased: it is dealt with, and what it says is not kept. */
export async function forgetInboxRow(tx: Tx, id: number, now: Instant): Promise<void> {
  await send(
    tx,
    sql`
      update inbox set payload = '{}', error = null, processed_at = ${new Date(now)}
        where id = ${id}`,
  );
}

/** The event is dealt with; `error` when it could not be used and a person was told. */
export async function endInboxRow(
  tx: Tx,
  id: number,
  error: string | null,
  now: Instant,
): Promise<void> {
  await send(
    tx,
    sql`update inbox set processed_at = ${new Date(now)}, error = ${error} where id = ${id}`,
  );
}

/**
 * The event must wait: for its predecessor, or for another try when `error` says what went wrong.
 */
export async function postponeInboxRow(
  tx: Tx,
  id: number,
  until: Instant,
  error: string | null,
): Promise<void> {
  await send(
    tx,
    sql`
      update inbox set next_at = ${new Date(until)}, error = ${error},
        attempts = attempts + ${error === null ? 0 : 1} where id = ${id}`,
  );
}

/** Events of this record that waited for a predecessor may be looked at again at once. */
export async function wakeInboxRows(
  tx: Tx,
  source: string,
  crmId: string,
  now: Instant,
): Promise<void> {
  await send(
    tx,
    sql`
    update inbox set next_at = ${new Date(now)}
    where source = ${source} and processed_at is null and error is null
      and next_at > ${new Date(now)} and payload ->> 'crmId' = ${crmId}`,
  );
}
