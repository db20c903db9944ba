import { actionOf } from "../crm/action.ts";
import type { CrmChange, CrmDeed } from "../crm/change.ts";
import type { Agreement } from "../handoff/agreement.ts";
import type { FactValue } from "../handoff/facts/facts.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import { maySet } from "../handoff/facts/fact-rights.ts";
import { readFact } from "../spellings/fact.ts";
import type { DatedFact } from "../handoff/facts/merge-facts.ts";
import type { NewsName, Subject } from "../handoff/process/words.ts";
import { isClosed } from "../handoff/stage.ts";
import type { Agreements } from "../store/process/agreements.ts";
import {
  crmLinkOf,
  giveRecord,
  hasRecord,
  linkCrm,
  markGone,
  saveSequence,
  type CrmLink,
} from "../store/effects/crm-links.ts";
import {
  ChangeError,
  parseCrmChange,
  parseTurn,
  type ChangeTurn,
} from "../store/inbox/crm-change.ts";
import {
  lockStanding,
  noteCrmAction,
  rosterPerson,
  saveOpportunity,
  survivingAccount,
  type NewsStanding,
} from "../store/inbox/crm-news.ts";
import type { CrashHook } from "../store/postgres/crash-point.ts";
import { inSavepoint, inTransaction, type Pool, type Tx } from "../store/postgres/db.ts";
import { findErased } from "../store/intake/erased.ts";
import { erasedSource, eraseAgain } from "../store/intake/erasure.ts";
import { openTask, type TaskKind } from "../store/process/human-tasks.ts";
import {
  endInboxRow,
  forgetInboxRow,
  nextInboxRow,
  postponeInboxRow,
  wakeInboxRows,
  type InboxRow,
} from "../store/inbox/inbox.ts";
import { auditMoves, saveFacts, takeIn } from "../store/intake/intake.ts";
import { leadSignal, enqueue } from "../store/postgres/outbox.ts";
import { mergeLeads, survivorIdOf } from "../store/process/merge.ts";
import { takeAction, wantCrmSync } from "../store/process/take-action.ts";

export interface InboxDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly clock: () => Instant;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

/**
 * How long an event waits for one that should have come before it, or for its record to be linked.
 */
const timeoutMs = 60_000;
const recheckMs = 500;
const mostTries = 8;

/**
 * Takes over what people did in the CRM, at most `limit` events, each in a transaction of its own.
 * Events of one record are taken in the order of their sequence; late, repeated and reordered ones
 * leave the same state as in order, once. An event that cannot be used becomes a person's task and
 * holds up no other. Gives how many events were looked at.
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
  const crm = /^crm:([a-z][a-z0-9-]*)$/.exec(row.source)?.[1];
  if (crm === undefined) throw new ChangeError("source");
  const turn = parseTurn(row.payload);
  if (await isAboutErased(tx, turn)) return forgetInboxRow(tx, row.id, now);
  const mayStillCome = now - row.receivedAt < timeoutMs;
  const link = await linkFor(tx, crm, turn);
  const change = readChange(row.payload);
  if (!link) {
    if (change instanceof ChangeError) throw change;
    if (change.what.kind === "created")
      return takeCreated(deps, tx, { crm, row, change, told: change.what.facts }, now);
  }
  const kind = recordKind(turn);
  const standing = link && (await lockStanding(tx, { kind, id: link.ourId }));
  if (!link || !standing) {
    if (mayStillCome) return postponeInboxRow(tx, row.id, now + recheckMs, null);
    return deadLetter(tx, row, null, whyUnknown[kind], now);
  }
  const { crmId, sequence } = turn;
  if (sequence !== null && sequence > link.seenSequence + 1 && mayStillCome)
    return postponeInboxRow(tx, row.id, now + recheckMs, null);
  const isLate = sequence !== null && sequence <= link.seenSequence;
  const trouble =
    change instanceof ChangeError
      ? change.message
      : await applyTo(deps, tx, standing, { crm, row, change, isLate }, now);
  // What cannot be used was its record's change all the same: the next one waits for it no longer.
  if (sequence !== null && !isLate) {
    await saveSequence(tx, crm, kind, crmId, sequence);
    await wakeInboxRows(tx, row.source, crmId, now);
  }
  if (trouble) await deadLetter(tx, row, standing.subject, trouble, now);
  else await endInboxRow(tx, row.id, null, now);
}

function readChange(payload: unknown): CrmChange | ChangeError {
  try {
    return parseCrmChange(payload);
  } catch (error) {
    if (error instanceof ChangeError) return error;
    throw error;
  }
}

type RecordKind = "lead" | "account";

function recordKind({ record }: Pick<ChangeTurn, "record">): RecordKind {
  return record ?? "lead";
}

const whyUnknown = {
  lead: "the record belongs to no lead of ours",
  account: "the record belongs to no account of ours that was handed off",
} as const satisfies Record<RecordKind, string>;

/**
 * The lead or account that the news is about: what is learnt of a record that was merged away is
 * the survivor's. What somebody wants to do to it, or says of the record itself, stays its own.
 */
