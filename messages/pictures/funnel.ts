import { daysWords, interval, numberWords, rateWords } from "../../handoff/reviews/words.ts";
import type { Rate } from "../../handoff/reviews/figures.ts";
import type { FunnelPicture } from "../../store/reports/picture.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import {
  foremost,
  gathered,
  isTrend,
  labelOf,
  labelWidth,
  leftOut,
  margin,
  middle,
  noteOf,
  rule,
  type Drawn,
  type Figures,
} from "./frame.ts";
import { youngLegend } from "./legend.ts";
import { bar, firstFitting, scale, textMark, titled } from "./shapes.ts";
import { rateLabels } from "./words.ts";

const lineHeight = 28;
const mostGroups = 6;
const barEnd = 520;
const countAt = 590;
const rateAt = 612;
const rateWidth = 232;
const daysAt = 944;

/** The steps of each group: how many took it, what share of the step before, after how long. */
export function drawFunnel(figures: Figures, picture: FunnelPicture, top: number): Drawn {
  const { question } = figures;
  const groups = gathered(figures.rows, ["group"]);
  const countOf = (row: ReportRow) => row[picture.count] as number;
  const largest = (rows: readonly ReportRow[]) => Math.max(...rows.map((row) => countOf(row)));
  // Of months the latest, of other groups the largest.
  const shown = isTrend(question)
    ? groups.slice(-mostGroups)
    : foremost(groups, mostGroups, largest);
  const marks: string[] = [];
  const said: string[] = [];
  let y = top;
  for (const rows of shown) {
    const label = rows[0] === undefined ? "" : labelOf(rows[0], question, []);
    const note = rows[0] === undefined ? "" : noteOf(rows[0], picture);
    marks.push(
      ...head(question.groupBy === null ? note : [label, note].filter(Boolean).join(", "), y),
    );
    y += 30;
    const place = scale(Math.max(1, largest(rows)), middle, barEnd);
    const words = rows.map((row, n) => {
      const said = stepWords(row, picture, n);
      marks.push(titled(said, ...stepMarks(row, picture, n, place, y)));
      y += lineHeight;
      return said;
    });
    said.push(`${question.groupBy === null ? "" : `${label}: `}${words.join("; ")}.`);
    if (note !== "") said.push(`${label}: ${note}.`);
    y += 14;
  }
  const isBackward = shown.some((rows) =>
    rows.some((row) => ((row[picture.days] as number | null) ?? 0) < 0),
  );
  const left = leftOut(groups.length, shown.length, "group");
  return {
    bottom: y,
    marks,
    legend: [
      ...left,
      "Median: the time from the step before, of those that took " +
        `both${isBackward ? "; below 0: most took the later step first" : ""}.`,
      ...(shown.length > 1 ? ["Each group's bars are drawn against its own largest."] : []),
      ...(shown.some((rows) => rows.some((row, n) => n > 0 && isFew(row, picture)))
        ? ["Grey: fewer than 30 cases."]
        : []),
      ...(shown.some((rows) => rows[0]?.["isImmature"] === true) ? [youngLegend] : []),
    ],
    said: [...said, ...left],
  };
}

const rateOfStep = (row: ReportRow, picture: FunnelPicture) => row[picture.ofStepBefore] as Rate;
const isFew = (row: ReportRow, picture: FunnelPicture) => {
  const { rate, isSmall } = rateOfStep(row, picture);
  return rate !== null && isSmall;
};

function head(words: string, y: number): string[] {
  const small = { size: 11, role: "dim" } as const;
  return [
    textMark(margin, y + 16, words, { size: 13, bold: true, within: barEnd - margin }),
    textMark(countAt, y + 16, "count", { ...small, anchor: "end" }),
    textMark(rateAt, y + 16, "of the step before (95 % interval)", { ...small, within: rateWidth }),
    textMark(daysAt, y + 16, "median", { ...small, anchor: "end" }),
    rule(y + 24),
  ];
}

function stepMarks(
  row: ReportRow,
  picture: FunnelPicture,
  n: number,
  place: (value: number) => number,
  y: number,
): string[] {
  const count = row[picture.count] as number;
  const rate = rateOfStep(row, picture);
  const days = row[picture.days] as number | null;
  return [
    textMark(margin, y + 18, stepName(row, picture), { size: 13, within: labelWidth }),
    bar(middle, y + 5, place(count) - place(0), 18, "main"),
    textMark(countAt, y + 18, numberWords(count), {
      anchor: "end",
      bold: true,
      within: countAt - barEnd,
    }),
    // The first step has none before it.
    ...(n === 0
      ? []
      : [
          textMark(rateAt, y + 18, firstFitting(labelsOf(rate), rateWidth, 12), {
            role: rate.isSmall ? "few" : "ink",
            within: rateWidth,
          }),
        ]),
    ...(days === null ? [] : [textMark(daysAt, y + 18, daysWords(days), { anchor: "end" })]),
  ];
}

function labelsOf(rate: Rate): string[] {
  const labels = rateLabels(rate);
  return rate.rate === null
    ? labels
    : [...labels.map((one) => `${one} (${interval(rate)})`), ...labels];
}

const stepName = (row: ReportRow, picture: FunnelPicture) =>
  (row[picture.step] as string)
    .replaceAll("-", " ")
    .replace(/\b[ms]ql\b|\bsal\b/g, (step) => step.toUpperCase());

function stepWords(row: ReportRow, picture: FunnelPicture, n: number): string {
  const count = `${stepName(row, picture)} ${numberWords(row[picture.count] as number)}`;
  const days = row[picture.days] as number | null;
  return [
    count,
    ...(n === 0 ? [] : [`of the step before ${rateWords(rateOfStep(row, picture))}`]),
    ...(days === null ? [] : [`median ${daysWords(days)}`]),
  ].join(", ");
}
