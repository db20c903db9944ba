import { createHash } from "node:crypto";
import { formatLocal, type Instant } from "../handoff/time/calendar.ts";
import { capital, spokenAction } from "../messages/words.ts";
import {
  connectionOf,
  CrmMerged,
  type CrmPort,
  type LeadRecord,
  type NoteRecord,
  type TaskRecord,
} from "../crm/crm.ts";
import {
  crmLinkOf,
  linkCrm,
  linkLead,
  saveLinks,
  type NewLink,
  type Written,
} from "../store/effects/crm-links.ts";
import {
  accountForCrm,
  leadForCrm,
  noteOpportunityCrmId,
  type LeadForCrm,
} from "../store/effects/crm-sync.ts";
import type { Subject } from "../handoff/process/words.ts";
import { inTransaction, type Pool } from "../store/postgres/db.ts";
import type { EffectEnd } from "../store/effects/effects.ts";
import { changePayload } from "../store/inbox/crm-change.ts";
import { receive } from "../store/inbox/inbox.ts";

export interface CrmDeps {
  readonly pool: Pool;
  readonly crm: CrmPort;
  readonly clock: () => Instant;
}

/**
 * Makes the CRM equal to what Postgres says now about the lead, and says what it has written from;
 * of a flagged account, to where its handoff stands.
 * Level-triggered: late, repeated and concurrent runs end the same. A run that wrote something
 * stale finds that out when its effect is to end (`endSync`), and writes again; an account's next
 * decision has an effect of its own.
 * Throws the CRM's errors; a record deleted in the CRM is not made again.
 */
export async function syncCrm(
  deps: CrmDeps,
  { kind, id }: Subject,
  signal?: AbortSignal,
): Promise<EffectEnd> {
  return kind === "account" ? syncAccount(deps, id, signal) : syncLead(deps, id, signal);
}

async function syncAccount(
  { pool, crm }: CrmDeps,
  accountId: string,
  signal?: AbortSignal,
): Promise<EffectEnd> {
  const account = await accountForCrm(pool, accountId);
  if (!account) return { state: "withdrawn", why: "there is no such account any more" };
  const { crmId } = await crm.upsertAccount(account, signal);
  const written = hashOf(account.facts);
  const link = { kind: "account", ourId: accountId, crmId, written } as const;
  await saveLinks(pool, crm.name, { made: [link], gone: [] });
  return { state: "done" };
}

async function syncLead(deps: CrmDeps, leadId: string, signal?: AbortSignal): Promise<EffectEnd> {
  const lead = await leadForCrm(deps.pool, deps.crm.name, leadId);
  if (!lead) return { state: "withdrawn", why: "there is no such lead any more" };
  const end = await writeLead(deps, lead, signal);
  return end.state === "done" ? { ...end, seen: { leadId, shown: lead.shown } } : end;
}

async function writeLead(
  deps: CrmDeps,
  lead: LeadForCrm,
  signal?: AbortSignal,
): Promise<EffectEnd> {
  const { pool, crm } = deps;
  const { link } = lead;
  if (link?.isGone) return { state: "withdrawn", why: "the record was deleted in the CRM" };
  if (lead.isMerged && !link)
    return { state: "withdrawn", why: "the lead was merged into another" };
  const links: Links = { made: [], gone: [] };
  try {
    const accountCrmId = lead.account
      ? await writeAccount(deps, lead.account, links, signal)
      : null;
    const crmId = link?.crmId ?? (await findRecord(deps, lead, signal));
    const ref = await crm.upsertLead(leadRecord(lead, crmId, accountCrmId), signal);
    if (link?.crmId !== ref.crmId) await noteRecord(deps, lead.leadId, ref.crmId);
    await writeTasks(deps, lead, ref.crmId, links, signal);
    await writeNotes(deps, lead, ref.crmId, links, signal);
    await writeOpportunities(deps, lead, ref.crmId, signal);
    return { state: "done" };
  } catch (error) {
    if (error instanceof CrmMerged) return followSurvivor(deps, lead, error, signal);
    throw error;
  } finally {
    // What is in the CRM is remembered, also when the rest could not be written.
    await saveLinks(pool, crm.name, links);
  }
}

