import type { Instant } from "../handoff/time/calendar.ts";
import type { CrmChange, Fact } from "./change.ts";
import type { FieldPath } from "../handoff/facts/facts.ts";
import type { VerifiedWebhook } from "./webhook.ts";

/**
 * A CRM as Baton uses it. Every write is a keyed upsert: a repeat with the same key and content
 * changes nothing, so an unknown outcome is simply tried again. Adapters throw the errors below and
 * nothing else for what a CRM can answer; `signal` ends a call early, after which its outcome is
 * unknown. Adapters do not retry by themselves.
 */
export interface CrmPort extends CrmOutward, CrmInward {
  /**
   * `house`, `hubspot`, …: the name in `crm_link`; the connection and the inbox source are
   * `crm:<name>`.
   */
  readonly name: string;
}

/** What Baton writes there, and looks up to write it. */
export interface CrmOutward {
  upsertAccount(account: AccountRecord, signal?: AbortSignal): Promise<CrmRef>;
  /** Keyed by our id. Throws CrmGone or CrmMerged when the record it was written to is no more. */
  upsertLead(lead: LeadRecord, signal?: AbortSignal): Promise<CrmRef>;
  /**
   * Makes the task with this key, or makes it equal: owner, words, due. One that a user finished
   * stays finished.
   */
  upsertTask(task: TaskRecord, signal?: AbortSignal): Promise<CrmRef>;
  /** A task that is not there counts as closed. */
  closeTask(key: string, signal?: AbortSignal): Promise<void>;
  /** A note is written once; a repeat of the key leaves the first text. */
  addNote(note: NoteRecord, signal?: AbortSignal): Promise<CrmRef>;
  upsertOpportunity(opportunity: OpportunityRecord, signal?: AbortSignal): Promise<CrmRef>;
  /** The live record with this address or our id; null when there is none. */
  findLead(
    by: { readonly email: string } | { readonly leadId: string },
    signal?: AbortSignal,
  ): Promise<LeadSeen | null>;
  /** Throws CrmGone or CrmMerged. */
  readLead(crmId: string, signal?: AbortSignal): Promise<LeadSeen>;
}

/** What people did there, and how it comes in: told by webhooks, and asked for. */
export interface CrmInward extends CrmWebhooks {
  /**
   * What people changed after `cursor` (null: from the beginning), oldest first, at most `limit`.
   */
  changesSince(
    cursor: string | null,
    limit: number,
    signal?: AbortSignal,
  ): Promise<{ changes: CrmChange[]; cursor: string | null; more: boolean }>;
}

/** A webhook as it came in. */
export interface WebhookRequest {
  readonly method: string;
  /** As its sender addressed it: some systems sign that too. */
  readonly address: string;
  readonly header: (name: string) => string | undefined;
  /** The bytes as they came, never a parsed and rewritten body. */
  readonly body: Uint8Array;
}

/** A webhook is a hint to look; what it says is not lost, but `changesSince` is the truth. */
export interface CrmWebhooks {
  /** Whether it comes from the CRM, which knows one of the secrets, now; and its id. */
  verify(request: WebhookRequest, secrets: readonly string[], now: Instant): VerifiedWebhook;
  /**
   * The changes that a webhook tells of, with the ids under which a pull gives them; none when it
   * is about nothing of Baton's. Throws a ChangeError that names the field where it cannot be read.
   */
  translate(payload: unknown): readonly CrmChange[];
}

/** The CRM's id of a record and how often it changed. */
export interface CrmRef {
  readonly crmId: string;
  readonly version: number;
}

export interface AccountRecord {
  readonly accountId: string;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
  /** Where the account's own handoff stands; absent: nothing is said of it, what is there stays. */
  readonly handoff?: AccountHandoffRecord;
}

/** As a lead's: the offer, who has it, by when, and why sales said no. */
export type AccountHandoffRecord = Pick<
  LeadRecord,
  | "status"
  | "statusSince"
  | "cycle"
  | "round"
  | "ownerId"
  | "queue"
  | "leadType"
  | "dueAt"
  | "slaState"
  | "reason"
  | "agreement"
>;

