import type { Instant, LocalDate } from "../time/calendar.ts";
import type { HandoffTerms } from "../clocks/terms.ts";
import type { FieldPath } from "../facts/facts.ts";
import type { Candidate, Routed } from "../routing/route.ts";
import type { ActionName, Stage } from "../stage.ts";
import type { Channel, Outcome } from "./outreach.ts";

/** What a lead that was merged away brings along, as it stood before. */
export interface Absorbed {
  readonly id: string;
  readonly stage: Stage;
  /** Who had it; null when nobody had. */
  readonly repId: string | null;
  /** What was tried in its open handoff. */
  readonly attempts: number;
  readonly firstOutreachAt: Instant | null;
  readonly connectedAt: Instant | null;
  readonly meetingAt: Instant | null;
  /** The person had raised a hand there. */
  readonly raised: boolean;
  /** Somebody is asked about that and has not answered. */
  readonly isAsked?: true;
}

/** What a rep learnt while working a lead: for figures and the next decision, never a gate. */
export interface Learnt {
  readonly fitRating?: number;
  readonly timeline?: string;
  readonly buyingSignals?: readonly string[];
  readonly note?: string;
}

/** What a person said with an action, by its name. Days are YYYY-MM-DD, instants ISO 8601. */
export interface ActionBodies {
  readonly logOutreach: Learnt & {
    readonly channel: Channel;
    readonly outcome?: Outcome;
    /** When it happened; absent: when the action was received. */
    readonly occurredAt?: string;
  };
  readonly accept: Learnt;
  /** `field`: which fact is wrong, where the data is the reason. */
  readonly reject: Learnt & {
    readonly reason: string;
    readonly revisitOn?: LocalDate;
    readonly field?: FieldPath;
  };
  /** `to`: the next stage when absent. An amount is in minor units, with its currency. */
  readonly advance: Learnt & {
    readonly to?: "sql" | "opportunity";
    readonly amountMinor?: number;
    readonly currency?: string;
  };
  readonly handBack: { readonly revisitOn?: LocalDate; readonly note?: string };
  /** `to` is a rep's id; absent: routed again. */
  readonly reassign: { readonly to?: string; readonly note?: string };
  /** `until` is an instant; absent: as long as the agreement allows. */
  readonly pause: { readonly reason: string; readonly until?: string; readonly note?: string };
  readonly resume: { readonly note?: string };
  /** `uphold`: the rejection stands; `overturn`: the lead goes to another rep. */
  readonly decideContest: { readonly decision: "uphold" | "overturn"; readonly note?: string };
  readonly decideReview: {
    readonly decision: "keep" | "return" | "retire";
    readonly note?: string;
  };
}
export type ActionBody = ActionBodies[ActionName];

/** Which state of the subject the sender of an action was looking at. */
export interface Seen {
  readonly stage?: Stage;
  readonly cycle?: number;
  readonly round?: number;
}

/** A person's action, as it was parsed and stored before it is decided. */
export interface Action<A extends ActionName = ActionName> {
  readonly id: string;
  readonly name: A;
  readonly body: ActionBodies[A];
  /** Rep id, or the id of a token of somebody who is not on the roster. */
  readonly by: string;
  readonly role: string;
  readonly via: "api" | "crm" | "import" | "mail" | "console";
  /** The one time that decides lateness. */
  readonly receivedAt: Instant;
  readonly seen: Seen | null;
}

export type AnyAction = { [A in ActionName]: Action<A> }[ActionName];

/** What happened, that something must be decided about. */
export type Event =
  /** A subject was taken in and is judged for the first time. */
  | { readonly kind: "arrived" }
  /** Facts of the subject or its account changed. */
  | {
      readonly kind: "facts";
      /** Which; absent: not known. */
      readonly fields?: readonly FieldPath[];
    }
  /** Something the subject did crossed a threshold. */
  | { readonly kind: "engaged" }
  /** A time that was waited for has come, or somebody looks again. */
  | { readonly kind: "time" }
  /** Another version of the agreement is active. */
  | { readonly kind: "policy" }
  /**
   * Another version was activated, and the clocks of open handoffs go on by it. `terms`: what it
   * asks of this one; null where it has no such lead type.
   */
  | { readonly kind: "rejudged"; readonly agreementId: string; readonly terms: HandoffTerms | null }
  /** People came, left, or changed their hours. */
  | { readonly kind: "roster" }
  /** The CRM merged the record into another one of ours. */
  | { readonly kind: "merged" }
  /** Another record of the person was merged into this lead. */
  | {
      readonly kind: "absorbed";
      readonly from: Absorbed;
      /** Facts of this lead that have another value because of it. */
      readonly fields: readonly FieldPath[];
    }
  | { readonly kind: "erased" }
  /** The CRM has an opportunity of this subject. */
  | { readonly kind: "seenInCrm" }
  /** The routing dispatcher answered for `round`. */
  | {
      readonly kind: "routed";
      /** The handoff that was routed; absent: the open one. */
      readonly handoffId?: string;
      readonly round: number;
      readonly routed: Routed;
      readonly territory: string | null;
      readonly segment: string | null;
      /**
       * The place was found from this situation's facts; absent when an earlier asking found it.
       */
      readonly placedNow?: true;
      /** Who was considered for a subject that is put on hold; an assignment keeps its own list. */
      readonly candidates?: readonly Candidate[];
    }
  /** A handoff that another system led until now is open, and goes on here. */
  | { readonly kind: "takenOver" }
  /** A closed subject begins again, because a person said so. */
  | { readonly kind: "reopened"; readonly by: string }
  | { readonly kind: "action"; readonly action: AnyAction };
