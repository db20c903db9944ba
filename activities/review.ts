import { formatLocal, type Instant } from "../handoff/time/calendar.ts";
import { lookAtPoolLead, type ReviewDecision } from "../handoff/answers/pool-review.ts";
import {
  agreedReview,
  agreedReviews,
  askAgainAt,
  figuresPeriod,
  heldAt,
  isHeldBy,
  latestPeriod,
  reviewTimes,
  signingParties,
  type AgreedReview,
  type Party,
  type ReviewKind,
} from "../handoff/reviews/review.ts";
import type { EffectMessage, PoolReviewMessage } from "../messages/message.ts";
import {
  firstActivation,
  type Agreements,
  type AgreementVersion,
} from "../store/process/agreements.ts";
import { inTransaction, readAtOnce, type Pool, type Tx } from "../store/postgres/db.ts";
import { addEffect, countOpenEffects } from "../store/effects/effects.ts";
import { mailEffect } from "../store/effects/mail-message.ts";
import { compilePacket } from "../store/reviews/packet.ts";
import { lockInPool, poolPage, type PoolMember } from "../store/reviews/pool.ts";
import {
  addToReview,
  closeReview,
  findReview,
  insertReview,
  lockReview,
  markAsked,
  markOverdue,
  markReminded,
  openReviews,
  saveFigures,
  savePacket,
  undecidedOf,
  type ReviewFigures,
  type Packet,
  type PoolEntry,
  type ReviewRow,
} from "../store/reviews/reviews.ts";
import { partiesOf } from "../store/reviews/signatures.ts";
import type { Subject } from "../handoff/process/words.ts";
import type { ReviewStanding, ReviewStart } from "../workflows/contract.ts";

export interface ReviewDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
}

const pageSize = 500;
const recheckMs = 86_400_000;

/**
 * The reviews that must have a process now, of one kind or of all: those whose day has come, and
 * those that are open. A day missed in an outage is made up for by the next time somebody asks. Of
 * several periods that passed meanwhile the latest is reviewed, and none from before Baton's first
 * agreement.
 */
export async function dueReviews(
  deps: ReviewDeps,
  now: Instant,
  kind: ReviewKind | null,
): Promise<readonly ReviewStart[]> {
  const version = await deps.agreements.active(deps.pool);
  const since = await firstActivation(deps.pool);
  const due: ReviewStart[] = await openReviews(deps.pool, kind);
  if (!version || since === null) return due;
  for (const review of agreedReviews(version.agreement)) {
    if (kind !== null && review.kind !== kind) continue;
    const period = latestPeriod(review, now);
    if (!isHeldBy(review, period, now) || heldAt(review, period) < since) continue;
    const start = { kind: review.kind, period };
    if (!(await findReview(deps.pool, start))) due.push(start);
  }
  return due;
}

/**
 * The due review of the re-nurture pool, for processes that were begun by code before the other
 * kinds.
 */
export async function dueReview(deps: ReviewDeps, now: Instant): Promise<ReviewStart | null> {
  const version = await deps.agreements.active(deps.pool);
  const kind = version && agreedReviews(version.agreement).find(({ hasPool }) => hasPool)?.kind;
  return kind ? ((await dueReviews(deps, now, kind)).at(-1) ?? null) : null;
}

/**
 * Opens the review of a period, once: its figures as they are now, for the one with the re-nurture
 * pool a line and a task for every lead of it, and the mails. Asked again it says where the review
 * stands. Throws when the agreement has no such review: somebody asked for one that nobody agreed
 * on.
 */
export async function openReview(
  deps: ReviewDeps,
  start: ReviewStart & { readonly now: Instant },
): Promise<ReviewStanding> {
  const { kind, period, now } = start;
  const known = await findReview(deps.pool, { kind, period });
  if (known) return lookAtReview(deps, known.id, now);
  const version = await deps.agreements.active(deps.pool);
  const review = version && agreedReview(version.agreement, kind);
  if (!review) throw new Error(`the active agreement has no ${kind} review`);
  // Before the transaction: it takes seconds, and no decision shall wait for it.
  const figures = await figuresFor(deps, version, review, { period, now });
  return inTransaction(deps.pool, async (tx) => {
    const times = reviewTimes(review, now);
    const id = await insertReview(tx, {
      kind,
      period,
      agreementId: version.id,
      openedAt: now,
      signaturesNeeded: version.agreement.reviews.signedBy === "one party" ? 1 : 2,
      ...times,
    });
    // Somebody else opened it while we looked; they have committed, or we would still wait.
    if (id === undefined)
      return standing(deps, tx, (await findReview(tx, { kind, period }))?.id ?? "", now);
    await saveFigures(tx, id, figures);
    const { reviewer } = version.agreement.nurture;
    const pool = { id, role: reviewer, dueAt: times.dueAt, now };
    const packet = {
      ...(review.hasPool ? await listPool(tx, version, pool) : emptyPool),
      hasPool: review.hasPool,
      reviewer,
      calendar: review.rule.calendar,
      zone: review.hours.zone,
    };
    await savePacket(tx, id, packet);
    await tell(tx, id, "opened", { what: "review-opened", reviewId: id, kind, period }, now);
    const { dueAt } = times;
    if (packet.leads > 0)
      await askAboutPool(
        tx,
        id,
        "opened",
        { role: reviewer, period, count: packet.leads, dueAt },
        now,
      );
    return standing(deps, tx, id, now);
  });
}

