import { compose } from "../messages/compose.ts";
import {
  MailRefused,
  messageIdOf,
  oneAddress,
  type Mail,
  type MailPicture,
} from "../messages/mail/mail.ts";
import type { MailKind, MailMessage, Of, PageOfMail } from "../messages/message.ts";
import { packetMail, packetPictures } from "../messages/reviews/mail.ts";
import { pngOf } from "../messages/reviews/png.ts";
import { consoleAddress } from "../messages/console-link.ts";
import { signedOfferPage } from "../messages/signed-page.ts";
import type { Effect, EffectEnd } from "../store/effects/effects.ts";
import { keepMail } from "../store/effects/mail.ts";
import { mailContext, type MailContext } from "../store/effects/mail-facts.ts";
import { alsoOf, messageOf } from "../store/effects/mail-message.ts";
import { noteReminder } from "../store/effects/reminders.ts";
import { reviewById } from "../store/reviews/reviews.ts";
import { forReader, reviewView, type ReviewView } from "../store/reviews/view.ts";
import type { MailDeps } from "./mail-deps.ts";
import { sendDigest } from "./reminders.ts";
import { mayOpen, recipientsOf, type Recipient } from "../store/effects/mail-recipients.ts";

/**
 * Sends the message of one effect to everybody it is for: what it says is what was decided, only
 * names are looked up now. A repeat sends under the same message ids. Throws MailDown when it must
 * be tried again.
 */
export async function sendMail(
  deps: MailDeps,
  effect: Effect,
  signal?: AbortSignal,
): Promise<EffectEnd> {
  const message = messageOf(effect);
  if ("problem" in message) return { state: "failed", why: message.problem };
  const also = alsoOf(effect);
  const [recipients, context] = await Promise.all([
    recipientsOf(deps.pool, message),
    mailContext(deps.pool, effect, message, also),
  ]);
  const wanted = [message, ...also].filter((one) => whyUnwanted(one, context) === null);
  const [first, ...others] = wanted;
  if (!first) return { state: "withdrawn", why: whyUnwanted(message, context) ?? "" };
  if (message.what === "task-waits" || message.what === "review-waits")
    return remind(deps, effect, message, recipients, signal);
  const packet = message.what === "review-opened" ? await packetFor(deps, message) : null;
  const refusals: string[] = [];
  for (const recipient of recipients) {
    const letter = { effect, message: first, also: others, context, packet, recipient };
    const refusal = await sendOne(deps, letter, signal);
    if (refusal) refusals.push(refusal);
  }
  return refusals.length === 0 ? { state: "done" } : { state: "failed", why: refusals.join("; ") };
}

/** Reminders go out together, each reader's in one mail, and at once where nobody was mailed lately. */
async function remind(
  deps: MailDeps,
  effect: Effect,
  message: Of<"task-waits" | "review-waits">,
  recipients: readonly Recipient[],
  signal?: AbortSignal,
): Promise<EffectEnd> {
  const readers = recipients.map((one) => (one.kind === "person" ? one.id : one.role));
  await noteReminder(deps.pool, effect, message, readers, deps.clock());
  const refusals: string[] = [];
  for (const reader of readers) {
    const refusal = await sendDigest(deps, reader, signal);
    if (refusal) refusals.push(refusal);
  }
  return refusals.length === 0 ? { state: "done" } : { state: "failed", why: refusals.join("; ") };
}

/** Wanted whatever became of the lead: what its reader must hear, and what is about no lead. */
export const regardless: readonly MailKind[] = [
  "withdrawn",
  "action-refused",
  "crm-paused",
  "renurture-review",
  "review-opened",
  "review-waits",
  "signature-asked",
];

/** Asked of somebody while the handoff is open; what is over is not asked for any more. */
const requests: readonly MailKind[] = [
  "breach",
  "escalation",
  "contested",
  "stalled",
  "fallback-queue",
  "task-waits",
];

/**
 * A deadline that is the reader's no longer would mislead: what an outage held up is dropped when
 * somebody else has the lead, or the handoff is over.
 */
function whyUnwanted(
  message: MailMessage,
  { erased, merged, handoff }: MailContext,
): string | null {
  if (regardless.includes(message.what)) return null;
  if (erased) return "the person was erased";
  if (merged) return "the lead was merged into another one";
  if (handoff === null) return null;
  if (message.what === "offer" || message.what === "warning") {
    return handoff.isOpen && handoff.repId === message.repId
      ? null
      : "the offer is not the reader's any more";
  }
  return requests.includes(message.what) && !handoff.isOpen ? "the handoff is over" : null;
}

