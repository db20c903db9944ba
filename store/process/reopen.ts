import type { Instant } from "../../handoff/time/calendar.ts";
import type { Standing } from "../../handoff/process/words.ts";
import type { Agreements } from "./agreements.ts";
import { audit } from "../postgres/audit.ts";
import { sql, type Tx } from "../postgres/db.ts";
import { beginAgain } from "./begin-again.ts";
import { takeReopening } from "./take.ts";

export type Reopened =
  | { readonly kind: "reopened"; readonly standing: Standing }
  | { readonly kind: "refused"; readonly because: string; readonly standing: Standing };

/**
 * Begins a closed lead again in its next cycle, whatever closed it, judged at once, and has its
 * process started where that leaves it. Refused for a lead that is open, was merged into another
 * one, or whose person was erased. Throws when there is no such lead.
 */
export async function reopenLead(
  tx: Tx,
  agreements: Agreements,
  leadId: string,
  asked: { by: string; why: string },
  now: Instant,
): Promise<Reopened> {
  const decided = await takeReopening(tx, agreements, { kind: "lead", id: leadId }, asked.by, now);
  if ("refused" in decided)
    return { kind: "refused", because: decided.refused, standing: decided.standing };
  const { standing } = decided;
  const { cycle } = standing;
  await beginAgain(tx, leadId, standing, now);
  // Why is text that a person wrote: it stays out of the audit trail, from which nothing is erased.
  await tx.query(sql`
    insert into reopening (lead_id, cycle, by_id, why, at)
      values (${leadId}, ${cycle}, ${asked.by}, ${asked.why}, ${new Date(now)})
    on conflict (lead_id, cycle) do update
      set by_id = excluded.by_id, why = excluded.why, at = excluded.at`);
  await audit(
    tx,
    { actor: asked.by, what: "lead.reopened", subject: leadId, detail: { cycle } },
    now,
  );
  return { kind: "reopened", standing };
}
