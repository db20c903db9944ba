import type { Instant } from "../handoff/calendar.ts";

/** The messages Baton writes. Who gets each by default stands in store/mail-recipients.ts. */
export const mailKinds = [
  "offer",
  "warning",
  "breach",
  "escalation",
  "reassigned-away",
  "withdrawn",
  "contested",
  "contest-decided",
  "fallback-queue",
  "nurture-review",
  "renurture-review",
  "stalled",
  "crm-paused",
] as const;
export type MailKind = (typeof mailKinds)[number];

export function isMailKind(what: string): what is MailKind {
  return (mailKinds as readonly string[]).includes(what);
}

/** What a message is written from, read from Postgres when it is sent: names are never older than the mail. */
export interface MailFacts {
  /** The reader's zone: every time in the message is told in it. */
  readonly reader: { readonly name: string; readonly zone: string };
  readonly publicUrl: string;
  /** Null for messages about no single lead, and when the person was erased. */
  readonly lead: LeadForMail | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly owner: string | null;
  /** Why sales said no, as the reason's name in the agreement. */
  readonly reason: string | null;
  readonly dueAt: Instant | null;
  /** What the effect itself says: ids, instants, words. */
  readonly said: Readonly<Record<string, string | number | boolean | null>>;
  /** The re-nurture pool's leads that are due for review, at most 50. */
  readonly pool: readonly PoolLead[];
}

export interface LeadForMail {
  readonly id: string;
  readonly name: string | null;
  readonly title: string | null;
  readonly company: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly source: string | null;
}

export interface PoolLead {
  readonly id: string;
  readonly name: string | null;
  readonly company: string | null;
  /** Why it came into the pool, and what it did since. */
  readonly reason: string | null;
  readonly engagementsSince: number;
}

/** A message before it is laid out. Plain words: the layout escapes them. */
export interface Message {
  readonly subject: string;
  readonly opening: string;
  readonly rows: readonly (readonly [label: string, value: string])[];
  /** What the reader can do now, one sentence each. */
  readonly next: readonly string[];
  readonly link: { readonly words: string; readonly url: string } | null;
}