/**
 * What Baton knows about a lead's place in the process, and its facts with their times: the CRM
 * keeps the newer ones.
 */
export interface LeadRecord {
  readonly leadId: string;
  /** Leads that are part of this one now: a record of theirs is this lead's. */
  readonly replaces?: readonly string[];
  /** A record found before, to be taken over instead of making a second one. */
  readonly crmId: string | null;
  readonly accountCrmId: string | null;
  readonly status: string;
  readonly statusSince: Instant;
  /** What the record shows: which cycle of the lead, and which offer; null where none is open. */
  readonly cycle: number;
  readonly round: number | null;
  /** The CRM's user, or our rep id where the CRM has no user for the rep. */
  readonly ownerId: string | null;
  readonly queue: string | null;
  readonly leadType: string | null;
  readonly band: string | null;
  /** The score with which it was handed off last; null before. */
  readonly fit: number | null;
  readonly intent: number | null;
  readonly territory: string | null;
  readonly dueAt: Instant | null;
  /** How the clock of what the lead waits for stands, else the last that ran; null without one. */
  readonly slaState: SlaState | null;
  /** Why sales last said no. */
  readonly reason: string | null;
  /**
   * The version of the agreement that its latest handoff stands under, which is the one it began
   * under also where its clocks were judged again by a later one. Null before the first.
   */
  readonly agreement: string | null;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
}

/** `breached`: its time is over and nothing was done; `met-late`: it was, after that. */
export type SlaState = "running" | "paused" | "met" | "met-late" | "breached";

export interface TaskRecord {
  readonly key: string;
  readonly leadCrmId: string;
  readonly ownerId: string | null;
  readonly subject: string;
  readonly dueAt: Instant | null;
}

export interface NoteRecord {
  readonly key: string;
  readonly leadCrmId: string;
  readonly body: string;
  readonly at: Instant;
}

export interface OpportunityRecord {
  /** Our id. */
  readonly key: string;
  readonly leadCrmId: string;
  readonly stage: "open" | "won" | "lost";
  /** Integer minor units; null when nobody named an amount. */
  readonly amountMinor: number | null;
  readonly currency: string | null;
}

/** A lead as the CRM has it. */
export interface LeadSeen extends CrmRef {
  readonly leadId: string | null;
  readonly status: string;
  readonly ownerId: string | null;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
}

/** The name of the CRM's row in `connection` and of its events in `inbox`. */
export function connectionOf(crm: { readonly name: string }): string {
  return `crm:${crm.name}`;
}

// What a CRM can answer other than yes. Whether to try again stands beside each; messages hold no
// personal data.

/** 429: try again, not before `retryAfterMs`. */
export class CrmBusy extends Error {
  override readonly name = "CrmBusy";
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number) {
    super(`the CRM asks to wait ${retryAfterMs} ms`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** 5xx, no connection, no answer in time: the outcome is unknown; try again. */
export class CrmDown extends Error {
  override readonly name = "CrmDown";
  constructor(why: string, cause?: unknown) {
    super(`the CRM does not answer: ${why}`, { cause });
  }
}

/** 422: this content is never accepted. A person must look at `field`. */
export class CrmRefused extends Error {
  override readonly name = "CrmRefused";
  readonly field: string;
  constructor(field: string, expected: string) {
    super(`the CRM refused ${field}: expected ${expected}`);
    this.field = field;
  }
}

/** 401: nothing works until somebody renews the connection's rights. */
export class CrmUnauthorized extends Error {
  override readonly name = "CrmUnauthorized";
  constructor() {
    super("the CRM does not accept our credentials");
  }
}

/** The record was deleted in the CRM; it is not made again. */
export class CrmGone extends Error {
  override readonly name = "CrmGone";
  readonly crmId: string;
  constructor(crmId: string) {
    super(`the CRM's record ${crmId} was deleted`);
    this.crmId = crmId;
  }
}

/** The record was merged into another one, which must be followed. */
export class CrmMerged extends Error {
  override readonly name = "CrmMerged";
  readonly crmId: string;
  readonly into: string;
  constructor(crmId: string, into: string) {
    super(`the CRM's record ${crmId} was merged into ${into}`);
    this.crmId = crmId;
    this.into = into;
  }
}
