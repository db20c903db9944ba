import type { Instant } from "../../handoff/time/calendar.ts";
import type { Agreements } from "./agreements.ts";
import type { Standing, Subject } from "../../handoff/process/words.ts";
import { inTransaction, rows, send, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
import { enqueue, processSignal } from "../postgres/outbox.ts";
import { loadSituation } from "./load.ts";
import { standingOf } from "./standing.ts";

/** A process that was told or answered what it must know, and has not acknowledged it. */
export interface Unacknowledged {
  readonly subject: Subject;
  /** The decision of which it must know. */
  readonly cycle: number;
  readonly step: number;
}

/** The process must know of this decision; whether it acknowledged is looked at later. */
export function noteTold(
  tx: Tx,
  { kind, id }: Subject,
  { cycle, step }: Standing,
  now: Instant,
): Promise<void> {
  return send(
    tx,
    sql`
    update process set signalled_cycle = ${cycle}, signalled_step = ${step},
      signalled_at = ${new Date(now)}
    where subject_kind = ${kind} and subject_id = ${id}`,
  );
}

/**
 * Processes that were told or answered before `before` and are not known to have heard, longest
 * first. Those for which a telling still waits in the outbox are left to the relay.
 */
export function unacknowledged(db: Db, before: Instant, limit: number): Promise<Unacknowledged[]> {
  return rows<Unacknowledged>(
    db,
    sql`
    select json_build_object('kind', subject_kind, 'id', subject_id) as subject,
      signalled_cycle as cycle, signalled_step as step from process
    where signalled_at < ${new Date(before)}
      and (signalled_cycle, signalled_step) > (known_cycle, known_step)
      and not exists (
        select from outbox o where o.done_at is null and o.workflow_id = case subject_kind
          when 'lead' then 'lead/' || subject_id
          else 'account/' || subject_id || '/' || signalled_cycle end)
    order by signalled_at limit ${limit}`,
  );
}

/** These processes have acknowledged the decision that they were signalled about. */
export async function markAcknowledged(db: Db, known: readonly Unacknowledged[]): Promise<void> {
  if (known.length === 0) return;
  await db.query(sql`
    update process set known_cycle = h.cycle, known_step = h.step
    from jsonb_to_recordset(${JSON.stringify(known)}::jsonb) as
      h(subject jsonb, cycle int, step int)
    where subject_kind = h.subject ->> 'kind' and subject_id = h.subject ->> 'id'
      and (known_cycle, known_step) < (h.cycle, h.step)`);
}

/** Looks at these again later: nobody can say yet whether they have acknowledged. */
export async function lookLater(
  db: Db,
  those: readonly Unacknowledged[],
  now: Instant,
): Promise<void> {
  if (those.length === 0) return;
  await db.query(sql`
    update process set signalled_at = ${new Date(now)}
    where (subject_kind, subject_id) in (select kind, id
      from jsonb_to_recordset(${JSON.stringify(those.map(({ subject }) => subject))}::jsonb)
        as t(kind text, id text))`);
}

/** Tells a process once more where it stands: a repeat is an older standing and changes nothing. */
export async function tellOnceMore(
  pool: Pool,
  agreements: Agreements,
  subject: Subject,
  now: Instant,
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const loaded = await loadSituation(tx, agreements, subject, { now });
    if (!loaded) return;
    const standing = standingOf(loaded.situation, loaded.hasOpenEffects, loaded.recent);
    await noteTold(tx, subject, standing, now);
    const told = { id: `again/${standing.cycle}/${standing.step}`, standing };
    const process = { ...subject, cycle: standing.cycle };
    await enqueue(tx, processSignal(process, "signal", "moved", told, 1), now);
  });
}
