import type { TaskKind } from "../process/human-tasks.ts";
import { firstRow, fragment, rows, sql, type Db, type Tx } from "../postgres/db.ts";
import { noteHint, ofQueue } from "../process/changed.ts";
import { rowsAsGiven } from "../postgres/planned.ts";
import { emailOfLead, nameOfAssignee, nameOfLead } from "./names.ts";
import { versionOfTask } from "./version.ts";
import { firstByDue } from "./open-tasks.ts";
import { reachValues, type Reach } from "./reach.ts";

/** Something that waits for a person. */
export interface TaskRow {
  readonly id: string;
  readonly kind: TaskKind;
  readonly subject_kind: "lead" | "account";
  readonly subject_id: string;
  readonly handoff_id: string | null;
  /** The version by which it came to be; null: nothing was decided about its lead by then. */
  readonly agreement_id: string | null;
  readonly role: string;
  readonly assignee_id: string | null;
  readonly assignee_name: string | null;
  readonly since: Date;
  readonly due_at: Date | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly state: "open" | "done" | "withdrawn";
  readonly done_at: Date | null;
  readonly done_by: string | null;
  readonly done_how: string | null;
  /** What the rep wrote with the rejection that the task is about. */
  readonly note: string | null;
  /** By what the lead or the account is called that it is about. */
  readonly about: {
    readonly name: string | null;
    readonly email: string | null;
    readonly company: string | null;
  } | null;
}

/** By what the subject of a task `t` is called; null: there is none any more. */
const aboutOf = `case t.subject_kind when 'lead'
  then (select json_build_object('name', ${nameOfLead}, 'email', ${emailOfLead}, 'company',
      coalesce(a.facts #>> '{account.name,value}', a.domain))
    from lead l left join account a on a.id = l.account_id where l.id = t.subject_id)
  else (select json_build_object('name', null, 'email', null, 'company',
      coalesce(a.facts #>> '{account.name,value}', a.domain))
    from account a where a.id = t.subject_id) end`;

/** Where a page of tasks ends. Tasks without a due time come last. */
export interface TaskPlace {
  readonly due: string;
  readonly id: string;
}

/**
 * Which tasks: all; or those of a role; or those named to the people, of their roles, or about
 * leads they own.
 */
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
  const [ids, roles, limit] = ["$1", "$2", "$3"];
  const behind = `and ($4::text is null or t.kind = $4::text)
    and ($5::text is null or (t.subject_kind = 'lead' and t.subject_id = $5::text))
    and coalesce(t.due_at, 'infinity') >= coalesce($6::timestamptz, '-infinity')
    and ($6::timestamptz is null
      or (coalesce(t.due_at, 'infinity'), t.id) > ($6::timestamptz, $7::text))`;
  // Who owns the lead of a task that is over is not kept beside it; the latest are looked through.
  const theirs = `(${ids}::text[] is null or t.assignee_id = any(${ids}::text[])
    or (t.assignee_id is null
      and (t.role = any(${roles}::text[]) or t.role = any(${ids}::text[])))
    or (t.subject_kind = 'lead' and t.assignee_id is null
      and (select p.owner_id from process p where p.subject_kind = 'lead'
        and p.subject_id = t.subject_id) = any(${ids}::text[])))`;
  const first = `(select distinct on (id) * from (
    ${firstByDue({ ids, roles, limit, since: "$6" }, behind)}) ways)`;
  const isBounded = filter.state === "open" && asker.reach.kind === "people";
  return rowsAsGiven(db, {
    text: `
    select t.*, coalesce(t.due_at, 'infinity')::text as place, ${nameOfAssignee} as assignee_name,
      ${versionOfTask("t")} as agreement_id,
      (select a.note from answer a where a.handoff_id = t.handoff_id
        and a.kind = 'reject' and t.kind in ('fix-data', 'contested')
        order by a.received_at desc limit 1) as note,
      ${aboutOf} as about
    from ${isBounded ? first : "task"} t where t.state = $8 ${behind}${isBounded ? "" : ` and ${theirs}`}
    order by coalesce(t.due_at, 'infinity'), t.id limit ${limit}`,
    values: [
      reachValues(asker.reach).ids,
      asker.roles,
      page.limit,
      filter.kind ?? null,
      filter.lead ?? null,
      page.after?.due ?? null,
      page.after?.id ?? null,
      filter.state,
    ],
  });
}

