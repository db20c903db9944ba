import type { Instant } from "../../handoff/time/calendar.ts";
import type { PoolFinding, ReviewDecision } from "../../handoff/answers/pool-review.ts";
import type { ReviewKind } from "../../handoff/reviews/review.ts";
import { firstRow, rows, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import { enqueue } from "../postgres/outbox.ts";
import type { PacketFigures } from "./packet.ts";

/**
 * What a review was opened with, but for its figures: ids, counts and words of the agreement, never
 * a name.
 */
export interface Packet {
  readonly reviewer: string;
  readonly calendar: string;
  readonly zone: string;
  /** It looks at the re-nurture pool; absent in reviews that did nothing else. */
  readonly hasPool?: boolean;
  readonly leads: number;
  readonly suggestions: Readonly<Record<ReviewDecision, number>>;
  /** Why they came into the pool, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** What a review was opened with: the figures of the period before the one in which it is held. */
export interface ReviewFigures {
  readonly from: Instant;
  readonly to: Instant;
  readonly packet: PacketFigures;
}

/** One lead as it stood when the review opened. */
export interface PoolEntry extends PoolFinding {
  readonly leadId: string;
  /** Why it came into the pool, and when. */
  readonly reason: string;
  readonly inPoolSince: Instant;
  readonly cycles: number;
  readonly revisitOn: string | null;
}

export interface ReviewRow {
  readonly id: string;
  readonly kind: ReviewKind;
  readonly period: string;
  readonly state: "open" | "closed";
  readonly agreement_id: string | null;
  readonly packet: Packet;
  readonly opened_at: Date;
  readonly due_at: Date;
  readonly remind_at: Date | null;
  readonly reminded_at: Date | null;
  readonly overdue_at: Date | null;
  readonly closed_at: Date | null;
  /** Two, one where the agreement says so, none for reviews that were opened before there were any. */
  readonly signatures_needed: 0 | 1 | 2;
  readonly signed_at: Date | null;
  /** Overdue: when it is asked for again, and how often it was. */
  readonly ask_at: Date | null;
  readonly asked: number;
}

export type NewReview = Pick<ReviewRow, "kind" | "period"> & {
  readonly agreementId: string;
  readonly openedAt: Instant;
  readonly dueAt: Instant;
  readonly remindAt: Instant;
  readonly signaturesNeeded: 1 | 2;
};

/**
 * Begins a review; undefined when the period has one already. Its packet is written when the pool
 * has been read.
 */
export async function insertReview(tx: Tx, review: NewReview): Promise<string | undefined> {
  const row = await firstRow<{ id: string }>(
    tx,
    sql`
    insert into review (id, kind, period, state, packet, agreement_id, opened_at, due_at, remind_at,
      signatures_needed)
    values (${newId("rv", review.openedAt)}, ${review.kind}, ${review.period}, 'open', '{}',
      ${review.agreementId}, ${new Date(review.openedAt)}, ${new Date(review.dueAt)},
      ${new Date(review.remindAt)}, ${review.signaturesNeeded})
    on conflict (kind, period) do nothing returning id`,
  );
  return row?.id;
}

/** The figures that the review was opened with. They never change; their hash is what is signed. */
export async function saveFigures(
  tx: Tx,
  reviewId: string,
  { from, to, packet }: ReviewFigures,
): Promise<void> {
  await tx.query(sql`
    insert into review_figures (review_id, from_at, to_at, figures, hash)
    select ${reviewId}, ${new Date(from)}, ${new Date(to)}, f,
      encode(sha256(convert_to(f::text, 'UTF8')), 'hex')
    from (select ${JSON.stringify(packet)}::jsonb as f) as given`);
}

/** The figures of a review; null for one that was opened before there were any. */
export async function figuresOf(db: Db, reviewId: string): Promise<ReviewFigures | null> {
  const row = await firstRow<{ from_at: Date; to_at: Date; figures: PacketFigures }>(
    db,
    sql`select from_at, to_at, figures from review_figures where review_id = ${reviewId}`,
  );
  return row ? { from: row.from_at.getTime(), to: row.to_at.getTime(), packet: row.figures } : null;
}

export async function savePacket(tx: Tx, reviewId: string, packet: Packet): Promise<void> {
  await tx.query(
    sql`update review set packet = ${JSON.stringify(packet)}::jsonb where id = ${reviewId}`,
  );
}

/**
 * Puts leads on the review's list, each with a task for the reviewer; a task that is open from
 * before now belongs to this review.
 */
export async function addToReview(
  tx: Tx,
  review: { id: string; role: string; dueAt: Instant; now: Instant },
  entries: readonly PoolEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  const leads = entries.map((entry) => entry.leadId);
  await tx.query(sql`
    insert into review_decision (review_id, subject_id, suggestion, entry)
    select ${review.id}, lead, suggestion, entry::jsonb
    from unnest(${leads}::text[], ${entries.map((entry) => entry.suggestion)}::text[],
      ${entries.map((entry) => JSON.stringify(entry))}::text[]) as t(lead, suggestion, entry)`);
  await tx.query(sql`
    insert into task (id, kind, subject_kind, subject_id, role, since, due_at, detail)
    select id, 'renurture-review', 'lead', lead, ${review.role}, ${new Date(review.now)},
      ${new Date(review.dueAt)},
      jsonb_build_object('review', ${review.id}::text, 'suggestion', suggestion)
    from unnest(${leads.map(() => newId("tk", review.now))}::text[], ${leads}::text[],
      ${entries.map((entry) => entry.suggestion)}::text[]) as t(id, lead, suggestion)
    on conflict (kind, subject_kind, subject_id) where state = 'open' do update
      set role = excluded.role, due_at = excluded.due_at, detail = excluded.detail`);
}

export async function findReview(
  db: Db,
  by: { kind: ReviewKind; period: string },
): Promise<ReviewRow | undefined> {
  return firstRow<ReviewRow>(
    db,
    sql`select * from review where kind = ${by.kind} and period = ${by.period}`,
  );
}

/** Open reviews, of one kind or of all, the oldest first. */
export async function openReviews(
  db: Db,
  kind: ReviewKind | null,
): Promise<Pick<ReviewRow, "kind" | "period">[]> {
  return rows(
    db,
    sql`
    select kind, period from review
    where state = 'open' and (${kind}::text is null or kind = ${kind}::text)
    order by opened_at, id limit 200`,
  );
}

export async function reviewById(db: Db, id: string): Promise<ReviewRow | undefined> {
  return firstRow<ReviewRow>(db, sql`select * from review where id = ${id}`);
}

/**
 * The review, locked until the transaction ends. Throws when there is none, for ids come from our
 * own rows.
 */
export async function lockReview(tx: Tx, id: string): Promise<ReviewRow> {
  const row = await firstRow<ReviewRow>(tx, sql`select * from review where id = ${id} for update`);
  if (!row) throw new Error(`there is no review ${id}`);
  return row;
}

/**
 * How many leads of each open review still wait for a person: undecided, and in the pool ever since
 * it opened.
 */
export async function undecidedOf(
  db: Db,
  reviewIds: readonly string[],
): Promise<Map<string, number>> {
  const found = await rows<{ review_id: string; n: number }>(
    db,
    sql`
    select d.review_id, count(*)::int as n from review_decision d join review r
      on r.id = d.review_id join lead_standing l on l.id = d.subject_id
    where d.review_id = any(${reviewIds}) and r.state = 'open' and d.decision is null
      and l.stage = 'renurture' and l.erased_at is null and l.exit_at <= r.opened_at
    group by d.review_id`,
  );
  return new Map(found.map(({ review_id, n }) => [review_id, n]));
}

export async function markReminded(tx: Tx, id: string, now: Instant): Promise<void> {
  await tx.query(sql`update review set reminded_at = ${new Date(now)} where id = ${id}`);
}

/** It was asked for while overdue; the next time is `askAt`. */
export async function markAsked(tx: Tx, id: string, askAt: Instant): Promise<void> {
  await tx.query(
    sql`update review set asked = asked + 1, ask_at = ${new Date(askAt)} where id = ${id}`,
  );
}

export async function markOverdue(tx: Tx, id: string, now: Instant): Promise<void> {
  await tx.query(sql`update review set overdue_at = ${new Date(now)} where id = ${id}`);
}

/**
 * Nothing waits any more: tasks of leads that left the pool by themselves are withdrawn with it.
 */
export async function closeReview(tx: Tx, id: string, now: Instant): Promise<void> {
  await tx.query(
    sql`update review set state = 'closed', closed_at = ${new Date(now)} where id = ${id}`,
  );
  await tx.query(sql`
    update task set state = 'withdrawn', done_at = ${new Date(now)}, done_by = 'baton',
      done_how = 'the review is closed'
    where kind = 'renurture-review' and state = 'open' and detail->>'review' = ${id}
      and subject_id in (select subject_id from review_decision where review_id = ${id})`);
}

/**
 * Writes what a person decided about a lead into every open review that asks about it, and tells
 * those reviews.
 */
export async function recordDecision(
  tx: Tx,
  leadId: string,
  decided: { decision: ReviewDecision; by: string },
  now: Instant,
): Promise<void> {
  const asked = await rows<{ id: string; kind: string; period: string }>(
    tx,
    sql`
    update review_decision d set decision = ${decided.decision}, decided_by = ${decided.by},
      decided_at = ${new Date(now)}
    from review r where r.id = d.review_id and r.state = 'open' and d.subject_id = ${leadId}
      and d.decision is null
    returning r.id, r.kind, r.period`,
  );
  for (const review of asked) await tellReview(tx, review, now);
}

/** Tells the process of a review to look again: a person decided or signed. */
export async function tellReview(
  tx: Tx,
  { id, kind, period }: { readonly id: string; readonly kind: string; readonly period: string },
  now: Instant,
): Promise<void> {
  // The workflow's id is `reviewWorkflowId` of the contract, which the store may not load.
  const workflowId = `review/${kind}/${period}`;
  await enqueue(
    tx,
    { lane: 1, kind: "signal", workflowId, message: "decided", payload: { id } },
    now,
  );
}

/**
 * One line of a review: the lead as it stood, what was suggested, what was decided, and where it is
 * now.
 */
export interface ReviewLine {
  readonly subject_id: string;
  /** Empty when the person was erased. */
  readonly entry: PoolEntry | Record<string, never>;
  readonly decision: ReviewDecision | null;
  readonly decided_by: string | null;
  readonly decided_at: Date | null;
  readonly waits: boolean;
}

/** The review's leads after `after`, by id; `open` only those that still wait for a person. */
export async function reviewLines(
  db: Db,
  reviewId: string,
  page: { after: string; limit: number; open: boolean },
): Promise<ReviewLine[]> {
  return rows<ReviewLine>(
    db,
    sql`
    select * from (
      select d.subject_id, d.entry, d.decision, d.decided_by, d.decided_at,
        d.decision is null and r.state = 'open'
          and coalesce(l.stage = 'renurture' and l.erased_at is null
          and l.exit_at <= r.opened_at, false) as waits
      from review_decision d join review r on r.id = d.review_id left join lead_standing l
        on l.id = d.subject_id
      where d.review_id = ${reviewId} and d.subject_id > ${page.after}) line
    where waits or not ${page.open}::boolean order by subject_id limit ${page.limit}`,
  );
}

/** Those of the leads that are on the review's list. */
export async function linesOf(
  db: Db,
  reviewId: string,
  leadIds: readonly string[],
): Promise<Map<string, Pick<ReviewLine, "decision">>> {
  const found = await rows<{ subject_id: string; decision: ReviewDecision | null }>(
    db,
    sql`
    select subject_id, decision from review_decision where review_id = ${reviewId}
      and subject_id = any(${leadIds})`,
  );
  return new Map(found.map(({ subject_id, decision }) => [subject_id, { decision }]));
}

/** How the review's leads were decided so far. */
export async function decisionsOf(
  db: Db,
  reviewIds: readonly string[],
): Promise<Map<string, Partial<Record<ReviewDecision, number>>>> {
  const found = await rows<{ review_id: string; decision: ReviewDecision; n: number }>(
    db,
    sql`
    select review_id, decision, count(*)::int as n from review_decision
      where review_id = any(${reviewIds}) and decision is not null group by review_id, decision`,
  );
  const counts = new Map<string, Partial<Record<ReviewDecision, number>>>();
  for (const { review_id, decision, n } of found)
    counts.set(review_id, { ...counts.get(review_id), [decision]: n });
  return counts;
}

/** Reviews, the latest first. */
export async function listReviews(
  db: Db,
  filter: { kind: string | undefined; state: string | undefined },
  page: { after: { openedAt: string; id: string } | undefined; limit: number },
): Promise<(ReviewRow & { place: string })[]> {
  return rows(
    db,
    sql`
    select *, opened_at::text as place from review
    where (${filter.kind ?? null}::text is null or kind = ${filter.kind ?? null}::text)
      and (${filter.state ?? null}::text is null or state = ${filter.state ?? null}::text)
      and (${page.after?.openedAt ?? null}::timestamptz is null
        or (opened_at, id) < (${page.after?.openedAt ?? null}::timestamptz,
        ${page.after?.id ?? null}::text))
    order by opened_at desc, id desc limit ${page.limit}`,
  );
}
