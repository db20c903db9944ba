import type { RulePath } from "../agreement.ts";

/** What a proposal can be about. */
export type ProposalKind =
  | "recurring-reason"
  | "broken-band"
  | "missed-sla"
  | "weak-signal"
  | "rejecting-territory"
  | "waiting-territory"
  | "empty-campaign"
  | "weak-version"
  | "slow-rep";

/** What the figures suggest to decide about: never decided by Baton. */
export interface Proposal {
  readonly kind: ProposalKind;
  /** The reason, band, lead type, signal, territory, campaign, version or rep that it is about. */
  readonly about: string;
  /** Figures about single people are for those who lead them. */
  readonly readers: "both teams" | "those who lead";
  /** What to decide, in one line. */
  readonly title: string;
  /** The numbers that led to it. */
  readonly because: string;
  /** What it would have changed in the time it looked at, in counts. */
  readonly wouldHaveChanged: string;
  /** The rules of the agreement that it points at; empty where it points at none. */
  readonly rules: readonly RulePath[];
  /** The report that shows the numbers. */
  readonly report: string;
  /** Handoffs that surely went worse than the others' did: by this proposals are ranked. */
  readonly weight: number;
}
