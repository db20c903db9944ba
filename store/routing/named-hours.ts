import type { CalendarDef } from "../../handoff/time/calendar.ts";
import { rows, sql, type Db, type Tx } from "../postgres/db.ts";

/** Working hours by name, and which person and pool works which. Ids to names. */
export interface NamedHours {
  readonly hours: Readonly<Record<string, CalendarDef>>;
  readonly people: Readonly<Record<string, string>>;
  readonly pools: Readonly<Record<string, string>>;
}

/** The names that the last published roster file gave. Hours changed since have none. */
export async function loadNamedHours(db: Db): Promise<NamedHours> {
  const named = await rows<{ name: string; hours: CalendarDef }>(
    db,
    sql`select name, hours from named_hours order by name`,
  );
  const works = await rows<{ kind: "rep" | "pool"; id: string; name: string }>(
    db,
    sql`
    select 'rep' as kind, id, hours_name as name from rep where hours_name is not null
    union all select 'pool', id, hours_name from pool where hours_name is not null`,
  );
  const of = (kind: "rep" | "pool") =>
    Object.fromEntries(works.filter((one) => one.kind === kind).map(({ id, name }) => [id, name]));
  return {
    hours: Object.fromEntries(named.map(({ name, hours }) => [name, hours])),
    people: of("rep"),
    pools: of("pool"),
  };
}

/** Names become those given; call after the people and pools are written. */
export async function writeNamedHours(tx: Tx, given: NamedHours): Promise<void> {
  await tx.query("delete from named_hours");
  await tx.query(sql`
    insert into named_hours (name, hours)
    select key, value from jsonb_each(${JSON.stringify(given.hours)}::jsonb)`);
  await tx.query(sql`
    update rep set hours_name = n.value
    from jsonb_each_text(${JSON.stringify(given.people)}::jsonb) n where n.key = rep.id`);
  await tx.query(sql`
    update pool set hours_name = n.value
    from jsonb_each_text(${JSON.stringify(given.pools)}::jsonb) n where n.key = pool.id`);
}
