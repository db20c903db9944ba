import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, send, sql, type Db, type Tx } from "../postgres/db.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { dueByOffice } from "../../handoff/clocks/office.ts";
import { enqueue, leadSignal } from "../postgres/outbox.ts";
import { endOpenTasks, openTask } from "../process/human-tasks.ts";

/** An arrival that belongs to `leadId` carried a name of `otherId`. */
export interface Conflict {
  readonly leadId: string;
  readonly otherId: string;
  readonly kind: "email" | "crm" | "external" | "user";
}

/** What a person said about two leads that may be one person. */
export type Settlement = "one-person" | "two-people";

/**
 * Notes that two leads may be one person, once, and puts the question before somebody. What a
 * person has answered is not asked again. Gives the conflicts that stand open, as `leadId/otherId`.
 */
export async function addConflicts(
  tx: Tx,
  conflicts: readonly Conflict[],
  { agreement, now }: { readonly agreement: Agreement; readonly now: Instant },
): Promise<ReadonlySet<string>> {
  if (conflicts.length === 0) return new Set();
  const ids = [
    conflicts.map((one) => one.leadId),
    conflicts.map((one) => one.otherId),
    conflicts.map((one) => one.kind),
  ] as const;
  const made = await rows<{ leadId: string }>(
    tx,
    sql`
    insert into lead_conflict (lead_id, other_id, kind, since)
    select lead_id, other_id, kind, ${new Date(now)}
    from unnest(${ids[0]}::text[], ${ids[1]}::text[], ${ids[2]}::text[])
      as t(lead_id, other_id, kind)
    where not exists (select from lead_conflict c
      where c.lead_id = t.other_id and c.other_id = t.lead_id)
    on conflict (lead_id, other_id) do nothing returning lead_id as "leadId"`,
  );
  // Somebody is asked from now on, whenever the lead's process looks next.
  const due = dueByOffice(agreement, agreement.tasks.within, now);
  for (const leadId of new Set(made.map((one) => one.leadId))) await ask(tx, leadId, now, { due });
  const open = await rows<{ pair: string }>(
    tx,
    sql`
    select t.lead_id || '/' || t.other_id as pair
    from unnest(${ids[0]}::text[], ${ids[1]}::text[]) as t(lead_id, other_id)
    join lead_conflict c on c.settled_at is null
      and ((c.lead_id, c.other_id) = (t.lead_id, t.other_id)
        or (c.lead_id, c.other_id) = (t.other_id, t.lead_id))`,
  );
  return new Set(open.map(({ pair }) => pair));
}

/** Those with whom the lead may be one person, as far as nobody has said. */
export async function openConflicts(db: Db, leadId: string): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    sql`
    select distinct c.other as id from (
      select other_id as other from lead_conflict where lead_id = ${leadId} and settled_at is null
      union all
      select lead_id from lead_conflict where other_id = ${leadId} and settled_at is null) c
    order by 1`,
  );
  return found.map(({ id }) => id);
}

/** A person has said whether these two are one person. False when that was not open any more. */
export async function settleConflict(
  tx: Tx,
  [one, other]: readonly [string, string],
  said: { readonly how: Settlement; readonly by: string },
  now: Instant,
): Promise<boolean> {
  const settled = await rows<{ lead_id: string }>(
    tx,
    sql`
    update lead_conflict set settled_at = ${new Date(now)}, settled_by = ${said.by},
      settled_how = ${said.how}
    where settled_at is null
      and ((lead_id, other_id) = (${one}, ${other}) or (lead_id, other_id) = (${other}, ${one}))
    returning lead_id`,
  );
  for (const leadId of [one, other]) await ask(tx, leadId, now, { said });
  return settled.length > 0;
}

/** Questions about a lead that was merged away are questions about the survivor. */
export async function moveConflicts(
  tx: Tx,
  loserId: string,
  survivorId: string,
  by: string,
  { agreement, now }: { readonly agreement: Agreement; readonly now: Instant },
): Promise<void> {
  const others = (await openConflicts(tx, loserId)).filter((id) => id !== survivorId);
  const merged = { how: "one-person", by } as const;
  await send(
    tx,
    sql`
    update lead_conflict set settled_at = ${new Date(now)}, settled_by = ${by},
      settled_how = ${merged.how}
    where settled_at is null and (lead_id = ${loserId} or other_id = ${loserId})`,
  );
  await addConflicts(
    tx,
    others.map((otherId) => ({ leadId: survivorId, otherId, kind: "external" })),
    { agreement, now },
  );
  for (const id of [survivorId, ...others]) await ask(tx, id, now, { said: merged });
}

/**
 * One task for whoever arrived last of the two; it ends with the last open question. A lead with a
 * process hears of it, so that the task is asked for again in time.
 */
async function ask(
  tx: Tx,
  leadId: string,
  now: Instant,
  {
    said = { how: "settled", by: "baton" },
    due = null,
  }: {
    readonly said?: { readonly how: string; readonly by: string };
    readonly due?: Instant | null;
  },
): Promise<void> {
  const subject = { kind: "lead", id: leadId } as const;
  const found = await rows<{ id: string }>(
    tx,
    sql`
    select other_id as id from lead_conflict where lead_id = ${leadId} and settled_at is null
      order by 1`,
  );
  if (found.length === 0) {
    await endOpenTasks(tx, subject, ["conflict"], { ...said, state: "done" }, now);
    return;
  }
  const others = found.map(({ id }) => id);
  const schedule = due === null ? {} : { dueAt: due, remindAt: due };
  await openTask(
    tx,
    { kind: "conflict", subject, role: "sales-ops", detail: { others }, ...schedule },
    now,
  );
  if (due !== null && (await hasDecided(tx, leadId)))
    await enqueue(tx, leadSignal(leadId, "signal", "factsChanged", { id: leadId }, 1), now);
}

/** Whether the lead's process runs and has looked at it before; a new one looks by itself. */
async function hasDecided(tx: Tx, leadId: string): Promise<boolean> {
  const found = await rows<{ id: string }>(
    tx,
    sql`
    select subject_id as id from process where subject_kind = 'lead' and subject_id = ${leadId}
      and step > 0 and stage not in ('opportunity', 'disqualified')`,
  );
  return found.length > 0;
}
