import { nextDigest } from "../../handoff/process/digest.ts";
import type { Message } from "../../handoff/process/message.ts";
import type { ResolutionWaits, ReviewWaits } from "../../messages/message.ts";
import type { Subject } from "../../handoff/process/words.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import {
  firstRow,
  fragment,
  inTransaction,
  rows,
  sql,
  type Db,
  type Pool,
} from "../postgres/db.ts";
import { emailOfLead, nameOfLead } from "../views/names.ts";
import type { Effect } from "./effects.ts";

type TaskWaits = Extract<Message, { readonly what: "task-waits" }>;

/** A reminder that is due to go out, about what is open still. */
export type Reminder = TaskReminder | ReviewReminder;

export interface TaskReminder {
  readonly about: "task";
  readonly subject: { readonly kind: "lead" | "account"; readonly id: string };
  readonly handoffId: string | null;
  readonly message: TaskWaits;
  readonly name: string | null;
  readonly email: string | null;
  readonly company: string | null;
}

/** About a review that is not signed, or a resolution whose day is over. */
export interface ReviewReminder {
  readonly about: "review";
  readonly message: ReviewWaits | ResolutionWaits;
  /** The review, or the one that resolved it. */
  readonly reviewId: string;
  /** What was resolved; null for a review. */
  readonly text: string | null;
  /** The name of the resolution's owner; null for a role. */
  readonly ownerName: string | null;
}

/** Reminders of one reader that go out in one mail, under a key of their own. */
export interface Digest {
  readonly key: string;
  readonly reader: string;
  readonly reminders: readonly Reminder[];
}

/** Keeps a reminder for these readers until it goes out; a repeat changes nothing. */
export async function noteReminder(
  db: Db,
  effect: Pick<Effect, "key" | "subject" | "handoffId">,
  message: TaskWaits | ReviewWaits,
  readers: readonly string[],
  now: Instant,
): Promise<void> {
  const { key, subject, handoffId } = effect;
  const of = (kind: Subject["kind"]) => (subject.kind === kind ? subject.id : null);
  await db.query(sql`
    insert into reminder (reader, effect_key, lead_id, review_id, account_id, handoff_id, message,
      noted_at)
    select reader, ${key}, ${of("lead")}, ${of("review")}, ${of("account")}, ${handoffId}, ${JSON.stringify(message)}::jsonb,
      ${new Date(now)}
    from unnest(${readers}::text[]) as r(reader)
    on conflict (effect_key, reader) do nothing`);
}

/** The same about a resolution, under a key that is new each time. */
export async function noteResolutionReminder(
  db: Db,
  key: string,
  message: ResolutionWaits,
  readers: readonly string[],
  now: Instant,
): Promise<void> {
  await db.query(sql`
    insert into reminder (reader, effect_key, resolution_id, message, noted_at)
    select reader, ${key}, ${message.resolutionId}, ${JSON.stringify(message)}::jsonb,
      ${new Date(now)}
    from unnest(${readers}::text[]) as r(reader)
    on conflict (effect_key, reader) do nothing`);
}

/** Whoever mails a digest and dies with it keeps it from others for so long. */
const claimMs = 60_000;

/**
 * Takes the reminders of a reader that may go out now, for the caller to mail and to end. Undefined
 * while nothing waits, while the reader was mailed a short time ago, or while another caller mails
 * them. One that was begun and not ended is given again under its key.
 */
export function takeDigest(pool: Pool, reader: string, now: Instant): Promise<Digest | undefined> {
  return inTransaction(pool, async (tx) => {
    await tx.query(sql`
      insert into digest (reader, sent_at) values (${reader}, 'epoch') on conflict do nothing`);
    const last = await firstRow<{ sent_at: Date }>(
      tx,
      sql`select sent_at from digest where reader = ${reader} for update`,
    );
    const begun = await firstRow<{ key: string; claimed_at: Date | null }>(
      tx,
      sql`
      select digest_key as key, claimed_at from reminder
        where reader = ${reader} and sent_at is null and digest_key is not null order by id
          limit 1`,
    );
    if (begun?.claimed_at && begun.claimed_at.getTime() > now - claimMs) return undefined;
    if (!begun && nextDigest(last?.sent_at.getTime() ?? null, now) > now) return undefined;
    const at = new Date(now);
    const key = begun?.key ?? `digest/${reader}/${now}`;
    const taken = await rows<{ id: number }>(
      tx,
      sql`
      update reminder set digest_key = ${key}, claimed_at = ${at}
      where reader = ${reader} and sent_at is null
        and digest_key is not distinct from ${begun ? key : null} returning id`,
    );
    if (taken.length === 0) return undefined;
    const reminders = await remindersOf(tx, reader, key);
    // What was done meanwhile is asked of nobody, and uses up no mail.
    if (reminders.length === 0) {
      await end(tx, { key, reader }, now);
      return undefined;
    }
    await tx.query(sql`update digest set sent_at = ${at} where reader = ${reader}`);
    return { key, reader, reminders };
  });
}

