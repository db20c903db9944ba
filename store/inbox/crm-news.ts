import { createHash } from "node:crypto";
import type { CrmAction } from "../../crm/action.ts";
import type { CrmChange, OpportunitySeen } from "../../crm/change.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { DatedFacts } from "../../handoff/facts/merge-facts.ts";
import type { Stage } from "../../handoff/stage.ts";
import { noteAction } from "../process/actions.ts";
import { firstRow, send, sql, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";

/** The lead as news from the CRM finds it. */
export interface LeadStanding {
  readonly id: string;
  readonly stage: Stage;
  readonly handoffId: string | null;
  readonly ownerId: string | null;
  readonly facts: DatedFacts;
  readonly isErased: boolean;
  /** It goes on as another lead. */
  readonly isMerged: boolean;
}

/** Locked until the transaction ends: news and decisions about one lead never interleave. */
export async function lockStanding(tx: Tx, leadId: string): Promise<LeadStanding | undefined> {
  // Both rows, in the order in which everybody locks them; facts and stage are read from behind the
  // locks.
  const [process, lead] = await Promise.all([
    firstRow<Pick<LeadStanding, "stage" | "handoffId" | "ownerId"> & { isMerged: boolean }>(
      tx,
      sql`
      select stage, handoff_id as "handoffId", owner_id as "ownerId",
        merged_into is not null as "isMerged" from process
      where subject_kind = 'lead' and subject_id = ${leadId} for no key update`,
    ),
    firstRow<Pick<LeadStanding, "id" | "facts"> & { isErased: boolean }>(
      tx,
      sql`
      select id, facts, erased_at is not null as "isErased" from lead
        where id = ${leadId} for no key update`,
    ),
  ]);
  if (!process || !lead) return undefined;
  const { id, facts, isErased } = lead;
  const { stage, handoffId, ownerId, isMerged } = process;
  return { id, stage, handoffId, ownerId, facts, isErased, isMerged };
}

/**
 * A person's action in the CRM as an action row; gives its id. It counts as received when the CRM
 * saw it, but never later than it reached us.
 */
export async function noteCrmAction(
  tx: Tx,
  source: string,
  change: CrmChange,
  leadId: string,
  action: CrmAction,
  arrivedAt: Instant,
): Promise<string> {
  const person = change.by === null ? undefined : await rosterPerson(tx, change.by);
  const { stage, cycle, round } = change.seen ?? {};
  const id = `ax_${createHash("sha256").update(`${source}\n${change.id}`).digest("hex").slice(0, 32)}`;
  await noteAction(tx, {
    id,
    leadId,
    name: action.name,
    body: action.body,
    via: "crm",
    by: person?.id ?? change.by ?? source,
    role: person?.role ?? "crm",
    receivedAt: Math.min(change.at, arrivedAt),
    seen: change.seen
      ? {
          // An attempt was made, and an owner is changed, whatever stage the record showed.
          ...(stage === undefined || regardlessOfStage.includes(action.name) ? {} : { stage }),
          ...(cycle === undefined ? {} : { cycle }),
          ...(round === undefined ? {} : { round }),
        }
      : null,
  });
  return id;
}

const regardlessOfStage: readonly CrmAction["name"][] = ["logOutreach", "reassign"];

/** Somebody of the roster by the CRM's id of the user, or by ours. */
export async function rosterPerson(
  tx: Tx,
  user: string,
): Promise<{ id: string; role: string } | undefined> {
  return firstRow(
    tx,
    sql`select id, role from rep where crm_id = ${user} or id = ${user} order by id limit 1`,
  );
}

/**
 * Writes an opportunity as the CRM has it; an older picture than the stored one changes nothing.
 * Won and lost go to the handoff too: its process has ended by then.
 */
export async function saveOpportunity(
  tx: Tx,
  lead: LeadStanding,
  seen: OpportunitySeen,
  at: Instant,
  now: Instant,
): Promise<void> {
  const changedAt = new Date(at);
  const createdAt = new Date(Math.min(seen.createdAt, now));
  const row = await firstRow<{
    handoff_id: string | null;
    won_at: Date | null;
    lost_at: Date | null;
  }>(
    tx,
    sql`
    insert into opportunity as o (id, lead_id, handoff_id, crm_id, stage, deal_stage, amount_minor,
      currency, created_at, changed_at, won_at, lost_at)
    values (${newId("op", now)}, ${lead.id}, ${lead.handoffId}, ${seen.crmId}, ${seen.stage},
      ${seen.dealStage}, ${seen.amountMinor}, ${seen.currency}, ${createdAt}, ${changedAt},
      ${seen.stage === "won" ? changedAt : null}, ${seen.stage === "lost" ? changedAt : null})
    on conflict (crm_id) do update set stage = excluded.stage, deal_stage = excluded.deal_stage,
      amount_minor = excluded.amount_minor,
      currency = excluded.currency, changed_at = excluded.changed_at,
      won_at = case when excluded.stage = 'won'
        then coalesce(o.won_at, excluded.won_at) end, lost_at = case when excluded.stage = 'lost'
        then coalesce(o.lost_at, excluded.lost_at) end
    where o.changed_at <= excluded.changed_at
    returning handoff_id, won_at, lost_at`,
  );
  if (row?.handoff_id)
    await send(
      tx,
      sql`
        update handoff set won_at = ${row.won_at}, lost_at = ${row.lost_at},
          won_told_at = case when won_at is distinct from ${row.won_at}::timestamptz
            then ${new Date(now)} else won_told_at end,
          lost_told_at = case when lost_at is distinct from ${row.lost_at}::timestamptz
            then ${new Date(now)} else lost_told_at end
          where id = ${row.handoff_id}`,
    );
  // What comes late changes nothing of today, and belongs to the history all the same. One that is
  // first heard of closed was open from when it was made.
  await send(
    tx,
    sql`
    insert into opportunity_stage (opportunity_id, stage, deal_stage, amount_minor, currency,
      happened_at, told_at)
    select o.id, s.stage, s.deal_stage, s.amount_minor, s.currency, s.at, ${new Date(now)}
    from opportunity o, (values
      (true, ${seen.stage}::text, ${seen.dealStage}::text, ${seen.amountMinor}::bigint,
        ${seen.currency}::text, ${changedAt}::timestamptz),
      (false, 'open', null, null, null, ${createdAt}::timestamptz))
        as s(is_seen, stage, deal_stage, amount_minor, currency, at)
    where o.crm_id = ${seen.crmId} and (s.is_seen or s.at < ${changedAt} and not exists (
      select from opportunity_stage k where k.opportunity_id = o.id and k.happened_at <= s.at))
    on conflict do nothing`,
  );
}
