import type { PanelsPicture } from "../../store/reports/picture.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import {
  panelCells,
  foremost,
  gathered,
  labelOf,
  labelWidth,
  leftOut,
  margin,
  panelTitles,
  rule,
  type PanelCell,
  type Drawn,
  type Figures,
} from "./frame.ts";
import { legendOf } from "./legend.ts";
import { valueOf, type Measure, type Measured } from "./measures.ts";
import {
  bar,
  dot,
  firstFitting,
  hollowDot,
  line,
  polyline,
  scale,
  textMark,
  textWidth,
  titled,
} from "./shapes.ts";

const rowHeight = 152;
/** More charts below each other, or more periods beside each other, cannot be read. */
const mostSeries = 6;
const mostPeriods = 60;
/** The words for whom the picture cannot be seen name every point, up to so many. */
const mostSaid = 240;

/**
 * Each measure over time: a chart for each measure, and a row of charts for each of what the report
 * tells apart. A period without a row is a gap.
 */
export function drawTrends(
  { rows: all, question }: Figures,
  picture: PanelsPicture,
  measure: (rows: readonly ReportRow[]) => readonly Measure[],
  weight: (row: ReportRow) => number,
  top: number,
): Drawn {
  const latest = all.reduce((most, row) => Math.max(most, periodOf(row)), 0);
  const isShown = (row: ReportRow) => periodOf(row) > latest - mostPeriods;
  const rows = all.filter(isShown);
  const earlier = new Set(all.filter((row) => !isShown(row)).map((row) => row["group"]));
  const series = gathered(rows, picture.of);
  const shown = foremost(series, mostSeries, (of) => of.reduce((sum, row) => sum + weight(row), 0));
  const measures = measure(shown.flat());
  const axis = {
    first: rows.reduce((least, row) => Math.min(least, periodOf(row)), latest),
    last: latest,
  };
  const isOne = picture.of.length === 0;
  const cells = isOne ? panelCells(measures.length, margin) : panelCells(measures.length);
  const heads = panelTitles(measures, cells, top);
  const marks = [...heads.marks];
  const begin = heads.bottom + 8;
  const said: string[] = [];
  const points = shown.flat().length * measures.length;
  let n = 0;
  shown.forEach((of, s) => {
    const label = of[0] === undefined ? "" : labelOf(of[0], { groupBy: null }, picture.of);
    const y = begin + s * rowHeight;
    marks.push(rule(y));
    if (!isOne) marks.push(textMark(margin, y + 20, label, { size: 13, within: labelWidth }));
    measures.forEach((one, k) => {
      const chart = of.map((row, i) => ({ row, reading: one.readings[n + i] as Measured }));
      marks.push(...chartMarks(one, chart, axis, cells[k] as PanelCell, y));
      said.push(`${isOne ? "" : `${label}, `}${saidOf(one, chart, points > mostSaid)}.`);
    });
    n += of.length;
  });
  const left = [
    ...leftOut(series.length, shown.length, "line"),
    ...leftOut(earlier.size, 0, `earlier ${question.groupBy ?? "period"}`),
  ];
  return {
    bottom: begin + shown.length * rowHeight,
    marks,
    legend: [...left, ...legendOf(measures, shown.flat(), picture, true)],
    said: [...said, ...left],
  };
}

interface Point {
  readonly row: ReportRow;
  readonly reading: Measured;
}
interface Axis {
  readonly first: number;
  readonly last: number;
}

/** The weeks or months since a fixed one, so that a gap between two is as wide as it is long. */
function periodOf(row: ReportRow): number {
  const [, year = "0", isWeek, number = "1"] =
    /^(\d+)-(W?)(\d+)$/.exec(row["group"] as string) ?? [];
  if (isWeek !== "W") return Number(year) * 12 + Number(number);
  // ISO 8601: 4 January lies in the first week of a year.
  const fourth = new Date(Date.UTC(Number(year), 0, 4));
  const monday = fourth.getTime() / 86_400_000 - ((fourth.getUTCDay() + 6) % 7);
  return Math.round((monday - 4) / 7) + Number(number);
}

function saidOf(measure: Measure, chart: readonly Point[], isLong: boolean): string {
  const said = isLong ? [chart[0], chart.at(-1)].filter((one) => one !== undefined) : chart;
  const words = said.map(({ row, reading }) => `${row["group"] as string} ${measure.say(reading)}`);
  return `${measure.title}: ${words.join("; ")}`;
}

