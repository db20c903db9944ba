import type { CalendarDef, Instant } from "../handoff/calendar.ts";
import type { Caps, Pool, Rep, Roster } from "../handoff/roster.ts";
import { rows, sql, type Db } from "./db.ts";

/** A person of ours as the roster keeps them; the rules see only `Rep`, without name and address. */
export interface RepRecord {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: "rep" | "manager" | "marketing" | "sales-ops";
  readonly managerId: string | null;
  readonly active: boolean;
  readonly hours: CalendarDef | null;
  readonly languages: readonly string[];
  readonly products: readonly string[];
  readonly motions: readonly string[];
  readonly caps: Caps;
  readonly crmId: string | null;
}

export interface AbsenceRecord {
  readonly from: Instant;
  readonly to: Instant;
  readonly reason: string;
}

/** The whole roster as the rules see it, inactive reps included (they are named as a reason). */
export async function loadRoster(db: Db): Promise<Roster> {
  const reps = await listReps(db);
  const absences = await listAbsences(db);
  const pools = await listPools(db);
  return {
    reps: Object.fromEntries(
      reps.map(
        ({ id, active, managerId, hours, languages, products, motions, caps }): [string, Rep] => [
          id,
          {
            id,
            active,
            managerId,
            hours,
            languages,
            products,
            motions,
            caps,
            absences: absences[id] ?? [],
          },
        ],
      ),
    ),
    pools: Object.fromEntries(pools.map((pool) => [pool.id, pool])),
  };
}

/** When one rep works and what hours one pool covers, all that a clock needs of the roster; null for who is not on it. */
export async function hoursOnRoster(
  db: Db,
  repId: string | null,
  poolId: string | null,
): Promise<{
  rep: Pick<Rep, "hours" | "absences"> | null;
  pool: { hours: CalendarDef | null } | null;
}> {
  const [row] = await rows<{
    rep: string | null;
    hours: CalendarDef | null;
    absences: Rep["absences"] | null;
    pool: string | null;
    pool_hours: CalendarDef | null;
  }>(
    db,
    sql`
    select r.id as rep, r.hours, p.id as pool, p.hours as pool_hours,
      (select json_agg(json_build_object('from', floor(extract(epoch from a.from_at) * 1000)::bigint, 'to', floor(extract(epoch from a.to_at) * 1000)::bigint, 'reason', a.reason) order by a.from_at, a.id)
        from absence a where a.rep_id = r.id) as absences
    from (values (1)) one left join rep r on r.id = ${repId}::text left join pool p on p.id = ${poolId}::text`,
  );
  return {
    rep: row?.rep == null ? null : { hours: row.hours, absences: row.absences ?? [] },
    pool: row?.pool == null ? null : { hours: row.pool_hours },
  };
}

/** Everybody on the roster, by id. */
export async function listReps(db: Db): Promise<RepRecord[]> {
  const found = await rows<RepRow>(db, sql`select * from rep order by id`);
  return found.map(repOf);
}

/** Pools with their members and weights, by id. */
export async function listPools(db: Db): Promise<Pool[]> {
  return rows<Pool>(
    db,
    sql`
    select p.id, p.hours, coalesce(json_object_agg(m.rep_id, m.weight order by m.rep_id) filter (where m.rep_id is not null), '{}') as members
    from pool p left join pool_member m on m.pool_id = p.id group by p.id order by p.id`,
  );
}

/** Absences by rep, in order of time. */
export async function listAbsences(db: Db): Promise<Record<string, AbsenceRecord[]>> {
  const found = await rows<{ rep_id: string; from_at: Date; to_at: Date; reason: string }>(
    db,
    sql`select rep_id, from_at, to_at, reason from absence order by rep_id, from_at, id`,
  );
  const byRep: Record<string, AbsenceRecord[]> = {};
  for (const row of found)
    (byRep[row.rep_id] ??= []).push({
      from: row.from_at.getTime(),
      to: row.to_at.getTime(),
      reason: row.reason,
    });
  return byRep;
}

/**
 * Creates or changes those listed; others stay as they are, for nobody is ever removed: who leaves becomes inactive.
 * Call inside a transaction. A manager must be listed too or exist; `unknownReps` tells before the database does.
 */
