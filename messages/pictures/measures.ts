import {
  daysWords,
  hoursWords,
  numberWords,
  percent,
  rateWords,
} from "../../handoff/reviews/words.ts";
import type { Rate } from "../../handoff/reviews/figures.ts";
import type { Goal } from "../../store/reports/goals.ts";
import type { Panel } from "../../store/reports/picture.ts";
import type { ReportFile, ReportQuestion, ReportRow } from "../../store/reports/report.ts";
import { roundAbove } from "./shapes.ts";
import { rateLabels } from "./words.ts";

/** What one line has of one measure. */
export type Measured =
  | { readonly kind: "rate"; readonly rate: Rate }
  | { readonly kind: "count"; readonly value: number }
  | { readonly kind: "time"; readonly median: number | null; readonly ends: readonly TimeEnd[] };

/** What a stroke on a time says. */
export const shares = { p75: "three of four within", p90: "nine of ten within" } as const;

interface TimeEnd {
  readonly words: (typeof shares)[keyof typeof shares];
  readonly value: number;
}

/** A measure of a report: where its values stand, how large they are, how they are said. */
export interface Measure {
  readonly title: string;
  readonly readings: readonly Measured[];
  readonly most: number;
  /** The scale in words, at its begin, its middle and its end; half a case is not said. */
  readonly ticks: readonly [string, string, string];
  /** What is written at a mark, the longest first. */
  readonly labels: (reading: Measured) => readonly string[];
  /** A reading in words, without the title. */
  readonly say: (reading: Measured) => string;
  /** The agreed times of a line. */
  readonly goals: (row: ReportRow) => readonly number[];
}

/** A panel with the values of these rows. */
export function measureOf(
  panel: Panel,
  rows: readonly ReportRow[],
  report: ReportFile,
  { groupBy }: ReportQuestion,
  goals: readonly Goal[],
): Measure {
  const readings = rows.map((row) => readingOf(panel, row));
  const words = unitWords(panel, report);
  const ofRow = (row: ReportRow) =>
    "target" in panel && panel.target !== undefined
      ? goals
          .filter(({ leadType }) => groupBy !== "leadType" || leadType === row["group"])
          .map(({ hours }) => hours)
      : [];
  const most =
    "rate" in panel
      ? ([0.1, 0.2, 0.5].find((one) => readings.every((reading) => highOf(reading) <= one)) ?? 1)
      : roundAbove([...readings.flatMap(valuesOf), ...rows.flatMap((row) => ofRow(row))]);
  return {
    title: panel.title,
    readings,
    most,
    ticks: [
      "rate" in panel ? "0 %" : "0",
      "count" in panel && !Number.isInteger(most / 2) ? "" : words(most / 2),
      words(most),
    ],
    labels: (reading) => labelsOf(reading, words),
    say: (reading) => wordsOf(reading, words),
    goals: ofRow,
  };
}

/** The middle value of a reading, which a trend follows; null where there are no cases. */
export function valueOf(reading: Measured): number | null {
  switch (reading.kind) {
    case "rate":
      return reading.rate.rate;
    case "count":
      return reading.value;
    case "time":
      return reading.median;
    default:
      return reading satisfies never;
  }
}

/** How many cases a row has by a panel, as far as that says. */
export function weightOf(panel: Panel, row: ReportRow): number {
  const reading = readingOf(panel, row);
  if (reading.kind === "rate") return reading.rate.denominator;
  return reading.kind === "count" ? reading.value : 0;
}

function readingOf(panel: Panel, row: ReportRow): Measured {
  if ("rate" in panel) return { kind: "rate", rate: row[panel.rate] as Rate };
  if ("count" in panel) return { kind: "count", value: row[panel.count] as number };
  const time = (name: string | undefined) =>
    name === undefined ? null : (row[name] as number | null);
  const ends = [
    [shares.p75, time(panel.p75)],
    [shares.p90, time(panel.p90)],
  ] as const;
  return {
    kind: "time",
    median: time(panel.median),
    ends: ends.flatMap(([words, value]) => (value === null ? [] : [{ words, value }])),
  };
}

const highOf = (reading: Measured) => (reading.kind === "rate" ? (reading.rate.high ?? 0) : 0);

function valuesOf(reading: Measured): number[] {
  if (reading.kind === "time")
    return [reading.median ?? 0, ...reading.ends.map(({ value }) => value)];
  return [valueOf(reading) ?? 0];
}

function unitWords(panel: Panel, { columns }: ReportFile): (value: number) => string {
  if ("rate" in panel) return percent;
  if ("count" in panel) return numberWords;
  switch (columns[panel.median]?.kind) {
    case "days":
      return daysWords;
    case "hours":
      return (value) => daysWords(value / 24);
    default:
      return hoursWords;
  }
}

function labelsOf(reading: Measured, words: (value: number) => string): string[] {
  switch (reading.kind) {
    case "rate":
      return rateLabels(reading.rate);
    case "count":
      return [words(reading.value)];
    case "time": {
      if (reading.median === null) return ["no cases"];
      const median = words(reading.median);
      const last = reading.ends.at(-1);
      return last === undefined
        ? [median]
        : [`${median}, 9 of 10 in ${words(last.value)}`, `${median} to ${words(last.value)}`];
    }
    default:
      return [reading satisfies never];
  }
}

function wordsOf(reading: Measured, words: (value: number) => string): string {
  switch (reading.kind) {
    case "rate":
      return rateWords(reading.rate);
    case "count":
      return words(reading.value);
    case "time":
      return reading.median === null
        ? "no cases"
        : [
            `median ${words(reading.median)}`,
            ...reading.ends.map((end) => `${end.words} ${words(end.value)}`),
          ].join(", ");
    default:
      return reading satisfies never;
  }
}