const emptyPool = { leads: 0, suggestions: { keep: 0, return: 0, retire: 0 }, reasons: {} };

/** The figures of the period before the one in which the review is held, as of now. */
async function figuresFor(
  { pool, agreements }: ReviewDeps,
  version: AgreementVersion,
  review: AgreedReview,
  { period, now }: { readonly period: string; readonly now: Instant },
): Promise<ReviewFigures> {
  const { from, to } = figuresPeriod(review, period);
  const ask = { agreements, version, kind: review.kind, period, asOf: now, from, to };
  return readAtOnce(pool, async (db) => ({
    from,
    to,
    packet: await compilePacket({ ...ask, db }),
  }));
}

/**
 * Looks at an open review again: reminds once, says that it is overdue and asks again and again from
 * then on, and closes it when it is signed and nothing waits any more.
 */
export function lookAtReview(
  deps: ReviewDeps,
  reviewId: string,
  now: Instant,
): Promise<ReviewStanding> {
  return inTransaction(deps.pool, (tx) => standing(deps, tx, reviewId, now));
}

/** What an open review still waits for. */
interface Missing {
  /** Leads of the pool that still wait for a person. */
  readonly leads: number;
  /** Who has not signed; empty when enough have. */
  readonly parties: readonly Party[];
}

async function standing(
  deps: ReviewDeps,
  tx: Tx,
  reviewId: string,
  now: Instant,
): Promise<ReviewStanding> {
  const review = await lockReview(tx, reviewId);
  const missing = await missingIn(tx, review);
  if (review.state === "open") await step(deps, tx, review, missing, now);
  const after = await lockReview(tx, reviewId);
  const effects = (await countOpenEffects(tx, subjectOf(reviewId))) > 0;
  return {
    reviewId,
    state: after.state,
    waiting: missing.leads,
    effects,
    ...nextLook(after, missing, now),
    details: details(after, missing),
  };
}

async function missingIn(tx: Tx, review: ReviewRow): Promise<Missing> {
  const { id, signatures_needed, signed_at } = review;
  const leads = (await undecidedOf(tx, [id])).get(id) ?? 0;
  if (signatures_needed === 0 || signed_at !== null) return { leads, parties: [] };
  const signed = await partiesOf(tx, id);
  return { leads, parties: signingParties.filter((party) => !signed.includes(party)) };
}

async function step(
  deps: ReviewDeps,
  tx: Tx,
  review: ReviewRow,
  missing: Missing,
  now: Instant,
): Promise<void> {
  const { id } = review;
  if (missing.leads === 0 && missing.parties.length === 0) return closeReview(tx, id, now);
  const dueAt = review.due_at.getTime();
  if (now >= dueAt) return askOverdue(deps, tx, review, missing, now);
  if (review.reminded_at === null && now >= (review.remind_at?.getTime() ?? dueAt)) {
    await markReminded(tx, id, now);
    await ask(tx, review, missing, { step: "reminder", role: review.packet.reviewer }, now);
  }
}

/** The managers hear of it when it is due; from then on everybody is asked less and less often. */
async function askOverdue(
  { agreements }: ReviewDeps,
  tx: Tx,
  review: ReviewRow,
  missing: Missing,
  now: Instant,
): Promise<void> {
  const { id, kind, agreement_id, asked } = review;
  const isFirst = review.overdue_at === null;
  if (!isFirst && (review.ask_at === null || now < review.ask_at.getTime())) return;
  if (isFirst) await markOverdue(tx, id, now);
  const version = agreement_id === null ? null : await agreements.version(tx, agreement_id);
  const rule = version && agreedReview(version.agreement, kind);
  if (rule) await markAsked(tx, id, askAgainAt(rule, asked, now));
  if (isFirst) await ask(tx, review, missing, { step: "overdue", role: "manager" }, now);
  else if (missing.parties.length > 0) await askToSign(tx, review, missing, "overdue", now);
}

async function ask(
  tx: Tx,
  review: ReviewRow,
  missing: Missing,
  { step, role }: { readonly step: "reminder" | "overdue"; readonly role: string },
  now: Instant,
): Promise<void> {
  const { id, period, due_at } = review;
  const said = { role, period, count: missing.leads, dueAt: due_at.getTime() };
  if (missing.leads > 0) await askAboutPool(tx, id, step, said, now);
  if (missing.parties.length > 0) await askToSign(tx, review, missing, step, now);
}

