import {
  namedRates,
  shareSentence,
  standOutSentence,
  sumOfRates,
  trendSentence,
  type Named,
  type Share,
} from "../../handoff/reviews/paragraph.ts";
import type { Rate } from "../../handoff/reviews/figures.ts";
import { capitalised, counted } from "../../handoff/reviews/words.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Dimension, Subjects } from "./filters.ts";
import type { ColumnNames } from "./picture.ts";

/** A row of a report by the names of its columns. */
type ParagraphRow = Readonly<Record<string, unknown>>;

/** What a paragraph is composed from. */
export interface Telling<Row = ParagraphRow> {
  readonly rows: readonly Row[];
  /**
   * The same question a period earlier, as it stood then; null where the report counts what stands
   * at one moment.
   */
  readonly before: readonly Row[] | null;
  readonly groupBy: Dimension | null;
  /** The columns that are shown beside it: what is not shown is not told. */
  readonly shown: readonly string[];
  readonly asOf: Instant;
  /** What the rows count; leads when absent. */
  readonly subjects?: Subjects;
}

/** Shares that are told as data: of what, and what became of the part. */
export interface SharesTold<N extends ColumnNames = ColumnNames> {
  readonly shares: readonly (Share & { readonly rate: N["rate"] })[];
  /** What tells the lines of one group apart; each case is in one of them. */
  readonly each?: N["text"];
  /** Lines of the same cases: each value is told for itself. */
  readonly split?: N["text"];
  /** A case can be in several lines, so that they have no sum. */
  readonly isOverlapping?: true;
}

/** The packet paragraph of a report: data, or its own words. */
export type Paragraph<N extends ColumnNames = ColumnNames, Row = ParagraphRow> =
  | SharesTold<N>
  // A method, so that a report with its own rows is a report.
  | { tell(told: Telling<Row>): string };

/** A report's rows in a sentence or two, which claim nothing below thirty cases. */
export function paragraphOf(paragraph: Paragraph, told: Telling): string {
  if (told.groupBy === "subject") return ofEachSubject(paragraph, told);
  const words = "tell" in paragraph ? paragraph.tell(told) : tellShares(paragraph, told);
  return words === "" ? "Nothing was counted." : words;
}

/** Leads and accounts have no sum: each is told by itself. */
function ofEachSubject(paragraph: Paragraph, told: Telling): string {
  const of = (rows: readonly ParagraphRow[], subject: string) =>
    rows.filter(({ group }) => group === subject);
  const parts = (["lead", "account"] as const).flatMap((subject) => {
    const rows = of(told.rows, subject);
    if (rows.length === 0) return [];
    const before = told.before === null ? null : of(told.before, subject);
    const subjects = `${subject}s` as const;
    const one: Telling = { ...told, rows, before, subjects, groupBy: null };
    return `${capitalised(subjects)}: ${paragraphOf(paragraph, one)}`;
  });
  return parts.length === 0 ? "Nothing was counted." : parts.join(" ");
}

/** Sentences as one text; empty ones are left out. */
export function sentences(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}

/** A name in a cell as it is said. */
export function said(cell: unknown): string {
  if (typeof cell !== "string") return "not recorded";
  return cell.trim() === "" ? "(blank)" : cell;
}

/** What a line is of: its group, where it was asked by one, and what tells it from the others. */
export function lineName(
  row: ParagraphRow,
  { groupBy }: Pick<Telling, "groupBy">,
  each?: string,
): string {
  const names = [...(groupBy === null ? [] : ["group"]), ...(each === undefined ? [] : [each])];
  return names.map((name) => said(row[name])).join(" · ");
}

export function rateIn(row: ParagraphRow, column: string): Rate {
  return row[column] as Rate;
}

/** Said where a cohort will still come to more. */
export function youngSentence(rows: readonly ParagraphRow[]): string {
  return rows.some((row) => row["isImmature"] === true)
    ? "Some of it is young: its rates will still rise."
    : "";
}

