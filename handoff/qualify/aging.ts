import type { Agreement, Condition, Matcher } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Known } from "./condition.ts";
import type { Engagement } from "../facts/facts.ts";
import { leaves } from "./condition.ts";
import { happenedBy, isMeaningful, isSignal } from "./engagements.ts";
import { intentCrosses } from "./score.ts";

/**
 * The moments after `known.now` at which a condition of the suppressions or lead types turns by
 * itself if nothing else happens: an engagement grows older than a window, or the score crosses a
 * threshold. In order.
 */
export function agingMoments(agreement: Agreement, known: Known): Instant[] {
  const happened = happenedBy(known.engagements, known.now);
  const conditions = [...agreement.suppress, ...agreement.leadTypes].flatMap((rule) =>
    leaves(agreement, rule.when),
  );
  const moments = [...new Set(conditions)].flatMap((condition) =>
    turning(agreement, happened, known.now, condition),
  );
  return [...new Set(moments)].filter((at) => at > known.now).sort((a, b) => a - b);
}

function turning(
  agreement: Agreement,
  happened: readonly Engagement[],
  now: Instant,
  condition: Condition,
): Instant[] {
  switch (condition.kind) {
    case "signal": {
      const newestFirst = happened
        .filter((one) => isSignal(agreement.signals, one, condition.signal))
        .reverse();
      return leavesWindow(newestFirst[condition.atLeast - 1], condition.withinMs);
    }
    case "meaningful": {
      // Only the newest of each kind matters: the kind is gone when that one is too old.
      const newest = new Map(
        happened
          .filter((one) => isMeaningful(agreement.signals, one))
          .map((one) => [one.type, one]),
      );
      const newestFirst = [...newest.values()].sort((a, b) => b.occurredAt - a.occurredAt);
      return leavesWindow(newestFirst[condition.count - 1], condition.withinMs);
    }
    case "derived": {
      if (condition.of === "score.intent")
        return condition.matchers
          .flatMap(bounds)
          .flatMap((bound) => crossing(agreement, happened, bound, now));
      if (condition.of !== "band") return [];
      return agreement.bands.flatMap((row) =>
        row.intent === undefined ? [] : crossing(agreement, happened, row.intent, now),
      );
    }
    default:
      return [];
  }
}

function leavesWindow(last: Engagement | undefined, withinMs: number | undefined): Instant[] {
  return last && withinMs !== undefined ? [last.occurredAt + withinMs + 1] : [];
}

function crossing(
  agreement: Agreement,
  happened: readonly Engagement[],
  threshold: number,
  now: Instant,
): Instant[] {
  const at = intentCrosses(happened, agreement.signals, threshold, now);
  return at === null ? [] : [at];
}

/**
 * The thresholds a number is compared with. "At most 20" turns a hair above 20: the last digit the
 * score keeps.
 */
function bounds(matcher: Matcher): number[] {
  switch (matcher.op) {
    case "atLeast":
    case "below":
      return [matcher.value];
    case "atMost":
    case "above":
      return [matcher.value + 1e-6];
    default:
      return [];
  }
}
