import { numberWords } from "../../handoff/reviews/words.ts";
import type { BucketsPicture } from "../../store/reports/picture.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import {
  panelCells,
  foremost,
  gathered,
  labelOf,
  leftOut,
  lineLabel,
  mostLines,
  rule,
  type PanelCell,
  type Drawn,
  type Figures,
} from "./frame.ts";
import { bar, hollowBar, roundAbove, scale, textMark, textWidth, titled } from "./shapes.ts";

const lineHeight = 50;
const headHeight = 26;

/** A line for each bucket, the states beside each other, each in two bars. */
export function drawBuckets(figures: Figures, picture: BucketsPicture, top: number): Drawn {
  const { question } = figures;
  const lines = gathered(figures.rows, ["group", picture.bucket]);
  const countOf = (row: ReportRow) => row[picture.count] as number;
  const shown = foremost(lines, mostLines, (rows) =>
    rows.reduce((sum, row) => sum + countOf(row), 0),
  );
  const states = [
    ...new Set([
      ...Object.keys(picture.states),
      ...shown.flat().map((row) => row[picture.state] as string),
    ]),
  ];
  const nameOf = (state: string) => picture.states[state] ?? state;
  const cells = panelCells(states.length);
  const most = roundAbove(shown.flat().map(countOf));
  const marks = states.map((state, k) =>
    textMark(cells[k]?.x ?? 0, top + 14, nameOf(state), {
      size: 13,
      bold: true,
      within: cells[k]?.width ?? 0,
    }),
  );
  const said: string[] = [];
  shown.forEach((rows, n) => {
    const label = rows[0] === undefined ? "" : labelOf(rows[0], question, [picture.bucket]);
    const y = top + headHeight + n * lineHeight;
    marks.push(rule(y), lineLabel(y, label, ""));
    const words = states.flatMap((state, k) => {
      const of = (flag: boolean) =>
        rows
          .filter((row) => row[picture.state] === state && row[picture.split.by] === flag)
          .reduce((sum, row) => sum + countOf(row), 0);
      const parts = [
        { words: `${nameOf(state)}, ${picture.split.no}`, value: of(false), draw: bar },
        { words: `${nameOf(state)}, ${picture.split.yes}`, value: of(true), draw: hollowBar },
      ];
      marks.push(
        ...parts.flatMap((part, p) => partMarks(part, most, cells[k] as PanelCell, y + p * 20)),
      );
      return parts
        .filter(({ value }) => value > 0)
        .map(({ words, value }) => `${words} ${numberWords(value)}`);
    });
    said.push(`${label}: ${words.join("; ")}.`);
  });
  const left = leftOut(lines.length, shown.length, "line");
  return {
    bottom: top + headHeight + shown.length * lineHeight,
    marks,
    legend: [
      ...left,
      `Columns: ${picture.about}.`,
      `Full: ${picture.split.no}; hollow: ${picture.split.yes}.`,
    ],
    said: [...said, ...left],
  };
}

function partMarks(
  {
    words,
    value,
    draw,
  }: { readonly words: string; readonly value: number; readonly draw: typeof bar },
  most: number,
  { x, width }: PanelCell,
  y: number,
): string[] {
  if (value === 0) return [];
  const place = scale(most, 0, width - textWidth(numberWords(most), 12) - 8);
  const length = Math.max(2, place(value));
  return [
    titled(
      `${words}: ${numberWords(value)}`,
      draw(x, y + 6, length, 12, "main"),
      textMark(x + length + 6, y + 16, numberWords(value)),
    ),
  ];
}
