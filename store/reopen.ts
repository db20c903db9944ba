import type { Instant } from "../handoff/calendar.ts";
import type { LeadStart } from "../workflows/contract.ts";
import { audit } from "./audit.ts";
import { firstRow, sql, type Tx } from "./db.ts";
import { startIsWaiting } from "./leads.ts";
import { aboutLead, tell } from "./outbox.ts";
import { lockLead, type LeadRow } from "./subject.ts";

export type Reopened =
  | { readonly kind: "reopened"; readonly lead: LeadRow; readonly cycle: number }
  /** Its new process is on its way already. */
  | { readonly kind: "on-its-way"; readonly lead: LeadRow; readonly cycle: number }
  | { readonly kind: "refused"; readonly lead: LeadRow; readonly because: string };

/**
 * Starts a disqualified lead's process again, as its next cycle, beginning at `new`. Refused for a lead that is not
 * disqualified, was merged into another one, or whose person was erased. The stage changes when the process has begun.
 */
export async function reopen(
  tx: Tx,
  leadId: string,
  asked: { by: string; why: string },
  now: Instant,
): Promise<Reopened> {
  const lead = await lockLead(tx, leadId);
  if (!lead) throw new Error(`there is no lead ${leadId}`);
  const because = whyNot(lead);
  if (because !== null) return { kind: "refused", lead, because };
  const cycle = lead.cycle + 1;
  if (await startIsWaiting(tx, leadId)) return { kind: "on-its-way", lead, cycle };
  const last = await firstRow<{ priority: number }>(
    tx,
    sql`select priority from handoff where subject_kind = 'lead' and subject_id = ${leadId} order by cycle desc limit 1`,
  );
  const start: LeadStart = {
    leadId,
    cycle,
    step: 0,
    from: "reopen",
    priority: last?.priority ?? 3,
  };
  await tell(tx, aboutLead(leadId, "start", "leadHandoff", { ...start }, 1), now);
  // Why is text that a person wrote: it stays out of the audit trail, from which nothing can be erased.
  await tx.query(sql`
    insert into reopening (lead_id, cycle, by_id, why, at) values (${leadId}, ${cycle}, ${asked.by}, ${asked.why}, ${new Date(now)})
    on conflict (lead_id, cycle) do update set by_id = excluded.by_id, why = excluded.why, at = excluded.at`);
  await audit(
    tx,
    { actor: asked.by, what: "lead.reopened", subject: leadId, detail: { cycle } },
    now,
  );
  return { kind: "reopened", lead, cycle };
}

function whyNot(lead: LeadRow): string | null {
  if (lead.erased_at !== null) return "the person was erased";
  if (lead.merged_into !== null) return `the lead was merged into ${lead.merged_into}`;
  if (lead.stage !== "disqualified")
    return `only a disqualified lead can be reopened; this one is ${lead.stage}`;
  return null;
}
