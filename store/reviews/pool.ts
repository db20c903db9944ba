import type { Instant } from "../../handoff/time/calendar.ts";
import type { Engagement, Facts } from "../../handoff/facts/facts.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import type { StoredFact } from "../process/subject.ts";

/** A lead of the re-nurture pool with what the pool's review asks about it. */
export interface PoolMember {
  readonly id: string;
  readonly exitAt: Instant;
  readonly exitIntent: number;
  readonly exitReason: string;
  /** YYYY-MM-DD */
  readonly revisitOn: string | null;
  /** The cycle it would begin when it returns. */
  readonly nextCycle: number;
  readonly facts: Facts;
  /** The latest 500, oldest first. */
  readonly engagements: readonly Engagement[];
}

type Row = {
  id: string;
  exit_at: Date;
  exit_intent: number | null;
  exit_reason: string | null;
  revisit_on: string | null;
  cycle: number;
  facts: Record<string, StoredFact>;
  account_facts: Record<string, StoredFact> | null;
};

/**
 * The pool's leads after the lead `after`, in order of their ids, at most `limit`. Erased persons
 * and those being merged are not in it.
 */
export async function poolPage(db: Db, after: string, limit: number): Promise<PoolMember[]> {
  const found = await rows<Row>(
    db,
    sql`
    select l.id, p.exit_at, p.exit_intent, p.exit_reason, p.revisit_on, p.cycle, l.facts,
      a.facts as account_facts
    from process p join lead l on l.id = p.subject_id left join account a on a.id = l.account_id
    where p.subject_kind = 'lead' and p.stage = 'renurture' and p.subject_id > ${after}
      and l.id > ${after} and l.erased_at is null and l.merge_into is null and p.exit_at is not null
    order by p.subject_id limit ${limit}`,
  );
  const engagements = await latestEngagements(
    db,
    found.map(({ id }) => id),
  );
  return found.map((row) => ({
    id: row.id,
    exitAt: row.exit_at.getTime(),
    exitIntent: row.exit_intent ?? 0,
    exitReason: row.exit_reason ?? "unknown",
    revisitOn: row.revisit_on,
    nextCycle: row.cycle,
    engagements: engagements.get(row.id) ?? [],
    facts: Object.fromEntries(
      Object.entries({ ...row.account_facts, ...row.facts }).map(([path, fact]) => [
        path,
        fact.value,
      ]),
    ),
  }));
}

/**
 * Those of the leads that are still in the pool, locked against decisions about them until the
 * transaction ends.
 */
export async function lockInPool(db: Db, leadIds: readonly string[]): Promise<Set<string>> {
  const [inPool, known] = await Promise.all([
    rows<{ id: string }>(
      db,
      sql`
      select subject_id as id from process where subject_kind = 'lead'
        and subject_id = any(${leadIds}) and stage = 'renurture'
      order by subject_id for share`,
    ),
    // Behind the lock, which an erasure takes too.
    rows<{ id: string }>(
      db,
      sql`select id from lead where id = any(${leadIds}) and erased_at is null`,
    ),
  ]);
  const stand = new Set(known.map(({ id }) => id));
  return new Set(inPool.flatMap(({ id }) => (stand.has(id) ? [id] : [])));
}

async function latestEngagements(
  db: Db,
  leadIds: readonly string[],
): Promise<Map<string, Engagement[]>> {
  const found = await rows<{
    lead_id: string;
    message_id: string;
    type: string;
    topic: string | null;
    occurred_at: Date;
  }>(
    db,
    sql`
    select e.* from unnest(${leadIds}::text[]) as l(id) cross join lateral (
      select lead_id, message_id, type, topic, occurred_at from engagement where lead_id = l.id
        order by occurred_at desc, message_id desc limit 500) e
    order by e.lead_id, e.occurred_at, e.message_id`,
  );
  const byLead = new Map<string, Engagement[]>();
  for (const row of found) {
    const known = byLead.get(row.lead_id) ?? [];
    known.push({
      id: row.message_id,
      type: row.type,
      occurredAt: row.occurred_at.getTime(),
      ...(row.topic === null ? {} : { topic: row.topic }),
    });
    byLead.set(row.lead_id, known);
  }
  return byLead;
}
