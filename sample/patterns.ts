/**
 * What can be wrong in the sample company, one for each kind of trouble that the two articles want
 * the reports to show (docs/sample.md says where each is seen).
 */
export const patternNames = [
  "stopped-band",
  "empty-campaign",
  "slow-rep",
  "recurring-rejection",
  "territory-gap",
  "changed-criteria",
] as const;
export type PatternName = (typeof patternNames)[number];

/** Which band, campaign, rep, reason and territory the patterns are about. */
export const planted = {
  band: "A",
  campaign: "summer-giveaway",
  rep: "rp_dach_2",
  reason: "wrong-role",
  territory: "canada",
} as const;

export interface SampleOptions {
  /** How many leads arrive. */
  readonly leads: number;
  /** Over how many months up to `until`. */
  readonly months: number;
  readonly seed: number;
  readonly plant: readonly PatternName[];
}

/** Shorter, and the quarter of changed criteria has no other times beside it. */
export const fewestMonths = 9;
export const mostMonths = 36;
export const mostLeads = 50_000;
