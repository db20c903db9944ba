import type { WaitingOn } from "../../handoff/stage.ts";
import { sql, type Db } from "../postgres/db.ts";
import { rowsAsGiven } from "../postgres/planned.ts";
import { reachValues } from "./reach.ts";
import type { TaskAsker } from "./tasks.ts";

/** One line of somebody's queue: a lead to work on, or a task to do. */
export interface QueueEntry {
  readonly kind: "lead" | "task";
  readonly id: string;
  readonly lead_id: string | null;
  /** The next step of a lead, the kind of a task. */
  readonly what: string;
  readonly stage: string | null;
  readonly waiting_on: WaitingOn | null;
  readonly owner_id: string | null;
  readonly owner_name: string | null;
  readonly name: string | null;
  readonly company: string | null;
  readonly phone: string | null;
  readonly lead_type: string | null;
  readonly priority: number | null;
  /** Why the lead was handed to sales. */
  readonly because: string | null;
  /** What a task is about; null of a lead. */
  readonly detail: Readonly<Record<string, unknown>> | null;
  readonly due_at: Date | null;
  /** The zone of the hours on which the lead's clock runs. */
  readonly zone: string | null;
  /** The sort key, exactly as the next page needs it. */
  readonly place: string;
}

/** What a lead waits for when its owner has to do something. */
const work = ["outreach", "answer", "attempts", "meeting", "opportunity", "manager"];

/**
 * What waits for somebody, the earliest due first: the leads a person owns and must work on, tasks
 * named to them or to their roles, and for a manager (or an operator) the leads of the team (of
 * everybody) whose clock runs out before `until`. A lead of the team that waits for the asker with a
 * task is in the list once, as that task, at the earlier of both times.
 */
export async function queueOf(
  db: Db,
  asker: TaskAsker & { readonly repId: string | null },
  page: { after?: { due: string; id: string } | undefined; limit: number; until: number },
): Promise<QueueEntry[]> {
  const { ids } = reachValues(asker.reach);
  return rowsAsGiven<QueueEntry>(
    db,
    sql`
    with mine as (
      select t.id, case when t.subject_kind = 'lead' then t.subject_id end as lead_id,
        case when t.subject_kind = 'account' then t.subject_id end as account_id, t.kind,
        t.detail,
        t.assignee_id, p.owner_id, least(coalesce(t.due_at, 'infinity'),
          case when p.owner_id is distinct from ${asker.repId}::text
            and (${ids}::text[] is null or p.owner_id = any(${ids}::text[])) then p.due_at end)
              as place
      from task t left join lateral (select * from process o where t.subject_kind = 'lead'
        and o.subject_kind = 'lead' and o.subject_id = t.subject_id limit 1) p on true
      where t.state = 'open' and (${ids}::text[] is null or t.assignee_id = any(${ids}::text[])
        or (t.assignee_id is null
          and (t.role = any(${asker.roles}::text[]) or t.role = any(${ids}::text[])))
        or (t.subject_kind = 'lead' and t.assignee_id is null and p.owner_id = any(${ids}::text[])))
    ), entry as (
      select 'lead' as kind, p.subject_id as id, p.subject_id as lead_id, null as account_id,
        coalesce(p.next_step, p.waiting_on) as what, null::jsonb as detail, p.owner_id as with_id,
        coalesce(p.due_at, p.next_at, 'infinity') as place, p.due_at
      from process p
      where p.subject_kind = 'lead'
        and ((p.owner_id = ${asker.repId}::text and p.waiting_on = any(${work}::text[]))
        or (p.due_at < ${new Date(page.until)}::timestamptz
          and (${ids}::text[] is null or p.owner_id = any(${ids}::text[]))))
        and not ((p.waiting_on in ('manager', 'queue')
            or p.owner_id is distinct from ${asker.repId}::text)
          and exists (select from mine where mine.lead_id = p.subject_id))
      union all
      select 'task', m.id, m.lead_id, m.account_id, m.kind, m.detail, m.assignee_id, m.place,
        nullif(m.place, 'infinity') from mine m
    ), page as (
      select * from entry
      where ${page.after?.due ?? null}::timestamptz is null
        or (place, id) > (${page.after?.due ?? null}::timestamptz, ${page.after?.id ?? null}::text)
      order by place, id limit ${page.limit}
    )
    select page.kind, page.id, page.lead_id, page.what, page.detail, p.stage, p.waiting_on,
      page.with_id as owner_id, r.name as owner_name, p.lead_type, h.priority, page.due_at,
      coalesce(l.facts #>> '{lead.name,value}', nullif(concat_ws(' ',
        l.facts #>> '{lead.firstName,value}', l.facts #>> '{lead.lastName,value}'), '')) as name,
      coalesce(a.facts #>> '{account.name,value}', a.domain) as company,
      l.facts #>> '{lead.phone,value}' as phone,
      (select t.because from transition t where t.subject_kind = 'lead' and t.subject_id = l.id
        and t.cycle = h.cycle and t.to_stage = 'mql' order by t.step limit 1) as because,
      (select v.definition #>> '{hours,zone}' from clock c
        join calendar_version v on v.id = c.calendar_id where c.handoff_id = h.id
        order by c.round desc, c.id limit 1) as zone,
      page.place::text as place
    from page left join lead l on l.id = page.lead_id
      left join account a on a.id = coalesce(page.account_id, l.account_id)
      left join process p on p.subject_kind = 'lead' and p.subject_id = page.lead_id
      left join handoff h on h.id = p.handoff_id left join rep r on r.id = page.with_id
    order by page.place, page.id`,
  );
}
