import type { Instant } from "../handoff/calendar.ts";
import type { Subject } from "../workflows/contract.ts";
import { send, sql, type Db } from "./db.ts";
import { newId } from "./ids.ts";

export type TaskKind =
  | "fix-data"
  | "contested"
  | "fallback"
  | "escalated"
  | "nurture-review"
  | "renurture-review"
  | "stalled"
  | "crm-drift"
  | "dead-letter";

/** Opens a task for a person, or brings the open one of the same kind and subject up to date. `detail` holds ids and field names only. */
export async function openTask(
  db: Db,
  task: {
    kind: TaskKind;
    subject: Subject;
    handoffId?: string | null;
    role: string;
    assigneeId?: string | null;
    dueAt?: Instant | null;
    detail?: Record<string, unknown>;
  },
  now: Instant,
): Promise<void> {
  await send(
    db,
    sql`
    insert into task (id, kind, subject_kind, subject_id, handoff_id, role, assignee_id, since, due_at, detail)
    values (${newId("tk", now)}, ${task.kind}, ${task.subject.kind}, ${task.subject.id}, ${task.handoffId ?? null}, ${task.role}, ${task.assigneeId ?? null},
      ${new Date(now)}, ${task.dueAt == null ? null : new Date(task.dueAt)}, ${task.detail ?? {}})
    on conflict (kind, subject_kind, subject_id) where state = 'open'
    do update set handoff_id = excluded.handoff_id, role = excluded.role, assignee_id = excluded.assignee_id, due_at = excluded.due_at, detail = excluded.detail`,
  );
}

/** Ends the subject's open tasks of these kinds: done by somebody, or withdrawn because the reason went away. */
export async function endTasks(
  db: Db,
  subject: Subject,
  kinds: readonly TaskKind[] | "all",
  end: { state: "done" | "withdrawn"; by: string; how: string },
  now: Instant,
): Promise<void> {
  await send(
    db,
    sql`
    update task set state = ${end.state}, done_at = ${new Date(now)}, done_by = ${end.by}, done_how = ${end.how}
    where subject_kind = ${subject.kind} and subject_id = ${subject.id} and state = 'open' and (${kinds === "all"} or kind = any(${kinds === "all" ? [] : kinds}))`,
  );
}
