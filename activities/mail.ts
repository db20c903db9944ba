import type { Instant } from "../handoff/calendar.ts";
import { compose } from "../mail/compose.ts";
import { MailRefused, messageIdOf, oneAddress, type Mail, type MailPort } from "../mail/mail.ts";
import { isMailKind, type MailKind } from "../mail/message.ts";
import type { Pool } from "../store/db.ts";
import type { Effect, EffectEnd } from "../store/effects.ts";
import { keepMail } from "../store/mail.ts";
import { mailContext, type MailContext } from "../store/mail-facts.ts";
import { recipientsOf, type Recipient } from "../store/mail-recipients.ts";

export interface MailDeps {
  readonly pool: Pool;
  readonly mail: MailPort;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly clock: () => Instant;
}

/**
 * Sends the message of one effect to everybody it is for, written from what Postgres says now. A repeat sends under the
 * same message ids. Throws MailDown when it must be tried again.
 */
export async function sendMail(
  deps: MailDeps,
  effect: Effect,
  signal?: AbortSignal,
): Promise<EffectEnd> {
  if (!isMailKind(effect.what))
    return { state: "failed", why: `there is no message "${effect.what}"` };
  const kind = effect.what;
  const [recipients, context] = await Promise.all([
    recipientsOf(deps.pool, effect, kind),
    mailContext(deps.pool, effect, kind),
  ]);
  const unwanted = whyUnwanted(kind, effect, context);
  if (unwanted) return { state: "withdrawn", why: unwanted };
  const refusals: string[] = [];
  for (const recipient of recipients) {
    const refusal = await sendOne(deps, effect, kind, context, recipient, signal);
    if (refusal) refusals.push(refusal);
  }
  return refusals.length === 0 ? { state: "done" } : { state: "failed", why: refusals.join("; ") };
}

/** Messages that are wanted whatever became of the lead: the rep must hear of a withdrawal, and some are about no lead. */
export const regardless: readonly MailKind[] = ["withdrawn", "crm-paused", "renurture-review"];

/** A deadline that no longer is the reader's would mislead: an offer held up by an outage is dropped when somebody else has the lead. */
function whyUnwanted(
  kind: MailKind,
  effect: Effect,
  { erased, merged, handoff }: MailContext,
): string | null {
  if (regardless.includes(kind)) return null;
  if (erased) return "the person was erased";
  if (merged) return "the lead was merged into another one";
  if ((kind !== "offer" && kind !== "warning") || !handoff) return null;
  const reader = effect.payload["repId"] ?? handoff.repId;
  return handoff.isOpen && handoff.repId === reader
    ? null
    : "the offer is not the reader's any more";
}

/** Gives why it was refused for good, without the address. */
async function sendOne(
  deps: MailDeps,
  effect: Effect,
  kind: MailKind,
  context: MailContext,
  recipient: Recipient,
  signal?: AbortSignal,
): Promise<string | null> {
  const reader = recipient.kind === "person" ? recipient.id : recipient.role;
  const zone = (recipient.kind === "person" ? recipient.zone : null) ?? context.zone ?? "UTC";
  const message = compose(kind, {
    ...context.facts,
    publicUrl: deps.publicUrl,
    reader: { name: recipient.kind === "person" ? recipient.name : recipient.role, zone },
  });
  const leadId = context.facts.lead?.id ?? null;
  const mail = (to: string, repId: string | null): Mail => ({
    ...message,
    to,
    messageId: messageIdOf(effect.key, reader),
    about: { leadId, repId },
    headers: {
      "Auto-Submitted": "auto-generated",
      ...(leadId === null ? {} : { "X-Baton-Lead": leadId }),
    },
  });
  if (recipient.kind === "vacant") {
    await keepMail(deps.pool, mail(recipient.role, null), deps.clock());
    return null;
  }
  const to = oneAddress(recipient.email);
  if (!to) return `${recipient.id}: expected one plain e-mail address`;
  try {
    await deps.mail.send(mail(to, recipient.id), signal);
    return null;
  } catch (error) {
    if (error instanceof MailRefused) return `${recipient.id}: ${error.message}`;
    throw error;
  }
}
