import { rateOf, type Rate } from "../reviews/figures.ts";

/** Handoffs of the past in one part of a back-test, by what became of them. */
export interface PastPart {
  readonly handoffs: number;
  /** With an answer, or closed without one; the others are too young to count. */
  readonly decided: number;
  /** Of the decided. */
  readonly accepted: number;
  /** Of the decided: came to SQL. */
  readonly qualified: number;
}

/** What was observed of a part: its outcomes happened. */
export interface Observed {
  readonly handoffs: number;
  readonly undecided: number;
  readonly acceptance: Rate;
  readonly qualification: Rate;
}

/** Between which values a rate lies whose cases have no outcome in part; never one value. */
export interface OutcomeBounds {
  readonly handoffs: number;
  readonly low: number;
  readonly high: number;
}

/** Handoffs of the past that began to explore, with one probability, and that the version makes. */
export interface ExploredPart {
  readonly propensity: number;
  readonly handoffs: number;
  readonly decided: number;
  readonly accepted: number;
}

/** What exploration says about leads that no rule let through. */
export interface ExploredEstimate {
  /** That were explored, and of how many leads they were drawn. */
  readonly handoffs: number;
  readonly of: number;
  readonly undecided: number;
  readonly decided: number;
  readonly accepted: number;
  /** Each weighed by how unlikely it was: an estimate for all that could have been drawn. */
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** Handoffs that a version adds. `explored` is absent where none was explored and decided. */
export interface AddedHandoffs extends OutcomeBounds {
  readonly explored?: ExploredEstimate;
}

/**
 * A version judged against history in three parts (docs/agreement.md, "Back-test"). Of handoffs
 * that both make, and of those that it drops, the outcome is known and is a rate with its interval.
 * Those that it adds were never handed off: nobody knows what sales would have said, so they have
 * bounds and no rate. Where some like them were drawn to be explored, those speak for all that could
 * have been drawn.
 */
export interface BackTest {
  readonly kept: Observed;
  readonly dropped: Observed;
  /** Acceptance of those it adds; null when it adds none. */
  readonly added: AddedHandoffs | null;
  /** Acceptance of everything that the version hands off; null when that is nothing. */
  readonly version: OutcomeBounds | null;
}

/** A history in parts. */
export interface PastParts {
  readonly kept: PastPart;
  readonly dropped: PastPart;
  /** Leads that were not handed off and would have been. */
  readonly added: number;
  /** Of them, those that could have been drawn to be explored. */
  readonly couldBeExplored?: number;
  /** Leads that were drawn and handed off, and would have been without that. */
  readonly explored?: readonly ExploredPart[];
}

export function backTest(past: PastParts): BackTest {
  const kept = observed(past.kept);
  const added = addedHandoffs(past);
  return {
    kept,
    dropped: observed(past.dropped),
    added,
    version: versionBounds(kept, added),
  };
}

function addedHandoffs({
  added,
  couldBeExplored = 0,
  explored = [],
}: PastParts): AddedHandoffs | null {
  const drawn = explored.reduce((sum, { handoffs }) => sum + handoffs, 0);
  const handoffs = added + drawn;
  if (handoffs === 0) return null;
  const estimate = exploredEstimate(explored, drawn + couldBeExplored);
  if (estimate === null) return { handoffs, low: 0, high: 1 };
  // They speak for those that could have been drawn; of the others nothing is known.
  const share = estimate.of / handoffs;
  return {
    handoffs,
    low: share * estimate.low,
    high: share * estimate.high + (1 - share),
    explored: estimate,
  };
}

/**
 * Hájek's estimate: each decided handoff counts as often as one divided by its probability. Its
 * interval is Wilson's for as many cases as such weights are worth (Kish): unequal ones are worth
 * less than their number.
 */
function exploredEstimate(parts: readonly ExploredPart[], of: number): ExploredEstimate | null {
  const sum = (value: (part: ExploredPart) => number) =>
    parts.reduce((all, part) => all + value(part), 0);
  const [handoffs, decided, accepted] = [
    sum((part) => part.handoffs),
    sum((part) => part.decided),
    sum((part) => part.accepted),
  ];
  if (decided === 0) return null;
  const weight = sum((part) => part.decided / part.propensity);
  const worth = weight ** 2 / sum((part) => part.decided / part.propensity ** 2);
  const rate = Math.min(1, sum((part) => part.accepted / part.propensity) / weight);
  const { low, high } = rateOf(rate * worth, worth);
  return {
    handoffs,
    of,
    undecided: handoffs - decided,
    decided,
    accepted,
    rate,
    low: low ?? 0,
    high: high ?? 1,
  };
}

function observed({ handoffs, decided, accepted, qualified }: PastPart): Observed {
  return {
    handoffs,
    undecided: handoffs - decided,
    acceptance: rateOf(accepted, decided),
    qualification: rateOf(qualified, decided),
  };
}

/** From the least that may be accepted of both parts to the most. */
function versionBounds(
  { handoffs, acceptance }: Observed,
  added: OutcomeBounds | null,
): OutcomeBounds | null {
  const all = handoffs + (added?.handoffs ?? 0);
  if (all === 0) return null;
  const share = handoffs / all;
  return {
    handoffs: all,
    low: share * (acceptance.low ?? 0) + (1 - share) * (added?.low ?? 0),
    high: share * (acceptance.high ?? 1) + (1 - share) * (added?.high ?? 1),
  };
}

/** The same in words, a sentence a part. */
export function sayBackTest({ kept, dropped, added, version }: BackTest): string[] {
  return [
    `${sayPart(kept, "handoff", "that both versions make")}.`,
    `${sayPart(dropped, "handoff", "that it would drop")}.`,
    ...sayAdded(added),
    ...(version === null || added === null
      ? []
      : [
          `Of all ${version.handoffs} that it hands off sales would accept between ` +
            `${percent(version.low)} and ${percent(version.high)}.`,
        ]),
  ];
}

function sayAdded(added: AddedHandoffs | null): string[] {
  if (added === null) return ["It would add none."];
  const { explored } = added;
  const unknown = (count: number) =>
    `${count} it would add were never handed off: nobody knows how many of them ` +
    "sales would have accepted, from none to all.";
  if (explored === undefined) return [unknown(added.handoffs)];
  const { handoffs, of, decided, accepted, undecided, rate, low, high } = explored;
  const others = added.handoffs - of;
  return [
    `Of ${of} it would add, ${handoffs} ${handoffs === 1 ? "was" : "were"} drawn and handed off to ` +
      `explore: ${accepted} of ${decided} decided were accepted` +
      `${undecided === 0 ? "" : `, ${undecided} undecided`}. Weighed by how likely each was to be ` +
      `drawn, sales would accept ${percent(rate)} of them (${percent(low)} to ${percent(high)}).`,
    ...(others === 0 ? [] : [unknown(others)]),
  ];
}

function sayPart({ handoffs, undecided, acceptance }: Observed, noun: string, which: string) {
  const { rate, low, high, numerator, denominator } = acceptance;
  const said = `${handoffs} ${noun}${handoffs === 1 ? "" : "s"} ${which}`;
  if (rate === null || low === null || high === null)
    return handoffs === 0 ? said : `${said}: none of them is decided yet`;
  return (
    `${said}: ${numerator} of ${denominator} decided were accepted, ${percent(rate)} ` +
    `(${percent(low)} to ${percent(high)})${undecided === 0 ? "" : `; ${undecided} undecided`}`
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
