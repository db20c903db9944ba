import type { Engagement, Facts, FactValue } from "../../handoff/facts/facts.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";

/** What a rejection of the lead would be judged on. */
export interface RejectionBasis {
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
}

type Stored = Readonly<Record<string, { readonly value: FactValue }>>;

/** What is known of a lead and its account, and what the person did. */
export async function rejectionBasis(db: Db, leadId: string): Promise<RejectionBasis> {
  const [known, engagements] = await Promise.all([
    firstRow<{ facts: Stored; account_facts: Stored | null }>(
      db,
      sql`
      select l.facts, a.facts as account_facts from lead l
        left join account a on a.id = l.account_id where l.id = ${leadId}`,
    ),
    rows<{ id: string; type: string; topic: string | null; occurred_at: Date }>(
      db,
      sql`
      select message_id as id, type, topic, occurred_at from engagement
        where lead_id = ${leadId} order by occurred_at desc limit 1000`,
    ),
  ]);
  const stored = { ...known?.account_facts, ...known?.facts };
  return {
    facts: Object.fromEntries(Object.entries(stored).map(([path, { value }]) => [path, value])),
    engagements: engagements.map(({ id, type, topic, occurred_at }) => ({
      id,
      type,
      occurredAt: occurred_at.getTime(),
      ...(topic === null ? {} : { topic }),
    })),
  };
}
