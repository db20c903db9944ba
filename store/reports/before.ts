import type { ReportPeriod } from "../../handoff/reviews/period.ts";
import type { ReportAsk, ReportFile, ReportQuestion, ReportRow } from "./report.ts";

/**
 * The same length of time before, as it stood then: a cohort is compared with one that was as young.
 * Null for what stands at one moment, for what is known as of today alone, and for trends, which have
 * the time before in them.
 */
export function asLongBefore(
  { period, isOfToday }: Pick<ReportFile, "period" | "isOfToday">,
  { from, to, asOf, groupBy }: Pick<ReportQuestion, "from" | "to" | "asOf" | "groupBy">,
): ReportPeriod | null {
  const isTrend = groupBy === "week" || groupBy === "month";
  if (isTrend || isOfToday || period === "nothing: it counts what stands at asOf") return null;
  const length = to - from;
  return { from: from - length, to: from, asOf: asOf - length };
}

/** The rows of the same question a period earlier; null where there is none to compare with. */
export async function rowsBefore(
  report: ReportFile,
  ask: ReportAsk,
): Promise<readonly ReportRow[] | null> {
  const before = asLongBefore(report, ask);
  return before && (await report.rows({ ...ask, ...before }));
}
