import { createHash } from "node:crypto";
import type { CrmAction } from "../crm/action.ts";
import type { CrmChange, OpportunitySeen } from "../crm/change.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { DatedFacts } from "../handoff/merge-facts.ts";
import type { Stage } from "../handoff/stage.ts";
import { noteAction } from "./actions.ts";
import { firstRow, send, sql, type Tx } from "./db.ts";
import { newId } from "./ids.ts";

/** The lead as news from the CRM finds it. */
export interface LeadStanding {
  readonly id: string;
  readonly stage: Stage;
  readonly handoffId: string | null;
  readonly facts: DatedFacts;
  readonly isGone: boolean;
}

/** Locked until the transaction ends: news and decisions about one lead never interleave. */
export async function lockStanding(tx: Tx, leadId: string): Promise<LeadStanding | undefined> {
  return firstRow(
    tx,
    sql`
    select id, stage, handoff_id as "handoffId", facts, erased_at is not null or merged_into is not null as "isGone" from lead where id = ${leadId} for no key update`,
  );
}

/** A person's action in the CRM as an action row. It counts as received when the CRM saw it, but never later than it reached us. */
export async function noteCrmAction(
  tx: Tx,
  source: string,
  change: CrmChange,
  leadId: string,
  action: CrmAction,
  arrivedAt: Instant,
): Promise<void> {
  const person =
    change.by === null
      ? undefined
      : await firstRow<{ id: string; role: string }>(
          tx,
          sql`select id, role from rep where crm_id = ${change.by} or id = ${change.by} order by id limit 1`,
        );
  await noteAction(tx, {
    id: `ax_${createHash("sha256").update(`${source}\n${change.id}`).digest("hex").slice(0, 32)}`,
    leadId,
    name: action.name,
    body: action.body,
    via: "crm",
    by: person?.id ?? change.by ?? source,
    role: person?.role ?? "crm",
    receivedAt: Math.min(change.at, arrivedAt),
  });
}

/** Writes an opportunity as the CRM has it; an older picture than the stored one changes nothing. Won and lost go to the handoff too: its process has ended by then. */
export async function saveOpportunity(
  tx: Tx,
  lead: LeadStanding,
  seen: OpportunitySeen,
  at: Instant,
  now: Instant,
): Promise<void> {
  const changedAt = new Date(at);
  const row = await firstRow<{
    handoff_id: string | null;
    won_at: Date | null;
    lost_at: Date | null;
  }>(
    tx,
    sql`
    insert into opportunity as o (id, lead_id, handoff_id, crm_id, stage, amount_minor, currency, created_at, changed_at, won_at, lost_at)
    values (${newId("op", now)}, ${lead.id}, ${lead.handoffId}, ${seen.crmId}, ${seen.stage}, ${seen.amountMinor}, ${seen.currency}, ${new Date(seen.createdAt)}, ${changedAt},
      ${seen.stage === "won" ? changedAt : null}, ${seen.stage === "lost" ? changedAt : null})
    on conflict (crm_id) do update set stage = excluded.stage, amount_minor = excluded.amount_minor, currency = excluded.currency, changed_at = excluded.changed_at,
      won_at = case when excluded.stage = 'won' then coalesce(o.won_at, excluded.won_at) end, lost_at = case when excluded.stage = 'lost' then coalesce(o.lost_at, excluded.lost_at) end
    where o.changed_at <= excluded.changed_at
    returning handoff_id, won_at, lost_at`,
  );
  if (row?.handoff_id)
    await send(
      tx,
      sql`update handoff set won_at = ${row.won_at}, lost_at = ${row.lost_at} where id = ${row.handoff_id}`,
    );
}

/** What the merged lead did counts for the survivor. */
export async function moveEngagements(tx: Tx, from: string, to: string): Promise<void> {
  await send(tx, sql`update engagement set lead_id = ${to} where lead_id = ${from}`);
}
