import type { Instant } from "../handoff/time/calendar.ts";
import type { FactValue, FieldPath } from "../handoff/facts/facts.ts";
import type { Stage } from "../handoff/stage.ts";

/** A fact as a CRM keeps it: its value and when it was set there (ISO 8601). */
export interface Fact {
  readonly value: FactValue;
  readonly at: string;
}

/**
 * Something a person did to a lead or an account in the CRM. Baton's own writes never come back as
 * changes.
 */
export interface CrmChange {
  /** The CRM's id of the event: the same id counts once. */
  readonly id: string;
  /** The record in the CRM. */
  readonly crmId: string;
  /** Set where the record is a company's; absent: it is a lead's. Of companies only `AccountDeed`. */
  readonly record?: "account" | undefined;
  /** Our id of the lead, where the CRM keeps it; null of a company. */
  readonly leadId: string | null;
  /** Our id of the account, where the record is a company's and the CRM keeps it. */
  readonly accountId?: string | null | undefined;
  /**
   * Counts the changes of this record by people from 1, without gaps; null where the CRM does not
   * count.
   */
  readonly sequence: number | null;
  readonly at: Instant;
  /** The CRM's user who did it: a rep's id there, or ours. */
  readonly by: string | null;
  /** Which state of its subject the record showed when it was done, where the CRM keeps that. */
  readonly seen?:
    | {
        readonly stage?: Stage | undefined;
        readonly cycle?: number | undefined;
        readonly round?: number | undefined;
      }
    | undefined;
  readonly what: CrmDeed;
}

export type CrmDeed =
  /** A record that people made there: no lead of ours is behind it yet. */
  | { readonly kind: "created"; readonly facts: Readonly<Record<FieldPath, FactValue>> }
  /** The record was given to another user, or to nobody (null). */
  | { readonly kind: "owner"; readonly owner: string | null }
  | { readonly kind: "facts"; readonly facts: Readonly<Record<FieldPath, FactValue>> }
  | {
      readonly kind: "status";
      readonly status: string;
      readonly reason?: string | undefined;
      /** A day, YYYY-MM-DD. */
      readonly revisitOn?: string | undefined;
      readonly note?: string | undefined;
      readonly fitRating?: number | undefined;
      readonly timeline?: string | undefined;
      readonly buyingSignals?: readonly string[] | undefined;
    }
  | {
      readonly kind: "outreach";
      readonly channel: string;
      readonly outcome: string;
      readonly occurredAt: Instant;
    }
  | { readonly kind: "opportunity"; readonly opportunity: OpportunitySeen }
  | { readonly kind: "merged"; readonly into: string }
  | { readonly kind: "deleted" };

/** What people do to a company that its handoff hears of. */
export type AccountDeed = Extract<CrmDeed, { kind: "owner" | "status" | "outreach" }>;

export interface OpportunitySeen {
  readonly crmId: string;
  readonly stage: "open" | "won" | "lost";
  /**
   * The CRM's own name for where it stands, such as Discovery or Proposal; null where the CRM names
   * none. Each move to another one is a change of its own, also one that is told late.
   */
  readonly dealStage: string | null;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly createdAt: Instant;
}
