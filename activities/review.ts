import { formatLocal, type Instant } from "../handoff/time/calendar.ts";
import { lookAtPoolLead, type ReviewDecision } from "../handoff/answers/pool-review.ts";
import { heldAt, periodOf, poolReview, reviewTimes } from "../handoff/reviews/review.ts";
import type { PoolReviewMessage } from "../messages/message.ts";
import type { Agreements, AgreementVersion } from "../store/process/agreements.ts";
import { inTransaction, type Pool, type Tx } from "../store/postgres/db.ts";
import { addEffect, countOpenEffects } from "../store/effects/effects.ts";
import { mailEffect } from "../store/effects/mail-message.ts";
import { lockInPool, poolPage, type PoolMember } from "../store/reviews/pool.ts";
import {
  addToReview,
  closeReview,
  findReview,
  insertReview,
  lockReview,
  markOverdue,
  markReminded,
  savePacket,
  undecidedOf,
  type Packet,
  type PoolEntry,
  type ReviewRow,
} from "../store/reviews/reviews.ts";
import type { Subject } from "../handoff/process/words.ts";
import type { ReviewStanding, ReviewStart } from "../workflows/contract.ts";

export interface ReviewDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
}

const pageSize = 500;
const recheckMs = 86_400_000;

/**
 * The review that must be open now: its day has come (the first business day of its period, at the
 * agreed time) and it is not closed. Null before that day, and when the agreement has no review of
 * the pool. A day missed in an outage is made up for by the next time somebody asks.
 */
export async function dueReview(deps: ReviewDeps, now: Instant): Promise<ReviewStart | null> {
  const version = await deps.agreements.active(deps.pool);
  const review = version && poolReview(version.agreement);
  if (!review) return null;
  const period = periodOf(review, now);
  if (now < heldAt(review, period)) return null;
  const known = await findReview(deps.pool, { kind: review.kind, period });
  return known?.state === "closed" ? null : { kind: review.kind, period };
}

/**
 * Opens the review of a period: its packet, a line and a task for every lead of the re-nurture
 * pool, and the mail to the reviewer, in one transaction, once. Asked again it says where the
 * review stands. Throws when the agreement has no such review: somebody asked for one that nobody
 * agreed on.
 */
export function openReview(
  deps: ReviewDeps,
  start: ReviewStart & { readonly now: Instant },
): Promise<ReviewStanding> {
  return inTransaction(deps.pool, async (tx) => {
    const { kind, period, now } = start;
    const known = await findReview(tx, { kind, period });
    if (known) return standing(tx, known.id, now);
    const version = await deps.agreements.active(tx);
    const review = version && poolReview(version.agreement);
    if (!review || review.kind !== kind)
      throw new Error(`the active agreement has no ${kind} review of the re-nurture pool`);
    const times = reviewTimes(review, now);
    const id = await insertReview(tx, {
      kind,
      period,
      agreementId: version.id,
      openedAt: now,
      ...times,
    });
    // Somebody else opened it while we looked; they have committed, or we would still wait.
    if (id === undefined)
      return standing(tx, (await findReview(tx, { kind, period }))?.id ?? "", now);
    const { reviewer } = version.agreement.nurture;
    const packet = await listPool(tx, version, { id, role: reviewer, dueAt: times.dueAt, now });
    await savePacket(tx, id, {
      ...packet,
      reviewer,
      calendar: review.rule.calendar,
      zone: review.hours.zone,
    });
    if (packet.leads > 0)
      await mail(
        tx,
        id,
        "opened",
        { role: reviewer, period, count: packet.leads, dueAt: times.dueAt },
        now,
      );
    return standing(tx, id, now);
  });
}

/**
 * Looks at an open review again: reminds once, says once that it is overdue, and closes it when
 * nothing waits any more.
 */
export function lookAtReview(
  deps: ReviewDeps,
  reviewId: string,
  now: Instant,
): Promise<ReviewStanding> {
  return inTransaction(deps.pool, (tx) => standing(tx, reviewId, now));
}

async function standing(tx: Tx, reviewId: string, now: Instant): Promise<ReviewStanding> {
  const review = await lockReview(tx, reviewId);
  const waiting = (await undecidedOf(tx, [reviewId])).get(reviewId) ?? 0;
  if (review.state === "open") await step(tx, review, waiting, now);
  const after = await lockReview(tx, reviewId);
  const effects = (await countOpenEffects(tx, subjectOf(reviewId))) > 0;
  return {
    reviewId,
    state: after.state,
    waiting,
    effects,
    ...nextLook(after, waiting, now),
    details: details(after, waiting),
  };
}

async function step(tx: Tx, review: ReviewRow, waiting: number, now: Instant): Promise<void> {
  const { id, period, packet } = review;
  const dueAt = review.due_at.getTime();
  if (waiting === 0) return closeReview(tx, id, now);
  if (now >= dueAt && review.overdue_at === null) {
    await markOverdue(tx, id, now);
    return mail(tx, id, "overdue", { role: "manager", period, count: waiting, dueAt }, now);
  }
  if (
    now < dueAt &&
    review.reminded_at === null &&
    review.remind_at !== null &&
    now >= review.remind_at.getTime()
  ) {
    await markReminded(tx, id, now);
    await mail(tx, id, "reminder", { role: packet.reviewer, period, count: waiting, dueAt }, now);
  }
}

/**
 * When to look again: at half time, when it is due, and from then on every day, for leads also
 * leave the pool by themselves.
 */
function nextLook(
  review: ReviewRow,
  waiting: number,
  now: Instant,
): Pick<ReviewStanding, "wakeAt" | "wakeFor"> {
  const dueAt = review.due_at.getTime();
  const remindAt = review.reminded_at === null ? (review.remind_at?.getTime() ?? dueAt) : dueAt;
  const { leads, zone } = review.packet;
  const of = `${waiting} of ${leads} leads undecided`;
  if (now < remindAt && remindAt < dueAt)
    return { wakeAt: remindAt, wakeFor: `reminder ${formatLocal(zone, remindAt)}, ${of}` };
  if (now < dueAt) return { wakeAt: dueAt, wakeFor: `due ${formatLocal(zone, dueAt)}, ${of}` };
  return { wakeAt: now + recheckMs, wakeFor: `overdue since ${formatLocal(zone, dueAt)}, ${of}` };
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
      .filter((member) => still.has(member.id))
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

async function mail(
  tx: Tx,
  reviewId: string,
  step: PoolReviewMessage["step"],
  said: Pick<PoolReviewMessage, "role" | "period" | "count" | "dueAt">,
  now: Instant,
): Promise<void> {
  await addEffect(
    tx,
    {
      key: `review/${reviewId}/renurture-review/${step}`,
      subject: subjectOf(reviewId),
      ...mailEffect({ what: "renurture-review", reviewId, step, ...said }),
    },
    now,
  );
}

function subjectOf(reviewId: string): Subject {
  return { kind: "review", id: reviewId };
}

/** What the Temporal UI shows of a review: Markdown, ids and counts only. */
function details(review: ReviewRow, waiting: number): string {
  const { leads, zone } = review.packet;
  return [
    `**${review.kind} review ${review.period}**, ${review.state}`,
    `- re-nurture pool: ${leads} leads, ${waiting} undecided`,
    `- due: ${formatLocal(zone, review.due_at.getTime())}${review.overdue_at === null ? "" : ", overdue"}`,
    `- review ${review.id}, agreement ${review.agreement_id ?? "-"}`,
  ].join("\n");
}
