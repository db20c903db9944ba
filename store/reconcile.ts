import type { Instant } from "../handoff/calendar.ts";
import type { Stage, WaitingOn } from "../handoff/stage.ts";
import type { LeadStart } from "../workflows/contract.ts";
import { inTransaction, rows, sql, firstRow, type Db, type Pool } from "./db.ts";
import { forgottenEffects } from "./effects.ts";
import { openTask } from "./human-tasks.ts";
import { aboutLead, tell, tellOfEffects } from "./outbox.ts";

const minute = 60_000;
const [hour, day] = [60 * minute, 1_440 * minute];

export interface OpenLead {
  readonly id: string;
  /** Its next step lies further back than any process needs. */
  readonly isLate: boolean;
}

/**
 * Open leads after the lead `after`, by id: those whose process should run. Not the ones that arrived in the last two
 * minutes, nor those whose start still waits in the outbox.
 */
export async function openLeads(
  db: Db,
  after: string,
  limit: number,
  now: Instant,
): Promise<OpenLead[]> {
  return rows<OpenLead>(
    db,
    sql`
    select l.id, coalesce(l.next_at < ${new Date(now - 10 * minute)}, false) as "isLate" from lead l
    where l.stage not in ('opportunity', 'disqualified') and l.id > ${after} and l.arrived_at < ${new Date(now - 2 * minute)}
      and not exists (select 1 from outbox o where o.workflow_id = 'lead/' || l.id and o.kind = 'start' and o.done_at is null)
    order by l.id limit ${limit}`,
  );
}

/**
 * Asks for the lead's process once more, standing where Postgres says: its cycle and its last decision. False when there is
 * nothing to do any more: it was closed meanwhile, or a start waits already.
 */
export async function startAgain(pool: Pool, leadId: string, now: Instant): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    const lead = await firstRow<{
      stage: Stage;
      waiting_on: WaitingOn;
      cycle: number;
      step: number;
      priority: number | null;
    }>(
      tx,
      sql`
      select l.stage, l.waiting_on, l.cycle, l.step, (select h.priority from handoff h where h.id = l.handoff_id) as priority from lead l
      where l.id = ${leadId} and l.stage not in ('opportunity', 'disqualified')
        and not exists (select 1 from outbox o where o.workflow_id = 'lead/' || l.id and o.kind = 'start' and o.done_at is null)
      for update of l`,
    );
    if (!lead) return false;
    const start: LeadStart = {
      leadId,
      cycle: lead.cycle,
      step: lead.step,
      from: "resume",
      priority: lead.priority ?? 3,
    };
    // In the import lane: after a great loss there are many, and none of them may hold up a new lead.
    await tell(tx, aboutLead(leadId, "start", "leadHandoff", { ...start }, 2), now);
    return true;
  });
}

/** Opens a `dead-letter` task, unless somebody looks at this lead for such a reason already. Says whether it is new. */
export async function openDeadLetter(
  pool: Pool,
  leadId: string,
  detail: Readonly<Record<string, string | number>>,
  now: Instant,
): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    await tx.query(sql`select 1 from lead where id = ${leadId} for update`);
    if (
      await firstRow(
        tx,
        sql`select 1 from task where kind = 'dead-letter' and subject_kind = 'lead' and subject_id = ${leadId} and state = 'open'`,
      )
    )
      return false;
    await openTask(
      tx,
      { kind: "dead-letter", subject: { kind: "lead", id: leadId }, role: "sales-ops", detail },
      now,
    );
    return true;
  });
}

/** What a late lead waits for; undefined when it has moved on since it was listed. */
export async function lateStep(
  db: Db,
  leadId: string,
  now: Instant,
): Promise<{ stage: Stage; nextAt: Date } | undefined> {
  return firstRow(
    db,
    sql`
    select stage, next_at as "nextAt" from lead
    where id = ${leadId} and stage not in ('opportunity', 'disqualified') and next_at < ${new Date(now - 10 * minute)}`,
  );
}

/** Tasks about a late step end by themselves when the lead has moved on. */
export async function withdrawLateTasks(db: Db, why: string, now: Instant): Promise<void> {
  await db.query(sql`
    update task t set state = 'withdrawn', done_at = ${new Date(now)}, done_by = 'baton', done_how = 'the lead has moved on'
    from lead l where t.kind = 'dead-letter' and t.state = 'open' and t.detail->>'why' = ${why} and t.subject_kind = 'lead' and l.id = t.subject_id
      and (l.stage in ('opportunity', 'disqualified') or l.next_at is null or l.next_at >= ${new Date(now - 10 * minute)})`);
}

/** Closed leads that have had an open effect for more than a quarter of an hour, and how many. */
export async function closedWithEffects(
  db: Db,
  limit: number,
  now: Instant,
): Promise<{ id: string; effects: number }[]> {
  return rows(
    db,
    sql`
    select l.id, count(*)::int as effects from effect e join lead l on e.subject_kind = 'lead' and l.id = e.subject_id
    where e.state = 'open' and e.created_at < ${new Date(now - 15 * minute)} and l.stage in ('opportunity', 'disqualified')
    group by l.id order by l.id limit ${limit}`,
  );
}

/**
 * Asks processes to see to effects that have waited for ten minutes in nobody's hands: a worker looks for those within
 * seconds (activities/effect-queue.ts), unless the outside is unwell all the while. Gives how many leads.
 */
export async function remindOfEffects(pool: Pool, limit: number, now: Instant): Promise<number> {
  return inTransaction(pool, async (tx) => {
    const left = await forgottenEffects(tx, { before: now - 10 * minute, now, limit });
    await tellOfEffects(tx, left, now);
    return left.length;
  });
}

/** Removes what is over, at most so many rows of each: tellings told a day ago, hearts that stopped, answers a week old, news taken over a month ago. Gives how many. */
export async function sweep(db: Db, most: number, now: Instant): Promise<number> {
  const done = [
    await db.query(
      sql`delete from outbox where id in (select id from outbox where done_at < ${new Date(now - day)} limit ${most})`,
    ),
    await db.query(sql`delete from heartbeat where at < ${new Date(now - hour)}`),
    await db.query(
      sql`delete from idempotency_key where (caller, key) in (select caller, key from idempotency_key where created_at < ${new Date(now - 7 * day)} limit ${most})`,
    ),
    // A delivery this old is refused by its time stamp, so its id need not be known any more.
    await db.query(
      sql`delete from inbox where id in (select id from inbox where processed_at < ${new Date(now - 30 * day)} and error is null limit ${most})`,
    ),
  ];
  return done.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
}