async function concernedBy(
  tx: Tx,
  { what }: CrmChange,
  standing: NewsStanding,
): Promise<NewsStanding> {
  const isOfTheRecord = what.kind === "status" || what.kind === "merged" || what.kind === "deleted";
  if (!standing.isMerged || isOfTheRecord) return standing;
  const { kind, id } = standing.subject;
  const survivor = kind === "lead" ? await survivorIdOf(tx, id) : await survivingAccount(tx, id);
  return (await lockStanding(tx, { kind, id: survivor })) ?? standing;
}

/** Gives what a person must look at, or null. */
async function applyTo(
  deps: InboxDeps,
  tx: Tx,
  standing: NewsStanding,
  { change, ...news }: Omit<News, "concerned">,
  now: Instant,
): Promise<string | null> {
  const concerned = await concernedBy(tx, change, standing);
  if (concerned.isErased) return null;
  const heard = { ...news, change: concernedAs(change, standing, concerned), concerned };
  const trouble = await apply(deps, tx, heard, now);
  const { subject, handoffId } = standing;
  // What comes of it stands on the survivor's record; this one shows what its user wrote on it.
  if (subject.kind === "account" && subject.id !== concerned.subject.id) {
    const key = `account/${subject.id}/merged/${news.row.id}`;
    await wantCrmSync(tx, subject, { key, handoffId }, now);
  }
  return trouble;
}

/** The record showed its own subject: of the survivor its user saw nothing. */
function concernedAs(
  change: CrmChange,
  standing: NewsStanding,
  concerned: NewsStanding,
): CrmChange {
  if (standing.subject.id === concerned.subject.id) return change;
  const { seen: _, ...rest } = change;
  return rest;
}

/**
 * Late news about an erased person changes nothing and is not kept: by our id, or by the CRM's,
 * which is remembered as a hash. A company may have the CRM's id of a person, and is not erased.
 */
async function isAboutErased(tx: Tx, change: ChangeTurn): Promise<boolean> {
  if (recordKind(change) !== "lead") return false;
  const names = [
    { kind: "crm" as const, value: change.crmId },
    ...(change.leadId === null ? [] : [{ kind: "lead" as const, value: change.leadId }]),
  ];
  return (await findErased(tx, names)).size > 0;
}

/**
 * The record's link, locked; a record that names a lead or account of ours is linked now, should
 * its sync not have got that far.
 */
async function linkFor(tx: Tx, crm: string, change: ChangeTurn): Promise<CrmLink | undefined> {
  const kind = recordKind(change);
  const link = await crmLinkOf(tx, crm, kind, change.crmId, true);
  const id = (kind === "lead" ? change.leadId : change.accountId) ?? null;
  if (link || id === null || !(await lockStanding(tx, { kind, id }))) return link;
  await linkCrm(tx, crm, kind, id, change.crmId);
  return crmLinkOf(tx, crm, kind, change.crmId, true);
}

/**
 * A person made in the CRM is taken in like one from a form, and the record is theirs. Somebody who
 * has another record there already is a person's task: two records of one person.
 */
async function takeCreated(
  deps: InboxDeps,
  tx: Tx,
  { crm, row, change, told }: Pick<News, "crm" | "row" | "change"> & { readonly told: Told },
  now: Instant,
): Promise<void> {
  const active = await deps.agreements.active(tx);
  if (!active) throw new Error("no agreement is active");
  const { usable, unusable } = readTold(told, active.agreement);
  const facts = Object.fromEntries([...usable].map(([field]) => [field, told[field]]));
  const [taken] = await takeIn(
    tx,
    [{ crmId: change.crmId, facts, occurredAt: change.at, by: change.by ?? row.source }],
    { now, from: "crm", lane: 1, agreement: active.agreement },
  );
  if (taken?.outcome === "erased") return forgetInboxRow(tx, row.id, now);
  if (!taken || taken.outcome === "refused")
    return deadLetter(tx, row, null, `not as expected: ${taken?.field ?? "the record"}`, now);
  const { leadId } = taken;
  const subject = { kind: "lead" as const, id: leadId };
  if (await hasRecord(tx, crm, leadId)) {
    const detail = { inbox: row.id, crmId: change.crmId, why: "a second record of the person" };
    await openTask(tx, { kind: "crm-drift", subject, role: "sales-ops", detail }, now);
    return endInboxRow(tx, row.id, null, now);
  }
  await linkCrm(tx, crm, "lead", leadId, change.crmId);
  if (change.sequence !== null) await saveSequence(tx, crm, "lead", change.crmId, change.sequence);
  await wakeInboxRows(tx, row.source, change.crmId, now);
  await wantCrmSync(tx, subject, { key: `lead/${leadId}/created/${row.id}`, handoffId: null }, now);
  if (unusable.length === 0) return endInboxRow(tx, row.id, null, now);
  return deadLetter(tx, row, subject, notAsAgreed(unusable), now);
}

