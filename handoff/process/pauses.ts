import { appliedCalendar, compileApplied } from "../time/applied-calendar.ts";
import { addBusinessTime, businessTimeBetween, type Instant } from "../time/calendar.ts";
import { byAgreement } from "./clocks.ts";
import type { Situation } from "./situation.ts";

interface Pause {
  readonly reason: string;
  readonly from: Instant;
  readonly to: Instant;
}

/**
 * Until when a pause may last that begins now. The agreed time counts once for each handoff and
 * reason, so it is what earlier pauses left of it; null when nothing is left.
 */
export function pauseLimit(situation: Situation, reason: string): Instant | null {
  const { agreement, now } = situation;
  const { atMost } = agreement.clocks.pause;
  const earlier = pausesOf(situation).filter((one) => one.reason === reason);
  const first = earlier[0];
  if (!first) return byAgreement(situation, atMost, now);
  if (atMost.kind === "elapsed") {
    const left = atMost.ms - sum(earlier.map(({ from, to }) => to - from));
    return left > 0 ? now + left : null;
  }
  // Whole days are open time here: as much as lay between the first pause and its limit.
  const hours = compileApplied(appliedCalendar(agreement, null, null), now, first.from);
  const all = businessTimeBetween(hours, first.from, byAgreement(situation, atMost, first.from));
  const left = all - sum(earlier.map(({ from, to }) => businessTimeBetween(hours, from, to)));
  return left > 0 ? addBusinessTime(hours, now, left) : null;
}

/**
 * The pauses of the handoff so far, in order. Every running clock has them, so each counts once.
 */
function pausesOf({ clocks, now }: Situation): readonly Pause[] {
  const found = clocks.flatMap(({ events }) =>
    events.flatMap((event, i): Pause[] => {
      if (event.kind !== "pause") return [];
      const end = events.slice(i + 1).find(({ kind }) => kind === "resume" || kind === "stop");
      return [{ reason: event.reason, from: event.at, to: end?.at ?? now }];
    }),
  );
  const longest = new Map<Instant, Pause>();
  for (const one of found) {
    if ((longest.get(one.from)?.to ?? 0) < one.to) longest.set(one.from, one);
  }
  return [...longest.values()].sort((a, b) => a.from - b.from);
}

function sum(all: readonly number[]): number {
  return all.reduce((total, one) => total + one, 0);
}
