import { actionOf } from "../crm/action.ts";
import type { CrmChange, CrmDeed } from "../crm/change.ts";
import type { Instant } from "../handoff/calendar.ts";
import { normalizeFact } from "../handoff/lead.ts";
import type { DatedFact, DatedFacts } from "../handoff/merge-facts.ts";
import { isClosed } from "../handoff/stage.ts";
import type { Agreements } from "../store/agreements.ts";
import {
  askToMerge,
  crmLinkOf,
  linkCrm,
  markGone,
  saveSequence,
  type CrmLink,
} from "../store/crm-links.ts";
import { ChangeError, parseCrmChange } from "../store/crm-change.ts";
import {
  lockStanding,
  moveEngagements,
  noteCrmAction,
  saveOpportunity,
  type LeadStanding,
} from "../store/crm-news.ts";
import type { CrashHook } from "../store/crash-point.ts";
import { inSavepoint, inTransaction, type Pool, type Tx } from "../store/db.ts";
import { findErased } from "../store/erased.ts";
import { erasedSource, eraseAgain } from "../store/erasure.ts";
import { openTask, type TaskKind } from "../store/human-tasks.ts";
import {
  endInboxRow,
  forgetInboxRow,
  nextInboxRow,
  postponeInboxRow,
  wakeInboxRows,
  type InboxRow,
} from "../store/inbox.ts";
import { mergeFacts } from "../store/intake.ts";
import { aboutLead, tell } from "../store/outbox.ts";
import type { NewsName } from "../workflows/contract.ts";

export interface InboxDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly clock: () => Instant;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

/** How long an event waits for one that should have come before it, or for its record to be linked. */
const patienceMs = 60_000;
const recheckMs = 500;
const mostTries = 8;

/**
 * Takes over what people did in the CRM, at most `limit` events, each in a transaction of its own. Events of one record
 * are taken in the order of their sequence; late, repeated and reordered ones leave the same state as in order, once.
 * An event that cannot be used becomes a person's task and holds up no other. Gives how many events were looked at.
 */
export async function processInbox(deps: InboxDeps, limit: number): Promise<number> {
  for (let n = 0; n < limit; n++) {
    if (!(await inTransaction(deps.pool, (tx) => processNext(deps, tx)))) return n;
    deps.crashPoint?.("inbox-taken-over");
  }
  return limit;
}

async function processNext(deps: InboxDeps, tx: Tx): Promise<boolean> {
  const now = deps.clock();
  const row = await nextInboxRow(tx, now);
  if (!row) return false;
  try {
    await inSavepoint(tx, () => takeOver(deps, tx, row, now));
  } catch (error) {
    if (error instanceof ChangeError) await deadLetter(tx, row, null, error.message, now);
    else await tryLater(tx, row, error, now);
  }
  return true;
}

async function takeOver(deps: InboxDeps, tx: Tx, row: InboxRow, now: Instant): Promise<void> {
  if (row.source === erasedSource) {
    await eraseAgain(tx, row.eventId, now);
    return endInboxRow(tx, row.id, null, now);
  }
  const crm = /^crm:(\w+)$/.exec(row.source)?.[1];
  if (crm === undefined) throw new ChangeError("source");
  const change = parseCrmChange(row.payload);
  if (await isAboutErased(tx, change)) return forgetInboxRow(tx, row.id, now);
  const isPatient = now - row.receivedAt < patienceMs;
  const link = await linkFor(tx, crm, change);
  const lead = link && (await lockStanding(tx, link.ourId));
  if (!link || !lead) {
    if (isPatient) return postponeInboxRow(tx, row.id, now + recheckMs, null);
    return deadLetter(tx, row, null, "the record belongs to no lead of ours", now);
  }
  if (change.sequence !== null && change.sequence > link.seenSequence + 1 && isPatient)
    return postponeInboxRow(tx, row.id, now + recheckMs, null);
  const isLate = change.sequence !== null && change.sequence <= link.seenSequence;
  const trouble = lead.isGone
    ? null
    : await apply(deps, tx, { crm, row, change, lead, isLate }, now);
  if (change.sequence !== null && !isLate) {
    await saveSequence(tx, crm, change.crmId, change.sequence);
    await wakeInboxRows(tx, row.source, change.crmId, now);
  }
  if (trouble) await deadLetter(tx, row, lead.id, trouble, now);
  else await endInboxRow(tx, row.id, null, now);
}

/** Late news about an erased person changes nothing and is not kept: by our id, or by the CRM's, which is remembered as a hash. */
async function isAboutErased(tx: Tx, change: CrmChange): Promise<boolean> {
  const names = [
    { kind: "crm" as const, value: change.crmId },
    ...(change.leadId === null ? [] : [{ kind: "lead" as const, value: change.leadId }]),
  ];
  return (await findErased(tx, names)).size > 0;
}

/** The record's link, locked; a record that names a lead of ours is linked now, should its sync not have got that far. */
async function linkFor(tx: Tx, crm: string, change: CrmChange): Promise<CrmLink | undefined> {
  const link = await crmLinkOf(tx, crm, "lead", change.crmId, true);
  if (link || change.leadId === null || !(await lockStanding(tx, change.leadId))) return link;
  await linkCrm(tx, crm, "lead", change.leadId, change.crmId);
  return crmLinkOf(tx, crm, "lead", change.crmId, true);
}

interface News {
  readonly crm: string;
  readonly row: InboxRow;
  readonly change: CrmChange;
  readonly lead: LeadStanding;
  /** A later change of the record was taken over already. */
  readonly isLate: boolean;
}

