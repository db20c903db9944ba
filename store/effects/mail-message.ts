import { z } from "zod";
import { taskKinds } from "../../handoff/process/situation.ts";
import { reviewKinds, signingParties } from "../../handoff/reviews/review.ts";
import { stages } from "../../handoff/stage.ts";
import type { Message } from "../../handoff/process/message.ts";
import type { EffectMessage, Of } from "../../messages/message.ts";
import type { Effect, NewEffect } from "./effects.ts";

const instant = z.number();
const clock = z.enum(["outreach", "status"]);
const rung = z.strictObject({
  do: z.enum(["notify-manager", "reassign", "manager-queue", "manager-task"]),
  at: instant.nullable(),
});

/** What the payload of each kind of mail holds: the message without its kind. */
const payloads: { readonly [Kind in EffectMessage["what"]]: z.ZodType<Omit<Of<Kind>, "what">> } = {
  offer: z.object({
    repId: z.string(),
    stage: z.enum(stages),
    clock: clock.nullable(),
    dueAt: instant.nullable(),
    again: z.boolean(),
  }),
  warning: z.object({
    repId: z.string(),
    clock,
    fraction: z.number(),
    dueAt: instant.nullable(),
  }),
  breach: z.object({
    repId: z.string().nullable(),
    clock,
    dueAt: instant,
    next: rung.nullable(),
  }),
  escalation: z.object({
    repId: z.string().nullable(),
    clock: clock.nullable(),
    rung: z.number(),
    because: z.string(),
    waits: z.boolean(),
    dueAt: instant.nullable(),
    next: rung.nullable(),
  }),
  "reassigned-away": z.object({ repId: z.string(), because: z.string() }),
  withdrawn: z.object({
    repId: z.string(),
    because: z.string(),
    mergedInto: z.string().nullable(),
  }),
  merged: z.object({
    repId: z.string(),
    from: z.string(),
    withRep: z.string().nullable(),
  }),
  contested: z.object({
    repId: z.string().nullable(),
    managerId: z.string().nullable(),
    reason: z.string(),
    dueAt: instant,
  }),
  "contest-decided": z.object({
    repId: z.string(),
    decision: z.enum(["upheld", "overturned"]),
    reason: z.string().nullable(),
  }),
  "fallback-queue": z.object({ queue: z.string(), dueAt: instant.nullable() }),
  "nurture-review": z.object({ role: z.string(), since: instant }),
  stalled: z.object({ repId: z.string().nullable(), because: z.string() }),
  "task-waits": z.object({
    task: z.enum(taskKinds),
    role: z.string(),
    assigneeId: z.string().nullable(),
    tell: z.enum(["holder", "above"]),
    since: instant,
    dueAt: instant,
  }),
  "action-refused": z.object({
    repId: z.string(),
    action: z.string(),
    because: z.string(),
    stage: z.enum(stages),
    owner: z.string().nullable(),
  }),
  "renurture-review": z.object({
    reviewId: z.string(),
    step: z.enum(["opened", "reminder", "overdue"]),
    role: z.string(),
    period: z.string(),
    count: z.number(),
    dueAt: instant,
  }),
  "review-opened": z.object({
    reviewId: z.string(),
    kind: z.enum(reviewKinds),
    period: z.string(),
  }),
  "review-waits": z.object({
    reviewId: z.string(),
    kind: z.enum(reviewKinds),
    period: z.string(),
    parties: z.array(z.enum(signingParties)),
    undecided: z.number(),
    dueAt: instant,
    tell: z.enum(["party", "above"]),
  }),
  "signature-asked": z.object({
    versionId: z.string(),
    number: z.number(),
    needed: z.number(),
    changes: z.array(z.object({ about: z.string(), change: z.string() })),
    more: z.number(),
  }),
  "crm-paused": z.object({ connection: z.string(), since: instant }),
};

/** The kinds of mail that there are. */
export const mailKinds = Object.keys(payloads) as readonly EffectMessage["what"][];

/**
 * The effect that sends a message, but for its key: the payload is the message itself, with what is
 * said beside it in the same mail.
 */
export function mailEffect(
  message: EffectMessage,
  also: readonly Message[] = [],
): Pick<NewEffect, "kind" | "what" | "payload"> {
  const { what, ...payload } = message;
  return { kind: "mail", what, payload: also.length === 0 ? payload : { ...payload, also } };
}

/** What an effect of kind mail says beside its message; what cannot be read is left out. */
export function alsoOf({ payload }: Pick<Effect, "payload">): EffectMessage[] {
  const read = z.object({ also: z.array(z.looseObject({ what: z.string() })) }).safeParse(payload);
  return (read.data?.also ?? []).flatMap(({ what, ...rest }) => {
    const message = messageOf({ what, payload: rest as Effect["payload"] });
    return "problem" in message ? [] : [message];
  });
}

/** The message of an effect of kind mail, or what is wrong with it, by the fields' names. */
export function messageOf({
  what,
  payload,
}: Pick<Effect, "what" | "payload">): EffectMessage | { readonly problem: string } {
  const kind = mailKinds.find((one) => one === what);
  if (!kind) return { problem: `there is no message "${what}"` };
  const read = payloads[kind].safeParse(payload);
  if (read.success) return { what: kind, ...read.data } as EffectMessage;
  const wrong = read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  return { problem: `the message "${what}" cannot be read: ${wrong.join("; ")}` };
}
