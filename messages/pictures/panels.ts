import type { PanelsPicture } from "../../store/reports/picture.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import {
  panelCells,
  foremost,
  isTrend,
  labelOf,
  leftOut,
  lineLabel,
  mostLines,
  noteOf,
  panelTitles,
  rule,
  type PanelCell,
  type Drawn,
  type Figures,
} from "./frame.ts";
import { legendOf } from "./legend.ts";
import { measureOf, weightOf, type Measure, type Measured } from "./measures.ts";
import {
  alikeFitting,
  bar,
  dot,
  hollowDot,
  line,
  scale,
  textMark,
  textWidth,
  titled,
} from "./shapes.ts";
import { drawTrends } from "./trend.ts";

const lineHeight = 50;

/** A line for each row, with its measures beside each other; over time, a trend of each. */
export function drawPanels(figures: Figures, picture: PanelsPicture, top: number): Drawn {
  const { report, question, goals } = figures;
  const measure = (rows: readonly ReportRow[]) =>
    picture.panels.map((panel) => measureOf(panel, rows, report, question, goals));
  const weight = (row: ReportRow) =>
    Math.max(...picture.panels.map((panel) => weightOf(panel, row)));
  if (isTrend(question)) return drawTrends(figures, picture, measure, weight, top);

  const rows = foremost(figures.rows, mostLines, weight);
  const shown = measure(rows);
  const cells = panelCells(shown.length);
  const heads = panelTitles(shown, cells, top);
  const marks = [
    ...heads.marks,
    ...shown.flatMap((one, k) => ticks(one, cells[k] as PanelCell, heads.bottom + 16)),
  ];
  const first = heads.bottom + 24;
  const labels = shown.map((one, k) =>
    alikeFitting(
      one.readings.map((reading) => one.labels(reading)),
      cells[k]?.width ?? 0,
      12,
    ),
  );
  const said: string[] = [];
  rows.forEach((row, n) => {
    const y = first + n * lineHeight;
    const label = labelOf(row, question, picture.of);
    const note = noteOf(row, picture);
    marks.push(rule(y), lineLabel(y, label, note));
    const words = shown.map((one) => `${one.title} ${one.say(one.readings[n] as Measured)}`);
    shown.forEach((one, k) =>
      marks.push(
        titled(
          `${label}: ${words[k] ?? ""}`,
          cellLabel(one.readings[n] as Measured, labels[k]?.[n] ?? "", cells[k] as PanelCell, y),
          ...cellMarks(one, one.readings[n] as Measured, one.goals(row), cells[k] as PanelCell, y),
        ),
      ),
    );
    said.push(`${label}${note === "" ? "" : ` (${note})`}: ${words.join("; ")}.`);
  });
  return {
    bottom: first + rows.length * lineHeight,
    marks,
    legend: [
      ...leftOut(figures.rows.length, rows.length, "line"),
      ...legendOf(shown, rows, picture),
    ],
    said: [...said, ...leftOut(figures.rows.length, rows.length, "line")],
  };
}

/** Marks at the ends of the scale stay in their cell. */
const inset = 6;
const placeIn = ({ most }: Measure, { x, width }: PanelCell) =>
  scale(most, x + inset, x + width - inset);

function ticks(measure: Measure, cell: PanelCell, y: number): string[] {
  const place = placeIn(measure, cell);
  const [from, half, to] = measure.ticks;
  const small = { size: 11, role: "dim" } as const;
  return [
    textMark(cell.x, y, from, small),
    // Between long words there is no room for a third.
    ...(half === "" || textWidth(half, 11) + 2 * textWidth(`${to} `, 11) > cell.width
      ? []
      : [textMark(place(measure.most / 2), y, half, { ...small, anchor: "middle" })]),
    textMark(cell.x + cell.width, y, to, { ...small, anchor: "end" }),
  ];
}

function cellLabel(reading: Measured, words: string, { x, width }: PanelCell, y: number): string {
  const isFew = reading.kind === "rate" && reading.rate.isSmall;
  return textMark(x, y + 18, words, { within: width, role: isFew ? "few" : "ink" });
}

function cellMarks(
  measure: Measure,
  reading: Measured,
  goals: readonly number[],
  cell: PanelCell,
  y: number,
): string[] {
  const place = placeIn(measure, cell);
  const axis = y + 33;
  const base = line(place(0), axis, place(measure.most), axis, "grid");
  const band = goalBand(goals, place, axis - 9, 18);
  switch (reading.kind) {
    case "rate":
      return [
        ...(reading.rate.rate === null ? [] : [base]),
        ...rateMarks(reading.rate, place, axis),
      ];
    case "count":
      return [bar(place(0), axis - 5, place(reading.value) - place(0), 10, "main")];
    case "time":
      return [...band, base, ...timeMarks(reading, place, axis)];
    default:
      return [reading satisfies never];
  }
}

/** A dot at the rate in its interval; grey and hollow where the cases are few, nothing for none. */
function rateMarks(
  { rate, low, high, isSmall }: Extract<Measured, { kind: "rate" }>["rate"],
  place: (value: number) => number,
  axis: number,
): string[] {
  if (rate === null) return [];
  const role = isSmall ? "few" : "main";
  const [from, to] = [place(low ?? rate), place(high ?? rate)];
  const cap = (x: number) => line(x, axis - 4, x, axis + 4, role, { width: 1.5 });
  return [
    line(from, axis, to, axis, role, { width: 2, dashed: isSmall }),
    cap(from),
    cap(to),
    isSmall ? hollowDot(place(rate), axis, 4.5, role) : dot(place(rate), axis, 4.5, role),
  ];
}

/** A bar to the median, a line on to what most took, with a stroke at each share of them. */
function timeMarks(
  { median, ends }: Extract<Measured, { kind: "time" }>,
  place: (value: number) => number,
  axis: number,
): string[] {
  if (median === null) return [];
  const last = ends.at(-1);
  return [
    bar(place(0), axis - 4, Math.max(2, place(median) - place(0)), 8, "main"),
    ...(last === undefined
      ? []
      : [line(place(median), axis, place(last.value), axis, "main", { width: 2 })]),
    ...ends.map(({ value }) =>
      line(place(value), axis - 6, place(value), axis + 6, "main", { width: 2 }),
    ),
  ];
}

/** From nothing to the agreed time; where there are several, with an edge at the least as well. */
function goalBand(
  goals: readonly number[],
  place: (value: number) => number,
  y: number,
  height: number,
): string[] {
  if (goals.length === 0) return [];
  const [least, most] = [Math.min(...goals), Math.max(...goals)];
  return [
    bar(place(0), y, place(most) - place(0), height, "goal"),
    ...[...new Set([least, most])].map((one) =>
      line(place(one), y, place(one), y + height, "goalEdge", { width: 1.5 }),
    ),
  ];
}
