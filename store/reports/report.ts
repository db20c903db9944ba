import type { Rate } from "../../handoff/reviews/figures.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Db } from "../postgres/db.ts";
import type { Agreements } from "../process/agreements.ts";
import type { Dimension, Filters } from "./filters.ts";
import type { Paragraph } from "./paragraph.ts";
import type { Picture } from "./picture.ts";

/** What somebody wants to know. */
export interface ReportQuestion {
  readonly from: Instant;
  /** Not included. */
  readonly to: Instant;
  /** As things stood then. */
  readonly asOf: Instant;
  /**
   * `now`: with all that is known today of the time until `asOf`; `then`: with what had been told
   * by then.
   */
  readonly knowledge: Knowledge;
  readonly filters: Filters;
  readonly groupBy: Dimension | null;
  /** Only handoffs of these people; null: of everybody. */
  readonly repIds: readonly string[] | null;
}

export const knowledges = ["now", "then"] as const;
export type Knowledge = (typeof knowledges)[number];

/** An amount for each currency, in minor units. */
export type Money = readonly { readonly currency: string; readonly amountMinor: number }[];

/** What a cell holds, by the kind of its column. */
interface Cells {
  text: string | null;
  count: number;
  rate: Rate;
  number: number | null;
  /** By the clock, nights included. */
  hours: number | null;
  /** Of opening hours, of which no day has twenty-four. */
  openHours: number | null;
  days: number | null;
  money: Money;
  flag: boolean;
  list: readonly string[];
}
export type ColumnKind = keyof Cells;
export type Cell = Cells[ColumnKind];

/** A column with its unit and its exact meaning; "then" is the moment of `asOf`. */
export interface Column<K extends ColumnKind = ColumnKind> {
  readonly kind: K;
  readonly meaning: string;
}
type Columns = Readonly<Record<string, Column>>;
type RowOf<C extends Columns> = { readonly [N in keyof C]: Cells[C[N]["kind"]] };

/** The names of the columns of each kind. */
type NamesOf<C extends Columns> = {
  readonly [K in ColumnKind]: keyof C &
    string &
    { readonly [N in keyof C]: [K] extends [C[N]["kind"]] ? N : never }[keyof C];
};

/** What the period of a question bounds. */
export type Bounds =
  "handoffs that began in it" | "what happened in it" | "nothing: it counts what stands at asOf";

/** The two articles that the figures follow (docs/metrics.md, "Source articles"). */
export type Article = "criteria" | "pipeline";

/** A metric that an article names, with the section in which it does. */
export interface Metric<N extends string = string> {
  readonly name: string;
  readonly article: Article;
  readonly section: string;
  readonly column: N;
}

interface Definition<C extends Columns> {
  /** Part of the address, and what `baton report` is called with. */
  readonly name: string;
  /** The question that it answers, in plain words. */
  readonly question: string;
  readonly period: Bounds;
  /** Set where it counts what is known of leads today: how that was earlier is not recorded. */
  readonly isOfToday?: true;
  /** By what it can be filtered and grouped. */
  readonly dimensions: readonly Dimension[];
  /** Figures about single people are for those who lead them. */
  readonly readers: "both teams" | "those who lead";
  /** What the articles name, and the column that shows it. */
  readonly metrics: readonly Metric<keyof C & string>[];
  readonly columns: C;
  /** Null where a picture would say less than the table. */
  readonly picture: Picture<NamesOf<C>> | null;
  /** What a review packet says of its rows. */
  readonly paragraph: Paragraph<NamesOf<C>, RowOf<C>>;
  /** What is kept of its weeks (store/reports/fold.ts). */
  readonly folds?: readonly Fold[];
  readonly rows: (ask: ReportAsk) => Promise<readonly RowOf<C>[]>;
}

/**
 * What is counted by when it came (store/reports/cohort.ts): handoffs by when they began, leads with a
 * handoff by when they arrived, stays in a stage by when they began, what went to the re-nurture pool
 * and what was disqualified by when it did, opportunities by their creation, answers by when they were
 * given.
 */
export type FoldedCohort =
  | "handoffs"
  | "leads handed off"
  | "stays"
  | "pool entries"
  | "disqualifications"
  | "opportunities"
  | "answers";

/**
 * What a report counts of the handoffs that began in its period, so that parts of the period can be
 * counted apart and put together: whole weeks are kept (migration 0121) and read, the rest is
 * counted from the rows by the same SQL.
 */
export interface Fold {
  readonly name: string;
  /** What is counted; handoffs unless told otherwise. */
  readonly of?: FoldedCohort;
  /** Where the rows come from; `h` unless told otherwise. */
  readonly from?: string;
  readonly where?: string;
  /** By what the lines differ beside the group: columns. */
  readonly by?: readonly string[];
  /** Aggregates that are numbers and add up: counts and sums. */
  readonly sums: Readonly<Record<string, string>>;
  /** Which percentile of what. */
  readonly percentiles?: Readonly<Record<string, readonly [number, string]>>;
  /** The first hundred leads, the oldest handoff first, of which this holds. */
  readonly leads?: Readonly<Record<string, string>>;
  /** Of each column what the latest row says that says anything. */
  readonly latest?: Readonly<Record<string, string>>;
  /** Whether to tell when the youngest began, in seconds. */
  readonly isAged?: true;
}

export interface ReportAsk extends ReportQuestion {
  readonly db: Db;
  readonly agreements: Agreements;
}

export type ReportRow = Readonly<Record<string, Cell>>;
export type ReportFile = Omit<Definition<Columns>, "rows" | "picture" | "paragraph"> & {
  readonly picture: Picture | null;
  readonly paragraph: Paragraph;
  readonly rows: (ask: ReportAsk) => Promise<readonly ReportRow[]>;
};

/** A report: one file defines it, and one line of `registry.ts` lists it. */
export function defineReport<const C extends Columns>(report: Definition<C>): ReportFile {
  return report;
}

/** So far back an `asOf` counts as today: a page that stands open is asked for its table later. */
const todayMs = 24 * 3_600_000;

/** Why a report cannot say how things stood then; null where it can. */
export function notOfThen(
  { name, isOfToday }: Pick<ReportFile, "name" | "isOfToday">,
  { asOf }: Pick<ReportQuestion, "asOf">,
  now: Instant,
): string | null {
  if (!isOfToday || asOf >= now - todayMs) return null;
  return (
    `expected none, or one of the last 24 hours: ${name} counts the facts that leads have today, ` +
    "and which they had before is not recorded; `to` bounds when the leads arrived"
  );
}

const column =
  <K extends ColumnKind>(kind: K) =>
  (meaning: string): Column<K> => ({ kind, meaning });

export const textColumn = column("text");
export const count = column("count");
export const rate = column("rate");
export const numberColumn = column("number");
export const hours = column("hours");
export const openHours = column("openHours");
export const days = column("days");
export const money = column("money");
export const flag = column("flag");
export const listColumn = column("list");

/** The first column of every report that can be grouped. */
export const group = textColumn(
  "the value of the dimension that was grouped by; empty: nothing was, or it is not recorded",
);
/** The leads, or accounts, behind a line, so that they can be opened. */
export const leads = listColumn(
  "the leads that the line counts, or the accounts where it was asked for those: the first " +
    "hundred, the oldest first",
);
