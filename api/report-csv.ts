import type { Rate } from "../handoff/figures.ts";
import { csvRecord } from "../store/imports.ts";
import type { Conservation } from "../store/reports/conservation.ts";
import type { Funnel } from "../store/reports/funnel.ts";

/** A line for each day and stage. */
export function conservationCsv(report: Conservation): string {
  const lines = report.days.map((one) => [
    one.day,
    one.stage,
    one.opening,
    one.in,
    one.out,
    one.closing,
    one.residue,
  ]);
  return [["day", "stage", "opening", "in", "out", "closing", "residue"], ...lines]
    .map(csvRecord)
    .join("");
}

/** A line for each group and step. Empty cells are rates without a denominator. */
export function funnelCsv(groups: readonly Funnel[]): string {
  const lines = groups.flatMap((one) => [
    [one.group, "leads-created", one.leadsCreated, ...rate(null), null],
    ...one.steps.map((step) => [
      one.group,
      step.step,
      step.count,
      ...rate(step.step === "mql" ? one.leadsToMql : step.ofStepBefore),
      step.medianDaysFromStepBefore,
    ]),
  ]);
  return [
    [
      "group",
      "step",
      "count",
      "numerator",
      "denominator",
      "rate",
      "low",
      "high",
      "median_days_from_step_before",
    ],
    ...lines,
  ]
    .map(csvRecord)
    .join("");
}

function rate(of: Rate | null): (number | null)[] {
  return of
    ? [of.numerator, of.denominator, of.rate, of.low, of.high]
    : [null, null, null, null, null];
}
