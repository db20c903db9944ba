import type { AccountStart, LeadStart } from "../../handoff/process/words.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import {
  firstRow,
  fragment,
  inTransaction,
  rows,
  sql,
  type Db,
  type Pool,
} from "../postgres/db.ts";
import { forgottenEffects } from "../effects/effects.ts";
import { openTask } from "../process/human-tasks.ts";
import {
  enqueue,
  enqueueAll,
  enqueueEffectsLeft,
  processSignal,
  type ProcessRef,
} from "../postgres/outbox.ts";

const minute = 60_000;

/** A process that should run. */
export interface OpenProcess extends ProcessRef {
  /**
   * Its next step lies further back than any process needs. Not so before its first decision: it
   * waits in the queue of its import.
   */
  readonly isLate: boolean;
}

/** A process has run by so long after its lead came. */
const settlingMs = 2 * minute;

/** No start of the lead `l` waits in the outbox. */
const noStartWaits = fragment(`not exists (select 1 from outbox o
  where o.workflow_id = 'lead/' || l.id and o.kind = 'start' and o.done_at is null)`);

/**
 * Open leads after the lead `after`, by id: those whose process should run. Not the ones that
 * arrived in the last two minutes, nor those whose start still waits in the outbox.
 */
export async function openLeads(
  db: Db,
  after: string,
  limit: number,
  now: Instant,
): Promise<OpenProcess[]> {
  return rows<OpenProcess>(
    db,
    sql`
    select 'lead' as kind, l.id, p.cycle, coalesce(p.next_at < ${new Date(now - 10 * minute)}
        and (p.cycle, p.step) > (1, 0), false) as "isLate"
      from process p join lead l on l.id = p.subject_id
    where p.subject_kind = 'lead' and p.stage not in ('opportunity', 'disqualified')
      and p.subject_id > ${after} and l.id > ${after}
      and l.arrived_at < ${new Date(now - settlingMs)} and ${noStartWaits}
    order by p.subject_id limit ${limit}`,
  );
}

/** The same of accounts that are handed off; there are never many. */
export async function openAccounts(db: Db, limit: number, now: Instant): Promise<OpenProcess[]> {
  return rows<OpenProcess>(
    db,
    sql`
    select 'account' as kind, p.subject_id as id, p.cycle,
      coalesce(p.next_at < ${new Date(now - 10 * minute)} and p.step > 0, false) as "isLate"
    from process p
    where p.subject_kind = 'account' and p.stage not in ('opportunity', 'disqualified')
      and (p.step > 0 or p.stage_since < ${new Date(now - settlingMs)})
      and not exists (select 1 from outbox o
        where o.workflow_id = 'account/' || p.subject_id || '/' || p.cycle
          and o.kind = 'start' and o.done_at is null)
    order by p.subject_id limit ${limit}`,
  );
}

/** An open lead in the order of the ids, for a comparison in passing. */
export interface OpenLead {
  readonly id: string;
  /** Its process should run: it did not come just now, and no start of it waits. */
  readonly isSettled: boolean;
}

/** Every open lead after the lead `after`, by id: also those that just came. */
export async function openLeadsInOrder(
  db: Db,
  after: string,
  limit: number,
  now: Instant,
): Promise<OpenLead[]> {
  return rows<OpenLead>(
    db,
    sql`
    select l.id, l.arrived_at < ${new Date(now - settlingMs)} and ${noStartWaits} as "isSettled"
      from process p join lead l on l.id = p.subject_id
    where p.subject_kind = 'lead' and p.stage not in ('opportunity', 'disqualified')
      and p.subject_id > ${after} and l.id > ${after}
    order by p.subject_id limit ${limit}`,
  );
}

/**
 * Asks for the process of a lead or an account once more, standing where Postgres says: its cycle
 * and its last decision. False when there is nothing to do any more: it was closed meanwhile, or a
 * start waits already.
 */
