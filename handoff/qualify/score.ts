import type { Agreement, Band } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { evaluator, Known, Scores, TraceLine } from "./condition.ts";
import type { Engagement } from "../facts/facts.ts";
import { truths, type Ground } from "./compiled.ts";
import { happenedBy, signalOf } from "./engagements.ts";

/** Fit, intent and band of a lead at `known.now` (docs/agreement.md, "Points"). */
export function scoresOf(agreement: Agreement, known: Known): Scores {
  return scoresOn(agreement, { ...known, happened: happenedBy(known.engagements, known.now) });
}

/** The same where what happened is known already. */
export function scoresOn(agreement: Agreement, ground: Ground): Scores {
  const fit = fitScore(agreement, ground);
  const intent = scoreAt(split(ground.happened, agreement.signals), ground.now);
  return { fit, intent, band: bandOf(agreement.bands, fit, intent) };
}

/** The sum of the points of the rows that hold. A row that is unknown gives nothing. */
function fitScore(agreement: Agreement, ground: Ground): number {
  const ask = truths(agreement, ground);
  return rounded(
    agreement.fit.reduce((sum, row) => sum + (ask(row.when) === true ? row.points : 0), 0),
  );
}

/** The same sum row by row, for the decision's trace. */
export function fitTrace(agreement: Agreement, judge: ReturnType<typeof evaluator>): TraceLine[] {
  return agreement.fit.flatMap((row, i) => {
    const { result, trace } = judge(row.when);
    return [{ at: `fit[${i}]`, expected: `${row.points} points`, result }, ...trace];
  });
}

/**
 * The sum of the points of what the person did, each halved every half-life: `points * 2^(-(age /
 * halfLife))`. Rounded to a millionth of a point, so that the same engagements give the same score
 * on every machine.
 */
export function intentScore(
  engagements: readonly Engagement[],
  signals: Agreement["signals"],
  now: Instant,
): number {
  return scoreAt(split(happenedBy(engagements, now), signals), now);
}

function scoreAt({ lasting, gaining, losing }: ReturnType<typeof split>, now: Instant): number {
  return rounded(lasting + decayed(gaining, now) - decayed(losing, now));
}

/**
 * The first row whose thresholds are reached. The last row asks for nothing (the parser sees to
 * it).
 */
export function bandOf(bands: Agreement["bands"], fit: number, intent: number): Band {
  return (
    bands.find((row) => fit >= (row.fit ?? -Infinity) && intent >= (row.intent ?? -Infinity))
      ?.band ?? "D"
  );
}

/**
 * The first millisecond at which the intent score is below the threshold if nothing else happens;
 * `now` when it is below already, null when it never will be.
 */
export function intentFallsBelow(
  engagements: readonly Engagement[],
  signals: Agreement["signals"],
  threshold: number,
  now: Instant,
): Instant | null {
  if (intentScore(engagements, signals, now) < threshold) return now;
  return intentCrosses(engagements, signals, threshold, now);
}

/**
 * The first millisecond after `now` at which the score is on the other side of the threshold (at
 * least it, or below it) if nothing else happens; null when it stays on its side. A score rises by
 * itself only where signals with negative points fade.
 */
export function intentCrosses(
  engagements: readonly Engagement[],
  signals: Agreement["signals"],
  threshold: number,
  now: Instant,
): Instant | null {
  const parts = split(happenedBy(engagements, now), signals);
  const { lasting, gaining, losing } = parts;
  const reached = scoreAt(parts, now) >= threshold;
  // Both parts only shrink, so over a stretch of time the score lies between these two.
  const lowest = (from: Instant, to: Instant) =>
    rounded(lasting + decayed(gaining, to) - decayed(losing, from));
  const highest = (from: Instant, to: Instant) =>
    rounded(lasting + decayed(gaining, from) - decayed(losing, to));

  let steps = 10_000;
  // The earliest crossing in (from, to]. Halving a stretch that cannot cross ends at once; when all
  // points have one sign this is a plain bisection. Should the steps run out, the earliest moment
  // not yet excluded is the answer.
  function search(from: Instant, to: Instant): Instant | null {
    if (reached ? lowest(from, to) >= threshold : highest(from, to) < threshold) return null;
    if (to - from <= 1) return scoreAt(parts, to) >= threshold === reached ? null : to;
    if (--steps <= 0) return to;
    const middle = from + Math.floor((to - from) / 2);
    return search(from, middle) ?? search(middle, to);
  }
  const end = flatFrom([...gaining, ...losing], now);
  return end > now ? search(now, end) : null;
}

type Decaying = { readonly points: number; readonly at: Instant; readonly halfLifeMs: number };

/** What lasts for ever, what adds and fades, what takes away and fades. */
function split(
  happened: readonly Engagement[],
  signals: Agreement["signals"],
): { lasting: number; gaining: Decaying[]; losing: Decaying[] } {
  let lasting = 0;
  const gaining: Decaying[] = [];
  const losing: Decaying[] = [];
  for (const engagement of happened) {
    const signal = signalOf(signals, engagement.type);
    if (!signal) continue;
    if (signal.halfLifeMs === undefined) lasting += signal.points;
    else
      (signal.points < 0 ? losing : gaining).push({
        points: Math.abs(signal.points),
        at: engagement.occurredAt,
        halfLifeMs: signal.halfLifeMs,
      });
  }
  return { lasting, gaining, losing };
}

function decayed(parts: readonly Decaying[], now: Instant): number {
  return parts.reduce(
    (sum, part) => sum + part.points * 2 ** (-(now - part.at) / part.halfLifeMs),
    0,
  );
}

/**
 * When everything that fades is less than the last digit kept: from there the score no longer
 * moves.
 */
function flatFrom(parts: readonly Decaying[], now: Instant): Instant {
  const total = decayed(parts, now);
  if (total === 0) return now;
  const slowest = Math.max(...parts.map((part) => part.halfLifeMs));
  return now + Math.ceil(slowest * Math.max(0, Math.log2(total / 1e-7)));
}

function rounded(points: number): number {
  return Math.round(points * 1e6) / 1e6;
}
