import { compose } from "../messages/compose.ts";
import { consoleAddress } from "../messages/console-link.ts";
import { MailRefused, messageIdOf, oneAddress } from "../messages/mail/mail.ts";
import type { MailMessage, MailNames } from "../messages/message.ts";
import { keepMail } from "../store/effects/mail.ts";
import { mailContext } from "../store/effects/mail-facts.ts";
import { readerOf } from "../store/effects/mail-recipients.ts";
import {
  endDigest,
  readersWaiting,
  releaseDigest,
  takeDigest,
  type Digest,
  type Reminder,
} from "../store/effects/reminders.ts";
import type { MailDeps } from "./mail-deps.ts";

/** So many reminders are listed; the rest is counted. */
const mostListed = 50;
const mostReaders = 200;

/**
 * Mails a reader what waits for them, all in one mail, unless they were mailed a short time ago:
 * then it waits for the next round. Throws MailDown when it must be tried again.
 */
export async function sendDigest(
  deps: MailDeps,
  reader: string,
  signal?: AbortSignal,
): Promise<string | null> {
  const digest = await takeDigest(deps.pool, reader, deps.clock());
  if (!digest) return null;
  try {
    const refusal = await mailDigest(deps, digest, signal);
    await endDigest(deps.pool, digest, deps.clock());
    return refusal;
  } catch (error) {
    await releaseDigest(deps.pool, digest);
    throw error;
  }
}

/** Mails reminders that had to wait. Gives why some were refused for good, without addresses. */
export async function sendDigests(deps: MailDeps): Promise<string[]> {
  const refusals: string[] = [];
  for (const reader of await readersWaiting(deps.pool, mostReaders)) {
    const refusal = await sendDigest(deps, reader);
    if (refusal) refusals.push(refusal);
  }
  return refusals;
}

/** Gives why it was refused for good, without the address. */
async function mailDigest(
  deps: MailDeps,
  digest: Digest,
  signal?: AbortSignal,
): Promise<string | null> {
  const [message, context] = await messageOf(deps, digest);
  const reader = await readerOf(deps.pool, digest.reader);
  const isPerson = reader.kind === "person";
  const composed = compose(message, {
    ...context.names,
    console: consoleAddress(deps.publicUrl, deps.mail.isKept === true || !isPerson),
    reader: {
      name: isPerson ? reader.name : null,
      meantFor: isPerson ? null : reader.meantFor,
      isRep: isPerson && reader.role === "rep",
      zone: (isPerson ? reader.zone : null) ?? context.zone ?? "UTC",
    },
  });
  const only = digest.reminders.length === 1 ? digest.reminders[0] : undefined;
  const mail = {
    ...composed,
    messageId: messageIdOf(digest.key, digest.reader),
    headers: { "Auto-Submitted": "auto-generated" },
    about: {
      leadId: only?.about === "task" && only.subject.kind === "lead" ? only.subject.id : null,
      repId: isPerson ? reader.id : null,
    },
  };
  if (!isPerson) {
    await keepMail(deps.pool, { ...mail, to: reader.role }, deps.clock());
    return null;
  }
  const to = oneAddress(reader.email);
  if (!to) return `${reader.id}: expected one plain e-mail address`;
  try {
    await deps.mail.send({ ...mail, to }, signal);
    return null;
  } catch (error) {
    if (error instanceof MailRefused) return `${reader.id}: ${error.message}`;
    throw error;
  }
}

const nobody = { lead: null, page: null, people: {}, terms: null, pool: [] };

/** One reminder is told as it was written, with all that is known; several are a list. */
async function messageOf(
  { pool }: MailDeps,
  { reminders }: Digest,
): Promise<
  [MailMessage, { readonly names: Omit<MailNames, "reader" | "console">; zone: string | null }]
> {
  const [only] = reminders;
  if (only && reminders.length === 1) {
    if (only.about !== "task")
      return [only.message, { names: { ...nobody, ...namesIn(reminders) }, zone: null }];
    const { subject, handoffId, message } = only;
    const { kind, id } = subject;
    const context = await mailContext(pool, { subject, handoffId }, message);
    if (kind !== "lead" && kind !== "account")
      return [message, { names: { ...context.names, page: null }, zone: context.zone }];
    return [
      message,
      { names: { ...context.names, page: { of: { kind, id } } }, zone: context.zone },
    ];
  }
  const listed = reminders.toSorted((a, b) => dueOf(a) - dueOf(b)).slice(0, mostListed);
  const message: MailMessage = {
    what: "reminders",
    items: listed.map((one) =>
      one.about === "task" ? { ...one.message, leadId: one.subject.id } : one.message,
    ),
    more: reminders.length - listed.length,
  };
  const leads = Object.fromEntries(
    listed.flatMap((one) =>
      one.about === "task"
        ? [[one.subject.id, { name: one.name, email: one.email, company: one.company }]]
        : [],
    ),
  );
  return [message, { names: { ...nobody, ...namesIn(listed), leads }, zone: null }];
}

function dueOf({ message }: Reminder): number {
  return message.what === "resolution-waits"
    ? Date.parse(`${message.dueOn}T00:00:00Z`)
    : message.dueAt;
}

/** What resolutions say, and who owns them. */
function namesIn(reminders: readonly Reminder[]): Pick<MailNames, "people" | "resolutions"> {
  const found = reminders.flatMap(({ message, ...rest }) =>
    message.what === "resolution-waits" && "text" in rest ? [{ message, ...rest }] : [],
  );
  return {
    people: Object.fromEntries(
      found.flatMap(({ message, ownerName }) =>
        ownerName === null ? [] : [[message.owner, ownerName]],
      ),
    ),
    resolutions: Object.fromEntries(
      found.map(({ message, text, reviewId }) => [
        message.resolutionId,
        { text: text ?? message.resolutionId, reviewId },
      ]),
    ),
  };
}
