import { rateOf } from "../../handoff/reviews/figures.ts";
import type { Cell, ReportFile, ReportRow } from "../../store/reports/report.ts";

/** The words that the text columns of reports hold when not told otherwise. */
const words: Readonly<Record<string, readonly string[]>> = {
  step: [
    "leads-created",
    "mql",
    "handed-off",
    "first-outreach",
    "connected",
    "meeting",
    "sal",
    "sql",
    "opportunity",
    "won",
  ],
  age: ["10 days and more", "5 to 10 days", "2 to 5 days", "1 to 2 days", "under a day"],
  sla: ["overdue", "in time", "paused", "none"],
  clock: ["outreach", "status"],
  band: ["A", "B", "C", "D"],
  stage: ["mql", "sal", "sql", "opportunity", "renurture"],
};

interface Made {
  readonly groups: readonly (string | null)[];
  /** Cases of a rate at most; few make it small, none empty. */
  readonly cases?: number;
  /** What the text columns beside the group hold; else what a report usually has there. */
  readonly names?: readonly (string | null)[];
  readonly random: () => number;
}

/** Rows as the report could have them: for each group one of each of its names. */
export function madeRows(report: ReportFile, made: Made): ReportRow[] {
  const { columns } = report;
  const texts = Object.keys(columns).filter(
    (name) => name !== "group" && columns[name]?.kind === "text",
  );
  const [by] = texts;
  const names = made.names ?? (by === undefined ? [null] : (words[by] ?? ["one", "two", "three"]));
  return made.groups.flatMap((group) =>
    names.map((name, n) => {
      let time = 0;
      // From column to column longer, as percentiles are.
      const later = () => (time += made.random() * 12);
      return Object.fromEntries(
        Object.keys(columns).map((column) => {
          if (column === "group") return [column, group];
          if (column === by) return [column, name];
          if (texts.includes(column))
            return [column, (words[column] ?? ["north", "south"])[n % 2] ?? null];
          return [column, cell(report, column, made, later)];
        }),
      );
    }),
  );
}

function cell(
  report: ReportFile,
  column: string,
  { cases = 400, random }: Made,
  later: () => number,
): Cell {
  const whole = (most: number) => Math.floor(random() * most);
  const kind = report.columns[column]?.kind;
  switch (kind) {
    case "count":
      return whole(cases + 1);
    case "rate": {
      const denominator = cases < 30 ? cases : cases + whole(cases);
      return rateOf(whole(denominator + 1), denominator);
    }
    case "number":
    case "hours":
    case "openHours":
    case "days":
      return random() < 0.1 ? null : later();
    case "flag":
      return random() < 0.3;
    case "list":
      return random() < 0.5 ? [] : ["icp", "checklist: role fit"];
    case "money":
      return [{ currency: "USD", amountMinor: whole(1_000_000) }];
    default:
      throw new Error(`${report.name} has no column ${column} to make up`);
  }
}

/** So many weeks, one after the other. */
export function weeks(count: number, year = 2026): string[] {
  return Array.from({ length: count }, (_, n) => {
    const [over, week] = [Math.floor(n / 52), (n % 52) + 1];
    return `${year + over}-W${String(week).padStart(2, "0")}`;
  });
}

/** Names that would be markup, another direction, or no XML at all. */
export const hostileNames = [
  "<script>alert(1)</script>",
  "a & b \"c\" 'd' ]]> <!-- & &amp; &#0;",
  "x".repeat(300),
  "wide ".repeat(60),
  "M".repeat(300),
  "\u202egnirts\u202c",
  "line\nbreak\ttab\r\u0000\u0007\u001b[31m",
  "lone \ud800 surrogate \udfff and \ufffe \uffff",
  "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}".repeat(80),
  "Z\u0300\u0301\u0302\u0303\u0304\u0305\u0306algo".repeat(40),
  "\ufdfd".repeat(30),
  "東京都".repeat(60),
  "שלום עולם ".repeat(30),
  "",
  " ",
  "</text></svg>",
  "--><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;",
];
