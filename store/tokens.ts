import { hash as hashed, randomBytes } from "node:crypto";
import type { Instant } from "../handoff/calendar.ts";
import { firstRow, rows, sql, type Db } from "./db.ts";
import { newId } from "./ids.ts";

/** Who may hold a token. Machines: `crm` (the CRM's user), `tracking` (a write key). */
export const roles = [
  "operator",
  "revops",
  "marketing",
  "manager",
  "rep",
  "crm",
  "tracking",
] as const;
export type Role = (typeof roles)[number];

export interface Token {
  readonly id: string;
  readonly role: Role;
  readonly repId: string | null;
}

/** The live token behind a secret, or undefined when it is unknown or revoked. */
export async function findToken(db: Db, secret: string): Promise<Token | undefined> {
  return (await findTokens(db, [secret]))[0];
}

/** The same for many secrets, in their order. */
export async function findTokens(
  db: Db,
  secrets: readonly string[],
): Promise<(Token | undefined)[]> {
  const hashes = secrets.map(hashOf);
  const found = await rows<{ hash: string; id: string; role: Role; rep_id: string | null }>(
    db,
    sql`
    select hash, id, role, rep_id from token where hash = any(${[...new Set(hashes)]}::text[]) and revoked_at is null`,
  );
  const tokens = new Map(
    found.map(({ hash, id, role, rep_id }) => [hash, { id, role, repId: rep_id }]),
  );
  return hashes.map((hash) => tokens.get(hash));
}

/**
 * Makes a token; the secret is returned here and never again, only its hash is stored.
 * Reps and managers are people of the roster and need `repId`; the others have none. Throws a RangeError otherwise.
 */
export async function createToken(
  db: Db,
  wish: { role: Role; repId?: string | undefined; label: string },
  now: Instant,
): Promise<{ id: string; secret: string }> {
  const isPerson = wish.role === "rep" || wish.role === "manager";
  if (isPerson && !wish.repId)
    throw new RangeError(`a token for a ${wish.role} needs the id of a person of the roster`);
  if (!isPerson && wish.repId)
    throw new RangeError(`a token for ${wish.role} belongs to no person of the roster`);
  if (wish.repId && !(await firstRow(db, sql`select from rep where id = ${wish.repId}`)))
    throw new RangeError(`there is nobody ${wish.repId} in the roster`);
  const secret = `baton_${randomBytes(32).toString("base64url")}`;
  const id = await store(db, secret, wish, now);
  return { id, secret };
}

/** Makes the given secret an operator's live token; a repeat changes nothing. Gives the token's id. */
export async function ensureOperatorToken(
  db: Db,
  secret: string,
  now: Instant = Date.now(),
): Promise<string> {
  const found = await findToken(db, secret);
  return found?.id ?? (await store(db, secret, { role: "operator", label: "npm start" }, now));
}

/** True when there was such a token and it was not revoked before. */
export async function revokeToken(db: Db, id: string, now: Instant): Promise<boolean> {
  const result = await db.query(
    sql`update token set revoked_at = ${new Date(now)} where id = ${id} and revoked_at is null`,
  );
  return result.rowCount === 1;
}

async function store(
  db: Db,
  secret: string,
  wish: { role: Role; repId?: string | undefined; label: string },
  now: Instant,
): Promise<string> {
  const row = await firstRow<{ id: string }>(
    db,
    sql`
    insert into token (id, hash, role, rep_id, label, created_at)
    values (${newId("tn", now)}, ${hashOf(secret)}, ${wish.role}, ${wish.repId ?? null}, ${wish.label}, ${new Date(now)})
    on conflict (hash) do update set revoked_at = null returning id`,
  );
  if (!row) throw new Error("the token was not stored");
  return row.id;
}

/** Secrets have 256 random bits, so a plain hash is enough; a slow one would cost every request. */
function hashOf(secret: string): string {
  return hashed("sha256", secret, "hex");
}
