import type { ReportAsk, ReportFile } from "./report.ts";

/** What the agreement promises for leads of one type. */
export interface Goal {
  readonly leadType: string;
  readonly hours: number;
}

/**
 * The agreed times of a report's picture: what today's agreement promises in business hours for the
 * first outreach. A promise in other measures is left out, for open hours cannot be held against
 * it; so is everything where the question is about another version.
 */
export async function goalsOf(report: ReportFile, ask: ReportAsk): Promise<readonly Goal[]> {
  const { picture } = report;
  const hasGoal =
    picture?.kind === "panels" && picture.panels.some((one) => "target" in one && one.target);
  const active = hasGoal ? await ask.agreements.active(ask.db) : null;
  const { agreement: version = active?.id, leadType } = ask.filters;
  if (active === null || version !== active.id) return [];
  return active.agreement.leadTypes.flatMap(({ name, outreach }) =>
    outreach.kind === "business" && (leadType === undefined || leadType === name)
      ? [{ leadType: name, hours: outreach.ms / 3_600_000 }]
      : [],
  );
}