function chartMarks(
  measure: Measure,
  chart: readonly Point[],
  { first, last }: Axis,
  cell: PanelCell,
  y: number,
): string[] {
  const [low, high] = [y + 126, y + 36];
  const place = scale(measure.most, low, high);
  const small = { size: 11, role: "dim" } as const;
  const gutter = Math.max(...measure.ticks.map((tick) => textWidth(tick, 11))) + 8;
  const [from, to] = [cell.x + gutter + 6, cell.x + cell.width - 6];
  const step = (to - from) / Math.max(1, last - first);
  const across = (row: ReportRow) =>
    first === last ? (from + to) / 2 : from + (periodOf(row) - first) * step;
  const ticks = [0, measure.most / 2, measure.most].flatMap((value, k) => [
    line(cell.x + gutter, place(value), cell.x + cell.width, place(value), "grid"),
    ...(measure.ticks[k]
      ? [
          textMark(cell.x + gutter - 6, place(value) + 4, measure.ticks[k], {
            ...small,
            anchor: "end",
          }),
        ]
      : []),
  ]);
  return [
    ...latestWords(measure, chart, cell, y),
    ...goalMarks(measure, chart, place, cell.x + gutter, cell.x + cell.width),
    ...ticks,
    ...runs(chart).map((run) =>
      polyline(
        run.map(({ row, reading }) => [across(row), place(valueOf(reading) ?? 0)]),
        "main",
      ),
    ),
    ...chart.map(({ row, reading }) =>
      titled(
        `${row["group"] as string}: ${measure.title} ${measure.say(reading)}`,
        ...(row["isImmature"] === true
          ? [line(across(row), high, across(row), low, "dim", { dashed: true })]
          : []),
        ...pointMarks(reading, across(row), place, Math.min(4, Math.max(1.5, step * 0.35))),
      ),
    ),
    ...dates(chart, across, cell, low + 16),
  ];
}

/** What the latest period has, in figures above the chart. */
function latestWords(
  measure: Measure,
  chart: readonly Point[],
  cell: PanelCell,
  y: number,
): string[] {
  const latest = chart.at(-1);
  if (latest === undefined) return [];
  const period = latest.row["group"] as string;
  const labels = measure.labels(latest.reading);
  const words = [...labels.map((label) => `${period}: ${label}`), ...labels];
  return [textMark(cell.x, y + 20, firstFitting(words, cell.width, 12), { within: cell.width })];
}

function goalMarks(
  measure: Measure,
  chart: readonly Point[],
  place: (value: number) => number,
  from: number,
  to: number,
): string[] {
  const goals = chart.flatMap(({ row }) => measure.goals(row));
  if (goals.length === 0) return [];
  const [least, most] = [Math.min(...goals), Math.max(...goals)];
  return [
    bar(from, place(most), to - from, place(0) - place(most), "goal"),
    ...[...new Set([least, most])].map((goal) =>
      line(from, place(goal), to, place(goal), "goalEdge", { width: 1.5 }),
    ),
  ];
}

/** Points that follow each other period by period, each with a value: they are joined by a line. */
function runs(chart: readonly Point[]): Point[][] {
  const found: Point[][] = [];
  let before: number | null = null;
  for (const point of chart) {
    if (point.reading.kind === "count" || valueOf(point.reading) === null) {
      before = null;
      continue;
    }
    const period = periodOf(point.row);
    if (before !== null && period === before + 1) found.at(-1)?.push(point);
    else found.push([point]);
    before = period;
  }
  return found.filter((run) => run.length > 1);
}

function pointMarks(
  reading: Measured,
  x: number,
  place: (value: number) => number,
  radius: number,
): string[] {
  const value = valueOf(reading);
  if (value === null) return [];
  switch (reading.kind) {
    case "rate": {
      const { low, high, isSmall } = reading.rate;
      const role = isSmall ? "few" : "main";
      return [
        line(x, place(low ?? value), x, place(high ?? value), role, {
          width: 1.5,
          dashed: isSmall,
        }),
        isSmall ? hollowDot(x, place(value), radius, role) : dot(x, place(value), radius, role),
      ];
    }
    case "count": {
      const width = Math.max(2, radius * 2);
      return [bar(x - width / 2, place(value), width, place(0) - place(value), "main")];
    }
    case "time":
      return [
        ...reading.ends.flatMap((end) => [
          line(x, place(value), x, place(end.value), "main"),
          line(x - radius, place(end.value), x + radius, place(end.value), "main", { width: 1.5 }),
        ]),
        dot(x, place(value), radius, "main"),
      ];
    default:
      return [reading satisfies never];
  }
}

/** The first and the last period below the chart, and those between as far as there is room. */
function dates(
  chart: readonly Point[],
  across: (row: ReportRow) => number,
  cell: PanelCell,
  y: number,
): string[] {
  const marks: string[] = [];
  let free = cell.x;
  const last = chart.at(-1)?.row;
  const half = textWidth("2026-W00", 11) / 2;
  const right = cell.x + cell.width;
  const lastAt = last === undefined ? right : Math.min(across(last), right - half);
  for (const { row } of chart) {
    const x = row === last ? lastAt : Math.max(across(row), cell.x + half);
    const fits = x - half >= free && (row === last || x + half + 10 <= lastAt - half);
    if (!fits) continue;
    marks.push(textMark(x, y, row["group"] as string, { size: 11, role: "dim", anchor: "middle" }));
    free = x + half + 10;
  }
  return marks;
}
