import type { Placed } from "../../handoff/accounts/placing.ts";
import type { Band } from "../../handoff/agreement.ts";
import type { Facts, FactSource, FactValue } from "../../handoff/facts/facts.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";

/** A stored fact: its value, where it came from and when it was true. */
export interface StoredFact {
  readonly value: FactValue;
  readonly from: FactSource;
  readonly at: string;
}

/** A lead's facts and where its process stands (the view `lead_standing`). */
export interface LeadRow {
  id: string;
  account_id: string | null;
  email: string | null;
  facts: Record<string, StoredFact>;
  source: string | null;
  campaign: string | null;
  arrived_at: Date;
  stage: Stage;
  stage_since: Date;
  waiting_on: WaitingOn;
  owner_id: string | null;
  queue: string | null;
  next_step: string | null;
  next_at: Date | null;
  due_at: Date | null;
  lead_type: string | null;
  band: Band | null;
  territory: string | null;
  cycle: number;
  step: number;
  handoff_id: string | null;
  review_at: Date | null;
  exit_at: Date | null;
  exit_intent: number | null;
  exit_reason: string | null;
  revisit_on: string | null;
  closed_reason: string | null;
  merge_into: string | null;
  merged_into: string | null;
  erased_at: Date | null;
}

/** Where a lead stands, by our own id. */
export async function leadStanding(db: Db, leadId: string): Promise<LeadRow | undefined> {
  return firstRow<LeadRow>(db, sql`select * from lead_standing where id = ${leadId}`);
}

/** Whether the lead has a process, running or ended. */
export async function hasProcess(db: Db, leadId: string): Promise<boolean> {
  const found = await firstRow(
    db,
    sql`select from process where subject_kind = 'lead' and subject_id = ${leadId}`,
  );
  return found !== undefined;
}

export interface AccountRow {
  id: string;
  domain: string | null;
  facts: Record<string, StoredFact>;
}

/** How the lead came to its account; null where that was not kept. */
export async function placedOf(db: Db, leadId: string): Promise<Placed | null> {
  const found = await firstRow<{ placed: Placed | null }>(
    db,
    sql`select placed from lead where id = ${leadId}`,
  );
  return found?.placed ?? null;
}

/** The lead's account; undefined when it has none. */
export async function accountOf(
  db: Db,
  lead: Pick<LeadRow, "account_id">,
): Promise<AccountRow | undefined> {
  if (lead.account_id === null) return undefined;
  return firstRow<AccountRow>(
    db,
    sql`select id, domain, facts from account where id = ${lead.account_id}`,
  );
}

/**
 * The lead's and its account's facts as conditions read them. Open opportunities of the account are
 * counted from ours.
 */
export function flatFacts(
  lead: Pick<LeadRow, "facts">,
  account: Pick<AccountRow, "facts"> | undefined,
): Facts {
  const flat: Record<string, FactValue> = {};
  for (const stored of [account?.facts ?? {}, lead.facts])
    for (const [path, fact] of Object.entries(stored)) flat[path] = fact.value;
  return flat;
}
