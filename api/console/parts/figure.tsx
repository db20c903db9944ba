import type { Child, FC } from "hono/jsx";
import type { Rate } from "../../../handoff/reviews/figures.ts";
import { counted, interval, numberWords, percent } from "../../../handoff/reviews/words.ts";
import { cellWords, columnWords, isMark, marksOf } from "../../../messages/reviews/cells.ts";
import { withNames, type People } from "../../../words/people.ts";
import { rowsWithRuleWords } from "../../../words/rules.ts";
import type { Cell, ReportRow } from "../../../store/reports/report.ts";
import type { readReports } from "../../reports.ts";
import { paths, withQuery } from "../paths.ts";

/** A report as its list describes it. */
export type DescribedReport = ReturnType<typeof readReports>["reports"][number];
type Column = DescribedReport["columns"][number];

/** A cell of text; empty where there is none. */
export function wordIn(row: ReportRow, name: string): string {
  const cell = row[name];
  return typeof cell === "string" ? cell : "";
}

/** What is wider than a small screen is moved sideways, by keys too. */
export const Region: FC<{ readonly label: string; readonly children?: Child }> = ({
  label,
  children,
}) => (
  <div class="region" role="region" tabindex={0} aria-label={label}>
    {children}
  </div>
);

/** The picture at an address of ours; the same figures stand beside it in words. */
export const ReportPicture: FC<{ readonly src: string; readonly words: string }> = ({
  src,
  words,
}) => (
  <Region label={`picture: ${words}`}>
    <img
      class="picture"
      src={src}
      alt={`Picture: ${words} The table below has its figures.`}
      decoding="async"
    />
  </Region>
);

/** A rate with what it was made from; below thirty cases the counts come first, grey. */
export const RateWords: FC<{ readonly rate: Rate; readonly of: string }> = ({ rate, of }) => {
  const { rate: share, numerator, denominator, isSmall } = rate;
  const counts = `${numberWords(numerator)} of ${counted(denominator, of)}`;
  if (share === null) return <span class="dim">{`no ${of}s`}</span>;
  if (isSmall) return <span class="dim">{`${counts}, too few for a rate`}</span>;
  return (
    <>
      <strong>{percent(share)}</strong>
      <span class="dim">{` ${counts} (${interval(rate)})`}</span>
    </>
  );
};

/** Lines that a page shows; the CSV has the others. */
const mostLines = 200;

/** More columns than these are set smaller on paper. */
const mostOnPaper = 8;

interface TableProps {
  readonly label: string;
  readonly report: DescribedReport;
  readonly rows: readonly ReportRow[];
  /** Names of people by the ids that stand in the rows. */
  readonly people: People;
  readonly groupBy: string | null;
  /** The columns that are shown, in their order; all of them when absent. */
  readonly shown?: readonly string[];
  /** Where a group leads to, alone; absent: nowhere. */
  readonly ofGroup?: (group: string | null) => string;
  /** Whether the reader may open leads. */
  readonly opensLeads: boolean;
}

/**
 * The group first, then what is said in words, which a narrow window would cut; what a count counts
 * beside the first count; flags that are said are left out.
 */
function columnsOf({ report, groupBy, shown, opensLeads }: TableProps): Column[] {
  const all = report.columns.filter(({ name }) => shown === undefined || shown.includes(name));
  const inWords = ({ kind, isLeads }: Column) => !isLeads && (kind === "text" || kind === "list");
  const usual = [...all.filter(inWords), ...all.filter((one) => !inWords(one))];
  const ordered = (shown ?? usual.map(({ name }) => name)).flatMap((name) =>
    all.filter((one) => one.name === name && name !== "group" && !isMark(name) && !one.isLeads),
  );
  const leads = opensLeads ? all.filter(({ isLeads }) => isLeads) : [];
  const count = ordered.findIndex(({ kind }) => kind === "count") + 1;
  const at = count === 0 ? ordered.length : count;
  return [
    ...(groupBy === null ? [] : report.columns.filter(({ name }) => name === "group")),
    ...ordered.slice(0, at),
    ...leads,
    ...ordered.slice(at),
  ];
}