export async function startAgain(
  pool: Pool,
  { kind, id }: Pick<ProcessRef, "kind" | "id">,
  now: Instant,
): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    const open = await firstRow<{ cycle: number; step: number; priority: number | null }>(
      tx,
      sql`
      select l.cycle, l.step, (select h.priority from handoff h
        where h.id = l.handoff_id) as priority from process l
      where l.subject_kind = ${kind} and l.subject_id = ${id}
        and l.stage not in ('opportunity', 'disqualified')
        and not exists (select 1 from outbox o where o.kind = 'start' and o.done_at is null
          and o.workflow_id = case l.subject_kind when 'lead' then 'lead/' || l.subject_id
            else 'account/' || l.subject_id || '/' || l.cycle end)
      for update of l`,
    );
    if (!open) return false;
    const { cycle, step } = open;
    const process = { kind, id, cycle };
    // In the import lane: after a great loss there are many, and none of them may hold up a new
    // lead.
    const resumed = { cycle, from: "resume", priority: open.priority ?? 3 } as const;
    if (kind === "account") {
      // Of an account whose first decision is still to be taken nothing can be resumed.
      const start: AccountStart = {
        accountId: id,
        ...resumed,
        ...(step === 0 ? { from: "intake" as const } : {}),
      };
      await enqueue(tx, processSignal(process, "start", "accountHandoff", { ...start }, 2), now);
      return true;
    }
    const start: LeadStart = { leadId: id, ...resumed };
    await enqueue(tx, processSignal(process, "start", "leadHandoff", { ...start }, 2), now);
    return true;
  });
}

/** Where a lead or an account stands, for those who look after its process. */
export interface LeadPlace extends Pick<ProcessRef, "kind" | "id" | "cycle"> {
  readonly stage: Stage;
  readonly waitingOn: WaitingOn;
  readonly nextAt: Date | null;
  readonly stageSince: Date;
}

/** Those of these ids that are leads or accounts with a process, by id. */
export async function leadPlaces(db: Db, ids: readonly string[]): Promise<LeadPlace[]> {
  return rows<LeadPlace>(
    db,
    sql`
    select subject_kind as kind, subject_id as id, cycle, stage, waiting_on as "waitingOn",
      next_at as "nextAt", stage_since as "stageSince"
    from process where subject_kind in ('lead', 'account')
      and subject_id = any(${[...ids]}::text[]) order by subject_id`,
  );
}

/**
 * Opens a `dead-letter` task, unless somebody looks at this lead or account for such a reason already:
 * an open task whose reason is `weaker` says the new one instead. Says whether the reason is new.
 * Nothing happens for one that is not ours.
 */
export async function openDeadLetter(
  pool: Pool,
  { kind, id }: Pick<ProcessRef, "kind" | "id">,
  detail: Readonly<Record<string, string | number>> & { readonly why: string },
  now: Instant,
  weaker?: string,
): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    if (
      !(await firstRow(
        tx,
        sql`
          select 1 from process where subject_kind = ${kind} and subject_id = ${id} for update`,
      ))
    )
      return false;
    const open = await firstRow<{ why: string | null }>(
      tx,
      sql`
      select detail->>'why' as why from task where kind = 'dead-letter'
        and subject_kind = ${kind} and subject_id = ${id} and state = 'open'`,
    );
    if (open && (weaker === undefined || open.why !== weaker)) return false;
    await openTask(
      tx,
      { kind: "dead-letter", subject: { kind, id }, role: "sales-ops", detail },
      now,
    );
    return true;
  });
}

/** What one that is late waits for; undefined when it has moved on since it was listed. */
export async function lateStep(
  db: Db,
  { kind, id }: Pick<ProcessRef, "kind" | "id">,
  now: Instant,
): Promise<{ stage: Stage; nextAt: Date } | undefined> {
  return firstRow(
    db,
    sql`
    select stage, next_at as "nextAt" from process
    where subject_kind = ${kind} and subject_id = ${id}
      and stage not in ('opportunity', 'disqualified') and (cycle, step) > (1, 0)
      and next_at < ${new Date(now - 10 * minute)}`,
  );
}

/** Open leads and accounts whose next step lies further back than any process needs: how many, and the first. */
export async function lateLeads(
  db: Db,
  limit: number,
  now: Instant,
): Promise<{ readonly count: number; readonly leads: LeadPlace[] }> {
  const found = await rows<LeadPlace & { readonly count: number }>(
    db,
    sql`
    select subject_kind as kind, subject_id as id, cycle, stage, waiting_on as "waitingOn",
      next_at as "nextAt", stage_since as "stageSince", count(*) over ()::int as count
    from process
    where subject_kind in ('lead', 'account') and stage not in ('opportunity', 'disqualified')
      and (cycle, step) > (1, 0) and next_at < ${new Date(now - 10 * minute)}
    order by next_at, subject_id limit ${limit}`,
  );
  return { count: found[0]?.count ?? 0, leads: found };
}

