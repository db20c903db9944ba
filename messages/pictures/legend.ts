import { hoursWords } from "../../handoff/reviews/words.ts";
import type { PanelsPicture } from "../../store/reports/picture.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import { shares, type Measure, type Measured } from "./measures.ts";

const willRise = "its rates will still rise.";
export const youngLegend = `Young cohort: ${willRise}`;

/** How to read what was drawn, and nothing about what was not. */
export function legendOf(
  measures: readonly Measure[],
  rows: readonly ReportRow[],
  picture: PanelsPicture,
  isTrend = false,
): string[] {
  const ofRates = measures.filter(({ readings }) => readings.some(({ kind }) => kind === "rate"));
  const readings = measures.flatMap((one) => one.readings);
  const rates = readings.flatMap((one) => (one.kind === "rate" ? [one.rate] : []));
  const times = readings.flatMap((one) => (one.kind === "time" ? [one] : []));
  const isYoung = rows.some((row) => row["isImmature"] === true);
  return [
    ...(rates.some(({ rate }) => rate !== null)
      ? ["Dot: the rate; line: its 95 % interval (Wilson)."]
      : []),
    ...(new Set(ofRates.map(({ most }) => most)).size > 1
      ? ["Each scale ends where its rates do."]
      : []),
    ...(rates.some(({ rate, isSmall }) => rate !== null && isSmall)
      ? ["Hollow and grey: fewer than 30 cases."]
      : []),
    ...(times.some(({ median }) => median !== null)
      ? [
          `${isTrend ? "Dot" : "Bar"}${rates.length > 0 ? " of a time" : ""}: the ` +
            `median${endsWords(times)}.`,
        ]
      : []),
    ...goalLegend(measures, rows),
    ...(isYoung && picture.notes?.["isImmature"] !== undefined
      ? [isTrend ? `Dashed upright: young cohort, ${willRise}` : youngLegend]
      : []),
  ];
}

function endsWords(times: readonly Extract<Measured, { kind: "time" }>[]): string {
  const drawn = new Set(times.flatMap(({ ends }) => ends.map((end) => end.words)));
  const words = Object.values(shares).filter((one) => drawn.has(one));
  return words.length === 0 ? "" : `; strokes: ${words.join(", ")}`;
}

function goalLegend(measures: readonly Measure[], rows: readonly ReportRow[]): string[] {
  const goals = measures.flatMap((one) => rows.flatMap((row) => one.goals(row)));
  if (goals.length === 0) return [];
  const [least, most] = [Math.min(...goals), Math.max(...goals)];
  const span =
    least === most ? hoursWords(most) : `${hoursWords(least)} to ${hoursWords(most)} by lead type`;
  return [`Band: the agreed time for outreach, ${span} of business time.`];
}
