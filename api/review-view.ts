import { z } from "@hono/zod-openapi";
import { reviewDecisions } from "../handoff/answers/pool-review.ts";
import { reviewKinds, signingParties } from "../handoff/reviews/review.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Role } from "../store/access/tokens.ts";
import {
  decisionsOf,
  undecidedOf,
  type ReviewLine,
  type ReviewRow,
} from "../store/reviews/reviews.ts";
import { signaturesOf, type ResolutionView, type ReviewView } from "../store/reviews/view.ts";
import type { ApiDeps } from "./deps.ts";
import { inWords, iso } from "./http/format.ts";
import { pageOf } from "./http/paging.ts";

export const decisionSchema = z.enum(reviewDecisions);
const counts = z.object({
  keep: z.number().int(),
  return: z.number().int(),
  retire: z.number().int(),
});
const signatureSchema = z
  .object({
    party: z.enum(signingParties),
    by: z.string().openapi({ description: "a person of the roster, else a token" }),
    name: z.string().nullable(),
    at: z.string(),
  })
  .openapi("ReviewSignature");

export const resolutionSchema = z
  .object({
    id: z.string(),
    review: z.string().openapi({ description: "the review that made it" }),
    period: z.string(),
    text: z.string(),
    owner: z.string().openapi({ description: "a role, or a person of the roster" }),
    ownerName: z.string().nullable(),
    dueOn: z.string().openapi({ format: "date" }),
    overdue: z.boolean(),
    proposal: z.string().nullable().openapi({ description: "of the packet, as `kind/about`" }),
    state: z.enum(["open", "done", "dropped"]),
    madeBy: z.string(),
    madeAt: z.string(),
    closedBy: z.string().nullable(),
    closedAt: z.string().nullable(),
    note: z.string().nullable(),
    carried: z
      .number()
      .int()
      .openapi({ description: "how often it was carried on to a later day" }),
    carriedBy: z.string().nullable().openapi({
      description: "who did so last: a person's name, else a token",
    }),
    carriedAt: z.string().nullable(),
  })
  .openapi("Resolution");

const sectionSchema = z
  .looseObject({
    title: z.string(),
    report: z.string(),
    from: z.string(),
    to: z.string(),
    asOf: z.string(),
    groupBy: z.string().nullable(),
    paragraph: z.string(),
    rows: z.array(z.record(z.string(), z.unknown())),
  })
  .openapi("PacketSection");

const figuresSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    sections: z.array(sectionSchema),
    proposals: z.array(z.record(z.string(), z.unknown())),
  })
  .openapi("PacketFigures", {
    description:
      "as they were when the review opened, about the period before the one in which it is held",
  });

export const reviewSchema = z
  .object({
    id: z.string(),
    kind: z.enum(reviewKinds),
    period: z.string(),
    state: z.enum(["open", "closed"]),
    openedAt: z.string(),
    due: z.string(),
    dueInWords: z.string(),
    overdue: z.boolean(),
    closedAt: z.string().nullable(),
    agreement: z.string().nullable(),
    reviewer: z.string().openapi({ description: "the role that decides" }),
    calendar: z.string(),
    zone: z.string(),
    signaturesNeeded: z.number().int().openapi({
      description: "two, one where the agreement says so; none for reviews from before signatures",
    }),
    signatures: z.array(signatureSchema),
    hasPool: z.boolean().openapi({ description: "it looks at the re-nurture pool too" }),
    leads: z.number().int().openapi({ description: "leads in the pool when the review opened" }),
    undecided: z.number().int(),
    suggestions: counts,
    decisions: counts,
    reasons: z
      .record(z.string(), z.number().int())
      .openapi({ description: "why they came into the pool" }),
  })
  .openapi("Review");

const lineSchema = z
  .object({
    lead: z.string(),
    url: z.string(),
    found: z
      .object({
        reason: z.string(),
        inPoolSince: z.string(),
        cycles: z.number().int(),
        revisitOn: z.string().nullable(),
        intentThen: z.number(),
        intentNow: z.number(),
        since: z.array(z.object({ type: z.string(), count: z.number().int(), lastAt: z.string() })),
        suggestion: decisionSchema,
        because: z.string(),
      })
      .nullable()
      .openapi({
        description: "the lead as it stood when the review opened; null when the person was erased",
      }),
    waits: z.boolean().openapi({ description: "a person has to decide" }),
    decision: decisionSchema.nullable(),
    decidedBy: z.string().nullable(),
    decidedAt: z.string().nullable(),
  })
  .openapi("ReviewLine");

