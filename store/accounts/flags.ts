import type { AccountRules } from "../../handoff/agreement.ts";
import type { AccountStanding } from "../../handoff/accounts/standing.ts";
import { accountType } from "../../handoff/accounts/type.ts";
import type { AccountStart } from "../../handoff/process/words.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, rows, send, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import { enqueue, processSignal } from "../postgres/outbox.ts";
import type { AgreementVersion } from "../process/agreements.ts";
import { endOpenTasks } from "../process/human-tasks.ts";
import type { KnownStored } from "./known.ts";

const kind = "account-engaged";

/**
 * Flags an account, and has it handed off: its process routes it to who has the account, with the
 * SLA row of `accounts`. Call with the account locked.
 */
export async function raiseFlag(
  tx: Tx,
  version: AgreementVersion,
  rules: AccountRules,
  { account, standing }: { readonly account: KnownStored; readonly standing: AccountStanding },
  now: Instant,
): Promise<void> {
  const id = newId("af", now);
  const { contacts, trace } = standing;
  await send(
    tx,
    sql`
    insert into account_flag (id, account_id, agreement_id, tier, contacts, trace, raised_at)
      values (${id}, ${account.id}, ${version.id}, ${rules.tier}, ${contacts},
        ${JSON.stringify(trace)}::jsonb, ${new Date(now)})`,
  );
  await beginHandoff(tx, version, account.id, now);
  await audit(
    tx,
    {
      actor: "baton",
      what: "account.flagged",
      subject: account.id,
      detail: { flag: id, contacts },
    },
    now,
  );
}

/**
 * Has the process of a flagged account started, as the next of its cycles; nothing where one is
 * open. Call with the account locked.
 */
export async function beginHandoff(
  tx: Tx,
  { agreement }: AgreementVersion,
  accountId: string,
  now: Instant,
): Promise<void> {
  const begun = await firstRow<{ cycle: number }>(
    tx,
    sql`
    with before as (
      select stage from process where subject_kind = 'account' and subject_id = ${accountId}),
    begun as (
      insert into process as p (subject_kind, subject_id, stage, stage_since, waiting_on, queue,
        next_step, next_at)
      values ('account', ${accountId}, 'new', ${new Date(now)}, 'assessment', 'assessment',
        'it is assessed', ${new Date(now)})
      on conflict (subject_kind, subject_id) do update set stage = 'new',
        stage_since = excluded.stage_since, waiting_on = 'assessment', owner_id = null,
        queue = excluded.queue, next_step = excluded.next_step, next_at = excluded.next_at,
        due_at = null, cycle = p.cycle + 1, step = 0, closed_reason = null, merged_into = null
        where p.stage in ('opportunity', 'disqualified')
      returning cycle),
    moved as (
      insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because,
        at)
      select 'account', ${accountId}, cycle, 0, (select stage from before), 'new', 'flagged',
        ${new Date(now)} from begun)
    select cycle from begun`,
  );
  if (!begun) return;
  const { cycle } = begun;
  const priority = accountType(agreement)?.priority ?? 3;
  const start: AccountStart = { accountId, cycle, from: "intake", priority };
  const process = { kind: "account" as const, id: accountId, cycle };
  await enqueue(tx, processSignal(process, "start", "accountHandoff", { ...start }, 1), now);
}

/** Ends the flag that stands, if one does, because the reason for it went away. */
export async function withdrawFlag(
  tx: Tx,
  accountId: string,
  how: string,
  now: Instant,
): Promise<void> {
  await endFlag(tx, accountId, { how, by: "baton" }, now);
  await endOpenTasks(
    tx,
    { kind: "account", id: accountId },
    [kind],
    { state: "withdrawn", by: "baton", how },
    now,
  );
}

/** A person has seen to the account, or the flag went away. The cool-down runs from its raising. */
export async function endFlag(
  db: Db,
  accountId: string,
  { how, by }: { readonly how: string; readonly by: string },
  now: Instant,
): Promise<void> {
  await send(
    db,
    sql`
    with ended as (
      update account_flag set ended_at = ${new Date(now)}, ended_how = ${how}, ended_by = ${by}
        where account_id = ${accountId} and ended_at is null returning account_id)
    insert into account_news (account_id) select account_id from ended`,
  );
}

/**
 * The flag of an account that became part of another one goes on as the survivor's, unless that has
 * one of its own. Flags of before go along, so that the cool-down stands. Its open handoff ends, and
 * the survivor's begins with who had it.
 */
export async function moveFlags(
  tx: Tx,
  { survivorId, loserId }: { readonly survivorId: string; readonly loserId: string },
  now: Instant,
): Promise<void> {
  const open = await rows<{ account_id: string }>(
    tx,
    sql`
    select account_id from account_flag where ended_at is null
      and account_id = any(${[survivorId, loserId]}::text[])`,
  );
  if (open.length === 2)
    await withdrawFlag(tx, loserId, `it is part of ${survivorId}, which has a flag`, now);
  await send(
    tx,
    sql`update account_flag set account_id = ${survivorId} where account_id = ${loserId}`,
  );
  const ended = await firstRow<{ cycle: number }>(
    tx,
    sql`
    select cycle from process where subject_kind = 'account' and subject_id = ${loserId}
      and stage not in ('opportunity', 'disqualified')`,
  );
  if (ended)
    await enqueue(
      tx,
      processSignal(
        { kind: "account", id: loserId, cycle: ended.cycle },
        "signal",
        "factsChanged",
        { id: loserId },
        1,
      ),
      now,
    );
  await send(tx, sql`insert into account_news (account_id) values (${survivorId})`);
}

/**
 * Who has the account: its owner by the CRM (or the active manager above who has left), else whoever
 * works on most of its leads; null: nobody.
 */
export async function whoHas(db: Db, accountId: string): Promise<string | null> {
  const found = await firstRow<{ id: string }>(
    db,
    sql`
    with recursive told as (
      select r.id, r.active, r.manager_id, array[r.id] as seen from account a
        join rep r on r.id = a.facts #>> '{account.owner,value}'
          or r.crm_id = a.facts #>> '{account.owner,value}'
        where a.id = ${accountId}
      union all
      select m.id, m.active, m.manager_id, t.seen || m.id from told t
        join rep m on m.id = t.manager_id where not t.active and m.id <> all(t.seen)),
    works as (
      select p.owner_id as id, count(*) as n from lead l
        join process p on p.subject_kind = 'lead' and p.subject_id = l.id
        join rep r on r.id = p.owner_id and r.active
        where l.account_id = ${accountId} and p.stage in ('mql', 'sal', 'sql', 'opportunity')
        group by p.owner_id order by n desc, id limit 1)
    select id from (
      select id, 1 as rank from told where active
      union all select id, 2 from works) one order by rank, id limit 1`,
  );
  return found?.id ?? null;
}