/** Gives what a person must look at, or null. Facts and opportunities carry their time, so late ones are merged; other late news is over. */
async function apply(deps: InboxDeps, tx: Tx, news: News, now: Instant): Promise<string | null> {
  const { what } = news.change;
  switch (what.kind) {
    case "facts":
      return applyFacts(deps, tx, news, what.facts, now);
    case "opportunity":
      await saveOpportunity(tx, news.lead, what.opportunity, news.change.at, now);
      await signal(tx, news, news.lead, "seenInCrm", now);
      return null;
    case "status":
    case "outreach":
      return news.isLate ? null : applyAction(tx, news, what, now);
    case "merged":
      return news.isLate ? null : applyMerge(tx, news, what.into, now);
    case "deleted":
      await markGone(tx, news.crm, "lead", news.lead.id, now);
      await openTask(tx, taskAbout(news, "crm-drift", { why: "deleted in the CRM" }), now);
      return null;
  }
}

async function applyFacts(
  deps: InboxDeps,
  tx: Tx,
  news: News,
  told: Extract<CrmDeed, { kind: "facts" }>["facts"],
  now: Instant,
): Promise<string | null> {
  const active = await deps.agreements.active(tx);
  if (!active) throw new Error("no agreement is active");
  const at = new Date(news.change.at).toISOString();
  const facts: Record<string, DatedFact> = {};
  const unusable: string[] = [];
  for (const [field, raw] of Object.entries(told)) {
    const fact = normalizeFact(field, raw, active.agreement);
    if ("problem" in fact) unusable.push(field);
    else if (!("missing" in fact)) facts[field] = { value: fact.value, from: "crm", at };
  }
  const { changed } =
    Object.keys(facts).length > 0
      ? await mergeFacts(tx, news.lead.id, facts, now)
      : { changed: [] };
  if (changed.length > 0) await signal(tx, news, news.lead, "factsChanged", now);
  return unusable.length === 0 ? null : `not as the agreement expects: ${unusable.join(", ")}`;
}

async function applyAction(
  tx: Tx,
  news: News,
  deed: Extract<CrmDeed, { kind: "status" | "outreach" }>,
  now: Instant,
): Promise<string | null> {
  const { change, lead, row } = news;
  if (deed.kind === "status" && deed.status === lead.stage) return null;
  const action = actionOf(deed);
  if (!action && deed.kind === "outreach") throw new ChangeError("what.channel or what.outcome");
  if (action && !isClosed(lead.stage)) {
    await noteCrmAction(tx, row.source, change, lead.id, action, row.receivedAt);
    await signal(tx, news, lead, "seenInCrm", now);
    return null;
  }
  // Nothing that a person can do leads there: somebody looks at it, and an open lead's record is made equal again.
  await openTask(
    tx,
    taskAbout(news, "crm-drift", {
      status: deed.kind === "status" ? deed.status : "outreach",
      stage: lead.stage,
    }),
    now,
  );
  await signal(tx, news, lead, "factsChanged", now);
  return null;
}

/** Names, facts and engagements go to the survivor; the loser's process ends by itself. A survivor we do not know is followed by the next sync. */
async function applyMerge(tx: Tx, news: News, into: string, now: Instant): Promise<string | null> {
  const { lead, crm } = news;
  const survivorId = (await crmLinkOf(tx, crm, "lead", into))?.ourId;
  const survivor =
    survivorId === undefined || survivorId === lead.id
      ? undefined
      : await lockStanding(tx, survivorId);
  if (survivor && !survivor.isGone) {
    const { "lead.email": _, ...facts }: DatedFacts = lead.facts;
    await mergeFacts(tx, survivor.id, facts, now);
    await moveEngagements(tx, lead.id, survivor.id);
    await askToMerge(tx, lead.id, survivor.id);
    await signal(tx, news, survivor, "factsChanged", now);
  }
  await signal(tx, news, lead, "factsChanged", now);
  return null;
}

/** A hint to the lead's process to look again; a closed one has none. */
async function signal(
  tx: Tx,
  { row }: News,
  lead: LeadStanding,
  message: NewsName,
  now: Instant,
): Promise<void> {
  if (!isClosed(lead.stage))
    await tell(tx, aboutLead(lead.id, "signal", message, { id: `inbox/${row.id}` }, 1), now);
}

function taskAbout({ lead, change, row }: News, kind: TaskKind, detail: Record<string, unknown>) {
  return {
    kind,
    subject: { kind: "lead" as const, id: lead.id },
    role: "sales-ops",
    detail: { inbox: row.id, crmId: change.crmId, ...detail },
  };
}

/** A person is told, and the event is out of the way. `why` quotes nothing from the event. */
async function deadLetter(
  tx: Tx,
  row: InboxRow,
  leadId: string | null,
  why: string,
  now: Instant,
): Promise<void> {
  await openTask(
    tx,
    {
      kind: "dead-letter",
      subject: { kind: "lead", id: leadId ?? `inbox/${row.id}` },
      role: "sales-ops",
      detail: { inbox: row.id, source: row.source, why },
    },
    now,
  );
  await endInboxRow(tx, row.id, why, now);
}

/** Something broke on our side: later, and later still; in the end a person. */
async function tryLater(tx: Tx, row: InboxRow, error: unknown, now: Instant): Promise<void> {
  const code = (error as { code?: unknown } | null)?.code;
  const why = `it broke: ${error instanceof Error ? error.name : "unknown"}${typeof code === "string" ? ` ${code}` : ""}`;
  if (row.attempts + 1 >= mostTries) return deadLetter(tx, row, null, why, now);
  return postponeInboxRow(tx, row.id, now + Math.min(1_000 * 2 ** row.attempts, patienceMs), why);
}