interface Links extends Written {
  readonly made: NewLink[];
  readonly gone: string[];
}

/** An account is written when it is not as it was written last: many leads share one. */
async function writeAccount(
  { crm }: CrmDeps,
  { id, facts, link }: NonNullable<LeadForCrm["account"]>,
  links: Links,
  signal?: AbortSignal,
): Promise<string> {
  const written = hashOf(facts);
  if (link?.written === written) return link.crmId;
  const ref = await crm.upsertAccount({ accountId: id, facts }, signal);
  links.made.push({ kind: "account", ourId: id, crmId: ref.crmId, written });
  return ref.crmId;
}

/**
 * A person whom the CRM knows already is not made a second time; a record that is another lead's
 * stays that one's.
 */
async function findRecord(
  { crm }: CrmDeps,
  lead: LeadForCrm,
  signal?: AbortSignal,
): Promise<string | null> {
  const found = lead.email === null ? null : await crm.findLead({ email: lead.email }, signal);
  return found?.leadId === null ? found.crmId : null;
}

async function noteRecord(
  { pool, crm, clock }: CrmDeps,
  leadId: string,
  crmId: string,
): Promise<void> {
  await linkLead(pool, crm.name, leadId, crmId, clock());
}

function leadRecord(
  lead: LeadForCrm,
  crmId: string | null,
  accountCrmId: string | null,
): LeadRecord {
  return {
    leadId: lead.leadId,
    replaces: lead.replaces,
    crmId,
    accountCrmId,
    status: lead.stage,
    statusSince: lead.stageSince,
    cycle: lead.cycle,
    round: lead.handoff?.isOpen === true && lead.handoff.round > 0 ? lead.handoff.round : null,
    ownerId: lead.ownerCrmId ?? lead.ownerId,
    queue: lead.queue,
    leadType: lead.leadType,
    band: lead.band,
    fit: lead.handoff?.fit ?? null,
    intent: lead.handoff?.intent ?? null,
    slaState: lead.slaState,
    territory: lead.territory,
    dueAt: lead.dueAt,
    reason: lead.handoff?.rejectionReason ?? null,
    agreement: lead.handoff?.agreement ?? null,
    facts: lead.facts,
  };
}

/** The rep's task for what the lead waits for; those that no longer hold are closed. */
async function writeTasks(
  { crm }: CrmDeps,
  lead: LeadForCrm,
  leadCrmId: string,
  links: Links,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = wantedTask(lead, leadCrmId);
  const tasks = lead.linked.filter(({ kind }) => kind === "task");
  if (wanted && tasks.find(({ key }) => key === wanted.key)?.written !== hashOf(wanted)) {
    const ref = await crm.upsertTask(wanted, signal);
    links.made.push({ kind: "task", ourId: wanted.key, crmId: ref.crmId, written: hashOf(wanted) });
  }
  for (const { key } of tasks.filter((one) => one.key !== wanted?.key)) {
    await crm.closeTask(key, signal);
    links.gone.push(key);
  }
}

function wantedTask(lead: LeadForCrm, leadCrmId: string): TaskRecord | null {
  const { handoff, waitingOn } = lead;
  if (
    !handoff?.isOpen ||
    lead.ownerId === null ||
    (waitingOn !== "outreach" && waitingOn !== "answer")
  )
    return null;
  const deed = waitingOn === "outreach" ? "Call" : "Accept or reject";
  const due =
    lead.dueAt === null
      ? "; the clock is paused"
      : ` by ${formatLocal(lead.ownerZone ?? "UTC", lead.dueAt)}`;
  return {
    key: `${lead.leadId}/${handoff.id}/${handoff.round}/${waitingOn}`,
    leadCrmId,
    ownerId: lead.ownerCrmId ?? lead.ownerId,
    subject: `${deed}${due}`,
    dueAt: lead.dueAt,
  };
}

/**
 * What sales needs to know: a handoff, its rejection, a hand raised again, and what was not done
 * that somebody wanted in the CRM; each written once.
 */