export async function putReps(db: Db, reps: readonly RepRecord[], now: Instant): Promise<void> {
  // Two who swap their CRM ids must not meet half-way.
  await db.query(
    sql`update rep set crm_id = null where id = any(${reps.map((one) => one.id)}) and crm_id is not null`,
  );
  await db.query(sql`
    insert into rep (id, name, email, role, manager_id, active, hours, languages, products, motions, max_open, max_per_day, max_per_hour, crm_id, updated_at)
    select r.id, r.name, r.email, r.role, r."managerId", r.active, r.hours, r.languages, r.products, r.motions,
      (r.caps->>'open')::int, (r.caps->>'perDay')::int, (r.caps->>'perHour')::int, r."crmId", ${new Date(now)}
    from jsonb_to_recordset(${JSON.stringify(reps)}::jsonb) as r(id text, name text, email text, role text, "managerId" text, active boolean, hours jsonb,
      languages text[], products text[], motions text[], caps jsonb, "crmId" text)
    on conflict (id) do update set name = excluded.name, email = excluded.email, role = excluded.role, manager_id = excluded.manager_id,
      active = excluded.active, hours = excluded.hours, languages = excluded.languages, products = excluded.products, motions = excluded.motions,
      max_open = excluded.max_open, max_per_day = excluded.max_per_day, max_per_hour = excluded.max_per_hour, crm_id = excluded.crm_id,
      updated_at = excluded.updated_at`);
}

/** Creates or changes the pools listed; the members of each become exactly those given. Call inside a transaction. */
export async function putPools(db: Db, pools: readonly Pool[], now: Instant): Promise<void> {
  const ids = pools.map((pool) => pool.id);
  await db.query(sql`
    insert into pool (id, hours, updated_at)
    select p.id, p.hours, ${new Date(now)} from jsonb_to_recordset(${JSON.stringify(pools)}::jsonb) as p(id text, hours jsonb)
    on conflict (id) do update set hours = excluded.hours, updated_at = excluded.updated_at`);
  await db.query(sql`delete from pool_member where pool_id = any(${ids})`);
  const members = pools.flatMap((pool) =>
    Object.entries(pool.members).map(([repId, weight]) => ({ pool: pool.id, repId, weight })),
  );
  await db.query(sql`
    insert into pool_member (pool_id, rep_id, weight)
    select m.pool, m."repId", m.weight from jsonb_to_recordset(${JSON.stringify(members)}::jsonb) as m(pool text, "repId" text, weight int)`);
}

/**
 * Sets the absences of the reps named: those not over yet are replaced by the ones given, past ones stay, for clocks
 * have counted them. Call inside a transaction.
 */
export async function putAbsences(
  db: Db,
  byRep: Readonly<Record<string, readonly AbsenceRecord[]>>,
  now: Instant,
): Promise<void> {
  await db.query(
    sql`delete from absence where rep_id = any(${Object.keys(byRep)}) and to_at > ${new Date(now)}`,
  );
  const absences = Object.entries(byRep).flatMap(([repId, list]) =>
    list.filter((one) => one.to > now).map((one) => ({ ...one, repId })),
  );
  await db.query(sql`
    insert into absence (rep_id, from_at, to_at, reason)
    select a."repId", to_timestamp(a."from" / 1000.0), to_timestamp(a."to" / 1000.0), a.reason
    from jsonb_to_recordset(${JSON.stringify(absences)}::jsonb) as a("repId" text, "from" bigint, "to" bigint, reason text)`);
}

/** Those of the ids that are not on the roster. */
export async function unknownReps(db: Db, ids: readonly string[]): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    sql`select id from unnest(${ids}::text[]) as id where not exists (select 1 from rep where rep.id = id.id) order by id`,
  );
  return found.map((row) => row.id);
}

interface RepRow {
  id: string;
  name: string;
  email: string;
  role: RepRecord["role"];
  manager_id: string | null;
  active: boolean;
  hours: CalendarDef | null;
  languages: string[];
  products: string[];
  motions: string[];
  max_open: number | null;
  max_per_day: number | null;
  max_per_hour: number | null;
  crm_id: string | null;
}

function repOf(row: RepRow): RepRecord {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    role: row.role,
    managerId: row.manager_id,
    active: row.active,
    hours: row.hours,
    languages: row.languages,
    products: row.products,
    motions: row.motions,
    caps: capsOf(row),
    crmId: row.crm_id,
  };
}

/** Caps from their columns; null is no limit. */
export function capsOf(row: Pick<RepRow, "max_open" | "max_per_day" | "max_per_hour">): Caps {
  return {
    ...(row.max_open === null ? {} : { open: row.max_open }),
    ...(row.max_per_day === null ? {} : { perDay: row.max_per_day }),
    ...(row.max_per_hour === null ? {} : { perHour: row.max_per_hour }),
  };
}