/** Whoever has to sign is asked; once it is overdue those above hear of it too. */
async function askToSign(
  tx: Tx,
  { id, kind, period, due_at, asked }: ReviewRow,
  { parties: missing, leads }: Missing,
  step: "reminder" | "overdue",
  now: Instant,
): Promise<void> {
  const said = {
    what: "review-waits" as const,
    reviewId: id,
    kind,
    period,
    parties: missing,
    undecided: leads,
    dueAt: due_at.getTime(),
  };
  const key = step === "overdue" ? `overdue-${asked}` : step;
  for (const party of missing)
    await tell(tx, id, `sign/${key}/${party}`, { ...said, parties: [party], tell: "party" }, now);
  if (step === "overdue") await tell(tx, id, `sign/${key}/above`, { ...said, tell: "above" }, now);
}

/**
 * When to look again: at half time, when it is due, from then on when it is asked for again; every
 * day while leads wait, for these also leave the pool by themselves.
 */
function nextLook(
  review: ReviewRow,
  missing: Missing,
  now: Instant,
): Pick<ReviewStanding, "wakeAt" | "wakeFor"> {
  const dueAt = review.due_at.getTime();
  const remindAt = review.reminded_at === null ? (review.remind_at?.getTime() ?? dueAt) : dueAt;
  const { zone } = review.packet;
  const of = inWords(review, missing);
  if (now < remindAt && remindAt < dueAt)
    return { wakeAt: remindAt, wakeFor: `reminder ${formatLocal(zone, remindAt)}, ${of}` };
  if (now < dueAt) return { wakeAt: dueAt, wakeFor: `due ${formatLocal(zone, dueAt)}, ${of}` };
  const recheckAt = now + recheckMs;
  const askAt = Math.max(review.ask_at?.getTime() ?? recheckAt, now + 1_000);
  const wakeAt = missing.leads > 0 ? Math.min(askAt, recheckAt) : askAt;
  return { wakeAt, wakeFor: `overdue since ${formatLocal(zone, dueAt)}, ${of}` };
}

function inWords({ packet, signatures_needed }: ReviewRow, { leads, parties: p }: Missing): string {
  return [
    ...(packet.hasPool === false ? [] : [`${leads} of ${packet.leads} leads undecided`]),
    ...(signatures_needed === 0 ? [] : [p.length === 0 ? "signed" : `not signed: ${p.join(", ")}`]),
  ].join("; ");
}

async function listPool(
  tx: Tx,
  version: AgreementVersion,
  review: { id: string; role: string; dueAt: Instant; now: Instant },
): Promise<Pick<Packet, "leads" | "suggestions" | "reasons">> {
  const suggestions: Record<ReviewDecision, number> = { keep: 0, return: 0, retire: 0 };
  const reasons: Record<string, number> = {};
  let leads = 0;
  for (let after = ""; ;) {
    const page = await poolPage(tx, after, pageSize);
    const last = page.at(-1);
    if (!last) return { leads, suggestions, reasons };
    after = last.id;
    // The lock decides: a lead that leaves the pool now is not on the list, and one on the list
    // ends its task when it leaves.
    const still = await lockInPool(
      tx,
      page.map((member) => member.id),
    );
    const entries = page
      // Who came in while the figures were compiled is for the next review.
      .filter((member) => still.has(member.id) && member.exitAt <= review.now)
      .map((member) => entryOf(version, member, review.now));
    await addToReview(tx, review, entries);
    for (const { suggestion, reason } of entries) {
      leads += 1;
      suggestions[suggestion] += 1;
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    }
  }
}

function entryOf({ agreement }: AgreementVersion, member: PoolMember, now: Instant): PoolEntry {
  const { id, facts, engagements, exitAt, exitIntent, exitReason, revisitOn, nextCycle } = member;
  const cycles = nextCycle - 1;
  const finding = lookAtPoolLead(agreement, {
    facts,
    engagements,
    now,
    cycles,
    exit: { at: exitAt, intent: exitIntent, ...(revisitOn === null ? {} : { revisitOn }) },
  });
  return { leadId: id, reason: exitReason, inPoolSince: exitAt, cycles, revisitOn, ...finding };
}

async function askAboutPool(
  tx: Tx,
  reviewId: string,
  step: PoolReviewMessage["step"],
  said: Pick<PoolReviewMessage, "role" | "period" | "count" | "dueAt">,
  now: Instant,
): Promise<void> {
  const message = { what: "renurture-review" as const, reviewId, step, ...said };
  await tell(tx, reviewId, `renurture-review/${step}`, message, now);
}

async function tell(
  tx: Tx,
  reviewId: string,
  key: string,
  message: EffectMessage,
  now: Instant,
): Promise<void> {
  const effect = { key: `review/${reviewId}/${key}`, subject: subjectOf(reviewId) };
  await addEffect(tx, { ...effect, ...mailEffect(message) }, now);
}

function subjectOf(reviewId: string): Subject {
  return { kind: "review", id: reviewId };
}

/** What the Temporal UI shows of a review: Markdown, ids and counts only. */
function details(review: ReviewRow, missing: Missing): string {
  const { zone } = review.packet;
  return [
    `**${review.kind} review ${review.period}**, ${review.state}`,
    `- ${inWords(review, missing)}`,
    `- due: ${formatLocal(zone, review.due_at.getTime())}${review.overdue_at === null ? "" : ", overdue"}`,
    `- review ${review.id}, agreement ${review.agreement_id ?? "-"}`,
  ].join("\n");
}
