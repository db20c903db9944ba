/** The names of a report's columns, by the kind of the column. */
export type ColumnNames = Readonly<
  Record<"text" | "count" | "rate" | "hours" | "openHours" | "days" | "flag" | "list", string>
>;

/**
 * What a report's picture is drawn from. It is data: which columns, and what they are called in the
 * picture; `messages/pictures/` draws it.
 */
export type Picture<N extends ColumnNames = ColumnNames> =
  PanelsPicture<N> | FunnelPicture<N> | BucketsPicture<N> | PairsPicture<N>;

interface Noted<N extends ColumnNames> {
  /** What is said beside a line: where a flag is set, or before what a list holds. */
  readonly notes?: Readonly<Partial<Record<N["flag"] | N["list"], string>>>;
  /** Notes are made only of lines in which this is set. */
  readonly notedWhere?: N["flag"];
}

/**
 * One line for each row, and beside each other what it is measured by. Grouped by week or month,
 * every measure is a trend.
 */
export interface PanelsPicture<N extends ColumnNames = ColumnNames> extends Noted<N> {
  readonly kind: "panels";
  /** What a line is of, beside its group. */
  readonly of: readonly N["text"][];
  readonly panels: readonly Panel<N>[];
  /** Only lines in which this is set are drawn; the others stand in the table. */
  readonly drawnWhere?: N["flag"];
}

type TimeOf<N extends ColumnNames> = N["hours"] | N["openHours"] | N["days"];

export type Panel<N extends ColumnNames = ColumnNames> = { readonly title: string } & (
  | { readonly rate: N["rate"] }
  | { readonly count: N["count"] }
  | {
      readonly median: TimeOf<N>;
      readonly p75?: TimeOf<N>;
      readonly p90?: TimeOf<N>;
      /** The agreed time that is shown as a band. */
      readonly target?: "outreach";
    }
);

/** Steps one below the other, with how many took each and which share of the step before. */
export interface FunnelPicture<N extends ColumnNames = ColumnNames> extends Noted<N> {
  readonly kind: "funnel";
  readonly step: N["text"];
  readonly count: N["count"];
  readonly ofStepBefore: N["rate"];
  readonly days: N["days"];
}

/** Counts by bucket and by state, each in two parts. */
export interface BucketsPicture<N extends ColumnNames = ColumnNames> {
  readonly kind: "buckets";
  readonly bucket: N["text"];
  readonly state: N["text"];
  /** The states in the order in which they are drawn, with what they are called there. */
  readonly states: Readonly<Record<string, string>>;
  /** What the states are about. */
  readonly about: string;
  readonly count: N["count"];
  readonly split: { readonly by: N["flag"]; readonly yes: string; readonly no: string };
}

/** Two counts of each line: of the period, and of the one before. */
export interface PairsPicture<N extends ColumnNames = ColumnNames> extends Noted<N> {
  readonly kind: "pairs";
  /** Rows in which it is empty are the total of the others. */
  readonly of: N["text"];
  readonly now: N["count"];
  readonly before: N["count"];
  readonly share: N["rate"];
  /** What became of some of the period's, each with the word for it: said where there are any. */
  readonly fates: readonly { readonly rate: N["rate"]; readonly word: string }[];
}
