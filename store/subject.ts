import type { Band } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { Facts, FactSource, FactValue } from "../handoff/facts.ts";
import { mayGo, type Stage, type WaitingOn } from "../handoff/stage.ts";
import { firstRow, rows, send, sql, type Db, type Tx } from "./db.ts";

/** A stored fact: its value, where it came from and when it was true. */
export interface StoredFact {
  readonly value: FactValue;
  readonly from: FactSource;
  readonly at: string;
}

/** The row of a lead, as decisions read and change it. */
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

export interface AccountRow {
  id: string;
  domain: string | null;
  facts: Record<string, StoredFact>;
}

/** The lead, locked until the transaction ends: decisions of one lead and news about it never interleave. */
export async function lockLead(tx: Tx, leadId: string): Promise<LeadRow | undefined> {
  return firstRow<LeadRow>(tx, sql`select * from lead where id = ${leadId} for update`);
}

export async function accountOf(db: Db, lead: LeadRow): Promise<AccountRow | undefined> {
  if (lead.account_id === null) return undefined;
  return firstRow<AccountRow>(
    db,
    sql`select id, domain, facts from account where id = ${lead.account_id}`,
  );
}

/** The lead's and its account's facts as conditions read them. Open opportunities of the account are counted from ours. */
export function flatFacts(
  lead: Pick<LeadRow, "facts">,
  account: Pick<AccountRow, "facts"> | undefined,
): Facts {
  const flat: Record<string, FactValue> = {};
  for (const stored of [account?.facts ?? {}, lead.facts])
    for (const [path, fact] of Object.entries(stored)) flat[path] = fact.value;
  return flat;
}

/** Puts a lead's new state into `lead`; `save` writes the row once at the end of the decision. */
export function setState(
  lead: LeadRow,
  state: {
    waitingOn: WaitingOn;
    nextStep: string;
    nextAt?: Instant | null;
    owner?: string | null;
    queue?: string | null;
  },
): void {
  lead.waiting_on = state.waitingOn;
  lead.next_step = state.nextStep;
  lead.next_at = state.nextAt == null ? null : new Date(state.nextAt);
  if (state.owner !== undefined) lead.owner_id = state.owner;
  if (state.queue !== undefined) lead.queue = state.queue;
}

/** Moves the lead to another stage and records why. Throws when the transition table does not hold the move: that is a bug. */
export async function moveTo(
  tx: Tx,
  lead: LeadRow,
  to: Stage,
  because: string,
  key: { cycle: number; step: number; now: Instant },
): Promise<void> {
  if (!mayGo(lead.stage, to)) throw new Error(`a lead may not go from ${lead.stage} to ${to}`);
  const at = new Date(key.now);
  await send(
    tx,
    sql`
    insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because, at)
    values ('lead', ${lead.id}, ${key.cycle}, ${key.step}, ${lead.stage}, ${to}, ${because}, ${at})`,
  );
  lead.stage = to;
  lead.stage_since = at;
}

export async function saveLead(tx: Tx, lead: LeadRow): Promise<void> {
  await send(
    tx,
    sql`
    update lead set stage = ${lead.stage}, stage_since = ${lead.stage_since}, waiting_on = ${lead.waiting_on}, owner_id = ${lead.owner_id},
      queue = ${lead.queue}, next_step = ${lead.next_step}, next_at = ${lead.next_at}, due_at = ${lead.due_at}, lead_type = ${lead.lead_type},
      band = ${lead.band}, territory = ${lead.territory}, cycle = ${lead.cycle}, step = ${lead.step}, handoff_id = ${lead.handoff_id},
      review_at = ${lead.review_at}, exit_at = ${lead.exit_at}, exit_intent = ${lead.exit_intent}, exit_reason = ${lead.exit_reason},
      revisit_on = ${lead.revisit_on}, closed_reason = ${lead.closed_reason}, merged_into = ${lead.merged_into}
    where id = ${lead.id}`,
  );
}

export interface EngagementRow {
  message_id: string;
  type: string;
  topic: string | null;
  occurred_at: Date;
}

/** The lead's latest engagements, at most 500, oldest first. */
export async function engagementsOf(db: Db, leadId: string): Promise<EngagementRow[]> {
  const latest = await rows<EngagementRow>(
    db,
    sql`
    select message_id, type, topic, occurred_at from engagement where lead_id = ${leadId} order by occurred_at desc, message_id desc limit 500`,
  );
  return latest.reverse();
}
