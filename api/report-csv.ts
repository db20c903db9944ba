import { csvRecord } from "../store/intake/imports.ts";
import type { Conservation } from "../store/reports/conservation.ts";

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
    .map((cells) => csvRecord(cells))
    .join("");
}
