import { firstRow, sql, type Tx } from "./db.ts";
import type { HandoffRow } from "./handoffs.ts";
import type { AccountRow } from "./subject.ts";

/** What stands around a lead: its open handoff, its account, and the version of the agreement that is active now. */
export interface AroundLead {
  readonly handoff: HandoffRow | undefined;
  readonly account: AccountRow | undefined;
  readonly activeAgreementId: string | null;
}

/**
 * Reads them in one statement. Ask behind the statement that locks the lead, and not in it: what that one reads beside
 * the lead may be from before it had to wait.
 */
export async function aroundLead(tx: Tx, leadId: string): Promise<AroundLead> {
  const row = await firstRow<Omit<HandoffRow, "id"> & { id: string | null; its_account: string | null; its_domain: string | null; its_facts: AccountRow["facts"]; active_agreement: string | null }>(tx, sql`
    select h.*, a.id as its_account, a.domain as its_domain, a.facts as its_facts, (select id from agreement_version where state = 'active') as active_agreement
    from lead l left join handoff h on h.id = l.handoff_id left join account a on a.id = l.account_id where l.id = ${leadId}`);
  if (!row) return { handoff: undefined, account: undefined, activeAgreementId: null };
  const { its_account, its_domain, its_facts, active_agreement, id, ...handoff } = row;
  return {
    handoff: id === null ? undefined : { ...handoff, id },
    account: its_account === null ? undefined : { id: its_account, domain: its_domain, facts: its_facts },
    activeAgreementId: active_agreement,
  };
}
