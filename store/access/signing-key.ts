import { randomBytes } from "node:crypto";
import { firstRow, sql, type Pool } from "../postgres/db.ts";

const known = new WeakMap<Pool, Promise<Uint8Array>>();

/**
 * The secret with which links in mails are signed. The first process that asks makes it; it is kept
 * in Postgres, so every process signs and checks with the same one.
 */
export function signingKey(pool: Pool, now: number): Promise<Uint8Array> {
  const kept = known.get(pool);
  if (kept) return kept;
  const read = readOrMake(pool, now);
  known.set(pool, read);
  read.catch(() => known.delete(pool));
  return read;
}

/** The same for who only checks a link: null while no link was ever signed. Makes none. */
export async function madeSigningKey(pool: Pool): Promise<Uint8Array | null> {
  return (await known.get(pool)) ?? (await found(pool))?.secret ?? null;
}

function found(pool: Pool): Promise<{ secret: Buffer } | undefined> {
  return firstRow(pool, sql`select secret from signing_key where name = 'offer-link'`);
}

async function readOrMake(pool: Pool, now: number): Promise<Uint8Array> {
  const before = await found(pool);
  if (before) return before.secret;
  await pool.query(sql`
    insert into signing_key (name, secret, created_at)
      values ('offer-link', ${randomBytes(32)}, ${new Date(now)}) on conflict (name) do nothing`);
  const made = await found(pool);
  if (!made) throw new Error("the signing key was not stored");
  return made.secret;
}
