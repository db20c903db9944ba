import type { Rate } from "../../handoff/reviews/figures.ts";
import {
  daysWords,
  hoursWords,
  interval,
  numberWords,
  percent,
} from "../../handoff/reviews/words.ts";
import type { Cell, ColumnKind, Money } from "../../store/reports/report.ts";

/** A cell of a table as people read it. */
export interface CellWords {
  readonly words: string;
  /** What stands smaller behind it. */
  readonly more?: string;
  /** So few cases that it is shown grey. */
  readonly isFew?: boolean;
}

/** Items of a list that are named in a cell. */
const mostItems = 5;

/** A cell in words: a rate with its counts and interval, a time in its unit. */
export function cellWords(kind: ColumnKind, cell: Cell | null): CellWords {
  if (cell === null) return { words: "" };
  switch (kind) {
    case "rate":
      return rateCell(cell as Rate);
    case "count":
      return { words: numberWords(cell as number) };
    case "number":
      return { words: String(Math.round((cell as number) * 10) / 10) };
    case "hours":
      return { words: daysWords((cell as number) / 24) };
    case "openHours":
      return { words: hoursWords(cell as number) };
    case "days":
      return { words: daysWords(cell as number) };
    case "money":
      return { words: (cell as Money).map(moneyWords).join("; ") };
    case "flag":
      return { words: cell === true ? "yes" : "no" };
    case "list": {
      const list = cell as readonly string[];
      const more = list.length - mostItems;
      const shown = list.slice(0, mostItems).join(", ");
      return { words: more > 0 ? `${shown} and ${more} more` : shown };
    }
    case "text":
      return { words: cell as string };
    default:
      return kind satisfies never;
  }
}

function rateCell(rate: Rate): CellWords {
  const counts = `${numberWords(rate.numerator)} of ${numberWords(rate.denominator)}`;
  if (rate.rate === null) return { words: "none", isFew: true };
  if (rate.isSmall) return { words: counts, more: percent(rate.rate), isFew: true };
  return { words: percent(rate.rate), more: `${counts}, ${interval(rate)}` };
}

function moneyWords({ currency, amountMinor }: Money[number]): string {
  return `${currency} ${numberWords(Math.round(amountMinor / 100))}`;
}

/** `medianOpen` as "median open", `sla` as "SLA". */
export function columnWords(name: string): string {
  return name
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(/\b(?:icp|mql|sal|sla|sql)(?=s?\b)/g, (short) => short.toUpperCase());
}

/** Flags that are said beside a line instead of in a column of their own. */
const marks: Readonly<Record<string, string>> = {
  isImmature: "young",
  standsOut: "stands out",
  isWorse: "worse than without it",
};

export const isMark = (column: string): boolean => Object.hasOwn(marks, column);

/** What is said beside a line. */
export function marksOf(row: Readonly<Record<string, Cell>>): readonly string[] {
  return Object.entries(marks).flatMap(([name, words]) => (row[name] === true ? [words] : []));
}
