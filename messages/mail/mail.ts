import { createHash } from "node:crypto";

/**
 * One message to one person of the roster, or to a role nobody fills. Baton never mails prospects.
 */
export interface Mail {
  /**
   * `<key@baton>`: the same for every try, so that a mail server recognises a repeat.
   */
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Pictures that the HTML names by `cid:`; where mail is kept they are left out. */
  readonly pictures?: readonly MailPicture[];
  /** What it is about, for the list of kept mail: ids only. */
  readonly about: { readonly leadId: string | null; readonly repId: string | null };
}

export interface MailPicture {
  readonly cid: string;
  readonly title: string;
  readonly png: Uint8Array;
}

export interface MailPort {
  readonly name: string;
  /** Messages are stored where others than their reader see them: no signed link goes in. */
  readonly isKept?: boolean;
  /**
   * Resolves once the message is taken for delivery. Throws MailDown when trying again can help
   * (the outcome may be unknown) and MailRefused when it cannot. `signal` ends the wait early.
   */
  send(mail: Mail, signal?: AbortSignal): Promise<void>;
}

/**
 * The mail server is away, slow or says "later": the outcome may be unknown; try again under the
 * same Message-ID.
 */
export class MailDown extends Error {
  override readonly name = "MailDown";
  constructor(why: string) {
    super(`mail cannot be sent now: ${why}`);
  }
}

/** This message is never accepted as it is. A person must look at it. */
export class MailRefused extends Error {
  override readonly name = "MailRefused";
  constructor(why: string) {
    super(`mail refused: ${why}`);
  }
}

/** The Message-ID of an effect's mail to one reader: readable, and distinct for distinct keys. */
export function messageIdOf(effectKey: string, reader: string): string {
  const key = `${effectKey}/${reader}`;
  const slug = key
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 80);
  return `<${slug}.${createHash("sha256").update(key).digest("hex").slice(0, 12)}@baton>`;
}

const address =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/**
 * The text when it is exactly one plain address, else null. Refuses lists, display names, quotes
 * and control characters: mail libraries take "a@x, b@y" and "a@x\r\nBcc: b@y" for more than one
 * recipient.
 */
export function oneAddress(text: string): string | null {
  return text.length <= 254 && text.indexOf("@") <= 64 && address.test(text) ? text : null;
}
