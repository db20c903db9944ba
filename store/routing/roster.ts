import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import type { Caps, RepPool, Rep, Roster } from "../../handoff/routing/roster.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";

/**
 * A person of ours as the roster keeps them; the rules see only `Rep`, without name and address.
 */
export interface RepRecord {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: "rep" | "manager" | "marketing" | "sales-ops";
  readonly managerId: string | null;
  /** Who stands in while this person is away, and after leaving; absent: nobody. */
  readonly deputyId?: string | null;
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
  /** Who stands in; absent: the person's own deputy. */
  readonly deputyId?: string | null;
}

/** An absence as it is kept. */
export interface KnownAbsence {
  readonly from: Instant;
  readonly to: Instant;
  readonly reason: string;
  readonly knownAt: Instant;
  readonly deputyId: string | null;
}

/** The whole roster as the rules see it, inactive reps included (they are named as a reason). */
export async function loadRoster(db: Db): Promise<Roster> {
  const reps = await listReps(db);
  const absences = await listAbsences(db);
  const pools = await listPools(db);
  return {
    reps: Object.fromEntries(
      reps.map(
        ({
          id,
          active,
          deputyId,
          managerId,
          hours,
          languages,
          products,
          motions,
          caps,
        }): [string, Rep] => [
          id,
          {
            id,
            active,
            ...(deputyId == null ? {} : { deputyId }),
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

/** What somebody of the roster is there; undefined for who is not on it. */
export async function roleOnRoster(db: Db, repId: string): Promise<RepRecord["role"] | undefined> {
  const row = await firstRow<Pick<RepRecord, "role">>(
    db,
    sql`select role from rep where id = ${repId}`,
  );
  return row?.role;
}

/**
 * Whether and when one rep works, and what hours one pool covers: all that a clock needs of the
 * roster; null for who is not on it.
 */
export async function hoursOnRoster(
  db: Db,
  repId: string | null,
  poolId: string | null,
): Promise<{
  rep:
    | (Pick<Rep, "active" | "hours"> & {
        readonly deputyId: string | null;
        readonly absences: readonly KnownAbsence[];
      })
    | null;
  pool: { hours: CalendarDef | null } | null;
}> {
  const [row] = await rows<{
    rep: string | null;
    active: boolean;
    hours: CalendarDef | null;
    deputy_id: string | null;
    absences: readonly KnownAbsence[] | null;
    pool: string | null;
    pool_hours: CalendarDef | null;
  }>(
    db,
    sql`
    select r.id as rep, r.active, r.hours, r.deputy_id, p.id as pool, p.hours as pool_hours,
      (select json_agg(json_build_object('from',
        floor(extract(epoch from a.from_at) * 1000)::bigint, 'to',
        floor(extract(epoch from a.to_at) * 1000)::bigint, 'reason', a.reason,
        'knownAt', floor(extract(epoch from a.known_at) * 1000)::bigint, 'deputyId', a.deputy_id)
        order by a.from_at, a.id)
        from absence a where a.rep_id = r.id) as absences
    from (values (1)) one left join rep r on r.id = ${repId}::text left join pool p
      on p.id = ${poolId}::text`,
  );
  return {
    rep:
      row?.rep == null
        ? null
        : {
            active: row.active,
            hours: row.hours,
            deputyId: row.deputy_id,
            absences: row.absences ?? [],
          },
    pool: row?.pool == null ? null : { hours: row.pool_hours },
  };
}

/** Everybody on the roster, by id. */
export async function listReps(db: Db): Promise<RepRecord[]> {
  const found = await rows<RepRow>(db, sql`select * from rep order by id`);
  return found.map(repOf);
}

/** Pools with their members and weights, by id. */
export async function listPools(db: Db): Promise<RepPool[]> {
  return rows<RepPool>(
    db,
    sql`
    select p.id, p.hours, coalesce(json_object_agg(m.rep_id, m.weight
      order by m.rep_id) filter (where m.rep_id is not null), '{}') as members
    from pool p left join pool_member m on m.pool_id = p.id group by p.id order by p.id`,
  );
}

/** Absences by rep, in order of time. */
export async function listAbsences(db: Db): Promise<Record<string, AbsenceRecord[]>> {
  const found = await rows<{
    rep_id: string;
    from_at: Date;
    to_at: Date;
    reason: string;
    deputy_id: string | null;
  }>(
    db,
    sql`select rep_id, from_at, to_at, reason, deputy_id from absence
      order by rep_id, from_at, id`,
  );
  const byRep: Record<string, AbsenceRecord[]> = {};
  for (const row of found)
    (byRep[row.rep_id] ??= []).push({
      from: row.from_at.getTime(),
      to: row.to_at.getTime(),
      reason: row.reason,
      ...(row.deputy_id === null ? {} : { deputyId: row.deputy_id }),
    });
  return byRep;
}

/** Those of the ids that are not on the roster. */
export async function unknownReps(db: Db, ids: readonly string[]): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    sql`
      select id from unnest(${ids}::text[]) as id
        where not exists (select 1 from rep where rep.id = id.id) order by id`,
  );
  return found.map((row) => row.id);
}

interface RepRow {
  id: string;
  name: string;
  email: string;
  role: RepRecord["role"];
  manager_id: string | null;
  deputy_id: string | null;
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
    deputyId: row.deputy_id,
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
