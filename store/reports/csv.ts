import { csvRecord } from "../intake/imports.ts";
import type { Cell, ColumnKind, Money, ReportFile, ReportRow } from "./report.ts";
import type { Rate } from "../../handoff/reviews/figures.ts";

/** The parts of a rate, each a column of its own in a table of cells. */
const rateParts = ["rate", "numerator", "denominator", "low", "high"] as const;

/** The names of a report's columns as a table of plain cells has them. */
export function plainColumns({ columns }: ReportFile): string[] {
  return Object.entries(columns).flatMap(([name, { kind }]) =>
    kind === "rate"
      ? rateParts.map((part) => (part === "rate" ? name : `${name}.${part}`))
      : [name],
  );
}

/** A row as plain cells. Null is an empty cell: not known, or a rate with nothing to divide by. */
export function plainCells({ columns }: ReportFile, row: ReportRow): (string | number | null)[] {
  return Object.entries(columns).flatMap(([name, { kind }]) => plainCell(kind, row[name] ?? null));
}

function plainCell(kind: ColumnKind, cell: Cell | null): (string | number | null)[] {
  switch (kind) {
    case "rate":
      return rateParts.map((part) => (cell as Rate | null)?.[part] ?? null);
    case "money":
      return [
        (cell as Money).map(({ currency, amountMinor }) => `${currency} ${amountMinor}`).join("; "),
      ];
    case "list":
      return [(cell as readonly string[]).join("; ")];
    case "flag":
      return [cell === true ? "yes" : "no"];
    case "text":
    case "count":
    case "number":
    case "hours":
    case "openHours":
    case "days":
      return [cell as string | number | null];
    default:
      return [kind satisfies never];
  }
}

/** The report as CSV, the first line with the names of the columns. */
export function reportCsv(report: ReportFile, rows: readonly ReportRow[]): string {
  return [plainColumns(report), ...rows.map((row) => plainCells(report, row))]
    .map((cells) => csvRecord(cells))
    .join("");
}
