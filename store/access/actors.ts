import { rows, sql, type Db } from "../postgres/db.ts";

/**
 * What to call whoever did something, by the ids that are kept of them: people who are or were on
 * the roster, tokens and logins. A token or login is called as its person, else by its label, else
 * by what it may do.
 */
export async function actorNames(db: Db, ids: readonly string[]): Promise<Record<string, string>> {
  if (ids.length === 0) return {};
  const among = [...ids];
  const found = await rows<{ id: string; name: string }>(
    db,
    sql`
    select id, name from rep where id = any(${among}::text[]) and name is not null
    union all
    select a.id, coalesce(r.name, nullif(a.label, ''),
        case when a.party is null then a.role else a.role || ' of ' || a.party end)
      from (select id, role, rep_id, party, label from token where id = any(${among}::text[])
        union all
        select id, role, rep_id, party, label from login where id = any(${among}::text[])) a
      left join rep r on r.id = a.rep_id`,
  );
  return Object.fromEntries(found.map(({ id, name }) => [id, name]));
}
