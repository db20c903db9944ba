import { z } from "@hono/zod-openapi";
import type { ActionName } from "../handoff/stage.ts";
import type { ActionBodies } from "../store/actions.ts";
import { dayIn, instantIn, textIn } from "./format.ts";

const note = textIn(4_000).optional().openapi({ description: "for people; never leaves Postgres" });

/** What a rep may have learnt; asked, not forced. Whether rating and signals fit the agreement is checked against it. */
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
      channel: z.enum(["call", "email", "message", "meeting"]),
      outcome: z
        .enum(["attempted", "connected", "meeting_booked", "replied", "no_answer"])
        .optional(),
      occurredAt: instantIn
        .optional()
        .openapi({ description: "now when absent; not in the future" }),
      ...learnt,
    })
    .openapi("Outreach"),
  accept: z.strictObject(learnt).openapi("Acceptance"),
  reject: z
    .strictObject({
      reason: textIn(100).openapi({
        description: 'from the agreement\'s list; there is no "not ready"',
      }),
      revisitOn: dayIn
        .optional()
        .openapi({ description: "the day to come back; some reasons need it" }),
      ...learnt,
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
    })
    .refine((body) => (body.amountMinor === undefined) === (body.currency === undefined), {
      path: ["currency"],
      error: "expected amount and currency together, or neither",
    })
    .openapi("Advance"),
  handBack: z.strictObject({ revisitOn: dayIn.optional(), note }).openapi("HandBack"),
  reassign: z
    .strictObject({
      to: z
        .string()
        .regex(/^rp_[\w-]{1,60}$/, { error: "expected a rep's id, rp_…" })
        .optional()
        .openapi({ description: "a rep; routed again when absent" }),
      note,
    })
    .openapi("Reassignment"),
  pause: z
    .strictObject({ reason: textIn(100), until: instantIn.optional(), note })
    .openapi("Pause"),
  resume: z.strictObject({ note }).openapi("Resumption"),
  decideContest: z
    .strictObject({ decision: z.enum(["uphold", "overturn"]), note })
    .openapi("ContestDecision"),
  decideReview: z
    .strictObject({ decision: z.enum(["keep", "return", "retire"]), note })
    .openapi("ReviewDecision"),
} as const satisfies { readonly [A in ActionName]: z.ZodType<Loose<ActionBodies[A]>> };

/** zod says `T | undefined` where the stored type says "absent"; JSON knows no difference. */
type Loose<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };
