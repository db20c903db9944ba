import type { Instant } from "../handoff/time/calendar.ts";

/** The times that the sample's story hangs on. */
export interface SamplePeriods {
  readonly begin: Instant;
  readonly until: Instant;
  /** The calendar quarter (UTC) under other criteria. */
  readonly quarter: { readonly from: Instant; readonly to: Instant };
  /** From here on the band performs no more. */
  readonly bandStops: Instant;
  /** From here on the rejection recurs. */
  readonly reasonRecurs: Instant;
}

const day = 86_400_000;
/** What began this long ago has come to something by now. */
const settled = 30 * day;
const recurring = 90 * day;

/** The times of a sample of so many months that ends at `until`. */
export function samplePeriods(months: number, until: Instant): SamplePeriods {
  const begin = monthsBefore(until, months);
  const quarter = lastSettledQuarter(until);
  return {
    begin,
    until,
    quarter,
    bandStops: begin + (until - begin) / 2,
    reasonRecurs: until - recurring,
  };
}

function monthsBefore(at: Instant, months: number): Instant {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - months, 1);
}

/** The latest quarter whose last handoffs are old enough to be judged. */
function lastSettledQuarter(until: Instant): { from: Instant; to: Instant } {
  const date = new Date(until);
  const first = Math.floor(date.getUTCMonth() / 3) * 3;
  const quarter = (n: number) => Date.UTC(date.getUTCFullYear(), first + 3 * n, 1);
  const n = until - quarter(0) >= settled ? 0 : -1;
  return { from: quarter(n - 1), to: quarter(n) };
}
