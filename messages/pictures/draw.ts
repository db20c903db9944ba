import type { Picture } from "../../store/reports/picture.ts";
import { rowsWithRuleWords } from "../../words/rules.ts";
import { drawBuckets } from "./buckets.ts";
import { end, margin, width, type Drawn, type Figures } from "./frame.ts";
import { drawFunnel } from "./funnel.ts";
import { drawPairs } from "./pairs.ts";
import { drawPanels } from "./panels.ts";
import { svg, textMark, wrapped } from "./shapes.ts";
import { scopeWords } from "./words.ts";

/** Letters of a filter's value that are shown; its words have all of it. */
const mostOfFilter = 40;

/**
 * The picture of a report as one SVG document. It says its figures in words too, and draws nothing
 * where there are no rows but that.
 * @throws RangeError when the report has none.
 */
export function drawReport(figures: Figures): string {
  const { report, question, rows } = figures;
  if (report.picture === null) throw new RangeError(`the report ${report.name} has no picture`);
  const scope = scopeWords(report, question);
  const marks: string[] = [];
  let y = 12;
  const write = (words: string, size: number, how: { bold?: boolean; role?: "dim" } = {}) => {
    for (const line of wrapped(words, end - margin, size, how.bold)) {
      y += size + 6;
      marks.push(textMark(margin, y, line, { size, ...how, within: end - margin }));
    }
  };
  write(report.question, 17, { bold: true });
  write(scopeWords(report, question, mostOfFilter), 13, { role: "dim" });
  y += 22;
  const shown = { ...figures, rows: rowsWithRuleWords(drawnRows(rows, report.picture)) };
  const drawn = shown.rows.length === 0 ? nothing(y) : drawKind(shown, report.picture, y);
  marks.push(...drawn.marks);
  y = drawn.bottom + 8;
  if (drawn.legend.length > 0) write(drawn.legend.join(" "), 12, { role: "dim" });
  return svg(
    { width, height: y + margin },
    report.question,
    [`${scope}.`, ...drawn.said].join(" "),
    marks,
  );
}

function drawnRows(rows: Figures["rows"], picture: Picture): Figures["rows"] {
  const where = picture.kind === "panels" ? picture.drawnWhere : undefined;
  return where === undefined ? rows : rows.filter((row) => row[where] === true);
}

function drawKind(figures: Figures, picture: Picture, top: number): Drawn {
  switch (picture.kind) {
    case "panels":
      return drawPanels(figures, picture, top);
    case "funnel":
      return drawFunnel(figures, picture, top);
    case "buckets":
      return drawBuckets(figures, picture, top);
    case "pairs":
      return drawPairs(figures, picture, top);
    default:
      return picture satisfies never;
  }
}

function nothing(top: number): Drawn {
  const words = "Nothing to count: no rows for this question.";
  return {
    bottom: top + 26,
    marks: [textMark(margin, top + 18, words, { size: 13 })],
    legend: [],
    said: [words],
  };
}