/** The rows of a report as a table: each rate with its counts and interval. */
export const FigureTable: FC<TableProps> = (props) => {
  const { label, rows, groupBy } = props;
  const columns = columnsOf(props);
  const more = rows.length - mostLines;
  return (
    <>
      <Region label={`table: ${label}`}>
        <table class={columns.length > mostOnPaper ? "figures many" : "figures"}>
          <caption class="visually-hidden">{label}</caption>
          <thead>
            <tr>
              {columns.map(({ name, meaning, isLeads }) => (
                <th scope="col" title={meaning} class={isLeads ? "screen-only" : undefined}>
                  {columnWords(name === "group" ? (groupBy ?? name) : name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rowsWithRuleWords(rows.slice(0, mostLines)).map((row, n) => (
              <Line {...props} row={row} columns={columns} n={n} />
            ))}
          </tbody>
        </table>
      </Region>
      {more > 0 ? <p class="dim">{`${counted(more, "more line")} in the CSV.`}</p> : null}
    </>
  );
};

const Line: FC<
  TableProps & {
    readonly row: ReportRow;
    readonly columns: readonly Column[];
    readonly n: number;
  }
> = ({ row, columns, report, people, ofGroup, n }) => {
  const isOut = row["standsOut"] === true || row["isWorse"] === true;
  return (
    <tr class={isOut ? "stands-out" : undefined}>
      {columns.map((column, place) => {
        const cell = row[column.name] ?? null;
        const body =
          column.isLeads && Array.isArray(cell) ? (
            <LeadsOf ids={cell as readonly string[]} line={n} />
          ) : (
            <Words
              {...{ column, cell, place, row, report, people }}
              {...(ofGroup === undefined ? {} : { ofGroup })}
            />
          );
        return place === 0 ? (
          <th scope="row">{body}</th>
        ) : (
          <td class={kindClass(column)}>{body}</td>
        );
      })}
    </tr>
  );
};

function kindClass({ kind, isLeads }: Column): string | undefined {
  if (isLeads) return "screen-only";
  return kind === "text" || kind === "list" ? "word" : undefined;
}

const Words: FC<{
  readonly column: Column;
  readonly cell: Cell | null;
  readonly place: number;
  readonly row: ReportRow;
  readonly report: DescribedReport;
  readonly people: People;
  readonly ofGroup?: (group: string | null) => string;
}> = ({ column, cell, place, row, report, people, ofGroup }) => {
  const { words: kept, more, isFew } = cellWords(column.kind, cell);
  const words = withNames(kept, people);
  const isTotal = report.name === "rejections" && column.name === "reason" && cell === null;
  const shown = words === "" && place === 0 ? (isTotal ? "all" : "not recorded") : words;
  const small = [...(more === undefined ? [] : [more]), ...(place === 0 ? marksOf(row) : [])];
  return (
    <>
      {column.name === "group" && ofGroup !== undefined ? (
        <a href={ofGroup(cell as string | null)}>
          <bdi>{shown}</bdi>
        </a>
      ) : (
        <bdi class={isFew ? "dim" : undefined}>{shown}</bdi>
      )}
      {small.map((one) => (
        <small class="dim">{one}</small>
      ))}
    </>
  );
};

/**
 * The leads behind a line, or the accounts where it counts those, as a list to open: at most a
 * hundred, as the report names them.
 */
const LeadsOf: FC<{ readonly ids: readonly string[]; readonly line: number }> = ({ ids, line }) => {
  if (ids.length === 0) return <span class="dim">none</span>;
  const isOfAccounts = ids[0]?.startsWith("ac_") === true;
  const words = countWords(ids, isOfAccounts ? "account" : "lead");
  return (
    <a
      href={isOfAccounts ? accountsPath(ids) : leadsPath(ids)}
      aria-label={`Open ${words} of line ${line + 1}`}
    >
      {words}
    </a>
  );
};

const mostOpened = 100;
const countWords = (ids: readonly string[], what: "lead" | "account") =>
  ids.length < mostOpened ? counted(ids.length, what) : `the first ${mostOpened} ${what}s`;

/** The list of these leads. */
export function leadsPath(ids: readonly string[]): string {
  return withQuery(paths.leads, { ids: ids.slice(0, mostOpened).join(",") });
}

export function accountsPath(ids: readonly string[]): string {
  return withQuery(paths.accounts, { ids: ids.slice(0, mostOpened).join(",") });
}