type Told = Extract<CrmDeed, { kind: "facts" }>["facts"];

/** The facts that count, as typed values, and the fields of those that do not. */
function readTold(
  told: Told,
  agreement: Agreement,
): { usable: ReadonlyMap<string, FactValue>; unusable: string[] } {
  const usable = new Map<string, FactValue>();
  const unusable: string[] = [];
  for (const [field, raw] of Object.entries(told)) {
    const fact = readFact(field, raw, agreement, told);
    if ("missing" in fact) continue;
    if ("problem" in fact || !maySet("crm", field, fact.value, agreement)) unusable.push(field);
    else usable.set(field, fact.value);
  }
  return { usable, unusable };
}

function notAsAgreed(fields: readonly string[]): string {
  return `not as the agreement expects: ${fields.join(", ")}`;
}

interface News {
  readonly crm: string;
  readonly row: InboxRow;
  readonly change: CrmChange;
  readonly concerned: NewsStanding;
  /** A later change of the record was taken over already. */
  readonly isLate: boolean;
}

/**
 * Gives what a person must look at, or null. What comes after a later change of the record is not
 * lost: facts and opportunities carry their time, and an action is decided for the moment in which
 * it was meant, or refused and its author told. Only what no action can be made of is over.
 */
async function apply(deps: InboxDeps, tx: Tx, news: News, now: Instant): Promise<string | null> {
  const { what } = news.change;
  switch (what.kind) {
    case "created":
    case "facts":
      return applyFacts(deps, tx, news, what.facts, now);
    case "owner":
      return applyOwner(deps, tx, news, what.owner, now);
    case "opportunity":
      await saveOpportunity(tx, news.concerned, what.opportunity, happenedAt(news), now);
      await signal(tx, news, "seenInCrm", now);
      return null;
    case "status":
    case "outreach":
      return applyAction(deps, tx, news, what, now);
    case "merged":
      return applyMerge(deps, tx, news, what.into, now);
    case "deleted":
      if (news.concerned.isMerged) return null;
      await markGone(tx, news.crm, "lead", news.concerned.subject.id, now);
      await openTask(tx, taskAbout(news, "crm-drift", { why: "deleted in the CRM" }), now);
      return null;
  }
}

function happenedAt({ change, row }: News): Instant {
  return Math.min(change.at, row.receivedAt);
}

async function applyFacts(
  deps: InboxDeps,
  tx: Tx,
  news: News,
  told: Told,
  now: Instant,
): Promise<string | null> {
  const active = await deps.agreements.active(tx);
  if (!active) throw new Error("no agreement is active");
  // What the CRM dates ahead counts as of its receipt: no later change could beat it.
  const at = new Date(happenedAt(news)).toISOString();
  const { usable, unusable } = readTold(told, active.agreement);
  const facts: Record<string, DatedFact> = {};
  for (const [field, value] of usable) facts[field] = { value, from: "crm", at };
  if (usable.size > 0) {
    const { changed, moved, conflictsWith } = await saveFacts(
      tx,
      news.concerned.subject.id,
      facts,
      now,
      {
        ...active,
        by: doneBy(news),
      },
    );
    if (changed.length + conflictsWith.length > 0) await signal(tx, news, "factsChanged", now);
    if (moved) await auditMoves(tx, [{ ...moved, by: doneBy(news) }], now);
  }
  return unusable.length === 0 ? null : notAsAgreed(unusable);
}

/**
 * The record was given to somebody else: a reassignment, decided like any other. To nobody, or to
 * somebody who is not of the roster: a person's task, and the CRM is made equal again.
 */
