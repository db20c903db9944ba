import type { Instant } from "../handoff/calendar.ts";
import type { CrmChange, Fact } from "./change.ts";
import type { FieldPath } from "../handoff/facts.ts";

/**
 * A CRM as Baton uses it. Every write is a keyed upsert: a repeat with the same key and content changes nothing, so an
 * unknown outcome is simply tried again. Adapters throw the errors of `errors.ts` and nothing else for what a CRM can
 * answer; `signal` ends a call early, after which its outcome is unknown. Adapters do not retry by themselves.
 */
export interface CrmPort {
  /** `house`, `hubspot`, …: the name in `crm_link`; the connection and the inbox source are `crm:<name>`. */
  readonly name: string;
  upsertAccount(account: AccountRecord, signal?: AbortSignal): Promise<CrmRef>;
  /** Keyed by our id. Throws CrmGone or CrmMerged when the record it was written to is no more. */
  upsertLead(lead: LeadRecord, signal?: AbortSignal): Promise<CrmRef>;
  /** Makes the task with this key, or makes it equal: owner, words, due. One that a user finished stays finished. */
  upsertTask(task: TaskRecord, signal?: AbortSignal): Promise<CrmRef>;
  /** A task that is not there counts as closed. */
  closeTask(key: string, signal?: AbortSignal): Promise<void>;
  /** A note is written once; a repeat of the key leaves the first text. */
  addNote(note: NoteRecord, signal?: AbortSignal): Promise<CrmRef>;
  upsertOpportunity(opportunity: OpportunityRecord, signal?: AbortSignal): Promise<CrmRef>;
  /** The live record with this address or our id; null when there is none. */
  findLead(by: { readonly email: string } | { readonly leadId: string }, signal?: AbortSignal): Promise<LeadSeen | null>;
  /** Throws CrmGone or CrmMerged. */
  readLead(crmId: string, signal?: AbortSignal): Promise<LeadSeen>;
  /** What people changed after `cursor` (null: from the beginning), oldest first, at most `limit`. */
  changesSince(cursor: string | null, limit: number, signal?: AbortSignal): Promise<{ changes: CrmChange[]; cursor: string | null; more: boolean }>;
}

/** The CRM's id of a record and how often it changed. */
export interface CrmRef {
  readonly crmId: string;
  readonly version: number;
}

export interface AccountRecord {
  readonly accountId: string;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
}

/** What Baton knows about a lead's place in the process, and its facts with their times: the CRM keeps the newer ones. */
export interface LeadRecord {
  readonly leadId: string;
  /** A record found before, to be taken over instead of making a second one. */
  readonly crmId: string | null;
  readonly accountCrmId: string | null;
  readonly status: string;
  readonly statusSince: Instant;
  /** The CRM's user, or our rep id where the CRM has no user for the rep. */
  readonly ownerId: string | null;
  readonly queue: string | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly territory: string | null;
  readonly dueAt: Instant | null;
  /** Why sales last said no. */
  readonly reason: string | null;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
}

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
