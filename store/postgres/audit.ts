import { createHash } from "node:crypto";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, send, sql, type Db } from "./db.ts";

/**
 * Something a person or Baton did that must be answered for later. Ids only: no names, addresses or
 * facts.
 */
export interface AuditEntry {
  /** Token id, rep id, import id, a user of the CRM, or `baton`. */
  readonly actor: string;
  /** In dotted words: `agreement.published`, `lead.reopened`. */
  readonly what: string;
  readonly subject?: string | undefined;
  readonly detail?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

interface AuditRow {
  id: number;
  at: Date;
  actor: string;
  what: string;
  subject: string | null;
  detail: unknown;
  previous: string;
  hash: string;
}

const beginning = "0".repeat(64);

/**
 * Adds a row to the audit trail in the caller's transaction. Each row holds the hash of the one
 * before, so a row that is changed or removed behind our back is noticed; writers therefore go one
 * after another, until they commit.
 */
export async function audit(db: Db, entry: AuditEntry, now: Instant): Promise<void> {
  await send(db, "select pg_advisory_xact_lock(hashtext('audit'))");
  const last = await firstRow<{ hash: string }>(
    db,
    sql`select hash from audit order by id desc limit 1`,
  );
  const previous = last?.hash ?? beginning;
  const at = new Date(now);
  const detail = entry.detail ?? {};
  const hash = hashOf({
    at,
    actor: entry.actor,
    what: entry.what,
    subject: entry.subject ?? null,
    detail,
    previous,
  });
  await send(
    db,
    sql`
    insert into audit (at, actor, what, subject, detail, previous, hash)
    values (${at}, ${entry.actor}, ${entry.what}, ${entry.subject ?? null},
      ${JSON.stringify(detail)}::jsonb, ${previous}, ${hash})`,
  );
}

/** What the trail comes to, read from its beginning. */
export interface AuditChecked {
  readonly rows: number;
  /** The first row that does not fit the one before or its own hash; null: the trail is whole. */
  readonly brokenAt: number | null;
}

/** Reads the whole trail, a thousand rows at a time. */
export async function checkAudit(db: Db): Promise<AuditChecked> {
  let previous = beginning;
  let count = 0;
  for (let after = 0; ;) {
    const page = await rows<AuditRow>(
      db,
      sql`select * from audit where id > ${after} order by id limit 1000`,
    );
    for (const row of page) {
      if (row.previous !== previous || row.hash !== hashOf(row))
        return { rows: count, brokenAt: row.id };
      previous = row.hash;
      after = row.id;
      count++;
    }
    if (page.length === 0) return { rows: count, brokenAt: null };
  }
}

/** A row of the trail as it is noted outside of the database. */
export interface AuditAnchor {
  readonly id: number;
  readonly hash: string;
}

/** The latest row; null while the trail is empty. */
export async function auditHead(db: Db): Promise<AuditAnchor | null> {
  const head = await firstRow<AuditAnchor>(
    db,
    sql`select id, hash from audit order by id desc limit 1`,
  );
  return head ?? null;
}

/**
 * Of these rows, noted once, those that the trail does not have any more as they were: it was cut,
 * or worked out anew.
 */
export async function lostAnchors(
  db: Db,
  anchors: readonly AuditAnchor[],
): Promise<readonly AuditAnchor[]> {
  const found = await rows<AuditAnchor>(
    db,
    sql`select id, hash from audit where id = any(${anchors.map(({ id }) => id)}::bigint[])`,
  );
  const hashes = new Map(found.map(({ id, hash }) => [id, hash]));
  return anchors.filter(({ id, hash }) => hashes.get(id) !== hash);
}

function hashOf(
  row: Pick<AuditRow, "at" | "actor" | "what" | "subject" | "detail" | "previous">,
): string {
  return createHash("sha256")
    .update(
      JSON.stringify([
        row.previous,
        row.at.toISOString(),
        row.actor,
        row.what,
        row.subject,
        sorted(row.detail),
      ]),
    )
    .digest("hex");
}

/** jsonb keeps no order of names, so the hash takes them sorted. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
