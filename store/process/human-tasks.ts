import type { Instant } from "../../handoff/time/calendar.ts";
import type { TaskKind } from "../../handoff/process/situation.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { rows, send, sql, type Db } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";

export type { TaskKind } from "../../handoff/process/situation.ts";

/**
 * Opens a task for a person, or brings the open one of the same kind and subject up to date.
 * `detail` holds ids and field names only.
 */
export async function openTask(
  db: Db,
  task: {
    kind: TaskKind;
    subject: Subject;
    handoffId?: string | null;
    role: string;
    assigneeId?: string | null;
    dueAt?: Instant | null;
    /** When it is asked for again; absent: the next decision says so. */
    remindAt?: Instant | null;
    detail?: Record<string, unknown>;
  },
  now: Instant,
): Promise<void> {
  await send(
    db,
    sql`
    insert into task (id, kind, subject_kind, subject_id, handoff_id, role, assignee_id, since,
      due_at, remind_at, detail)
    values (${newId("tk", now)}, ${task.kind}, ${task.subject.kind}, ${task.subject.id},
      ${task.handoffId ?? null}, ${task.role}, ${task.assigneeId ?? null},
      ${new Date(now)}, ${task.dueAt == null ? null : new Date(task.dueAt)},
      ${task.remindAt == null ? null : new Date(task.remindAt)}, ${task.detail ?? {}})
    on conflict (kind, subject_kind, subject_id) where state = 'open'
    do update set handoff_id = excluded.handoff_id, role = excluded.role,
      assignee_id = excluded.assignee_id, due_at = coalesce(excluded.due_at, task.due_at),
      remind_at = coalesce(task.remind_at, excluded.remind_at),
      detail = excluded.detail`,
  );
}

/** Says when the open task of a kind is due, who has it, and when it is asked for again. */
export async function scheduleTask(
  db: Db,
  subject: Subject,
  task: {
    readonly kind: TaskKind;
    readonly assigneeId: string | null;
    readonly dueAt: Instant;
    readonly remindAt: Instant;
    readonly reminded: number;
  },
): Promise<void> {
  await send(
    db,
    sql`
    update task set assignee_id = ${task.assigneeId}, due_at = ${new Date(task.dueAt)},
      remind_at = ${new Date(task.remindAt)}, reminded = ${task.reminded}
    where kind = ${task.kind} and subject_kind = ${subject.kind} and subject_id = ${subject.id}
      and state = 'open'`,
  );
}

/**
 * Ends the subject's open tasks of these kinds: done by somebody, or withdrawn because the reason
 * went away.
 */
export async function endOpenTasks(
  db: Db,
  subject: Subject,
  kinds: readonly TaskKind[] | "all",
  end: { state: "done" | "withdrawn"; by: string; how: string },
  now: Instant,
): Promise<void> {
  await send(
    db,
    sql`
    update task set state = ${end.state}, done_at = ${new Date(now)}, done_by = ${end.by},
      done_how = ${end.how}
    where subject_kind = ${subject.kind} and subject_id = ${subject.id} and state = 'open'
      and (${kinds === "all"} or kind = any(${kinds === "all" ? [] : kinds}))`,
  );
}

/** Closed leads with a task that is to be asked for again by now, longest first. */
export async function closedToRemind(
  db: Db,
  now: Instant,
  limit: number,
): Promise<{ readonly leadId: string; readonly remindAt: Date }[]> {
  return rows(
    db,
    sql`
    select t.subject_id as "leadId", min(t.remind_at) as "remindAt" from task t
      join process p on p.subject_kind = t.subject_kind and p.subject_id = t.subject_id
    where t.state = 'open' and t.subject_kind = 'lead' and t.remind_at <= ${new Date(now)}
      and p.stage in ('opportunity', 'disqualified')
    group by t.subject_id order by min(t.remind_at) limit ${limit}`,
  );
}

/**
 * Open opportunities whose owner's absence has begun or ended by now, since anything was decided
 * about them: their process is over, so no timer looks.
 */
export async function closedWithAbsence(
  db: Db,
  now: Instant,
  limit: number,
): Promise<{ readonly leadId: string; readonly at: Date }[]> {
  const [at, lately] = [new Date(now), new Date(now - 14 * 86_400_000)];
  return rows(
    db,
    sql`
    select p.subject_id as "leadId", max(m.at) as at from absence b
      cross join lateral (values (b.from_at), (b.to_at)) m(at)
      join process p on p.owner_id = b.rep_id and p.stage = 'opportunity'
    where p.subject_kind = 'lead' and m.at <= ${at} and m.at > ${lately}
      and exists (select from opportunity o where o.lead_id = p.subject_id and o.won_at is null
        and o.lost_at is null)
      and not exists (select from decision d where d.subject_kind = 'lead'
        and d.subject_id = p.subject_id and d.at >= m.at)
    group by p.subject_id order by 2, 1 limit ${limit}`,
  );
}
