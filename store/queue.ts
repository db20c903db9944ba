import { rows, sql, type Db } from "./db.ts";
import { reachValues } from "./reach.ts";
import type { TaskAsker } from "./tasks.ts";

/** One line of somebody's queue: a lead to work on, or a task to do. */
export interface QueueEntry {
  readonly kind: "lead" | "task";
  readonly id: string;
  readonly lead_id: string | null;
  readonly what: string;
  readonly stage: string | null;
  readonly waiting_on: string | null;
  readonly owner_id: string | null;
  readonly name: string | null;
  readonly lead_type: string | null;
  readonly priority: number | null;
  readonly due_at: Date | null;
  /** The sort key, exactly as the next page needs it. */
  readonly place: string;
}

/** What a lead waits for when its owner has to do something. */
const work = ["outreach", "answer", "attempts", "meeting", "opportunity", "manager"];

/**
 * What waits for somebody, the earliest due first: the leads a person owns and must work on, tasks named to them or to
 * their roles, and for a manager (or an operator) the overdue leads of the team (of everybody).
 */
export async function queueOf(
  db: Db,
  asker: TaskAsker & { readonly repId: string | null },
  page: { after?: { due: string; id: string } | undefined; limit: number; now: number },
): Promise<QueueEntry[]> {
  const { ids } = reachValues(asker.reach);
  const now = new Date(page.now);
  return rows<QueueEntry>(
    db,
    sql`
    with entry as (
      select 'lead' as kind, l.id, l.id as lead_id, l.next_step as what, l.stage, l.waiting_on, l.owner_id, l.facts -> 'lead.name' ->> 'value' as name,
        l.lead_type, h.priority, l.due_at, coalesce(l.due_at, l.next_at, 'infinity') as place
      from lead l left join handoff h on h.id = l.handoff_id
      where (l.owner_id = ${asker.repId}::text and l.waiting_on = any(${work}::text[]))
        or (l.due_at < ${now}::timestamptz and (${ids}::text[] is null or l.owner_id = any(${ids}::text[])))
      union all
      select 'task', t.id, case when t.subject_kind = 'lead' then t.subject_id end, t.kind, l.stage, l.waiting_on, t.assignee_id, l.facts -> 'lead.name' ->> 'value',
        l.lead_type, null, t.due_at, coalesce(t.due_at, 'infinity')
      from task t left join lead l on t.subject_kind = 'lead' and l.id = t.subject_id
      where t.state = 'open' and (${ids}::text[] is null or t.assignee_id = any(${ids}::text[])
        or (t.assignee_id is null and (t.role = any(${asker.roles}::text[]) or t.role = any(${ids}::text[])))
        or (t.subject_kind = 'lead' and t.assignee_id is null and l.owner_id = any(${ids}::text[])))
    )
    select kind, id, lead_id, coalesce(what, waiting_on) as what, stage, waiting_on, owner_id, name, lead_type, priority, due_at, place::text as place from entry
    where ${page.after?.due ?? null}::timestamptz is null or (place, id) > (${page.after?.due ?? null}::timestamptz, ${page.after?.id ?? null}::text)
    order by entry.place, entry.id limit ${page.limit}`,
  );
}
