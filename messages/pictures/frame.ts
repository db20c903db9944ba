import type { Picture } from "../../store/reports/picture.ts";
import type { Goal } from "../../store/reports/goals.ts";
import type { ReportFile, ReportQuestion, ReportRow } from "../../store/reports/report.ts";
import { line, textMark, titled, wrapped } from "./shapes.ts";

/** What a picture is drawn from. */
export interface Figures {
  readonly report: ReportFile;
  readonly question: ReportQuestion;
  readonly rows: readonly ReportRow[];
  /** The agreed times that a band is drawn from; none where the picture has no band. */
  readonly goals: readonly Goal[];
}

/** What a kind of picture draws from `top` on, and what it says of it. */
export interface Drawn {
  readonly bottom: number;
  readonly marks: readonly string[];
  /** How to read the marks. */
  readonly legend: readonly string[];
  /** The figures in words. */
  readonly said: readonly string[];
}

export const width = 960;
export const margin = 16;
export const end = width - margin;
/** Labels stand left of it, marks right of it. */
export const middle = 242;
export const labelWidth = middle - margin - 16;

/** Lines that are drawn at most; what is left out is said, and stands in the table. */
export const mostLines = 20;

/** The heaviest `most` of a list, in the order of the list. */
export function foremost<T>(list: readonly T[], most: number, weight: (one: T) => number): T[] {
  const weights = new Map(list.map((one) => [one, weight(one)]));
  const of = (one: T) => weights.get(one) ?? 0;
  const kept = new Set([...list].sort((a, b) => of(b) - of(a)).slice(0, most));
  return list.filter((one) => kept.has(one));
}

/** "and 41 more lines, in the table"; nothing where nothing is left out. */
export function leftOut(all: number, shown: number, one: string): string[] {
  const more = all - shown;
  return more === 0 ? [] : [`And ${more} more ${one}${more === 1 ? "" : "s"}, in the table.`];
}

export const isTrend = ({ groupBy }: ReportQuestion) => groupBy === "week" || groupBy === "month";

/** What a line is of: its group and what else tells it from the others. */
export function labelOf(
  row: ReportRow,
  { groupBy }: Pick<ReportQuestion, "groupBy">,
  of: readonly string[],
): string {
  const names = groupBy === null ? of : ["group", ...of];
  const words = names.map((name) => nameIn(row[name] as string | null));
  return words.length === 0 ? "all" : words.join(" · ");
}

function nameIn(cell: string | null): string {
  if (cell === null) return "not recorded";
  return cell.trim() === "" ? "(blank)" : cell;
}

/** Rows that are alike in these columns, in the order in which they come. */
export function gathered(rows: readonly ReportRow[], by: readonly string[]): ReportRow[][] {
  const found = new Map<string, ReportRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(by.map((name) => row[name]));
    const those = found.get(key);
    if (those === undefined) found.set(key, [row]);
    else those.push(row);
  }
  return [...found.values()];
}

/** What is to be said beside a line. */
export function noteOf(row: ReportRow, picture: Picture): string {
  const notes = "notes" in picture ? (picture.notes ?? {}) : {};
  const where = "notedWhere" in picture ? picture.notedWhere : undefined;
  if (where !== undefined && row[where] !== true) return "";
  return Object.entries(notes)
    .flatMap(([name, words]) => {
      const cell = row[name];
      if (Array.isArray(cell)) return cell.length === 0 ? [] : [`${words} ${cell.join(", ")}`];
      return cell === true ? [words] : [];
    })
    .join("; ");
}

/** The label of a line with its note below: three lines at most, of which the note has the rest. */
export function lineLabel(y: number, label: string, note: string): string {
  const twoLines = (words: string, size: number): string[] => {
    const [first = "", ...rest] = wrapped(words, labelWidth, size);
    return rest.length === 0 ? [first] : [first, rest.join(" ")];
  };
  const name = twoLines(label, 13);
  const [first = "", second] = note === "" ? [] : twoLines(note, 11);
  const notes = note === "" ? [] : name.length === 2 ? [note] : second ? [first, second] : [first];
  const lines = name.length + notes.length;
  const begin = y + { 1: 27, 2: 20, 3: 14 }[Math.min(lines, 3) as 1 | 2 | 3];
  return titled(
    note === "" ? label : `${label}: ${note}`,
    ...name.map((words, n) =>
      textMark(margin, begin + n * 15, words, { size: 13, within: labelWidth }),
    ),
    ...notes.map((words, n) =>
      textMark(margin, begin + 1 + (name.length + n) * 14, words, {
        size: 11,
        role: "dim",
        within: labelWidth,
      }),
    ),
  );
}

export const rule = (y: number): string => line(margin, y, end, y, "grid");

export interface PanelCell {
  readonly x: number;
  readonly width: number;
}

/** The places of so many panels beside each other, right of the labels where there are any. */
export function panelCells(count: number, from = middle): PanelCell[] {
  const gap = 24;
  const width = (end - from - gap * (count - 1)) / count;
  return Array.from({ length: count }, (_, k) => ({ x: from + k * (width + gap), width }));
}

/** The titles of panels, each in as many lines as it needs; the shorter ones end with the longest. */
export function panelTitles(
  panels: readonly { readonly title: string }[],
  cells: readonly PanelCell[],
  top: number,
): { readonly marks: readonly string[]; readonly bottom: number } {
  const titles = panels.map(({ title }, k) => wrapped(title, cells[k]?.width ?? 0, 13, true));
  const most = Math.max(...titles.map((lines) => lines.length));
  return {
    marks: titles.flatMap((lines, k) =>
      lines.map((words, n) =>
        textMark(cells[k]?.x ?? 0, top + 14 + (most - lines.length + n) * 16, words, {
          size: 13,
          bold: true,
          within: cells[k]?.width ?? 0,
        }),
      ),
    ),
    bottom: top + most * 16 + 2,
  };
}
