import type { ReviewDecision } from "../../handoff/answers/pool-review.ts";
import type { Party, ReviewKind } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { actorNames } from "../access/actors.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import {
  decisionsOf,
  figuresOf,
  undecidedOf,
  type ReviewFigures,
  type ReviewRow,
} from "./reviews.ts";

/** Something a review resolved to do: who does it, by when. Plain data. */
export interface ResolutionView {
  /** `rs_…` */
  readonly id: string;
  /** The review that made it, which may be an earlier one, and that one's period. */
  readonly reviewId: string;
  readonly period: string;
  /** What people wrote. */
  readonly text: string;
  /** A role, such as `marketing-ops`, or the id of a person of the roster. */
  readonly owner: string;
  /** The person's name; null for a role, and for somebody who is not on the roster. */
  readonly ownerName: string | null;
  /** YYYY-MM-DD, in the review's zone; over at its end. */
  readonly dueOn: string;
  readonly isOverdue: boolean;
  /** The proposal of its review's packet that it came from, as `kind/about`. */
  readonly proposal: string | null;
  readonly state: "open" | "done" | "dropped";
  /** Whoever wrote it down: a person's id, or a token's. */
  readonly madeBy: string;
  readonly madeAt: Instant;
  readonly closedBy: string | null;
  readonly closedAt: Instant | null;
  /** How it ended, in words. */
  readonly note: string | null;
  /** How often it was given a later day; then who did so last, by name where there is one, and when. */
  readonly carried: number;
  readonly carriedBy: string | null;
  readonly carriedAt: Instant | null;
}

export interface SignatureView {
  readonly party: Party;
  /** A person of the roster, or a token without one. */
  readonly by: string;
  /** What whoever signed is called; null where nothing says it. */
  readonly name: string | null;
  readonly at: Instant;
}

