import { sql } from "../../store/postgres/db.ts";
import { generateHandoffs, insertHandoffs } from "./generated-handoffs.ts";
import { seededRandom } from "./generated-leads.ts";
import type { PeopleWorld } from "./people-world.ts";

const day = 86_400_000;

/** Handoffs of the last ninety days under the active version, with whatever reports look at. */
export async function pastMonths(world: PeopleWorld, count: number): Promise<void> {
  const { pool } = world;
  const now = world.now();
  const at = new Date(now);
  await pool.query(sql`
    insert into rep (id, name, email, updated_at)
    select id, 'Past ' || id, id || '@past.example', ${at}
    from unnest(array['rp_a', 'rp_b', 'rp_c', 'rp_d']) as t(id)`);
  await pool.query(sql`insert into calendar_version (id, definition, tz_version, created_at)
    values ('cal_1', '{}', 'x', ${at})`);
  // The handoffs are made under a version of this name; they become those of the active one.
  await pool.query(sql`
    insert into agreement_version (id, number, content, content_hash, state, created_at, created_by)
    select 'ag_1', 0, content, 'made', 'retired', created_at, created_by
    from agreement_version where state = 'active'`);
  await insertHandoffs(pool, generateHandoffs(seededRandom(7), now - 90 * day, count));
  await pool.query(sql`update handoff set agreement_id = (select id from agreement_version
    where state = 'active') where agreement_id = 'ag_1'`);
  await pool.query(sql`delete from agreement_version where id = 'ag_1'`);
}
