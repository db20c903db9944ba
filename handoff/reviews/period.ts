import type { Instant } from "../time/calendar.ts";

/** The time that a report is about: `from` to before `to`, as things stood at `asOf`. */
export interface ReportPeriod {
  readonly from: Instant;
  readonly to: Instant;
  readonly asOf: Instant;
}

const day = 86_400_000;
const longest = 3 * 366 * day;
/** Nothing is recorded of before, and the periods before it can still be written. */
const earliest = Date.UTC(1900, 0);

/**
 * The period that was asked for: as of now, until then, and thirty days of it, unless told
 * otherwise. Else what is wrong with which field.
 */
export function reportPeriod(
  asked: {
    readonly from?: Instant | undefined;
    readonly to?: Instant | undefined;
    readonly asOf?: Instant | undefined;
  },
  now: Instant,
): ReportPeriod | { readonly field: "from" | "to" | "asOf"; readonly detail: string } {
  const asOf = asked.asOf ?? now;
  const to = asked.to ?? asOf;
  for (const [field, at] of Object.entries({ asOf, to }) as ["asOf" | "to", Instant][])
    if (at < earliest) return { field, detail: "expected a time from 1900 on" };
  const from = asked.from ?? to - 30 * day;
  if (from >= to) return { field: "from", detail: "expected a time before `to`" };
  if (to - from > longest)
    return { field: "from", detail: "expected a period of three years at most" };
  return { from, to, asOf };
}
