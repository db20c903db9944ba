import type { TaskKind } from "./human-tasks.ts";
import { firstRow, rows, sql, type Db } from "./db.ts";
import { reachValues, type Reach } from "./reach.ts";

/** Something that waits for a person. */
export interface TaskRow {
  readonly id: string;
  readonly kind: TaskKind;
  readonly subject_kind: "lead" | "account";
  readonly subject_id: string;
  readonly handoff_id: string | null;
  readonly role: string;
  readonly assignee_id: string | null;
  readonly since: Date;
  readonly due_at: Date | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly state: "open" | "done" | "withdrawn";
  readonly done_at: Date | null;
  readonly done_by: string | null;
  readonly done_how: string | null;
}

/** Where a page of tasks ends. Tasks without a due time come last. */
export interface TaskPlace {
  readonly due: string;
  readonly id: string;
}

/** Which tasks: all; or those of a role; or those named to the people, of their roles, or about leads they own. */
export interface TaskAsker {
  readonly reach: Reach;
  /** Roles whose tasks the asker answers for, besides what is named to a person. */
  readonly roles: readonly string[];
}

/** Open tasks (or those of `state`), the earliest due first. */
export async function listTasks(
  db: Db,
  asker: TaskAsker,
  filter: { kind?: string | undefined; state: string; lead?: string | undefined },
  page: { after?: TaskPlace | undefined; limit: number },
): Promise<(TaskRow & { place: string })[]> {
  const { ids } = reachValues(asker.reach);
  return rows(
    db,
    sql`
    select t.*, coalesce(t.due_at, 'infinity')::text as place from task t
    where t.state = ${filter.state} and (${filter.kind ?? null}::text is null or t.kind = ${filter.kind ?? null}::text)
      and (${filter.lead ?? null}::text is null or (t.subject_kind = 'lead' and t.subject_id = ${filter.lead ?? null}::text))
      and (${page.after?.due ?? null}::timestamptz is null or (coalesce(t.due_at, 'infinity'), t.id) > (${page.after?.due ?? null}::timestamptz, ${page.after?.id ?? null}::text))
      and (${ids}::text[] is null or t.assignee_id = any(${ids}::text[]) or (t.assignee_id is null and (t.role = any(${asker.roles}::text[]) or t.role = any(${ids}::text[])))
        or (t.subject_kind = 'lead' and t.assignee_id is null and t.subject_id in (select id from lead where owner_id = any(${ids}::text[]))))
    order by coalesce(t.due_at, 'infinity'), t.id limit ${page.limit}`,
  );
}

/** One task within reach. */
export async function seeTask(db: Db, id: string, asker: TaskAsker): Promise<TaskRow | undefined> {
  const { ids } = reachValues(asker.reach);
  return firstRow<TaskRow>(
    db,
    sql`
    select t.* from task t where t.id = ${id}
      and (${ids}::text[] is null or t.assignee_id = any(${ids}::text[]) or (t.assignee_id is null and (t.role = any(${asker.roles}::text[]) or t.role = any(${ids}::text[])))
        or (t.subject_kind = 'lead' and t.assignee_id is null and t.subject_id in (select id from lead where owner_id = any(${ids}::text[]))))`,
  );
}

/** Ends an open task; false when somebody was quicker. */
export async function finishTask(
  db: Db,
  id: string,
  end: { by: string; how: string },
  now: number,
): Promise<boolean> {
  const result = await db.query(sql`
    update task set state = 'done', done_at = ${new Date(now)}, done_by = ${end.by}, done_how = ${end.how} where id = ${id} and state = 'open'`);
  return result.rowCount === 1;
}
