import { firstRow, sql, type Tx } from "./db.ts";
import type { HandoffRow } from "./handoffs.ts";
import type { AccountRow } from "./subject.ts";

/** What stands around a lead: its open handoff, its account, whether effects wait, and the version of the agreement that is active now. */
export interface AroundLead {
  readonly handoff: HandoffRow | undefined;
  readonly account: AccountRow | undefined;
  readonly hasOpenEffects: boolean;
  /** Tasks of people about this lead are open. */
  readonly hasOpenTasks: boolean;
  readonly activeAgreementId: string | null;
}

/**
 * Reads them in one statement. Ask behind the statement that locks the lead, and not in it: what that one reads beside
 * the lead may be from before it had to wait.
 */
export async function aroundLead(tx: Tx, leadId: string): Promise<AroundLead> {
  const row = await firstRow<
    Omit<HandoffRow, "id"> & {
      id: string | null;
      its_account: string | null;
      its_domain: string | null;
      its_facts: AccountRow["facts"];
      active_agreement: string | null;
      has_open_effects: boolean;
      has_open_tasks: boolean;
    }
  >(
    tx,
    sql`
    select h.*, a.id as its_account, a.domain as its_domain, a.facts as its_facts, (select id from agreement_version where state = 'active') as active_agreement,
      exists (select from effect where subject_kind = 'lead' and subject_id = l.id and state = 'open') as has_open_effects,
      exists (select from task where subject_kind = 'lead' and subject_id = l.id and state = 'open') as has_open_tasks
    from lead l left join handoff h on h.id = l.handoff_id left join account a on a.id = l.account_id where l.id = ${leadId}`,
  );
  if (!row)
    return {
      handoff: undefined,
      account: undefined,
      hasOpenEffects: false,
      hasOpenTasks: false,
      activeAgreementId: null,
    };
  const {
    its_account,
    its_domain,
    its_facts,
    active_agreement,
    has_open_effects,
    has_open_tasks,
    id,
    ...handoff
  } = row;
  return {
    handoff: id === null ? undefined : { ...handoff, id },
    account:
      its_account === null ? undefined : { id: its_account, domain: its_domain, facts: its_facts },
    hasOpenEffects: has_open_effects,
    hasOpenTasks: has_open_tasks,
    activeAgreementId: active_agreement,
  };
}