async function remindersOf(db: Db, reader: string, key: string): Promise<Reminder[]> {
  return [...(await taskReminders(db, reader, key)), ...(await reviewReminders(db, reader, key))];
}

/**
 * Reviews that still lack a signature that was asked for, and resolutions that are open and were not
 * carried on since.
 */
async function reviewReminders(db: Db, reader: string, key: string): Promise<ReviewReminder[]> {
  return rows<ReviewReminder>(
    db,
    sql`
    select distinct on (coalesce(r.review_id, r.resolution_id), r.message ->> 'tell',
        r.message ->> 'parties')
      'review' as about, r.message, coalesce(r.review_id, o.review_id) as "reviewId",
      o.body as text, p.name as "ownerName"
    from reminder r left join review v on v.id = r.review_id
      left join resolution o on o.id = r.resolution_id left join rep p on p.id = o.owner
    where r.reader = ${reader} and r.digest_key = ${key} and r.sent_at is null
      and ((o.state = 'open' and (o.carried_at is null or o.carried_at < r.noted_at)) or (v.state = 'open' and v.signed_at is null and exists (
        select from jsonb_array_elements_text(r.message -> 'parties') as party
        where not exists (select from review_signature s where s.review_id = v.id
          and s.party = party))))
    order by coalesce(r.review_id, r.resolution_id), r.message ->> 'tell',
      r.message ->> 'parties', r.id desc`,
  );
}

async function taskReminders(db: Db, reader: string, key: string): Promise<TaskReminder[]> {
  return rows<TaskReminder>(
    db,
    sql`
    select distinct on (t.subject_id, t.kind) 'task' as about,
      json_build_object('kind', t.subject_kind, 'id', t.subject_id) as subject,
      r.handoff_id as "handoffId", r.message,
      case when l.id is null then coalesce(a.facts #>> '{account.name,value}', a.domain)
        else ${fragment(nameOfLead)}
        end as name,
      ${fragment(emailOfLead)} as email,
      case when l.id is not null then a.facts #>> '{account.name,value}' end as company
    from reminder r left join lead_standing l on l.id = r.lead_id
      join task t on t.subject_kind = case when r.lead_id is null then 'account' else 'lead' end
        and t.subject_id = coalesce(r.lead_id, r.account_id) and t.state = 'open'
        and t.kind = r.message ->> 'task'
      left join account a on a.id = coalesce(r.account_id, l.account_id)
    where r.reader = ${reader} and r.digest_key = ${key} and r.sent_at is null
      and l.erased_at is null and l.merged_into is null
    order by t.subject_id, t.kind, r.id desc`,
  );
}

/** It went out, or never can: these reminders are over. */
export function endDigest(
  pool: Pool,
  digest: Pick<Digest, "key" | "reader">,
  now: Instant,
): Promise<void> {
  return end(pool, digest, now);
}

async function end(
  db: Db,
  { key, reader }: Pick<Digest, "key" | "reader">,
  now: Instant,
): Promise<void> {
  await db.query(sql`
    update reminder set sent_at = ${new Date(now)}, claimed_at = null
      where reader = ${reader} and digest_key = ${key} and sent_at is null`);
}

/** It could not be mailed now: the next try need not wait. */
export async function releaseDigest(
  db: Db,
  { key, reader }: Pick<Digest, "key" | "reader">,
): Promise<void> {
  await db.query(sql`
    update reminder set claimed_at = null
      where reader = ${reader} and digest_key = ${key} and sent_at is null`);
}

/** Readers for whom reminders wait, those first who wait longest. */
export async function readersWaiting(db: Db, limit: number): Promise<string[]> {
  const found = await rows<{ reader: string }>(
    db,
    sql`
    select reader from reminder where sent_at is null group by reader order by min(id)
      limit ${limit}`,
  );
  return found.map(({ reader }) => reader);
}