/** The re-nurture pool, where this review looks at it. Counts only; its leads are read by page. */
export interface PoolView {
  /** The role that decides. */
  readonly reviewer: string;
  /** Leads in the pool when the review opened. */
  readonly leads: number;
  /** Those that still wait for a person. */
  readonly undecided: number;
  readonly suggestions: Readonly<Record<ReviewDecision, number>>;
  readonly decisions: Readonly<Record<ReviewDecision, number>>;
  /** Why they came into the pool, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** A review with all that its packet shows. Plain data: it can be kept and sent as JSON. */
export interface ReviewView {
  /** `rv_…` */
  readonly id: string;
  readonly kind: ReviewKind;
  /** The period in which it is held: `2026-W48`, `2026-11`, `2026-Q4`. */
  readonly period: string;
  readonly state: "open" | "closed";
  readonly openedAt: Instant;
  /** By when it has to be signed. */
  readonly dueAt: Instant;
  readonly closedAt: Instant | null;
  readonly calendar: string;
  /** All its times are told in it. */
  readonly zone: string;
  readonly agreementId: string | null;
  /** As they were when it opened; null for a review that was opened before there were figures. */
  readonly figures: ReviewFigures | null;
  /** Of earlier reviews of this kind: what was open when this one opened. Comes first. */
  readonly carried: readonly ResolutionView[];
  /** What this review resolved. */
  readonly resolutions: readonly ResolutionView[];
  /** Those that are there, at most one of each party. */
  readonly signatures: readonly SignatureView[];
  /** How many it needs: two, one where the agreement says so, none for reviews of before. */
  readonly signaturesNeeded: 0 | 1 | 2;
  readonly pool: PoolView | null;
}

/** The review with all that its packet shows, as it stands now. */
export async function reviewView(db: Db, review: ReviewRow, now: Instant): Promise<ReviewView> {
  const { id, kind, period, state, packet } = review;
  return {
    id,
    kind,
    period,
    state,
    openedAt: review.opened_at.getTime(),
    dueAt: review.due_at.getTime(),
    closedAt: review.closed_at?.getTime() ?? null,
    calendar: packet.calendar,
    zone: packet.zone,
    agreementId: review.agreement_id,
    figures: await figuresOf(db, id),
    ...(await resolutionsFor(db, review, now)),
    signatures: (await signaturesOf(db, [id])).get(id) ?? [],
    signaturesNeeded: review.signatures_needed,
    pool: packet.hasPool === false ? null : await poolView(db, review),
  };
}

async function poolView(db: Db, { id, packet }: ReviewRow): Promise<PoolView> {
  const { reviewer, leads, suggestions, reasons } = packet;
  const undecided = (await undecidedOf(db, [id])).get(id) ?? 0;
  const decisions = { keep: 0, return: 0, retire: 0, ...(await decisionsOf(db, [id])).get(id) };
  return { reviewer, leads, undecided, suggestions, decisions, reasons };
}

/** The signatures of these reviews. */
export async function signaturesOf(
  db: Db,
  reviewIds: readonly string[],
): Promise<ReadonlyMap<string, readonly SignatureView[]>> {
  const found = await rows<{
    review_id: string;
    party: Party;
    by: string;
    at: Date;
  }>(
    db,
    sql`
    select review_id, party, signed_by as by, signed_at as at from review_signature
    where review_id = any(${reviewIds}) order by party`,
  );
  const names = await actorNames(
    db,
    found.map(({ by }) => by),
  );
  const byReview = new Map<string, SignatureView[]>();
  for (const { review_id, at, ...rest } of found)
    byReview.set(review_id, [
      ...(byReview.get(review_id) ?? []),
      { ...rest, name: names[rest.by] ?? null, at: at.getTime() },
    ]);
  return byReview;
}

type ResolutionRow = Omit<ResolutionView, "madeAt" | "closedAt" | "carriedAt" | "isOverdue"> & {
  readonly madeAt: Date;
  readonly carriedAt: Date | null;
  readonly closedAt: Date | null;
  readonly overAt: Date;
};

/** Its own resolutions, and those of earlier reviews of its kind that were open when it opened. */
async function resolutionsFor(
  db: Db,
  { id, kind, opened_at }: ReviewRow,
  now: Instant,
): Promise<Pick<ReviewView, "carried" | "resolutions">> {
  const found = await resolutionRows(
    db,
    sql`
    where o.review_id = ${id} or (r.kind = ${kind} and r.opened_at < ${opened_at}
      and o.made_at < ${opened_at} and (o.closed_at is null or o.closed_at > ${opened_at}))`,
  );
  const views = found.map((row) => resolutionViewOf(row, now));
  return {
    carried: views.filter(({ reviewId }) => reviewId !== id),
    resolutions: views.filter(({ reviewId }) => reviewId === id),
  };
}

async function resolutionRows(
  db: Db,
  where: { text: string; values: unknown[] },
): Promise<ResolutionRow[]> {
  const found = await rows<ResolutionRow>(db, {
    text: `
    select o.id, o.review_id as "reviewId", r.period, o.body as text, o.owner,
      p.name as "ownerName", o.due_on::text as "dueOn", o.proposal, o.state,
      o.made_by as "madeBy", o.made_at as "madeAt", o.closed_by as "closedBy",
      o.closed_at as "closedAt", o.note, o.due_at as "overAt", o.carried,
      o.carried_by as "carriedBy", o.carried_at as "carriedAt"
    from resolution o join review r on r.id = o.review_id left join rep p on p.id = o.owner
    ${where.text} order by o.due_on, o.id`,
    values: where.values,
  });
  const names = await actorNames(
    db,
    found.flatMap(({ carriedBy }) => carriedBy ?? []),
  );
  return found.map((one) => ({ ...one, carriedBy: names[one.carriedBy ?? ""] ?? one.carriedBy }));
}

function resolutionViewOf(
  { madeAt, closedAt, carriedAt, overAt, ...row }: ResolutionRow,
  now: Instant,
): ResolutionView {
  return {
    ...row,
    madeAt: madeAt.getTime(),
    closedAt: closedAt?.getTime() ?? null,
    carriedAt: carriedAt?.getTime() ?? null,
    isOverdue: row.state === "open" && overAt.getTime() <= now,
  };
}

/** A resolution as it stands now; undefined when there is none. */
export async function resolutionById(
  db: Db,
  id: string,
  now: Instant,
): Promise<ResolutionView | undefined> {
  const [row] = await resolutionRows(db, sql`where o.id = ${id}`);
  return row && resolutionViewOf(row, now);
}

/** The view without figures about single people, unless its reader may see them. */
export function forReader(view: ReviewView, readsAboutPeople: boolean): ReviewView {
  return { ...view, figures: view.figures && figuresFor(view.figures, readsAboutPeople) };
}

/** The same of the figures alone. */
export function figuresFor(figures: ReviewFigures, readsAboutPeople: boolean): ReviewFigures {
  if (readsAboutPeople) return figures;
  const { packet } = figures;
  const isForAll = ({ readers }: { readonly readers: string }) => readers === "both teams";
  const left = {
    ...packet,
    sections: packet.sections.filter(isForAll),
    proposals: packet.proposals.filter(isForAll),
  };
  return { ...figures, packet: left };
}
