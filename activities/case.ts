import type { Agreement } from "../handoff/agreement.ts";
import { formatLocal, type Instant } from "../handoff/calendar.ts";
import type { Facts } from "../handoff/facts.ts";
import { isClosed } from "../handoff/stage.ts";
import type { Agreements } from "../store/agreements.ts";
import { aroundLead } from "../store/around-lead.ts";
import { firstRow, sql, type Pool, type Tx } from "../store/db.ts";
import { addEffects, type NewEffect } from "../store/effects.ts";
import { saveHandoff, type HandoffRow } from "../store/handoffs.ts";
import { flatFacts, lockLead, saveLead, type AccountRow, type LeadRow } from "../store/subject.ts";
import type { DecisionKey, Standing, Subject } from "../workflows/contract.ts";

/** What every decision works with. */
export interface DecisionDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
}

/** One lead while a decision about it is taken: its rows, locked, and the agreement that holds for it. */
export interface Case {
  readonly tx: Tx;
  readonly key: DecisionKey;
  readonly subject: Subject;
  readonly now: Instant;
  readonly lead: LeadRow;
  readonly account: AccountRow | undefined;
  /** The open handoff. */
  handoff: HandoffRow | undefined;
  /** The version the open handoff is pinned to; without one, the active version. */
  readonly agreement: Agreement;
  readonly agreementId: string;
  /** What this decision wants done outside; written when it is closed. */
  readonly pending: Omit<NewEffect, "subject">[];
  /** Effects wait from before: of a decision that the process never heard of, or that are under way. */
  readonly hasOpenEffects: boolean;
  /** Tasks of people about this lead were open when the decision began: most leads have none, and none must be ended. */
  readonly hasOpenTasks: boolean;
  /** This cycle is over; the lead goes on in the next one. */
  nextCycle: boolean;
}

/** Locks the lead and reads what a decision needs; `at` is its time where that is not the workflow's. Throws when there is no such lead, or no agreement yet: both are for an engineer. */
export async function openCase(
  deps: DecisionDeps,
  tx: Tx,
  key: DecisionKey,
  at: Promise<Instant> | Instant = key.now,
): Promise<Case> {
  const [now, lead, { handoff, account, hasOpenEffects, hasOpenTasks, activeAgreementId }] =
    await Promise.all([at, lockLead(tx, key.subject.id), aroundLead(tx, key.subject.id)]);
  if (!lead) throw new Error(`there is no lead ${key.subject.id}`);
  const agreementId = handoff?.agreement_id ?? activeAgreementId;
  if (agreementId === null)
    throw new Error(
      "there is no active agreement; publish one with `npx baton agreement publish FILE`",
    );
  const version = await deps.agreements.version(tx, agreementId);
  if (key.cycle >= lead.cycle) {
    lead.cycle = key.cycle;
    lead.step = key.step;
  }
  return {
    tx,
    key: { ...key, now },
    subject: key.subject,
    now,
    lead,
    handoff,
    account,
    agreement: version.agreement,
    agreementId: version.id,
    pending: [],
    hasOpenEffects,
    hasOpenTasks,
    nextCycle: false,
  };
}

/** The facts that conditions read, with the account's open opportunities as we know them. */
export async function factsOf(c: Case): Promise<Facts> {
  const flat = flatFacts(c.lead, c.account);
  if (!c.account) return flat;
  const counted = await firstRow<{ n: number }>(
    c.tx,
    sql`
    select count(*)::int as n from opportunity o join lead l on l.id = o.lead_id
    where l.account_id = ${c.account.id} and o.lead_id <> ${c.lead.id} and o.won_at is null and o.lost_at is null`,
  );
  const ours = counted?.n ?? 0;
  const told = flat["account.openOpportunities"];
  if (ours === 0 && told === undefined) return flat;
  return {
    ...flat,
    "account.openOpportunities": Math.max(ours, typeof told === "number" ? told : 0),
  };
}

/** A contested rejection waits for a decision. A handoff can be contested again after an earlier rejection was overturned. */
export function isContested(handoff: HandoffRow | undefined): boolean {
  if (!handoff?.contested_at) return false;
  return handoff.overturned_at === null || handoff.overturned_at < handoff.contested_at;
}

