import { createHash } from "node:crypto";
import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import { outboxChannel } from "../postgres/outbox.ts";

/** A version of the agreement, parsed. Versions are immutable, so a parsed one is kept for good. */
export interface AgreementVersion {
  readonly id: string;
  readonly number: number;
  readonly agreement: Agreement;
}

export interface Agreements {
  /** The active version; null before the first one is published. */
  active(db: Db): Promise<AgreementVersion | null>;
  /** A version by id; throws when there is none, for ids come from our own rows. */
  version(db: Db, id: string): Promise<AgreementVersion>;
}

/**
 * Reads versions through `parse` (the store knows no YAML): each once, whoever else asks for it
 * meanwhile. `parse` is given the text and the version's id; it throws on text that is not an
 * agreement.
 */
export function createAgreements(
  parse: (text: string, id: string) => Agreement | Promise<Agreement>,
): Agreements {
  const parsed = new Map<string, AgreementVersion>();
  const parsing = new Map<string, Promise<AgreementVersion>>();
  const read = async (db: Db, id: string): Promise<AgreementVersion> => {
    const kept = parsed.get(id);
    if (kept) return kept;
    const row = await firstRow<{ number: number; content: string }>(
      db,
      sql`select number, content from agreement_version where id = ${id}`,
    );
    if (!row) throw new Error(`there is no agreement version ${id}`);
    // While the row was being asked for, another reading may have ended, or begun.
    return parsed.get(id) ?? parsing.get(id) ?? begin(id, row);
  };
  /** Of the text alone: what happens to the transaction that asked first concerns no other. */
  const begin = (
    id: string,
    { number, content }: { readonly number: number; readonly content: string },
  ): Promise<AgreementVersion> => {
    const reading = Promise.resolve(parse(content, id))
      .then((agreement) => {
        const version = { id, number, agreement };
        parsed.set(id, version);
        return version;
      })
      .finally(() => parsing.delete(id));
    parsing.set(id, reading);
    return reading;
  };
  return {
    version: read,
    async active(db) {
      const row = await firstRow<{ id: string }>(
        db,
        sql`select id from agreement_version where state = 'active'`,
      );
      return row ? read(db, row.id) : null;
    },
  };
}

/** A version as it is stored, whatever its state. */
export interface StoredVersion {
  readonly id: string;
  readonly number: number;
  readonly state: "draft" | "proposed" | "signed" | "active" | "retired";
  readonly content: string;
  readonly content_hash: string;
  readonly created_at: Date;
  readonly created_by: string;
  readonly activated_at: Date | null;
  readonly activated_by: string | null;
  readonly note: string | null;
}

/** The active version as it is stored; undefined before the first one is published. */
export async function activeVersion(db: Db): Promise<StoredVersion | undefined> {
  return firstRow(db, sql`select * from agreement_version where state = 'active'`);
}

/** When the first version became active; null before. */
export async function firstActivation(db: Db): Promise<Instant | null> {
  const row = await firstRow<{ at: Date | null }>(
    db,
    sql`select min(activated_at) as at from agreement_version`,
  );
  return row?.at?.getTime() ?? null;
}

/** A version as lists show it. */
export type ListedVersion = Omit<StoredVersion, "content">;

/** Versions below this number, the newest first. */
export async function listVersions(
  db: Db,
  before: number | null,
  limit: number,
): Promise<ListedVersion[]> {
  return rows(
    db,
    sql`
    select id, number, state, content_hash, created_at, created_by, activated_at, activated_by,
      note from agreement_version
    where ${before}::int is null or number < ${before}::int order by number desc limit ${limit}`,
  );
}

/** A version by an id from outside; undefined when there is none. */
export async function storedVersion(db: Db, id: string): Promise<StoredVersion | undefined> {
  return firstRow(db, sql`select * from agreement_version where id = ${id}`);
}

/**
 * What a version is compared with when nothing else is named: the active one, and the active one
 * itself with the one before it. Undefined when there is none.
 */
export async function comparedWith(
  db: Db,
  version: Pick<StoredVersion, "state" | "number">,
): Promise<StoredVersion | undefined> {
  if (version.state !== "active") return activeVersion(db);
  return firstRow(
    db,
    sql`
    select * from agreement_version where number < ${version.number} and activated_at is not null
    order by number desc limit 1`,
  );
}

/** Until the transaction ends, nobody else proposes, signs or activates a version. */
export async function lockAgreement(db: Db): Promise<void> {
  await db.query("select pg_advisory_xact_lock(hashtext('agreement'))");
}

/**
 * Makes `content` the active version and retires the one before; the same content as the active one
 * changes nothing. Call inside a transaction, with text that parses. Gives the version's id and
 * whether it is new.
 */
export async function activate(
  db: Db,
  content: string,
  by: string,
  now: Instant,
  note?: string,
): Promise<{ id: string; isNew: boolean }> {
  await lockAgreement(db);
  const hash = createHash("sha256").update(content).digest("hex");
  const current = await firstRow<{ id: string; content_hash: string }>(
    db,
    sql`select id, content_hash from agreement_version where state = 'active'`,
  );
  if (current?.content_hash === hash) return { id: current.id, isNew: false };
  const at = new Date(now);
  if (current)
    await db.query(sql`update agreement_version set state = 'retired' where id = ${current.id}`);
  const id = newId("ag", now);
  await db.query(sql`
    insert into agreement_version (id, number, content, content_hash, state, created_at, created_by,
      activated_at, activated_by, note)
    select ${id}, coalesce(max(number), 0) + 1, ${content}, ${hash}, 'active', ${at}, ${by}, ${at},
      ${by}, ${note ?? null} from agreement_version`);
  if (current) await tellLeadsUnderNoHandoff(db, id, at);
  return { id, isNew: true };
}

/**
 * Leads that no handoff pins to their version are judged under the new one; in the lane of imports,
 * for it may be all of them.
 */
export async function tellLeadsUnderNoHandoff(db: Db, versionId: string, at: Date): Promise<void> {
  await db.query(sql`
    insert into outbox (lane, kind, workflow_id, message, payload, created_at)
    select 2, 'signal', 'lead/' || id, 'policyChanged',
      jsonb_build_object('id', ${versionId}::text), ${at} from lead_standing
    where stage in ('new', 'nurture', 'renurture') and erased_at is null and merged_into is null`);
  await db.query(`notify ${outboxChannel}`);
}
