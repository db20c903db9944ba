import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";

const minuteMs = 60_000;
/** A second click within this time is the same wish. */
const sameWishMs = minuteMs;
/** Who asked longer ago does not wait any more. */
const givenUpMs = 15 * minuteMs;
/** Whoever sends a mail and dies with it keeps it from others for so long. */
const claimMs = minuteMs;

/**
 * Notes that a mail with a link is wanted, when an active rep or manager of the roster has this
 * address; somebody who has left, or is nobody, changes nothing. One statement either way, so that
 * it takes as long.
 */
export async function wantSignInMail(
  db: Db,
  wish: { readonly email: string; readonly leadsTo: string },
  now: Instant,
): Promise<void> {
  await db.query(sql`
    with person as (
      select id, role from rep
      where lower(email) = lower(${wish.email}) and active and role in ('rep','manager')
      order by id limit 1),
    known as (
      insert into login (id, role, rep_id, party, label, created_at)
      select ${newId("lg", now)}, role, id, null, '', ${new Date(now)} from person
      on conflict (role, rep_id, party, label) do update set label = excluded.label
      returning id)
    insert into sign_in_mail (login_id, leads_to, asked_at)
    select id, ${wish.leadsTo}, ${new Date(now)} from known
    where not exists (select from sign_in_mail m where m.login_id = known.id
      and m.asked_at > ${new Date(now - sameWishMs)})`);
}

/** A mail to be sent, and to whom. */
export interface SignInMail {
  readonly id: number;
  readonly loginId: string;
  readonly repId: string;
  readonly email: string;
  readonly leadsTo: string;
}

/** Takes mails that wait, the oldest first, for the caller to send and to end. */
export async function takeSignInMails(db: Db, limit: number, now: Instant): Promise<SignInMail[]> {
  return await rows<SignInMail>(
    db,
    sql`
    with taken as (
      update sign_in_mail set claimed_until = ${new Date(now + claimMs)}
      where id in (
        select id from sign_in_mail where done_at is null
          and asked_at > ${new Date(now - givenUpMs)}
          and (claimed_until is null or claimed_until <= ${new Date(now)})
        order by id limit ${limit} for update skip locked)
      returning id, login_id, leads_to)
    select t.id, t.login_id as "loginId", r.id as "repId", r.email, t.leads_to as "leadsTo"
    from taken t join login l on l.id = t.login_id join rep r on r.id = l.rep_id
    where r.active order by t.id`,
  );
}

/** The mail was sent, or will never be. */
export async function endSignInMail(db: Db, id: number, now: Instant): Promise<void> {
  await db.query(sql`update sign_in_mail set done_at = ${new Date(now)} where id = ${id}`);
}

/** It could not be sent: the next round tries again. */
export async function releaseSignInMail(db: Db, id: number): Promise<void> {
  await db.query(
    sql`update sign_in_mail set claimed_until = null where id = ${id} and done_at is null`,
  );
}
