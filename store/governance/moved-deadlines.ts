import type { MovedDeadline } from "../../handoff/governance/planning.ts";
import type { HandoffOf } from "./plan-data.ts";

/** Deadlines of open handoffs that would move. */
export interface MovedDeadlines {
  /** Open handoffs of leads and accounts that were looked at. */
  readonly handoffs: number;
  /** Those of which a deadline moves. */
  readonly moved: number;
  readonly earlier: number;
  readonly later: number;
  /** The first ones, in order of their handoffs. */
  readonly list: readonly (HandoffOf & MovedDeadline)[];
}

/** So many are named; the others are counted. */
export const mostListed = 500;

/** Counts them, one handoff after the other; `found` is what it came to so far. */
export function tallyMoved(): {
  readonly found: MovedDeadlines;
  add(of: HandoffOf, deadlines: readonly MovedDeadline[]): void;
} {
  const list: (HandoffOf & MovedDeadline)[] = [];
  const found = { handoffs: 0, moved: 0, earlier: 0, later: 0, list };
  return {
    found,
    add(of, deadlines) {
      found.handoffs++;
      if (deadlines.length > 0) found.moved++;
      for (const one of deadlines) {
        if ((one.to ?? Infinity) < (one.from ?? Infinity)) found.earlier++;
        else found.later++;
        if (list.length < mostListed) list.push({ ...of, ...one });
      }
    },
  };
}