/** A message to somebody on our side; `what` names the template. Keys are `lead/cycle/what/n`, so a repeat is one message. */
export async function mail(
  c: Case,
  what: string,
  n: number | string,
  payload: Record<string, string | number | boolean | null>,
): Promise<void> {
  const key = `${c.subject.kind}/${c.subject.id}/${c.key.cycle}/${what}/${n}`;
  c.pending.push({
    key,
    handoffId: c.handoff?.id ?? null,
    kind: "mail",
    what,
    payload: { leadId: c.lead.id, handoffId: c.handoff?.id ?? null, ...payload },
  });
}

/** Makes the CRM equal to what Postgres says when the effect is carried out. */
export async function syncCrm(c: Case): Promise<void> {
  const key = `${c.subject.kind}/${c.subject.id}/${c.key.cycle}/sync-crm/${c.key.step}`;
  c.pending.push({
    key,
    handoffId: c.handoff?.id ?? null,
    kind: "sync-crm",
    what: "lead",
    payload: { leadId: c.lead.id },
  });
}

/** Writes the rows back and says where the process stands now. */
export async function closeCase(c: Case): Promise<Standing> {
  if (isClosed(c.lead.stage) || c.nextCycle) c.lead.due_at = null;
  await addEffects(c.tx, c.subject, c.pending, c.now);
  if (c.handoff) await saveHandoff(c.tx, c.handoff);
  if (c.handoff?.state === "closed") c.lead.handoff_id = null;
  if (c.nextCycle) {
    c.lead.cycle = c.key.cycle + 1;
    c.lead.step = 0;
  }
  await saveLead(c.tx, c.lead);
  return standingOf(c);
}

function standingOf(c: Case): Standing {
  const { lead, handoff } = c;
  const ms = (at: Date | null) => (at === null ? null : at.getTime());
  return {
    stage: lead.stage,
    stageSince: lead.stage_since.getTime(),
    waitingOn: lead.waiting_on,
    handoffId: lead.handoff_id,
    owner: lead.owner_id,
    contested: lead.waiting_on === "manager" && isContested(handoff),
    wakeAt: ms(lead.next_at),
    wakeFor: lead.next_step ?? "nothing",
    dueAt: ms(lead.due_at),
    leadType: lead.lead_type,
    band: lead.band,
    source: searchable(lead.source),
    territory: lead.territory,
    details: detailsOf(c),
    effects: c.pending.length > 0 || c.hasOpenEffects,
    // A decision that the process did not hear of may have ended its cycle.
    nextCycle: c.nextCycle || (lead.cycle > c.key.cycle && !isClosed(lead.stage)),
    step: c.key.step,
  };
}

// A source is a word such as `google`; should somebody send an address or a sentence as one, it stays out of Temporal.
function searchable(source: string | null): string | null {
  return source !== null && /^[\p{L}\p{N} _./-]{1,60}$/u.test(source) ? source : null;
}

/** What the Temporal UI shows of a lead: Markdown, ids only. */
function detailsOf(c: Case): string {
  const { lead, handoff } = c;
  const zone = Object.values(c.agreement.calendars)[0]?.zone ?? "UTC";
  const at = (date: Date | null) => (date === null ? "-" : formatLocal(zone, date.getTime()));
  return [
    `**${lead.stage}**, waiting on ${lead.waiting_on}, since ${at(lead.stage_since)}`,
    `- owner: ${lead.owner_id ?? (lead.queue ? `queue ${lead.queue}` : "-")}`,
    `- due: ${at(lead.due_at)}`,
    `- next: ${lead.next_step ?? "-"}${lead.next_at ? ` (${at(lead.next_at)})` : ""}`,
    `- lead type ${lead.lead_type ?? "-"}, band ${lead.band ?? "-"}, cycle ${c.key.cycle}, decision ${c.key.step}`,
    handoff
      ? `- handoff ${handoff.id}, round ${handoff.round}, attempts ${handoff.attempts}, agreement ${c.agreementId}`
      : `- agreement ${c.agreementId}`,
  ].join("\n");
}
