import type { Caps } from "../../handoff/routing/roster.ts";
import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { capsOf, type RepRecord } from "../routing/roster.ts";
import { reachValues, type Reach } from "./reach.ts";

/** Somebody of the roster with where they take leads, how many, and when they are away. */
export interface RosterPersonShown {
  readonly id: string;
  readonly name: string;
  readonly role: RepRecord["role"];
  readonly manager: { readonly id: string; readonly name: string } | null;
  readonly deputy: { readonly id: string; readonly name: string } | null;
  readonly hours: CalendarDef | null;
  /** Of the first pool that covers other hours than the agreement's. */
  readonly poolHours: CalendarDef | null;
  readonly pools: readonly { readonly id: string; readonly weight: number }[];
  readonly caps: Caps;
  readonly absences: readonly {
    readonly from: Instant;
    readonly to: Instant;
    readonly reason: string;
    readonly deputy: { readonly id: string; readonly name: string } | null;
  }[];
}

interface Row extends Omit<RosterPersonShown, "poolHours" | "caps"> {
  readonly pool_hours: CalendarDef | null;
  readonly max_open: number | null;
  readonly max_per_day: number | null;
  readonly max_per_hour: number | null;
}

/**
 * The active people within reach by name, those of one pool or the one who is named, with their absences
 * that are not over and begin before `until`.
 */
export async function rosterPeople(
  db: Db,
  reach: Reach,
  {
    now,
    until,
    pool = null,
    rep = null,
  }: {
    readonly now: Instant;
    readonly until: Instant;
    readonly pool?: string | null | undefined;
    readonly rep?: string | null | undefined;
  },
  page: { readonly after?: readonly [string, string] | undefined; readonly limit: number },
): Promise<RosterPersonShown[]> {
  const { ids } = reachValues(reach);
  const [afterName = null, afterId = null] = page.after ?? [];
  const found = await rows<Row>(
    db,
    sql`
    select r.id, r.name, r.role, r.hours, r.max_open, r.max_per_day, r.max_per_hour,
      case when m.id is not null then json_build_object('id', m.id, 'name', m.name) end as manager,
      case when d.id is not null then json_build_object('id', d.id, 'name', d.name) end as deputy,
      (select p.hours from pool_member pm join pool p on p.id = pm.pool_id
        where pm.rep_id = r.id and p.hours is not null order by p.id limit 1) as pool_hours,
      coalesce((select json_agg(json_build_object('id', pm.pool_id, 'weight', pm.weight)
        order by pm.pool_id) from pool_member pm where pm.rep_id = r.id), '[]') as pools,
      coalesce((select json_agg(json_build_object(
          'from', floor(extract(epoch from a.from_at) * 1000)::bigint,
          'to', floor(extract(epoch from a.to_at) * 1000)::bigint, 'reason', a.reason,
          'deputy', case when s.id is not null then json_build_object('id', s.id, 'name', s.name)
            end) order by a.from_at, a.id)
        from absence a left join rep s on s.id = a.deputy_id
        where a.rep_id = r.id and a.to_at > ${new Date(now)} and a.from_at < ${new Date(until)}),
        '[]') as absences
    from rep r left join rep m on m.id = r.manager_id left join rep d on d.id = r.deputy_id
    where r.active and (${ids}::text[] is null or r.id = any(${ids}::text[]))
      and (${rep}::text is null or r.id = ${rep}::text)
      and (${pool}::text is null or exists (select from pool_member pm
        where pm.rep_id = r.id and pm.pool_id = ${pool}::text))
      and (${afterName}::text is null or (r.name, r.id) > (${afterName}::text, ${afterId}::text))
    order by r.name, r.id limit ${page.limit}`,
  );
  return found.map(({ pool_hours: poolHours, max_open, max_per_day, max_per_hour, ...one }) => ({
    ...one,
    poolHours,
    caps: capsOf({ max_open, max_per_day, max_per_hour }),
  }));
}

/** A pool with its members that are within reach. */
export interface PoolShown {
  readonly id: string;
  readonly hours: CalendarDef | null;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly weight: number;
  }[];
  /** Members who are out of reach. */
  readonly others: number;
}

/** The pools in which somebody within reach takes leads, or all of them. */
export async function rosterPools(db: Db, reach: Reach): Promise<PoolShown[]> {
  const { ids } = reachValues(reach);
  return rows<PoolShown>(
    db,
    sql`
    select p.id, p.hours,
      coalesce(json_agg(json_build_object('id', r.id, 'name', r.name, 'weight', m.weight)
        order by r.name, r.id)
        filter (where r.id is not null and (${ids}::text[] is null or r.id = any(${ids}::text[]))),
        '[]') as members,
      (count(r.id) filter (where ${ids}::text[] is not null
        and r.id <> all(${ids}::text[])))::int as others
    from pool p left join pool_member m on m.pool_id = p.id
      left join rep r on r.id = m.rep_id and r.active
    group by p.id
    having ${ids}::text[] is null or bool_or(r.id = any(${ids}::text[]))
    order by p.id`,
  );
}