/** The open tasks about a lead, the oldest first, whoever may see them. */
export async function openTasksOf(
  db: Db,
  leadId: string,
): Promise<Omit<TaskRow, "agreement_id">[]> {
  return rows(
    db,
    sql`
    select t.*, ${fragment(nameOfAssignee)} as assignee_name from task t
    where t.subject_kind = 'lead' and t.subject_id = ${leadId} and t.state = 'open'
    order by t.since`,
  );
}

/** One task within reach. */
export async function seeTask(db: Db, id: string, asker: TaskAsker): Promise<TaskRow | undefined> {
  const { ids } = reachValues(asker.reach);
  return firstRow<TaskRow>(
    db,
    sql`
    select t.*, ${fragment(nameOfAssignee)} as assignee_name, ${fragment(versionOfTask("t"))} as agreement_id,
      (select a.note from answer a where a.handoff_id = t.handoff_id
        and a.kind = 'reject' and t.kind in ('fix-data', 'contested')
        order by a.received_at desc limit 1) as note,
      ${fragment(aboutOf)} as about
    from task t where t.id = ${id}
      and (${ids}::text[] is null or t.assignee_id = any(${ids}::text[])
        or (t.assignee_id is null
        and (t.role = any(${asker.roles}::text[]) or t.role = any(${ids}::text[])))
        or (t.subject_kind = 'lead' and t.assignee_id is null
          and (select p.owner_id from process p where p.subject_kind = 'lead'
          and p.subject_id = t.subject_id) = any(${ids}::text[])))`,
  );
}

/** Ends an open task; false when somebody was quicker. */
export async function finishTask(
  tx: Tx,
  id: string,
  end: { by: string; how: string },
  now: number,
): Promise<boolean> {
  const ended = await firstRow<{ subject_id: string; whose: string[] }>(
    tx,
    sql`
    update task set state = 'done', done_at = ${new Date(now)}, done_by = ${end.by},
      done_how = ${end.how} where id = ${id} and state = 'open'
    returning subject_id, array_remove(array[assignee_id, lead_owner_id], null) as whose`,
  );
  if (!ended) return false;
  noteHint(tx, { id: ended.subject_id, whose: ended.whose.length > 0 ? ended.whose : [ofQueue] });
  return true;
}

/** One of the people of a conflict, as somebody who must tell them apart needs to see them. */
export interface PersonShown {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly title: string | null;
  readonly company: string | null;
  readonly source: string | null;
  readonly stage: string;
  readonly owner: string | null;
  readonly arrived_at: Date;
  readonly engagements: number;
}

/** These leads side by side, by id; those whose person was erased are left out. */
export async function peopleShown(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PersonShown>> {
  if (ids.length === 0) return new Map();
  const found = await rows<PersonShown>(
    db,
    sql`
    select l.id, ${fragment(nameOfLead)} as name,
      ${fragment(emailOfLead)} as email,
      l.facts #>> '{lead.phone,value}' as phone, l.facts #>> '{lead.title,value}' as title,
      coalesce(a.facts #>> '{account.name,value}', a.domain) as company, l.source, l.stage,
      l.owner_id as owner, l.arrived_at,
      (select count(*)::int from engagement e where e.lead_id = l.id) as engagements
    from lead_standing l left join account a on a.id = l.account_id
    where l.id = any(${ids}::text[]) and l.erased_at is null`,
  );
  return new Map(found.map((one) => [one.id, one]));
}