async function applyOwner(
  deps: InboxDeps,
  tx: Tx,
  news: News,
  owner: string | null,
  now: Instant,
): Promise<null> {
  const { concerned, row, change } = news;
  const { subject, stage, handoffId } = concerned;
  const person = owner === null ? undefined : await rosterPerson(tx, owner);
  if (person && person.id === concerned.ownerId) return null;
  if (person) {
    const action = { name: "reassign", body: { to: person.id } } as const;
    const id = await noteCrmAction(tx, row.source, change, subject, action, row.receivedAt);
    await takeAction(tx, deps.agreements, id, deps.clock);
    return null;
  }
  if (news.isLate) return null;
  const why = owner === null ? "nobody has it in the CRM" : "its owner in the CRM is not known";
  await openTask(tx, taskAbout(news, "crm-drift", { why, stage }), now);
  const key = `${subject.kind}/${subject.id}/owner/${row.id}`;
  await wantCrmSync(tx, subject, { key, handoffId }, now);
  return null;
}

async function applyAction(
  deps: InboxDeps,
  tx: Tx,
  news: News,
  deed: Extract<CrmDeed, { kind: "status" | "outreach" }>,
  now: Instant,
): Promise<string | null> {
  const { change, concerned, row } = news;
  const { subject, stage, handoffId } = concerned;
  if (deed.kind === "status" && deed.status === stage) return null;
  const action = actionOf(deed);
  if (!action && deed.kind === "outreach")
    return new ChangeError("what.channel or what.outcome").message;
  if (action) {
    // Decided at once, under the lock of its process: refused or done, nothing stays open.
    const id = await noteCrmAction(tx, row.source, change, subject, action, row.receivedAt);
    await takeAction(tx, deps.agreements, id, deps.clock);
    return null;
  }
  if (news.isLate) return null;
  // Nothing that a person can do leads there: somebody looks at it, and the record is made equal
  // again, an open lead's by its process.
  await openTask(
    tx,
    taskAbout(news, "crm-drift", {
      status: deed.kind === "status" ? deed.status : "outreach",
      stage,
    }),
    now,
  );
  const key = `account/${subject.id}/status/${row.id}`;
  if (subject.kind === "lead") await signal(tx, news, "factsChanged", now);
  else await wantCrmSync(tx, subject, { key, handoffId }, now);
  return null;
}

/**
 * Users of the CRM made one record of two: the leads become one. A survivor we do not know is
 * followed by the next sync.
 */
async function applyMerge(
  deps: InboxDeps,
  tx: Tx,
  news: News,
  into: string,
  now: Instant,
): Promise<string | null> {
  const { crm } = news;
  const { id } = news.concerned.subject;
  const kept = (await crmLinkOf(tx, crm, "lead", into))?.ourId;
  if (kept === undefined || kept === id) {
    await signal(tx, news, "factsChanged", now);
    return null;
  }
  const leads = [id, kept] as const;
  const merged = await mergeLeads(
    tx,
    deps.agreements,
    { leads, wished: kept, by: doneBy(news), crm },
    now,
  );
  if (merged !== null) return null;
  // One lead already: what the users kept is its record from now on.
  const survivorId = await survivorIdOf(tx, id);
  const loserId = leads.find((one) => one !== survivorId);
  if (survivorId === (await survivorIdOf(tx, kept)) && leads.includes(survivorId) && loserId)
    await giveRecord(tx, crm, { survivorId, loserId }, kept, now);
  return null;
}

/** Who did it in the CRM, for the audit trail. */
function doneBy({ change, row }: News): string {
  return change.by ?? row.source;
}

/** A hint to the lead's process to look again; a closed one has none. */
async function signal(
  tx: Tx,
  { row, concerned: { subject, stage } }: News,
  message: NewsName,
  now: Instant,
): Promise<void> {
  if (!isClosed(stage))
    await enqueue(tx, leadSignal(subject.id, "signal", message, { id: `inbox/${row.id}` }, 1), now);
}

function taskAbout(
  { concerned: { subject }, change, row }: News,
  kind: TaskKind,
  detail: Record<string, unknown>,
) {
  return {
    kind,
    subject,
    role: "sales-ops",
    detail: { inbox: row.id, crmId: change.crmId, ...detail },
  };
}

/** A person is told, and the event is out of the way. `why` quotes nothing from the event. */
async function deadLetter(
  tx: Tx,
  row: InboxRow,
  subject: Subject | null,
  why: string,
  now: Instant,
): Promise<void> {
  await openTask(
    tx,
    {
      kind: "dead-letter",
      subject: subject ?? { kind: "lead", id: `inbox/${row.id}` },
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
  return postponeInboxRow(tx, row.id, now + Math.min(1_000 * 2 ** row.attempts, timeoutMs), why);
}
