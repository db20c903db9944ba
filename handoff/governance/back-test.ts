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

/**
 * A version judged against history in three parts (docs/agreement.md, "Back-test"). Of handoffs
 * that both make, and of those that it drops, the outcome is known and is a rate with its interval.
 * Those that it adds were never handed off: nobody knows what sales would have said, so they have
 * bounds and no rate.
 */
export interface BackTest {
  readonly kept: Observed;
  readonly dropped: Observed;
  /** Acceptance of those it adds; null when it adds none. */
  readonly added: OutcomeBounds | null;
  /** Acceptance of everything that the version hands off; null when that is nothing. */
  readonly version: OutcomeBounds | null;
}

/** `added`: leads that were not handed off and would have been. */
export function backTest(past: {
  readonly kept: PastPart;
  readonly dropped: PastPart;
  readonly added: number;
}): BackTest {
  const kept = observed(past.kept);
  return {
    kept,
    dropped: observed(past.dropped),
    added: past.added === 0 ? null : { handoffs: past.added, low: 0, high: 1 },
    version: versionBounds(kept, past.added),
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

/** From none of the added being accepted to all of them, around the interval of the kept. */
function versionBounds({ handoffs, acceptance }: Observed, added: number): OutcomeBounds | null {
  const all = handoffs + added;
  if (all === 0) return null;
  const share = handoffs / all;
  return {
    handoffs: all,
    low: share * (acceptance.low ?? 0),
    high: share * (acceptance.high ?? 1) + (1 - share),
  };
}

/** The same in words, a sentence a part. */
export function sayBackTest({ kept, dropped, added, version }: BackTest): string[] {
  return [
    `${sayPart(kept, "handoff", "that both versions make")}.`,
    `${sayPart(dropped, "handoff", "that it would drop")}.`,
    added === null
      ? "It would add none."
      : `${added.handoffs} it would add were never handed off: nobody knows how many of them ` +
        "sales would have accepted, from none to all.",
    ...(version === null || added === null
      ? []
      : [
          `Of all ${version.handoffs} that it hands off sales would accept between ` +
            `${percent(version.low)} and ${percent(version.high)}.`,
        ]),
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
