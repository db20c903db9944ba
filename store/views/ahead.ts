import { firstRow, sql, type Db } from "../postgres/db.ts";
import { reachValues, type Reach } from "./reach.ts";

/** Leads on hold that may come to somebody, and when the first of them is offered again. */
export interface HeldAhead {
  readonly count: number;
  readonly until: Date | null;
}

/** More than so many are "at least so many". */
export const mostAhead = 100;

/** What is on hold in the pools of these people; of every pool for everybody's. */
export async function heldAhead(db: Db, reach: Reach): Promise<HeldAhead> {
  const { ids } = reachValues(reach);
  const row = await firstRow<HeldAhead>(
    db,
    sql`
    select count(*)::int as count, min(until_at) as until from (
      select e.until_at from held e where ${ids}::text[] is null or e.pool = any(array(
        select m.pool_id from pool_member m where m.rep_id = any(${ids}::text[])))
      limit ${mostAhead}) found`,
  );
  return row ?? { count: 0, until: null };
}
