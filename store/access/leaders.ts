import type { Party } from "../../handoff/reviews/review.ts";
import { fragment, rows, sql, type Db } from "../postgres/db.ts";

/**
 * Who leads which party: people of the roster with a live token or login for it. One that was
 * revoked or has run out makes nobody a leader.
 */
export const leading = fragment(`(
    select t.rep_id, t.party from token t where t.role = 'leader' and t.rep_id is not null
      and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
    union
    select l.rep_id, l.party from live_login l where l.role = 'leader' and l.rep_id is not null
  )`);

/** The one active person who leads the party; null: nobody, or several. */
export async function leaderOf(db: Db, party: Party): Promise<string | null> {
  const found = await rows<{ id: string }>(
    db,
    sql`
    select r.id from rep r where r.active
      and r.id in (select g.rep_id from ${leading} g where g.party = ${party}) limit 2`,
  );
  return found.length === 1 ? (found[0]?.id ?? null) : null;
}
