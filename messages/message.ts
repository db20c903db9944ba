import type { Instant } from "../handoff/time/calendar.ts";
import type { Message } from "../handoff/process/message.ts";
import type { Party, ReviewKind } from "../handoff/reviews/review.ts";

/** To marketing: the re-nurture pool's review; to managers once it is overdue. */
export interface PoolReviewMessage {
  readonly what: "renurture-review";
  readonly reviewId: string;
  readonly step: "opened" | "reminder" | "overdue";
  /** Who is asked. */
  readonly role: string;
  readonly period: string;
  /** Leads that wait for a decision. */
  readonly count: number;
  readonly dueAt: Instant;
}

/** To the readers of both parties: a review is open; the mail is its packet. */
export interface ReviewOpened {
  readonly what: "review-opened";
  readonly reviewId: string;
  readonly kind: ReviewKind;
  readonly period: string;
}

/** To whoever has to sign a review, or is above those who have to: it is not signed. */
export interface ReviewWaits {
  readonly what: "review-waits";
  readonly reviewId: string;
  readonly kind: ReviewKind;
  readonly period: string;
  /** Whose signature is missing: the reader's, or for those above all that are. */
  readonly parties: readonly Party[];
  /** Leads of the re-nurture pool that wait for a decision in it. */
  readonly undecided: number;
  readonly dueAt: Instant;
  readonly tell: "party" | "above";
}

/** To whoever owns a resolution of a review, or is above: its day is over. */
export interface ResolutionWaits {
  readonly what: "resolution-waits";
  readonly resolutionId: string;
  readonly kind: ReviewKind;
  readonly period: string;
  /** A role, or a person's id. */
  readonly owner: string;
  /** YYYY-MM-DD */
  readonly dueOn: string;
  readonly tell: "holder" | "above";
}

/** To whoever signs for a party: a version of the agreement waits for a signature. */
export interface SignatureAsked {
  readonly what: "signature-asked";
  readonly versionId: string;
  readonly number: number;
  /** How many signatures it needs. */
  readonly needed: number;
  /** What it changes, in words of the agreement; the first ones. */
  readonly changes: readonly { readonly about: string; readonly change: string }[];
  /** So many more changes. */
  readonly more: number;
}

/** To the operator: the CRM refuses our credentials. */
export interface ConnectionPaused {
  readonly what: "crm-paused";
  readonly connection: string;
  readonly since: Instant;
}

/** What waits for a reader of reminders. */
export type ReminderItem =
  | (Extract<Message, { readonly what: "task-waits" }> & { readonly leadId: string })
  | ReviewWaits
  | ResolutionWaits;

/** To whom several things wait for, or who is above: they wait. */
export interface RemindersMessage {
  readonly what: "reminders";
  /** In order of their time. */
  readonly items: readonly ReminderItem[];
  /** So many wait besides. */
  readonly more: number;
}

/** Everything that Baton mails: what decisions say, and messages about no single lead. */
export type MailMessage = EffectMessage | RemindersMessage | ResolutionWaits;
/** Those that are wanted one by one. */
export type EffectMessage =
  Message | PoolReviewMessage | ReviewOpened | ReviewWaits | SignatureAsked | ConnectionPaused;
export type MailKind = MailMessage["what"];
export type Of<Kind extends MailKind> = Extract<MailMessage, { readonly what: Kind }>;

/**
 * What a message leaves out because it is looked up when the mail is sent: names, which are never
 * older than the mail, and the terms of the handoff, which never change. What was decided, by when
 * something is due, and who has the lead stand in the message alone.
 */
export interface MailNames {
  readonly reader: Reader;
  /** Null for messages about no single lead, and when the person was erased. */
  readonly lead: LeadForMail | null;
  /** Where the reader finds all about it; null when it is not theirs to see. */
  readonly page: PageOfMail | null;
  /** As links to the console begin; null where its address is not known (`consoleAddress`). */
  readonly console: string | null;
  /**
   * Names of the people whom the message names by their ids; who is not on the roster is missing.
   */
  readonly people: Readonly<Record<string, string>>;
  readonly terms: Terms | null;
  /** The version of the agreement under which it was decided; absent where it is about no single one. */
  readonly version?: string | null;
  /** The re-nurture pool's leads that are due for review, at most 50. */
  readonly pool: readonly PoolLeadLine[];
  /** Leads that a list names, by their ids; absent where there is no list. */
  readonly leads?: Readonly<Record<string, Pick<LeadForMail, "name" | "email" | "company">>>;
  /** What the resolutions that are named say and which review they are of, by their ids. */
  readonly resolutions?: Readonly<
    Record<string, { readonly text: string; readonly reviewId: string }>
  >;
}

/**
 * `opens`: an address that shows its page to the reader without a sign-in. `of`: the lead or the
 * account whose page in the console the reader may open.
 */
export type PageOfMail =
  | { readonly opens: string }
  | { readonly of: { readonly kind: "lead" | "account"; readonly id: string } };

export interface Reader {
  /** Null for a role without a person: the mail is kept for the operator. */
  readonly name: string | null;
  /** The id of the person it was written to, who is not there to read it. */
  readonly meantFor: string | null;
  /** A rep: pages about reviews are not theirs to see. */
  readonly isRep: boolean;
  /** Every time in the message is told in it. */
  readonly zone: string;
}

/** Under which terms the handoff was opened, and why. */
export interface Terms {
  readonly leadType: string;
  readonly band: string | null;
  readonly because: string | null;
}

/** Whom a mail is about: a lead, or an account that is handed off by itself. */
export interface LeadForMail {
  readonly id: string;
  /** A company: `name` is its name. Absent: a person. */
  readonly isAccount?: true;
  readonly name: string | null;
  readonly title: string | null;
  readonly company: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly source: string | null;
}

export interface PoolLeadLine {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly company: string | null;
  /** Why it came into the pool, and what it did since. */
  readonly reason: string | null;
  readonly engagementsSince: number;
}

/** A mail before it is laid out. Plain words: the layout escapes them. */
export interface Draft {
  readonly subject: string;
  readonly opening: string;
  readonly rows: readonly MailRow[];
  /** What the reader can do now, one sentence each. */
  readonly next: readonly string[];
  /** An address that opens for the reader, or how to get there. */
  readonly link: { readonly words: string; readonly to: string } | { readonly says: string } | null;
  /** The version of the agreement under which it was decided: said at the foot. */
  readonly version?: string | null;
}

/** `to`: the page of what the row is about. */
export type MailRow = readonly [label: string, value: string, to?: string | null];
