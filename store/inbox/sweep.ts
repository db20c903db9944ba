import type { Instant } from "../../handoff/time/calendar.ts";
import { sweepSignIns } from "../access/sign-in-links.ts";
import { sql, type Db } from "../postgres/db.ts";

/** For how many days what is over is kept. */
export interface DaysKept {
  /** Tellings that Temporal has been told. */
  readonly told: number;
  /** News that was taken, built-in CRM's and webhooks'. */
  readonly news: number;
  /** Answers to requests that came with an idempotency key. */
  readonly answers: number;
  /** Syncs with the CRM that are done or were not needed; mails that were sent stay in the history. */
  readonly syncs: number;
  /** Messages of the built-in mailbox, and reminders that went out. */
  readonly mail: number;
  /** What trackers told about visitors who never said who they are. */
  readonly visitors: number;
}

/** As the settings have them when nothing is set. */
export const usualDays: DaysKept = {
  told: 1,
  news: 30,
  answers: 7,
  syncs: 90,
  mail: 365,
  visitors: 365,
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Removes what is only plumbing and over, heartbeats that stopped an hour ago, and sessions and links that are over: in small
 * statements, so that nobody waits for them, and at most `most` rows of each kind. Gives how many.
 */
export async function sweep(
  db: Db,
  kept: DaysKept,
  { batch = 1_000, most }: { readonly batch?: number; readonly most: number },
  now: Instant,
): Promise<number> {
  let swept = 0;
  for (const kind of Object.keys(removals) as (keyof DaysKept)[]) {
    const before = new Date(now - kept[kind] * dayMs);
    for (const removal of removals[kind])
      for (let removed = 0; removed < most;) {
        const { rowCount } = await db.query(removal(before, Math.min(batch, most - removed)));
        removed += rowCount ?? 0;
        swept += rowCount ?? 0;
        if ((rowCount ?? 0) < batch) break;
      }
  }
  const stopped = await db.query(sql`delete from heartbeat where at < ${new Date(now - hourMs)}`);
  return swept + (stopped.rowCount ?? 0) + (await sweepSignIns(db, now));
}

type Removal = (before: Date, limit: number) => { text: string; values: unknown[] };

const removals: Readonly<Record<keyof DaysKept, readonly Removal[]>> = {
  told: [
    (before, limit) => sql`
      delete from outbox where id in (
        select id from outbox where done_at < ${before} order by done_at limit ${limit})`,
  ],
  // A delivery this old is refused by its time stamp, so its id need not be known any more.
  news: [
    (before, limit) => sql`
      delete from inbox where id in (
        select id from inbox where processed_at < ${before} and error is null
        order by processed_at limit ${limit})`,
  ],
  answers: [
    (before, limit) => sql`
      delete from idempotency_key where (caller, key) in (
        select caller, key from idempotency_key where created_at < ${before}
        order by created_at limit ${limit})`,
  ],
  syncs: [
    (before, limit) => sql`
      delete from effect where id in (
        select id from effect where kind = 'sync-crm' and state in ('done', 'withdrawn')
          and done_at < ${before} order by done_at limit ${limit})`,
  ],
  mail: [
    (before, limit) => sql`
      delete from kept_mail where message_id in (
        select message_id from kept_mail where sent_at < ${before} order by sent_at
          limit ${limit})`,
    (before, limit) => sql`
      delete from reminder where id in (
        select id from reminder where sent_at < ${before} order by sent_at limit ${limit})`,
  ],
  visitors: [
    (before, limit) => sql`
      delete from engagement where lead_id is null and (anonymous_id, message_id) in (
        select anonymous_id, message_id from engagement
        where lead_id is null and received_at < ${before} order by received_at limit ${limit})`,
    (before, limit) => sql`
      delete from visitor where id in (
        select id from visitor where since < ${before} order by since limit ${limit})`,
  ],
};