interface Letter {
  readonly effect: Effect;
  readonly message: MailMessage;
  /** What is said beside it in the same mail. */
  readonly also: readonly MailMessage[];
  readonly context: MailContext;
  /** What a review opens with. */
  readonly packet: OpenedPacket | null;
  readonly recipient: Recipient;
}

interface OpenedPacket {
  readonly view: ReviewView;
  readonly pictures: readonly MailPicture[];
}

/** The packet of a review that opened, with pictures where its mail leaves the house. */
async function packetFor(
  { pool, mail, clock }: MailDeps,
  { reviewId }: Of<"review-opened">,
): Promise<OpenedPacket | null> {
  const review = await reviewById(pool, reviewId);
  if (!review) return null;
  const view = forReader(await reviewView(pool, review, clock()), false);
  const pictures: MailPicture[] = [];
  if (mail.isKept !== true)
    for (const { cid, title, svg } of packetPictures(view)) {
      const png = await pngOf(svg);
      if (png !== null) pictures.push({ cid, title, png });
    }
  return { view, pictures };
}

/** Gives why it was refused for good, without the address. */
async function sendOne(
  deps: MailDeps,
  letter: Letter,
  signal?: AbortSignal,
): Promise<string | null> {
  const { effect, message, also, context, packet, recipient } = letter;
  const isPerson = recipient.kind === "person";
  const reader = {
    name: isPerson ? recipient.name : null,
    meantFor: isPerson ? null : recipient.meantFor,
    isRep: isPerson && recipient.role === "rep",
    zone: (isPerson ? recipient.zone : null) ?? context.zone ?? "UTC",
  };
  // Mail that nobody is there to read is kept, and read in the house.
  const address = consoleAddress(deps.publicUrl, deps.mail.isKept === true || !isPerson);
  const page = await pageFor(deps, letter);
  const names = { ...context.names, page, console: address, reader };
  const pictures = isPerson ? (packet?.pictures ?? []) : [];
  const composed =
    packet === null
      ? compose(message, names, also)
      : packetMail(
          packet.view,
          { ...reader, console: address },
          new Set(pictures.map(({ cid }) => cid)),
        );
  const leadId = effect.subject.kind === "lead" ? (context.names.lead?.id ?? null) : null;
  const mail = (to: string, repId: string | null): Mail => ({
    ...composed,
    ...(pictures.length === 0 ? {} : { pictures }),
    to,
    about: { leadId, repId },
    messageId: messageIdOf(effect.key, isPerson ? recipient.id : recipient.role),
    headers: {
      "Auto-Submitted": "auto-generated",
      ...(leadId === null ? {} : { "X-Baton-Lead": leadId }),
    },
  });
  if (!isPerson) {
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

/**
 * Where the mail leads: the page of the offer, for who has it; for everybody else the page of the
 * lead in the console or, after a merge, of its survivor. Null where the reader may not see it.
 */
async function pageFor(deps: MailDeps, letter: Letter): Promise<PageOfMail | null> {
  const { message, context, recipient, effect } = letter;
  const id =
    message.what === "withdrawn" && message.mergedInto !== null
      ? message.mergedInto
      : (context.names.lead?.id ?? null);
  if (id === null) return null;
  const signed = await signedPage(deps, letter);
  if (signed !== null) return { opens: signed };
  // The recipient of these two owns the lead and may open it: no query for the most frequent mails.
  const isTheirs = message.what === "offer" || message.what === "warning";
  const kind = effect.subject.kind === "account" ? "account" : "lead";
  return isTheirs || (await mayOpen(deps.pool, { kind, id }, recipient))
    ? { of: { kind, id } }
    : null;
}

/** The signed address of the reader's offer; null for a mail that others see, as a kept one. */
async function signedPage(
  deps: MailDeps,
  { message, context, recipient }: Letter,
): Promise<string | null> {
  const { mail, mailLinks = "act", clock } = deps;
  const { lead } = context.names;
  const { handoff } = context;
  if (mail.isKept === true || mailLinks === "off" || recipient.kind !== "person") return null;
  if (!lead || lead.isAccount || !handoff?.isOpen || handoff.repId !== recipient.id) return null;
  const { cycle, round } = handoff;
  const dueAt = "dueAt" in message ? message.dueAt : null;
  const offer = { repId: recipient.id, leadId: lead.id, cycle, round, dueAt };
  return signedOfferPage(deps, offer, clock());
}
