import { numberWords, percent } from "../../handoff/reviews/words.ts";
import type { Rate } from "../../handoff/reviews/figures.ts";
import type { PairsPicture } from "../../store/reports/picture.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import {
  end,
  foremost,
  labelOf,
  leftOut,
  lineLabel,
  middle,
  mostLines,
  noteOf,
  rule,
  type Drawn,
  type Figures,
} from "./frame.ts";
import { bar, hollowBar, roundAbove, scale, textMark, titled } from "./shapes.ts";

const lineHeight = 50;
/** Room for the figures at the end of the longest bar. */
const figuresWidth = 310;

/** Two bars for each line: of the period, and of the one before. */
export function drawPairs(figures: Figures, picture: PairsPicture, top: number): Drawn {
  const { question } = figures;
  const isTotal = (row: ReportRow) => row[picture.of] === null;
  const lines = figures.rows.filter((row) => !isTotal(row));
  const nowOf = (row: ReportRow) => row[picture.now] as number;
  const beforeOf = (row: ReportRow) => row[picture.before] as number;
  const fatesOf = (row: ReportRow) =>
    picture.fates.flatMap(({ rate, word }) => {
      const { numerator } = row[rate] as Rate;
      return numerator === 0 ? [] : `${numberWords(numerator)} ${word}`;
    });
  const shown = foremost(lines, mostLines, (row) => Math.max(nowOf(row), beforeOf(row)));
  const most = roundAbove(shown.flatMap((row) => [nowOf(row), beforeOf(row)]));
  const place = scale(most, middle, end - figuresWidth);
  const marks: string[] = [];
  const said: string[] = [];
  for (const row of figures.rows.filter(isTotal))
    said.push(
      `${question.groupBy === null ? "All" : `${labelOf(row, question, [])}, all`}: ` +
        `${[`${numberWords(nowOf(row))}, before ${numberWords(beforeOf(row))}`, ...fatesOf(row)].join("; ")}.`,
    );
  shown.forEach((row, n) => {
    const y = top + n * lineHeight;
    const label = labelOf(row, question, [picture.of]);
    const note = noteOf(row, picture);
    const { rate, denominator, isSmall } = row[picture.share] as Rate;
    const share =
      rate === null
        ? ""
        : isSmall
          ? ` of ${numberWords(denominator)}`
          : `, ${percent(rate)} of ${numberWords(denominator)}`;
    const now = [`${numberWords(nowOf(row))}${share}`, ...fatesOf(row)].join("; ");
    const bars = [
      { value: nowOf(row), draw: bar, role: "main", words: now },
      {
        value: beforeOf(row),
        draw: hollowBar,
        role: "few",
        words: `${numberWords(beforeOf(row))} before`,
      },
    ] as const;
    const words = `${label}${note === "" ? "" : ` (${note})`}: ${now}; before ${numberWords(beforeOf(row))}`;
    marks.push(
      rule(y),
      lineLabel(y, label, note),
      titled(
        words,
        ...bars.flatMap(({ value, draw, role, words }, k) => {
          const length = place(value) - place(0);
          return [
            ...(value === 0 ? [] : [draw(middle, y + 6 + k * 19, length, 14, role)]),
            textMark(middle + length + 8, y + 17 + k * 19, words, {
              role: k === 0 ? "ink" : "dim",
              within: figuresWidth - 8,
            }),
          ];
        }),
      ),
    );
    said.push(`${words}.`);
  });
  const left = leftOut(lines.length, shown.length, "line");
  return {
    bottom: top + shown.length * lineHeight,
    marks,
    legend: [...left, "Full: this period; hollow: the period of equal length before."],
    said: [...said, ...left],
  };
}