/** A review with its packet and a page of the pool's leads. */
export const wholeReviewSchema = reviewSchema
  .extend({
    carried: z
      .array(resolutionSchema)
      .openapi({ description: "of earlier reviews, open when this one opened" }),
    owners: z
      .array(z.object({ id: z.string(), name: z.string().nullable() }))
      .openapi({ description: "who may own a resolution: roles, then people of the roster" }),
    figures: figuresSchema.nullable(),
    people: z.record(z.string(), z.string()).openapi({
      description: "names of the people whose ids stand in figures and resolutions, by id",
    }),
    resolutions: z.array(resolutionSchema),
    lines: pageOf(lineSchema),
  })
  .openapi("WholeReview");

/** Who may read figures about single people in a packet, where they are those of everybody. */
export function readsAboutPeople(role: Role): boolean {
  return role === "operator" || role === "revops" || role === "leader";
}

const none = { keep: 0, return: 0, retire: 0 };

/** Reviews as a list shows them. */
export async function shown(
  deps: ApiDeps,
  reviews: readonly ReviewRow[],
  now: Instant,
): Promise<z.output<typeof reviewSchema>[]> {
  const ids = reviews.map(({ id }) => id);
  const [decisions, undecided, signatures] = [
    await decisionsOf(deps.pool, ids),
    await undecidedOf(deps.pool, ids),
    await signaturesOf(deps.pool, ids),
  ];
  return reviews.map((review) => {
    const { reviewer, calendar, zone, leads, suggestions, reasons, hasPool = true } = review.packet;
    const due = review.due_at.getTime();
    return {
      id: review.id,
      kind: review.kind,
      period: review.period,
      state: review.state,
      openedAt: iso(review.opened_at),
      due: iso(due),
      dueInWords: review.state === "closed" ? "closed" : inWords(due, now),
      overdue: review.state === "open" && due < now,
      closedAt: iso(review.closed_at),
      agreement: review.agreement_id,
      reviewer,
      calendar,
      zone,
      signaturesNeeded: review.signatures_needed,
      signatures: (signatures.get(review.id) ?? []).map(({ at, ...one }) => ({
        ...one,
        at: iso(at),
      })),
      hasPool,
      leads,
      undecided: undecided.get(review.id) ?? 0,
      suggestions,
      decisions: { ...none, ...decisions.get(review.id) },
      reasons,
    };
  });
}

/** What a whole review has besides. */
export function packetOf(
  view: ReviewView,
): Pick<z.output<typeof wholeReviewSchema>, "carried" | "figures" | "resolutions"> {
  const { carried, resolutions, figures } = view;
  return {
    carried: carried.map(resolutionShown),
    figures: figures && {
      from: iso(figures.from),
      to: iso(figures.to),
      proposals: figures.packet.proposals.map((one) => ({ ...one })),
      sections: figures.packet.sections.map(({ from, to, asOf, rows, ...section }) => ({
        ...section,
        from: iso(from),
        to: iso(to),
        asOf: iso(asOf),
        rows: rows.map((row) => ({ ...row })),
      })),
    },
    resolutions: resolutions.map(resolutionShown),
  };
}

export function resolutionShown({
  reviewId: review,
  isOverdue: overdue,
  madeAt,
  closedAt,
  carriedAt,
  ...one
}: ResolutionView): z.output<typeof resolutionSchema> {
  return {
    ...one,
    review,
    overdue,
    madeAt: iso(madeAt),
    closedAt: iso(closedAt),
    carriedAt: iso(carriedAt),
  };
}

export function lineView(
  { subject_id: lead, entry, waits, decision, decided_by: decidedBy, decided_at }: ReviewLine,
  publicUrl: string,
): z.output<typeof lineSchema> {
  return {
    lead,
    url: `${publicUrl}/leads/${lead}`,
    found: foundIn(entry),
    waits,
    decision,
    decidedBy,
    decidedAt: iso(decided_at),
  };
}

function foundIn(entry: ReviewLine["entry"]): z.output<typeof lineSchema>["found"] {
  if (!("leadId" in entry)) return null;
  const {
    reason,
    inPoolSince,
    cycles,
    revisitOn,
    intentThen,
    intentNow,
    since,
    suggestion,
    because,
  } = entry;
  return {
    reason,
    inPoolSince: iso(inPoolSince),
    cycles,
    revisitOn,
    intentThen,
    intentNow,
    since: since.map((one) => ({ ...one, lastAt: iso(one.lastAt) })),
    suggestion,
    because,
  };
}
