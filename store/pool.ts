import type { Instant } from "../handoff/calendar.ts";
import type { Engagement, Facts } from "../handoff/facts.ts";
import { rows, sql, type Db } from "./db.ts";
import type { StoredFact } from "./subject.ts";

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

/** The pool's leads after the lead `after`, in order of their ids, at most `limit`. Erased persons and those being merged are not in it. */
export async function poolPage(db: Db, after: string, limit: number): Promise<PoolMember[]> {
  const found = await rows<Row>(
    db,
    sql`
    select l.id, l.exit_at, l.exit_intent, l.exit_reason, l.revisit_on, l.cycle, l.facts, a.facts as account_facts
    from lead l left join account a on a.id = l.account_id
    where l.stage = 'renurture' and l.id > ${after} and l.erased_at is null and l.merge_into is null and l.exit_at is not null order by l.id limit ${limit}`,
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

/** Those of the leads that are still in the pool, locked against decisions about them until the transaction ends. */
export async function lockInPool(db: Db, leadIds: readonly string[]): Promise<Set<string>> {
  const found = await rows<{ id: string }>(
    db,
    sql`
    select id from lead where id = any(${leadIds}) and stage = 'renurture' and erased_at is null order by id for share`,
  );
  return new Set(found.map(({ id }) => id));
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
      select lead_id, message_id, type, topic, occurred_at from engagement where lead_id = l.id order by occurred_at desc, message_id desc limit 500) e
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
