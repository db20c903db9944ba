import { randomBytes } from "node:crypto";
import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import { hashOfSecret } from "./secret.ts";

/** Who may hold a token. A leader signs for a party. Machines: `crm` (the CRM's user), `tracking` (a write key). */
export const roles = [
  "operator",
  "revops",
  "marketing",
  "manager",
  "rep",
  "leader",
  "crm",
  "tracking",
] as const;
export type Role = (typeof roles)[number];

export interface Token {
  readonly id: string;
  readonly role: Role;
  readonly repId: string | null;
  /** For which party a leader signs; null for everybody else. */
  readonly party: Party | null;
}

/**
 * The live token behind a secret, or undefined when it is unknown, revoked or over, or belongs to
 * somebody who has left.
 */
export async function findToken(db: Db, secret: string, now: Instant): Promise<Token | undefined> {
  return (await findTokens(db, [secret], now))[0];
}

/** The same for many secrets, in their order. */
export async function findTokens(
  db: Db,
  secrets: readonly string[],
  now: Instant,
): Promise<(Token | undefined)[]> {
  const hashes = secrets.map(hashOfSecret);
  const found = await rows<{
    hash: string;
    id: string;
    role: Role;
    rep_id: string | null;
    party: Party | null;
  }>(
    db,
    sql`
    select t.hash, t.id, t.role, t.rep_id, t.party from token t left join rep r on r.id = t.rep_id
    where t.hash = any(${[...new Set(hashes)]}::text[]) and t.revoked_at is null
      and (t.expires_at is null or t.expires_at > ${new Date(now)})
        and (t.rep_id is null or r.active)`,
  );
  const tokens = new Map(
    found.map(({ hash, id, role, rep_id, party }) => [hash, { id, role, repId: rep_id, party }]),
  );
  return hashes.map((hash) => tokens.get(hash));
}

export interface TokenWish {
  readonly role: Role;
  readonly repId?: string | undefined;
  /** For which party a leader signs. */
  readonly party?: Party | undefined;
  readonly label: string;
  /** When it ends by itself; absent: never. */
  readonly expiresAt?: Instant | undefined;
}

/**
 * Makes a token; the secret is returned here and never again, only its hash is stored. Reps and
 * managers are people of the roster and need `repId`; a leader may have one, and needs a party; the
 * others have neither. Throws a RangeError otherwise, and for somebody who has left, and for an end that has passed.
 */
export async function createToken(
  db: Db,
  wish: TokenWish,
  now: Instant,
): Promise<{ id: string; secret: string }> {
  const isPerson = wish.role === "rep" || wish.role === "manager";
  if (isPerson && !wish.repId)
    throw new RangeError(`a token for a ${wish.role} needs the id of a person of the roster`);
  if ((wish.role === "leader") !== (wish.party !== undefined))
    throw new RangeError(
      wish.party === undefined
        ? "a token for a leader needs the party that it signs for"
        : `a token for ${wish.role} signs for no party`,
    );
  if (!isPerson && wish.role !== "leader" && wish.repId)
    throw new RangeError(`a token for ${wish.role} belongs to no person of the roster`);
  if (wish.expiresAt !== undefined && wish.expiresAt <= now)
    throw new RangeError("a token must end in the future");
  if (wish.repId) {
    const rep = await firstRow<{ active: boolean }>(
      db,
      sql`select active from rep where id = ${wish.repId}`,
    );
    if (!rep) throw new RangeError(`there is nobody ${wish.repId} in the roster`);
    if (!rep.active) throw new RangeError(`${wish.repId} is not active in the roster`);
  }
  const secret = `baton_${randomBytes(32).toString("base64url")}`;
  return { id: (await store(db, secret, wish, now)).id, secret };
}

/**
 * Makes the given secret an operator's token; a repeat changes nothing. One that was revoked stays
 * revoked: `isLive` says so.
 */
export async function ensureOperatorToken(
  db: Db,
  secret: string,
  now: Instant = Date.now(),
): Promise<{ readonly id: string; readonly isLive: boolean }> {
  return store(db, secret, { role: "operator", label: "npm start" }, now);
}

/** True when there was such a token and it was not revoked before. */
export async function revokeToken(db: Db, id: string, now: Instant): Promise<boolean> {
  const result = await db.query(
    sql`update token set revoked_at = ${new Date(now)} where id = ${id} and revoked_at is null`,
  );
  return result.rowCount === 1;
}

/** Revokes every token of these people; gives the tokens' ids. */
export async function revokeTokensOf(
  db: Db,
  repIds: readonly string[],
  now: Instant,
): Promise<string[]> {
  if (repIds.length === 0) return [];
  const revoked = await rows<{ id: string }>(
    db,
    sql`
    update token set revoked_at = ${new Date(now)} where rep_id = any(${repIds})
      and revoked_at is null returning id`,
  );
  return revoked.map(({ id }) => id).toSorted();
}

/** A token as it is listed: its secret is known to nobody here. */
export interface ListedToken extends Token {
  readonly label: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
  /** `left`: its person has left. */
  readonly state: "live" | "revoked" | "expired" | "left";
}

/** Every token, the oldest first; those that work no more only with `all`. */
export async function listTokens(db: Db, now: Instant, all: boolean): Promise<ListedToken[]> {
  const found = await rows<{
    id: string;
    role: Role;
    rep_id: string | null;
    party: Party | null;
    label: string;
    created_at: Date;
    expires_at: Date | null;
    revoked_at: Date | null;
    state: ListedToken["state"];
  }>(
    db,
    sql`
    select * from (
      select t.id, t.role, t.rep_id, t.party, t.label, t.created_at, t.expires_at, t.revoked_at,
        case when t.revoked_at is not null then 'revoked' when t.expires_at <= ${new Date(now)}
          then 'expired'
          when r.active is false then 'left' else 'live' end as state
      from token t left join rep r on r.id = t.rep_id) listed
    where ${all}::boolean or state = 'live' order by created_at, id`,
  );
  return found.map((row) => ({
    id: row.id,
    role: row.role,
    repId: row.rep_id,
    party: row.party,
    label: row.label,
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at?.getTime() ?? null,
    revokedAt: row.revoked_at?.getTime() ?? null,
    state: row.state,
  }));
}

async function store(
  db: Db,
  secret: string,
  wish: TokenWish,
  now: Instant,
): Promise<{ id: string; isLive: boolean }> {
  const expires = wish.expiresAt === undefined ? null : new Date(wish.expiresAt);
  // Two that store the same secret at once get the same row; what was revoked is not revived.
  const row = await firstRow<{ id: string; live: boolean }>(
    db,
    sql`
    insert into token (id, hash, role, rep_id, party, label, created_at, expires_at)
    values (${newId("tn", now)}, ${hashOfSecret(secret)}, ${wish.role}, ${wish.repId ?? null},
      ${wish.party ?? null}, ${wish.label}, ${new Date(now)}, ${expires})
    on conflict (hash) do update set hash = excluded.hash
    returning id, revoked_at is null
      and (expires_at is null or expires_at > ${new Date(now)}) as live`,
  );
  if (!row) throw new Error("the token was not stored");
  return { id: row.id, isLive: row.live };
}
