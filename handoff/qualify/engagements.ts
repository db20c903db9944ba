import type { Agreement, Depth, Signal } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Engagement } from "../facts/facts.ts";

/**
 * What had happened by `now`: once per message id, in the order of happening. The order is fixed so
 * that sums over it come out the same whatever order the engagements arrived in.
 */
export function happenedBy(engagements: readonly Engagement[], now: Instant): Engagement[] {
  if (engagements.length === 0) return [];
  const once = new Map<string, Engagement>();
  for (const engagement of engagements) {
    const known = once.get(engagement.id);
    if (!known || before(engagement, known)) once.set(engagement.id, engagement);
  }
  return [...once.values()]
    .filter((engagement) => engagement.occurredAt <= now)
    .sort((a, b) => (before(a, b) ? -1 : 1));
}

/** The meaning the agreement gives an engagement, or undefined when it gives none. */
export function signalOf(signals: Agreement["signals"], type: string): Signal | undefined {
  return Object.hasOwn(signals, type) ? signals[type] : undefined;
}

/** Whether an engagement is the named signal, or a signal of that depth. */
export function isSignal(
  signals: Agreement["signals"],
  engagement: Engagement,
  wanted: string | { readonly depth: Depth },
): boolean {
  if (typeof wanted === "string") return engagement.type === wanted;
  return signalOf(signals, engagement.type)?.depth === wanted.depth;
}

/** Mid and high depth are meaningful, a blog view is not (docs/agreement.md, "Conditions"). */
export function isMeaningful(signals: Agreement["signals"], engagement: Engagement): boolean {
  const depth = signalOf(signals, engagement.type)?.depth;
  return depth === "mid" || depth === "high";
}

interface Window {
  readonly withinMs?: number;
}

/** How often a signal was among what had happened, within its window. */
export function countSignal(
  signals: Agreement["signals"],
  happened: readonly Engagement[],
  { signal, withinMs }: Window & { readonly signal: string | { readonly depth: Depth } },
  now: Instant,
): number {
  let count = 0;
  for (const one of happened)
    if (isRecent(one, withinMs, now) && isSignal(signals, one, signal)) count++;
  return count;
}

/** How many distinct meaningful behaviours were among what had happened, within their window. */
export function countMeaningful(
  signals: Agreement["signals"],
  happened: readonly Engagement[],
  { withinMs }: Window,
  now: Instant,
): number {
  const kinds = happened.filter(
    (one) => isRecent(one, withinMs, now) && isMeaningful(signals, one),
  );
  return new Set(kinds.map(({ type }) => type)).size;
}

/** At most `withinMs` old at `now`; whatever its age where there is no window. */
export function isRecent(one: Engagement, withinMs: number | undefined, now: Instant): boolean {
  return withinMs === undefined || now - one.occurredAt <= withinMs;
}

/**
 * A repeated message id counts as its first telling; ties are broken by id and type to stay
 * independent of arrival.
 */
function before(a: Engagement, b: Engagement): boolean {
  if (a.occurredAt !== b.occurredAt) return a.occurredAt < b.occurredAt;
  if (a.id !== b.id) return a.id < b.id;
  return a.type !== b.type ? a.type < b.type : (a.topic ?? "") < (b.topic ?? "");
}