async function writeNotes(
  { crm }: CrmDeps,
  lead: LeadForCrm,
  leadCrmId: string,
  links: Links,
  signal?: AbortSignal,
): Promise<void> {
  for (const note of wantedNotes(lead, leadCrmId).filter(
    (one) => !lead.linked.some(({ kind, key }) => kind === "note" && key === one.key),
  )) {
    const ref = await crm.addNote(note, signal);
    links.made.push({ kind: "note", ourId: note.key, crmId: ref.crmId, written: null });
  }
}

function wantedNotes(
  { leadId, handoff, raised, refusals }: LeadForCrm,
  leadCrmId: string,
): NoteRecord[] {
  const wanted: NoteRecord[] = refusals.map(({ id, action, why, at }) => ({
    key: `${leadId}/refused/${id}`,
    leadCrmId,
    at: Date.parse(at),
    body: `Not done: ${spokenAction(action)}. ${capital(why)}.`,
  }));
  if (handoff) {
    wanted.push({
      key: `${leadId}/${handoff.id}/handoff`,
      leadCrmId,
      at: handoff.mqlAt,
      body:
        `Handed to sales as ${handoff.leadType} (${handoff.path} path): band ${handoff.band}, ` +
        `fit ${round(handoff.fit)}, intent ${round(handoff.intent)}.`,
    });
  }
  if (handoff && handoff.rejectedAt !== null) {
    wanted.push({
      key: `${leadId}/${handoff.id}/rejected/${handoff.rejectedAt}`,
      leadCrmId,
      at: handoff.rejectedAt,
      body: `Rejected by sales: ${handoff.rejectionReason ?? "no reason"}.`,
    });
  }
  if (raised) {
    wanted.push({
      key: `${leadId}/${raised.taskId}/raised`,
      leadCrmId,
      at: raised.at,
      body:
        `Raised a hand again${raised.signal === null ? "" : ` (${raised.signal})`}: somebody ` +
        "should get in touch.",
    });
  }
  return wanted;
}

async function writeOpportunities(
  { pool, crm }: CrmDeps,
  lead: LeadForCrm,
  leadCrmId: string,
  signal?: AbortSignal,
): Promise<void> {
  for (const one of lead.opportunities) {
    const stage = one.isWon ? "won" : one.isLost ? "lost" : "open";
    const ref = await crm.upsertOpportunity(
      { key: one.id, leadCrmId, stage, amountMinor: one.amountMinor, currency: one.currency },
      signal,
    );
    await inTransaction(pool, async (tx) => {
      await linkCrm(tx, crm.name, "opportunity", one.id, ref.crmId);
      await noteOpportunityCrmId(tx, one.id, ref.crmId);
    });
  }
}

/**
 * The CRM's users merged the record. With a survivor of ours the leads become one; one we do not
 * know becomes the lead's record.
 */
async function followSurvivor(
  deps: CrmDeps,
  lead: LeadForCrm,
  merged: CrmMerged,
  signal?: AbortSignal,
): Promise<EffectEnd> {
  const { pool, crm, clock } = deps;
  const survivor = await crmLinkOf(pool, crm.name, "lead", merged.into);
  if (survivor && survivor.ourId !== lead.leadId) {
    // As if the CRM had told it: should its own news have been lost, this is the same news.
    const { crmId, into } = merged;
    const eventId = `merged/${crmId}/${into}`;
    const payload = changePayload({
      id: eventId,
      crmId,
      leadId: lead.leadId,
      sequence: null,
      at: clock(),
      by: null,
      what: { kind: "merged", into },
    });
    await receive(pool, { source: connectionOf(crm), eventId, payload }, clock());
    return { state: "withdrawn", why: "the record was merged into another lead's" };
  }
  const ref = await crm.upsertLead(leadRecord(lead, merged.into, null), signal);
  await noteRecord(deps, lead.leadId, ref.crmId);
  return { state: "done" };
}

function hashOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 32);
}

function round(score: number): string {
  return String(Math.round(score * 10) / 10);
}
