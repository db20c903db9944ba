import { rows, sql, type Db } from "../postgres/db.ts";

/**
 * How many other contacts match this person: unsettled conflicts of identity with a lead that still
 * stands (`unique-match`).
 */
export async function otherMatches(db: Db, leadId: string): Promise<number> {
  return (await otherMatchesOf(db, [leadId])).get(leadId) ?? 0;
}

/** The same for many leads; one without a conflict is not in the map. */
export async function otherMatchesOf(
  db: Db,
  leadIds: readonly string[],
): Promise<Map<string, number>> {
  // Each other lead is looked up by its id: conflicts are rare, and a join would read all leads to
  // find that there is none.
  const found = await rows<{ id: string; n: number }>(
    db,
    sql`
    select c.id, count(distinct c.other)::int as n from (
      select lead_id as id, other_id as other from lead_conflict
        where lead_id = any(${leadIds}::text[]) and settled_at is null
      union all select other_id, lead_id from lead_conflict where other_id = any(${leadIds}::text[])
        and settled_at is null
    ) c where (select o.merged_into is null and o.erased_at is null from lead_standing o
      where o.id = c.other) group by c.id`,
  );
  return new Map(found.map((row) => [row.id, row.n]));
}