/** Tasks about a late step end by themselves when the lead has moved on. */
export async function withdrawLateTasks(db: Db, why: string, now: Instant): Promise<void> {
  await db.query(sql`
    update task t set state = 'withdrawn', done_at = ${new Date(now)}, done_by = 'baton',
      done_how = 'the lead has moved on'
    from process l where t.kind = 'dead-letter' and t.state = 'open' and t.detail->>'why' = ${why}
      and t.subject_kind in ('lead', 'account') and l.subject_kind = t.subject_kind
      and l.subject_id = t.subject_id and (l.stage in ('opportunity', 'disqualified') or l.next_at is null
        or (l.cycle, l.step) = (1, 0)
        or l.next_at >= ${new Date(now - 10 * minute)})`);
}

/**
 * Tasks about a broken process end by themselves when it is well again: for every lead but those
 * that are `broken` still.
 */
export async function withdrawBrokenTasks(
  db: Db,
  why: string,
  broken: readonly string[],
  now: Instant,
): Promise<void> {
  await db.query(sql`
    update task set state = 'withdrawn', done_at = ${new Date(now)}, done_by = 'baton',
      done_how = 'its process is well again'
    where kind = 'dead-letter' and state = 'open' and detail->>'why' = ${why}
      and subject_kind in ('lead', 'account')
      and subject_id <> all(${[...broken]}::text[])`);
}

/** Closed leads and accounts that have had an open effect for more than a quarter of an hour, and how many. */
export async function closedWithEffects(
  db: Db,
  limit: number,
  now: Instant,
): Promise<(ProcessRef & { readonly effects: number })[]> {
  return rows(
    db,
    sql`
    select l.subject_kind as kind, l.subject_id as id, l.cycle, count(*)::int as effects
    from effect e join process l on e.subject_kind in ('lead', 'account')
      and l.subject_kind = e.subject_kind and l.subject_id = e.subject_id
    where e.state = 'open' and e.created_at < ${new Date(now - 15 * minute)}
      and l.stage in ('opportunity', 'disqualified')
    group by l.subject_kind, l.subject_id, l.cycle order by l.subject_id limit ${limit}`,
  );
}

/**
 * Asks processes to see to effects that have waited for ten minutes in nobody's hands: a worker
 * looks for those within seconds (activities/effect-queue.ts), unless the circuit breaker is open all the
 * while. Gives how many leads.
 */
export async function remindOfEffects(pool: Pool, limit: number, now: Instant): Promise<number> {
  return inTransaction(pool, async (tx) => {
    const left = await forgottenEffects(tx, { before: now - 10 * minute, now, limit });
    await enqueueEffectsLeft(tx, left, now);
    return left.length;
  });
}

/**
 * Tells leads that lie with somebody who has left, or have a task of such a person: a roster that
 * was changed by hand, or an owner named in the moment of leaving. Gives how many.
 */
export async function remindOfLeavers(pool: Pool, limit: number, now: Instant): Promise<number> {
  return inTransaction(pool, async (tx) => {
    const left = await rows<ProcessRef>(
      tx,
      sql`
      with gone as (select array_agg(id) as ids from rep where not active),
      forgotten as (
        select p.subject_kind as kind, p.subject_id as id from process p, gone
          where p.owner_id = any(gone.ids) and p.stage <> 'disqualified'
            and (p.stage <> 'opportunity' or exists (select from opportunity o
              where o.lead_id = p.subject_id and o.won_at is null and o.lost_at is null))
        union select t.subject_kind, t.subject_id from task t, gone
          where t.subject_kind in ('lead', 'account') and t.state = 'open'
            and t.assignee_id = any(gone.ids))
      select f.kind, f.id, p.cycle from forgotten f
        join process p on p.subject_kind = f.kind and p.subject_id = f.id
      where (f.kind = 'lead' or p.stage not in ('opportunity', 'disqualified'))
        and not exists (select from outbox o where o.message = 'rosterChanged'
          and o.done_at is null and o.workflow_id = case f.kind when 'lead' then 'lead/' || f.id
            else 'account/' || f.id || '/' || p.cycle end)
      order by f.id limit ${limit}`,
    );
    await enqueueAll(
      tx,
      left.map((one) => processSignal(one, "signal", "rosterChanged", { id: one.id }, 2)),
      now,
    );
    return left.length;
  });
}
