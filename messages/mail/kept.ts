import type { Mail, MailPort } from "./mail.ts";

/** Stores a message; a message id that is stored already changes nothing. */
export type KeepMail = (mail: Mail) => Promise<void>;

/** The embedded default: messages stay in Postgres and are read at `GET /mail`. */
export function createKeptMail(keep: KeepMail): MailPort {
  return { name: "kept", isKept: true, send: (mail) => keep(mail) };
}
