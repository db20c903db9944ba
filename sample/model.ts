import type { Agreement, RejectionGroup } from "../handoff/agreement.ts";
import type { DatedFacts } from "../handoff/facts/merge-facts.ts";
import type { FrozenFacts } from "../handoff/process/frozen.ts";
import type { Stage, WaitingOn } from "../handoff/stage.ts";
import type { AppliedCalendar } from "../handoff/time/applied-calendar.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Target } from "../handoff/time/deadline.ts";

/** A version of the sample's agreement, by its place among the three, and when it came into force. */
export interface SampleVersion {
  readonly agreement: Agreement;
  readonly from: Instant;
}

export interface SampleCompany {
  readonly accounts: readonly SampleAccount[];
  /** In the order of arrival. */
  readonly leads: readonly SampleLead[];
  /** The calendars that clocks name. */
  readonly calendars: ReadonlyMap<string, AppliedCalendar>;
}

export interface SampleAccount {
  readonly id: string;
  readonly domain: string;
  readonly facts: DatedFacts;
  readonly createdAt: Instant;
}

export interface SampleEngagement {
  readonly id: string;
  readonly type: string;
  readonly occurredAt: Instant;
  readonly topic: string | null;
  readonly asset: string | null;
}

export interface SampleLead {
  readonly id: string;
  readonly accountId: string;
  readonly email: string;
  readonly facts: DatedFacts;
  readonly source: string;
  readonly campaign: string | null;
  readonly arrivedAt: Instant;
  /** Taken in a second time, by another form. */
  readonly arrivedAgainAt: Instant | null;
  readonly engagements: readonly SampleEngagement[];
  readonly score: SampleScore;
  readonly handoffs: readonly SampleHandoff[];
  readonly moves: readonly SampleMove[];
  readonly standing: SampleStanding;
}

export interface SampleScore {
  readonly fit: number;
  readonly intent: number;
  readonly band: string;
  readonly at: Instant;
}

export interface SampleMove {
  readonly cycle: number;
  readonly step: number;
  readonly from: Stage | null;
  readonly to: Stage;
  readonly because: string;
  readonly at: Instant;
}

/** Where the lead's process stands at the end of the sample. */
export interface SampleStanding {
  readonly stage: Stage;
  readonly stageSince: Instant;
  readonly waitingOn: WaitingOn;
  readonly ownerId: string | null;
  readonly queue: string | null;
  readonly nextStep: string;
  readonly nextAt: Instant | null;
  readonly leadType: string | null;
  readonly band: string;
  readonly territory: string | null;
  readonly cycle: number;
  readonly step: number;
  readonly reviewAt: Instant | null;
  readonly exitAt: Instant | null;
  readonly exitIntent: number | null;
  readonly exitReason: string | null;
  readonly revisitOn: string | null;
  readonly closedReason: string | null;
}

/** When a handoff took which step. */
export interface SampleSteps {
  readonly mql: Instant;
  offered?: Instant;
  firstOutreach?: Instant;
  connected?: Instant;
  meeting?: Instant;
  sal?: Instant;
  sql?: Instant;
  opportunity?: Instant;
  won?: Instant;
  lost?: Instant;
  rejected?: Instant;
  contested?: Instant;
  overturned?: Instant;
  closed: Instant;
}

export interface SampleHandoff {
  readonly id: string;
  readonly cycle: number;
  /** The place of its agreement among the versions. */
  readonly version: number;
  readonly leadType: string;
  readonly path: string;
  readonly priority: number;
  readonly band: string;
  readonly fit: number;
  readonly intent: number;
  readonly icp: boolean;
  readonly motion: string | null;
  readonly segment: string | null;
  readonly territory: string | null;
  readonly pool: string | null;
  readonly repId: string;
  readonly frozen: FrozenFacts;
  /** Meaningful engagements by then, in order of time. */
  readonly signals: readonly SampleEngagement[];
  readonly at: SampleSteps;
  readonly rejection: { readonly reason: string; readonly group: RejectionGroup } | null;
  readonly outcome: string;
  readonly systemMs: number | null;
  readonly humanMs: number | null;
  readonly offers: readonly SampleOffer[];
  readonly clocks: readonly SampleClock[];
  readonly outreach: readonly SampleOutreach[];
  readonly answers: readonly SampleAnswer[];
  readonly deal: readonly SampleDealState[];
}

export interface SampleOffer {
  readonly repId: string | null;
  readonly queue: string | null;
  readonly pool: string | null;
  readonly via: string;
  readonly at: Instant;
  readonly endedAt: Instant;
  readonly endedWhy: string;
}

export interface SampleClock {
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  readonly round: number;
  readonly repId: string | null;
  readonly target: Target;
  /** A name among the calendars of the company. */
  readonly calendar: string;
  readonly startedAt: Instant;
  readonly dueAt: Instant;
  readonly state: "met" | "breached" | "cancelled";
  readonly endedAt: Instant;
  readonly breachedAt: Instant | null;
  readonly usedMs: number;
}

export interface SampleOutreach {
  readonly channel: string;
  readonly outcome: string;
  readonly at: Instant;
  readonly toldAt: Instant;
  /** Of the first one: whether it was in time. */
  readonly onTime: boolean | null;
}

export interface SampleAnswer {
  readonly kind: string;
  readonly by: string;
  readonly at: Instant;
  readonly reason: string | null;
  readonly group: RejectionGroup | null;
  readonly revisitOn: string | null;
  readonly fitRating: number | null;
  readonly timeline: string | null;
  readonly buyingSignals: readonly string[];
  readonly contested: boolean;
  readonly onTime: boolean | null;
  readonly openMs: number | null;
}

export interface SampleDealState {
  readonly stage: "open" | "won" | "lost";
  /** As the CRM names it; null of one that is over. */
  readonly dealStage: string | null;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly at: Instant;
}