export function tellShares(paragraph: SharesTold, told: Telling): string {
  const { shares, each, split, isOverlapping = false } = paragraph;
  const { subjects = "leads" } = told;
  const shown = shares
    .filter(({ rate }) => told.shown.includes(rate))
    .map((share) => ({ ...share, of: share.of.replace(/^leads\b/, subjects) }))
    .sort((a, b) => told.shown.indexOf(a.rate) - told.shown.indexOf(b.rate));
  const isTrend = told.groupBy === "week" || told.groupBy === "month";
  const series = split ?? (isTrend ? each : undefined);
  const values = series === undefined ? [null] : [...new Set(told.rows.map((row) => row[series]))];
  if (told.rows.length === 0) return "";
  if (isOverlapping)
    return sentences(
      ...shown.map((share) => rankedSentence(share, namedIn(told, share.rate, each))),
    );
  const parts = values.map((value) => {
    const of = (rows: readonly ParagraphRow[]) =>
      series === undefined ? rows : rows.filter((row) => row[series] === value);
    const one = {
      ...told,
      rows: of(told.rows),
      before: told.before === null ? null : of(told.before),
    };
    const words = isTrend ? trendOf(shown, one) : totalsOf(shown, one, each);
    return series === undefined || words === "" ? words : `${capitalised(said(value))}: ${words}`;
  });
  return sentences(...parts, isTrend ? "" : youngSentence(told.rows));
}

function totalsOf(shares: SharesTold["shares"], told: Telling, each: string | undefined): string {
  const all = (rows: readonly ParagraphRow[], column: string) =>
    sumOfRates(rows.map((row) => rateIn(row, column)));
  const parts = shares.map((share) =>
    shareSentence(
      share,
      all(told.rows, share.rate),
      told.before === null ? null : all(told.before, share.rate),
    ),
  );
  const [first] = shares;
  const isSplit = told.groupBy !== null || each !== undefined;
  const groups = first && isSplit ? namedIn(told, first.rate, each) : [];
  // Behind the share that it is about.
  return sentences(parts[0] ?? "", standOutSentence(groups), ...parts.slice(1));
}

/** The lines by name; those without cases say nothing. */
export function namedIn(told: Telling, column: string, each?: string): Named[] {
  return told.rows
    .map((row) => ({ name: lineName(row, told, each), rate: rateIn(row, column) }))
    .filter(({ rate }) => rate.denominator > 0);
}

/** The youngest months are left out where they will still rise. */
function trendOf([share]: SharesTold["shares"], told: Telling): string {
  if (share === undefined) return "";
  const ripe = told.asOf - (share.ripeAfterDays ?? 0) * 86_400_000;
  const old = told.rows.filter(
    (row) =>
      row["isImmature"] !== true &&
      (share.ripeAfterDays === undefined || monthEnd(said(row["group"])) <= ripe),
  );
  const steps = old.map((row) => ({ name: said(row["group"]), rate: rateIn(row, share.rate) }));
  const young = told.rows.length - old.length;
  const left = young === 0 ? "" : `${capitalised(counted(young, "young month"))} left out.`;
  return sentences(trendSentence(share, steps), left);
}

/** The end of a month such as `2026-11`, in UTC; of anything else, never. */
function monthEnd(month: string): Instant {
  const [year, number] = month.split("-").map(Number);
  return /^\d{4}-\d\d$/.test(month) ? Date.UTC(year ?? 0, number ?? 0, 1) : Infinity;
}

/** Lines that share cases, by their rates: the highest, the lowest, and whether they lie apart. */
export function rankedSentence(share: Share, groups: readonly Named[]): string {
  const judged = groups
    .filter(({ rate }) => !rate.isSmall)
    .sort((a, b) => (b.rate.rate ?? 0) - (a.rate.rate ?? 0));
  const small = groups.length - judged.length;
  const left =
    small === 0 ? "" : `Of ${counted(small, "line")} with fewer than 30 nothing is said.`;
  const [most, least] = [judged[0], judged.at(-1)];
  if (most === undefined || least === undefined || most === least) return left;
  const isApart = (least.rate.high ?? 1) < (most.rate.low ?? 0);
  return sentences(
    `The largest share of ${share.of} that ${share.did}: ${namedRates([most], 1)}; the ` +
      `smallest: ${namedRates([least], 1)}. Their intervals ` +
      `${isApart ? "lie apart" : "do not lie apart"}.`,
    left,
  );
}
