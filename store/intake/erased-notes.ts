import { rows, send, sql, type Tx } from "../postgres/db.ts";

/**
 * The accounts that these leads belong to, belonged to, or have a handoff that belongs to one of
 * theirs, with those that became part of them, in order.
 */
export async function accountsAround(tx: Tx, leads: readonly string[]): Promise<string[]> {
  const found = await rows<{ id: string }>(
    tx,
    sql`
    with theirs as (
      select account_id as id from lead where id = any(${leads}::text[])
      union select own.subject_id from handoff h join handoff own on own.id = h.account_handoff_id
        where h.subject_kind = 'lead' and h.subject_id = any(${leads}::text[])
      union select detail ->> 'from' from audit where what = 'lead.moved'
        and subject = any(${leads}::text[]))
    select a.id from account a where a.id in (select id from theirs)
      or a.merged_into in (select id from theirs)
      or a.id in (select p.merged_into from account p join theirs on theirs.id = p.id)
    order by 1`,
  );
  return found.map(({ id }) => id);
}

/**
 * Deletes what people wrote in words of their own about the handoffs of these accounts, for any of
 * their people may be named there: notes, timelines, and what was done about a task. Nothing was
 * decided by it, so every decision stays and is taken the same again.
 */
export async function eraseNotesAbout(tx: Tx, accounts: readonly string[]): Promise<void> {
  if (accounts.length === 0) return;
  const ids = [...accounts];
  // As decisions lock them, behind those of leads: what is being written comes before this.
  await send(
    tx,
    sql`
    select from process where subject_kind = 'account' and subject_id = any(${ids}::text[])
      order by subject_id for update`,
  );
  await send(
    tx,
    sql`
    update action set body = body - 'note' - 'timeline'
    where account_id = any(${ids}::text[]) and body ?| '{note,timeline}'`,
  );
  await send(
    tx,
    sql`
    update answer set note = null, timeline = null
    where (note is not null or timeline is not null) and handoff_id in (select id from handoff
      where subject_kind = 'account' and subject_id = any(${ids}::text[]))`,
  );
  await send(
    tx,
    sql`
    update decision set
      input = input #- '{action,body,note}' #- '{action,body,timeline}',
      changes = (select coalesce(jsonb_agg(one.change #- '{learnt,note}' #- '{learnt,timeline}'
          order by one.n), '[]')
        from jsonb_array_elements(changes) with ordinality as one(change, n))
    where subject_kind = 'account' and subject_id = any(${ids}::text[])
      and input #> '{action,body}' ?| '{note,timeline}'`,
  );
  await send(
    tx,
    sql`
    update account_flag f set ended_how = 'a person has seen to it'
    where f.account_id = any(${ids}::text[]) and exists (select from task t
      where t.subject_kind = 'account' and t.subject_id = f.account_id and t.done_by <> 'baton'
        and t.done_how = f.ended_how)`,
  );
  await send(
    tx,
    sql`
    delete from idempotency_key where response ->> 'doneHow' is not null
      and response ->> 'id' in (select id from task where subject_kind = 'account'
        and subject_id = any(${ids}::text[]))`,
  );
  await send(
    tx,
    sql`
    update task set done_how = null where subject_kind = 'account'
      and subject_id = any(${ids}::text[]) and done_by <> 'baton'`,
  );
}
