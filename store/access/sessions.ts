import { randomBytes } from "node:crypto";
import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import type { Login, LoginRole } from "./logins.ts";
import { hashOfSecret } from "./secret.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Unused for so long, a session ends. */
const idleMs = 7 * dayMs;
/** The end of a session, however much it is used. An operator may do everything. */
const longestMs = (role: LoginRole) => (role === "operator" ? 12 * hourMs : 30 * dayMs);
/** When a session was used is noted to the hour: a write for each page would cost more than it tells. */
const notedEveryMs = hourMs;

/** A session that is signed in, and as whom. */
export interface Session {
  readonly id: string;
  readonly loginId: string;
  readonly role: LoginRole;
  readonly repId: string | null;
  readonly party: Party | null;
  /** As the roster has it; null for somebody who is not on it. */
  readonly name: string | null;
  /** Single keys do nothing on the pages. */
  readonly keysOff: boolean;
  readonly startedAt: Instant;
  readonly endsAt: Instant;
}

/** Starts a session; the secret is returned here and never again, only its hash is stored. */
export async function startSession(
  db: Db,
  { id: loginId, role }: Pick<Login, "id" | "role">,
  device: string,
  now: Instant,
): Promise<{ id: string; secret: string; endsAt: Instant }> {
  const secret = randomBytes(32).toString("base64url");
  const id = newId("sn", now);
  const endsAt = now + longestMs(role);
  await db.query(sql`
    insert into session (id, hash, login_id, device, started_at, seen_at, ends_at)
    values (${id}, ${hashOfSecret(secret)}, ${loginId}, ${device}, ${new Date(now)}, ${new Date(now)},
      ${new Date(endsAt)})`);
  return { id, secret, endsAt };
}

/**
 * The sessions behind secrets, in their order; undefined for one that is unknown or over, or whose
 * person has left or has another role now. Notes those whose use was last noted an hour ago.
 */
export async function findSessions(
  db: Db,
  secrets: readonly string[],
  now: Instant,
): Promise<(Session | undefined)[]> {
  const hashes = secrets.map(hashOfSecret);
  const found = await rows<{
    hash: string;
    id: string;
    login_id: string;
    role: LoginRole;
    rep_id: string | null;
    party: Party | null;
    name: string | null;
    keys_off: boolean;
    started_at: Date;
    seen_at: Date;
    ends_at: Date;
  }>(
    db,
    sql`
    select s.hash, s.id, s.login_id, l.role, l.rep_id, l.party, l.name, l.keys_off, s.started_at,
      s.seen_at, s.ends_at
    from session s join live_login l on l.id = s.login_id
    where s.hash = any(${[...new Set(hashes)]}::text[]) and s.ended_at is null
      and s.ends_at > ${new Date(now)} and s.seen_at > ${new Date(now - idleMs)}`,
  );
  const unnoted = found.filter(({ seen_at }) => seen_at.getTime() <= now - notedEveryMs);
  if (unnoted.length > 0)
    await db.query(sql`
      update session set seen_at = ${new Date(now)}
      where id = any(${unnoted.map(({ id }) => id).toSorted()}::text[])
        and seen_at < ${new Date(now)}`);
  const sessions = new Map(
    found.map((row) => [
      row.hash,
      {
        id: row.id,
        loginId: row.login_id,
        role: row.role,
        repId: row.rep_id,
        party: row.party,
        name: row.name,
        keysOff: row.keys_off,
        startedAt: row.started_at.getTime(),
        endsAt: row.ends_at.getTime(),
      },
    ]),
  );
  return hashes.map((hash) => sessions.get(hash));
}

/** Which of these sessions are signed in. To look is no use of them. */
export async function signedInOf(
  db: Db,
  ids: readonly string[],
  now: Instant,
): Promise<ReadonlySet<string>> {
  const found = await rows<{ id: string }>(
    db,
    sql`
    select s.id from session s join live_login l on l.id = s.login_id
    where s.id = any(${ids}::text[]) and s.ended_at is null and s.ends_at > ${new Date(now)}`,
  );
  return new Set(found.map(({ id }) => id));
}

/** Ends a session of this login; false when it has none by that id that is live. */
export async function endSession(
  db: Db,
  { id, loginId }: Pick<Session, "id" | "loginId">,
  now: Instant,
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    update session set ended_at = ${new Date(now)}
    where id = ${id} and login_id = ${loginId} and ended_at is null`);
  return rowCount === 1;
}

/** Ends every session of these people of the roster, and makes the links that wait void. Gives the sessions. */
export async function endSessionsOf(
  db: Db,
  repIds: readonly string[],
  now: Instant,
): Promise<string[]> {
  if (repIds.length === 0) return [];
  const ended = await rows<{ id: string }>(
    db,
    sql`
    update session set ended_at = ${new Date(now)}
    where ended_at is null and ends_at > ${new Date(now)}
      and login_id in (select id from login where rep_id = any(${repIds})) returning id`,
  );
  await db.query(sql`
    update sign_in_link set taken_at = ${new Date(now)} where taken_at is null
      and login_id in (select id from login where rep_id = any(${repIds}))`);
  return ended.map(({ id }) => id).toSorted();
}

/** A session as its owner sees it. */
export interface ListedSession {
  readonly id: string;
  readonly device: string;
  readonly startedAt: Instant;
  readonly seenAt: Instant;
  readonly endsAt: Instant;
}

/** The live sessions of a login, the latest first. */
export async function sessionsOf(db: Db, loginId: string, now: Instant): Promise<ListedSession[]> {
  const found = await rows<{
    id: string;
    device: string;
    started_at: Date;
    seen_at: Date;
    ends_at: Date;
  }>(
    db,
    sql`
    select id, device, started_at, seen_at, ends_at from session
    where login_id = ${loginId} and ended_at is null and ends_at > ${new Date(now)}
      and seen_at > ${new Date(now - idleMs)}
    order by started_at desc, id desc limit 100`,
  );
  return found.map((row) => ({
    id: row.id,
    device: row.device,
    startedAt: row.started_at.getTime(),
    seenAt: row.seen_at.getTime(),
    endsAt: row.ends_at.getTime(),
  }));
}
