import { firstRow, sql, type Tx } from "./db.ts";
import type { HandoffRow } from "./handoffs.ts";
import type { AccountRow, LeadRow } from "./subject.ts";

/** What stands around a lead: its open handoff, its account, and the version of the agreement that is active now. */
export interface AroundLead {
  readonly handoff: HandoffRow | undefined;
  readonly account: AccountRow | undefined;
  readonly activeAgreementId: string | null;
}

/**
 * Reads them in one statement. Ask with the lead locked, and not in the statement that locks it: what that one reads
 * beside the lead may be from before it had to wait.
 */
export async function aroundLead(tx: Tx, lead: LeadRow): Promise<AroundLead> {
  const row = await firstRow<Omit<HandoffRow, "id"> & { id: string | null; its_account: string | null; its_domain: string | null; its_facts: AccountRow["facts"]; active_agreement: string | null }>(tx, sql`
    select h.*, a.id as its_account, a.domain as its_domain, a.facts as its_facts, (select id from agreement_version where state = 'active') as active_agreement
    from (values (1)) one left join handoff h on h.id = ${lead.handoff_id}::text left join account a on a.id = ${lead.account_id}::text`);
  if (!row) throw new Error("a select without a condition gave no row");
  const { its_account, its_domain, its_facts, active_agreement, id, ...handoff } = row;
  return {
    handoff: id === null ? undefined : { ...handoff, id },
    account: its_account === null ? undefined : { id: its_account, domain: its_domain, facts: its_facts },
    activeAgreementId: active_agreement,
  };
}
