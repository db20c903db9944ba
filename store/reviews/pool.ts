import type { Instant } from "../../handoff/time/calendar.ts";
import type { Engagement, Facts } from "../../handoff/facts/facts.ts";
import { readEngagements } from "../intake/scores.ts";
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
  const engagements = await readEngagements(
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
    engagements: (engagements.get(row.id) ?? []).toReversed(),
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
