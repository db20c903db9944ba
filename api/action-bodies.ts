import { z } from "@hono/zod-openapi";
import type { ActionBodies, Seen } from "../handoff/process/event.ts";
import { channels, outcomes } from "../handoff/process/outreach.ts";
import { stages, type ActionName } from "../handoff/stage.ts";
import { dayIn, instantIn, textIn } from "./http/format.ts";

/**
 * What the sender was looking at: an answer to something that is over is refused with what stands.
 */
export const seenIn = z
  .strictObject({
    stage: z.enum(stages).optional(),
    cycle: z.int().min(1).max(1_000).optional(),
    round: z.int().min(0).max(1_000).optional(),
  })
  .openapi({
    description:
      "what the sender was looking at: `seen` of `GET /leads/{id}`. The action is decided for " +
      "this stage, this cycle and this offer; when one of them is over " +
      "it is refused with `already-answered`. Without it an action counts for whatever stands, " +
      "unless another decision was taken since it was received.",
  });
const seen = seenIn.optional();

const note = textIn(4_000).optional().openapi({ description: "for people; never leaves Postgres" });

/**
 * What a rep may have learnt; asked, not forced. Whether rating and signals fit the agreement is
 * checked against it.
 */
const learnt = {
  fitRating: z.int().min(1).max(5).optional(),
  timeline: textIn(200).optional(),
  buyingSignals: z.array(textIn(100)).max(20).optional(),
  note,
};

/** The body of each action. Unknown fields are refused by name. */
export const actionBodies = {
  logOutreach: z
    .strictObject({
      channel: z.enum(channels),
      outcome: z.enum(outcomes).optional(),
      occurredAt: instantIn
        .optional()
        .openapi({ description: "now when absent; not in the future" }),
      ...learnt,
      seen,
    })
    .openapi("Outreach"),
  accept: z.strictObject({ ...learnt, seen }).openapi("Acceptance"),
  reject: z
    .strictObject({
      reason: textIn(100).openapi({
        description: 'from the agreement\'s list; there is no "not ready"',
      }),
      field: z
        .string()
        .regex(/^(lead|account)\.\w{1,80}$/, { error: "expected a fact such as lead.phone" })
        .optional()
        .openapi({ description: "which fact is wrong, where the data is the reason" }),
      revisitOn: dayIn
        .optional()
        .openapi({ description: "the day to come back; some reasons need it" }),
      ...learnt,
      seen,
    })
    .openapi("Rejection"),
  advance: z
    .strictObject({
      to: z.enum(["sql", "opportunity"]).optional(),
      amountMinor: z
        .int()
        .min(0)
        .optional()
        .openapi({ description: "of the opportunity, in minor units" }),
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/, { error: "expected three capitals such as USD" })
        .optional(),
      ...learnt,
      seen,
    })
    .refine((body) => (body.amountMinor === undefined) === (body.currency === undefined), {
      path: ["currency"],
      error: "expected amount and currency together, or neither",
    })
    .openapi("Advance"),
  handBack: z.strictObject({ revisitOn: dayIn.optional(), note, seen }).openapi("HandBack"),
  reassign: z
    .strictObject({
      to: z
        .string()
        .regex(/^rp_[\w-]{1,60}$/, { error: "expected a rep's id, rp_…" })
        .optional()
        .openapi({ description: "a rep; routed again when absent" }),
      note,
      seen,
    })
    .openapi("Reassignment"),
  pause: z
    .strictObject({ reason: textIn(100), until: instantIn.optional(), note, seen })
    .openapi("Pause"),
  resume: z.strictObject({ note, seen }).openapi("Resumption"),
  decideContest: z
    .strictObject({ decision: z.enum(["uphold", "overturn"]), note, seen })
    .openapi("ContestDecision"),
  decideReview: z
    .strictObject({ decision: z.enum(["keep", "return", "retire"]), note, seen })
    .openapi("ReviewDecision"),
} as const satisfies {
  readonly [A in ActionName]: z.ZodType<
    Loose<ActionBodies[A]> & { readonly seen?: Loose<Seen> | undefined }
  >;
};

/** zod says `T | undefined` where the stored type says "absent"; JSON knows no difference. */
type Loose<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };
