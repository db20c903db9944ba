import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { CalendarDef } from "../../handoff/time/calendar.ts";
import type { Caps } from "../../handoff/routing/roster.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { reachValues, type Reach } from "./reach.ts";

/** Somebody who takes leads: how much they have, and when they work. */
export interface TeamMember {
  readonly id: string;
  readonly name: string | null;
  readonly pools: readonly string[];
  /** Leads and accounts that they were given and still have, together at most `mostCounted`. */
  readonly leads: number;
  readonly accounts: number;
  /** How many of these are late. */
  readonly late: number;
  /** Offers that they have not worked on, which their cap counts. */
  readonly offers: number;
  readonly max_open: Caps["open"] | null;
  readonly hours: CalendarDef | null;
  readonly pool_hours: CalendarDef | null;
  readonly absences: AppliedCalendar["minus"];
}

/** Of what one person has, so many are counted. */
export const mostCounted = 100;

/** Whoever looks at a team sees so many of its people. */
export const mostPeople = 200;

/** The active reps within reach, by id. */
export async function teamOf(db: Db, reach: Reach, now: number): Promise<TeamMember[]> {
  const { ids } = reachValues(reach);
  const at = new Date(now);
  return rows<TeamMember>(
    db,
    sql`
    select r.id, r.name, r.hours, r.max_open,
      array(select m.pool_id from pool_member m where m.rep_id = r.id order by m.pool_id) as pools,
      (select p.hours from pool_member m join pool p on p.id = m.pool_id
        where m.rep_id = r.id and p.hours is not null order by p.id limit 1) as pool_hours,
      w.leads, w.accounts, w.late, w.offers,
      coalesce((select json_agg(json_build_object(
          'from', floor(extract(epoch from a.from_at) * 1000)::bigint,
          'to', floor(extract(epoch from a.to_at) * 1000)::bigint) order by a.from_at)
        from absence a where a.rep_id = r.id and a.to_at > ${at}::timestamptz), '[]') as absences
    from rep r, lateral (select (count(*) filter (where h.subject_kind = 'lead'))::int as leads,
        (count(*) filter (where h.subject_kind = 'account'))::int as accounts,
        (count(*) filter (where p.due_at < ${at}::timestamptz))::int as late,
        (count(*) filter (where h.sal_at is null and not exists (select from outreach o
          where o.handoff_id = h.id and o.rep_id = r.id)))::int as offers
      from (select a.handoff_id from assignment a where a.rep_id = r.id and a.ended_at is null
          limit ${mostCounted}) a
        join handoff h on h.id = a.handoff_id and h.state = 'open'
        join process p on p.subject_kind = h.subject_kind and p.subject_id = h.subject_id) w
    where r.active and r.role = 'rep' and (${ids}::text[] is null or r.id = any(${ids}::text[]))
    order by r.name, r.id limit ${mostPeople}`,
  );
}
