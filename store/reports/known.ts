import type { ReportQuestion } from "./report.ts";

/** `and coalesce(told, happened) <= asOf` where only what was told by then counts. */
export function knownSql(
  q: Pick<ReportQuestion, "knowledge">,
  happened: string,
  told: string,
): string {
  const isTold = q.knowledge === "then" ? ` and coalesce(${told}, ${happened}) <= $3` : "";
  return `(${happened} <= $3${isTold})`;
}
