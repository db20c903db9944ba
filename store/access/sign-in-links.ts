import { randomBytes } from "node:crypto";
import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";
import type { Login, LoginRole } from "./logins.ts";
import { hashOfSecret } from "./secret.ts";

/** How a link reached whoever has it: printed in a terminal, or by mail. */
export type WayOfLink = "printed" | "mail";

const minuteMs = 60_000;
const goodForMs: Readonly<Record<WayOfLink, number>> = {
  printed: 10 * minuteMs,
  mail: 15 * minuteMs,
};

/** How many minutes a link is good for. */
export function minutesOfLink(way: WayOfLink): number {
  return goodForMs[way] / minuteMs;
}

/** Makes a link with which its holder signs in once; the secret is known to nobody afterwards. */
export async function makeLink(
  db: Db,
  loginId: string,
  way: WayOfLink,
  now: Instant,
): Promise<string> {
  const secret = randomBytes(32).toString("base64url");
  await db.query(sql`
    insert into sign_in_link (hash, login_id, way, made_at, until)
    values (${hashOfSecret(secret)}, ${loginId}, ${way}, ${new Date(now)},
      ${new Date(now + goodForMs[way])})`);
  return secret;
}

/** Whom a link signs in. */
export interface LinkedLogin extends Login {
  readonly name: string | null;
  readonly way: WayOfLink;
}

/** Whom a link would sign in; undefined for one that is unknown, taken or over. Takes nothing. */
export async function linkedLogin(
  db: Db,
  secret: string,
  now: Instant,
): Promise<LinkedLogin | undefined> {
  const row = await firstRow<LinkRow>(
    db,
    sql`
      select l.id, l.role, l.rep_id, l.party, l.name, k.way
      from sign_in_link k join live_login l on l.id = k.login_id
      where k.hash = ${hashOfSecret(secret)} and k.taken_at is null and k.until > ${new Date(now)}`,
  );
  return row && ofRow(row);
}

/**
 * Takes a link, which is possible once. The form that took it may be sent again, for its answer can
 * be lost: `begun` is the session that it began then.
 */
export async function takeLink(
  db: Db,
  secret: string,
  key: string,
  now: Instant,
): Promise<(LinkedLogin & { readonly begun: string | null }) | undefined> {
  const row = await firstRow<LinkRow & { readonly session_id: string | null }>(
    db,
    sql`
      with taken as (
        update sign_in_link k set taken_at = coalesce(k.taken_at, ${new Date(now)}),
          taken_key = ${key}
        from live_login l
        where k.hash = ${hashOfSecret(secret)} and (k.taken_at is null or k.taken_key = ${key})
          and k.until > ${new Date(now)}
          and l.id = k.login_id
        returning l.id, l.role, l.rep_id, l.party, l.name, k.way, k.session_id)
      select * from taken`,
  );
  if (!row) return undefined;
  const { session_id: begun, ...link } = row;
  return { ...ofRow(link), begun };
}

/** Notes which session a link began. */
export async function noteSessionOfLink(db: Db, secret: string, sessionId: string): Promise<void> {
  await db.query(
    sql`update sign_in_link set session_id = ${sessionId} where hash = ${hashOfSecret(secret)}`,
  );
}

const dayMs = 86_400_000;
/** Sessions that are over are told of in the audit trail; their rows go after so many days. */
const keptDays = 30;
const mostAtOnce = 1_000;

/** Removes links, requests for mails and sessions that have long been over. Gives how many. */
export async function sweepSignIns(db: Db, now: Instant): Promise<number> {
  const before = new Date(now - keptDays * dayMs);
  let swept = 0;
  for (const removal of [
    sql`
    delete from sign_in_link where hash in (
      select hash from sign_in_link where until < ${before} order by until limit ${mostAtOnce})`,
    sql`
    delete from sign_in_mail where id in (
      select id from sign_in_mail where asked_at < ${before} order by asked_at
        limit ${mostAtOnce})`,
    sql`
    delete from session where id in (
      select id from session where ends_at < ${before} order by ends_at limit ${mostAtOnce})`,
  ])
    swept += (await db.query(removal)).rowCount ?? 0;
  return swept;
}

interface LinkRow {
  readonly id: string;
  readonly role: LoginRole;
  readonly rep_id: string | null;
  readonly party: Party | null;
  readonly name: string | null;
  readonly way: WayOfLink;
}

function ofRow(row: LinkRow): LinkedLogin {
  const { rep_id: repId, ...login } = row;
  return { ...login, repId };
}
