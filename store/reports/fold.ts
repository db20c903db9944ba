import { createHash } from "node:crypto";
import {
  percentileOfRuns,
  placesOfPercentile,
  type RankedPlaces,
  type RankedRun,
} from "../../handoff/reviews/ranked.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows as select, type Db } from "../postgres/db.ts";
import {
  answersSql,
  answersWhole,
  disqualifiedSql,
  disqualifiedWhole,
  leadsOfSpansSql,
  ofCohort,
  ofWeek,
  opportunitiesSql,
  opportunitiesWhole,
  percentileSql,
  poolEntriesSql,
  poolEntriesWhole,
  settledWhole,
  spansSql,
  spanValues,
  staysSql,
  staysWhole,
  type CohortRows,
  type CohortSpan,
  type Spans,
} from "./cohort.ts";
import { dimensions, keptDimensions, type KeptDimension } from "./filters.ts";
import type { Fold, FoldedCohort, ReportAsk } from "./report.ts";

/** What a fold counts: its rows `h`, each with `mql_at`, by which it belongs to a week. */
interface CohortOfFold {
  readonly rows: (q: Pick<ReportAsk, "knowledge">, spans: Spans, which: CohortRows) => string;
  /** From when on nothing that is counted depends on `asOf`, of the week of a `rolled_week`. */
  readonly wholeAt: string;
  /** The weeks in which rows are that hang on handoffs `u` that are not settled. */
  readonly unsettled: string;
  /** By what its weeks are kept beside the whole. */
  readonly dimensions: readonly KeptDimension[];
  /** Whether the group `week` is the week that is kept. */
  readonly isByBegin: boolean;
}

const movesOf = (cycles: string, stages: string) => `select week_of(t.at)
  from unsettled u join transition t on t.subject_kind = 'lead' and t.subject_id = u.subject_id
    and ${cycles} where t.to_stage in ${stages}`;

const cohorts: Readonly<Record<FoldedCohort, CohortOfFold>> = {
  handoffs: {
    rows: spansSql,
    wholeAt: `(select max(${settledWhole}) from handoff h where h.subject_kind = 'lead'
      and ${ofWeek("h.mql_at")})`,
    unsettled: "select week_of(u.mql_at) from unsettled u",
    dimensions: keptDimensions,
    isByBegin: true,
  },
  "leads handed off": {
    rows: leadsOfSpansSql,
    wholeAt: `(select max(greatest(h.mql_at, h.mql_told_at)) from lead l
      join handoff h on h.subject_kind = 'lead' and h.subject_id = l.id
      where ${ofWeek("l.arrived_at")})`,
    unsettled: "select week_of(l.arrived_at) from unsettled u join lead l on l.id = u.subject_id",
    dimensions: [],
    isByBegin: false,
  },
  stays: {
    rows: staysSql,
    wholeAt: staysWhole,
    unsettled: movesOf("t.cycle = u.cycle", "('mql', 'sal', 'sql', 'renurture')"),
    dimensions: keptDimensions,
    isByBegin: false,
  },
  "pool entries": {
    rows: poolEntriesSql,
    wholeAt: poolEntriesWhole,
    // Whether it was accepted in its next cycle is another handoff's.
    unsettled: movesOf("t.cycle in (u.cycle, u.cycle - 1)", "('renurture')"),
    dimensions: keptDimensions,
    isByBegin: false,
  },
  disqualifications: {
    rows: disqualifiedSql,
    wholeAt: disqualifiedWhole,
    unsettled: movesOf("t.at >= u.mql_at", "('disqualified')"),
    dimensions: keptDimensions,
    isByBegin: false,
  },
  opportunities: {
    rows: opportunitiesSql,
    wholeAt: opportunitiesWhole,
    unsettled:
      "select week_of(o.created_at) from unsettled u join opportunity o on o.handoff_id = u.id",
    dimensions: keptDimensions,
    isByBegin: false,
  },
  answers: {
    rows: answersSql,
    wholeAt: answersWhole,
    unsettled: `select week_of(a.received_at) from unsettled u join answer a on a.handoff_id = u.id
      where a.kind in ('accept', 'reject')`,
    dimensions: keptDimensions,
    isByBegin: false,
  },
};
export const foldedCohorts = Object.keys(cohorts) as FoldedCohort[];
export const cohortNameOf = ({ of = "handoffs" }: Fold): FoldedCohort => of;
const cohortOfFold = (fold: Fold): CohortOfFold => cohorts[cohortNameOf(fold)];

/** Where the marks of a cohort's weeks are: a table and a condition. */
export const staleMarksOf = (of: FoldedCohort): string =>
  of === "handoffs" ? "stale_week where true" : `stale_part where about = '${of}'`;
/** A statement that marks the weeks in which rows are that hang on these handoffs ($1: their ids). */
export const markSql: string = `
  with unsettled as materialized (select id, subject_id, cycle, mql_at from handoff
    where id = any($1::text[]) and subject_kind = 'lead'),
  handoffs as (insert into stale_week (week) ${cohorts.handoffs.unsettled} group by 1)
  insert into stale_part (about, week) ${Object.entries(cohorts)
    .filter(([of]) => of !== "handoffs")
    .map(([of, { unsettled }]) => `select '${of}', week from (${unsettled}) as one(week)`)
    .join(" union ")}`;
export const wholeAtSql = (of: FoldedCohort): string => cohorts[of].wholeAt;
/** How the weeks of a cohort are kept: the whole (null), and by each of these. */
export const keptBy = (of: FoldedCohort): readonly KeptBy[] => [null, ...cohorts[of].dimensions];

/** The weeks in which rows are that hang on `unsettled`. */
export const unsettledWeeks = (of: FoldedCohort): string => cohorts[of].unsettled;

/**
 * `unsettled as (…), stale as (…)`: the weeks of which what is kept does not hold. Handoffs are looked
 * at only `where` it is of use.
 */
export const staleSql = (of: FoldedCohort, where = "true"): string => `
  unsettled as materialized (select id, subject_id, cycle, mql_at from handoff
    where settled_at is null and subject_kind = 'lead' and ${where} limit ${mostUnsettled + 1}),
  stale as materialized (select week from ${staleMarksOf(of)} union ${cohorts[of].unsettled})`;
/** Where more are not settled, as after an import, what is kept is not looked at. */
export const mostUnsettled = 20_000;

const mostLeads = 100;
/** So many numbers of a week lie between two that are looked at first. */
const stride = 64;
const weekMs = 7 * 86_400_000;
/** The first Monday of the epoch. */
const firstMonday = 4 * 86_400_000;

/** All aggregates of a fold but its percentiles, as SQL by name. */
function countsOf({
  sums,
  leads = {},
  latest = {},
  isAged,
}: Fold): Readonly<Record<string, string>> {
  const first = ([name, condition]: readonly [string, string]) => [
    name,
    `(array_agg(subject_id order by mql_at, subject_id)
      filter (where ${condition}))[1:${mostLeads}]`,
  ];
  const last = ([name, of]: readonly [string, string]) => [
    name,
    `(array_agg(${of} order by mql_at desc, subject_id) filter (where ${of} is not null))[1]`,
  ];
  return {
    ...sums,
    ...Object.fromEntries(Object.entries(leads).map(first)),
    ...Object.fromEntries(Object.entries(latest).map(last)),
    ...(isAged ? { youngest: "date_part('epoch', max(mql_at))" } : {}),
  };
}

/** What percentiles are of, each once. */
const rankedOf = ({ percentiles = {} }: Fold): readonly string[] => [
  ...new Set(Object.values(percentiles).map(([, of]) => of)),
];

const conditionOf = ({ where }: Fold): string => (where === undefined ? "" : `where ${where}`);

/** The lines of a fold, over one period and of any question. */
export function foldSql(fold: Fold): string {
  const { from = "h", by = [], percentiles = {} } = fold;
  const figures = [
    ...Object.entries(countsOf(fold)),
    ...Object.entries(percentiles).map(([name, [p, of]]) => [name, percentileSql(p, of)]),
  ].map(([name, of]) => `${of} as ${name}`);
  const groups = ["g", ...by].join(", ");
  return `select ${groups}, ${figures.join(", ")} from ${from} ${conditionOf(fold)} group by ${groups}`;
}

/** `h as (…)`: what a fold counts, of any filters and group, or as it is kept. */
function rowsSql(of: FoldedCohort, q: Pick<ReportAsk, "knowledge">, spans: Spans, by: KeptBy) {
  const group = by === null ? "null::text" : dimensions[by];
  return cohorts[of].rows(q, spans, { where: "", group, subject: ofLeads });
}
/** A dimension by which weeks are kept; null: the whole. */
export type KeptBy = KeptDimension | null;
/** Weeks are kept of handoffs of leads. */
const ofLeads = "h.subject_kind = 'lead'";

/** `(…)`: of each week and line of rows `h` what can be put together. */
function partSql(fold: Fold): string {
  const { from = "h", by = [] } = fold;
  const counts = Object.entries(countsOf(fold)).map(([name, of]) => `'${name}', ${of}`);
  const ranked = rankedOf(fold).map(
    (of, i) => `array_agg((${of})::float8 order by (${of})::float8)
      filter (where (${of}) is not null) as ranked_${i}`,
  );
  return `(select week_of(mql_at) as week, jsonb_build_array(${["g", ...by].join(", ")}) as line,
      ${[`jsonb_build_object(${counts.join(", ")}) as counts`, ...ranked].join(", ")}
    from ${from} ${conditionOf(fold)} group by ${["week_of(mql_at)", "g", ...by].join(", ")})`;
}

/** The name under which weeks of a fold are kept: what was counted otherwise is another one. */
export function keptAs(fold: Fold, by: KeptBy): string {
  const text = `${rowsSql(cohortNameOf(fold), { knowledge: "now" }, 1, by)} ${partSql(fold)} ${stride}`;
  return `${nameOfKept(fold, by)} ${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}
export const nameOfKept = ({ name }: Fold, by: KeptBy): string =>
  by === null ? name : `${name} by ${by}`;

/** Of so many weeks what is kept of them by these folds of one cohort: rows of `report_week`. */
export function keptSql(folds: readonly Fold[], by: KeptBy, weeks: number): string {
  const [first] = folds;
  if (first === undefined) throw new RangeError("there is no fold to keep");
  // Written down once: each fold counts the same rows.
  const rows = rowsSql(cohortNameOf(first), { knowledge: "now" }, weeks, by);
  const written = folds.length === 1 ? rows : rows.replace("not materialized", "materialized");
  const parts = folds.map((fold, f) => `part_${f} as materialized ${partSql(fold)}`);
  const kept = folds.flatMap((fold, f) => {
    const name = `'${keptAs(fold, by)}'`;
    const ranked = rankedOf(fold).map(
      (_, i) => `
      select ${name}, week, line, '${i}', null, cardinality(ranked_${i}),
        (select array_agg(ranked_${i}[place] order by place)
          from generate_series(1, cardinality(ranked_${i}), ${stride}) as place),
        (select string_agg(float8send(one), ''::bytea order by place)
          from unnest(ranked_${i}) with ordinality as numbers(one, place))
        from part_${f} where ranked_${i} is not null`,
    );
    return [
      `select ${name} as report, week, line, '' as what, counts, null::int as n,
        null::float8[] as marks, null::bytea as ranked from part_${f}`,
      ...ranked,
    ];
  });
  return `with ${[written, ...parts].join(", ")} ${kept.join(" union all ")}`;
}

/** What was counted of one week, or of a part of it. */
interface Part {
  readonly week: string;
  readonly line: readonly unknown[];
  readonly counts: Readonly<Record<string, number | string | string[] | null>>;
  readonly ranked: readonly Ranked[];
}
interface Ranked extends RankedRun {
  /** The row that has all numbers; null: they are all marks. */
  readonly id: number | null;
}

/**
 * The lines of a fold, in no order. A question is put together from weeks that are kept, where most
 * of its period has some: one without filter and group, or about one dimension by which weeks are
 * kept.
 */
export async function foldedCohort<T extends object>(ask: ReportAsk, fold: Fold): Promise<T[]> {
  const wanted = wantedOf(ask, cohortOfFold(fold));
  // A week can be counted anew between two statements; then its rows are others.
  for (let tries = wanted === null ? 0 : 3; tries > 0; tries -= 1) {
    const parts = wanted && (await partsOf(ask, fold, wanted));
    if (!parts) break;
    const lines = await putTogether(ask.db, fold, parts);
    if (lines !== null) return lines as T[];
  }
  const { rows: rowsOf } = cohortOfFold(fold);
  return ofCohort<T>(ask, foldSql(fold), (q, cohort) => rowsOf(q, 1, cohort));
}

/** By what the weeks are kept that a question wants, of which value, and what its lines' group is. */
interface Wanted {
  readonly by: KeptBy;
  /** Undefined: of all. */
  readonly only: string | null | undefined;
  readonly group: "none" | "kept" | "week";
}

/** Null where no weeks are kept of which a question could be put together. */
function wantedOf(ask: ReportAsk, cohort: CohortOfFold): Wanted | null {
  const filters = Object.entries(ask.filters);
  const [filter] = filters;
  if (ask.repIds !== null || filters.length > 1) return null;
  const isByWeek = ask.groupBy === "week" && cohort.isByBegin;
  const grouped = isByWeek ? null : ask.groupBy;
  const name = filter?.[0] ?? grouped;
  if (filter && grouped !== null && grouped !== filter[0]) return null;
  const by = name === null ? null : cohort.dimensions.find((one) => one === name);
  if (by === undefined) return null;
  return {
    by,
    only: filter && (filter[1] === "-" ? null : filter[1]),
    group: isByWeek ? "week" : grouped === null ? "none" : "kept",
  };
}

/** A line's group as the question asks for it, and by what else it differs. */
function lineFor({ group }: Wanted, week: string, [kept, ...others]: readonly unknown[]) {
  const g = group === "none" ? null : group === "week" ? isoWeekOf(Date.parse(week)) : kept;
  return [g, ...others];
}

/** The week of a Monday, as Postgres writes `IYYY-"W"IW`: it is that of its Thursday. */
function isoWeekOf(monday: Instant): string {
  const thursday = new Date(monday + 3 * 86_400_000);
  const newYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const nth = Math.floor((thursday.getTime() - newYear) / weekMs) + 1;
  return `${thursday.getUTCFullYear()}-W${String(nth).padStart(2, "0")}`;
}

export const meanOf = (sum: number | null, of: number): number | null =>
  sum === null || of === 0 ? null : sum / of;

/** Groups in order, what is not recorded last. */
export function byGroup(a: string | null, b: string | null): number {
  if (a === b) return 0;
  return (a ?? "\uffff") < (b ?? "\uffff") ? -1 : 1;
}

/** How old the youngest of a fold's line is at `asOf`, in seconds. */
export const ageOf = (
  { asOf }: Pick<ReportAsk, "asOf">,
  youngest?: number | null,
): number | null => (youngest == null ? null : asOf / 1_000 - youngest);

/** Null where the period has few weeks that are kept. */
async function partsOf(
  ask: ReportAsk,
  fold: Fold,
  wanted: Wanted,
): Promise<readonly Part[] | null> {
  const since = firstMonday + Math.ceil((ask.from - firstMonday) / weekMs) * weekMs;
  const until = firstMonday + Math.floor((ask.to - firstMonday) / weekMs) * weekMs;
  if (until <= since) return null;
  const { weeks, parts } = await keptParts(ask, fold, wanted, since, until);
  const spans = spansBetween(ask, weeks);
  const left = spans.reduce((sum, span) => sum + span.until - span.since, 0);
  if (2 * left > ask.to - ask.from) return null;
  return spans.length === 0 ? parts : [...parts, ...(await countedParts(ask, fold, wanted, spans))];
}

/** What of the period lies in none of these weeks. */
function spansBetween(ask: ReportAsk, weeks: readonly Instant[]): readonly CohortSpan[] {
  const spans: CohortSpan[] = [];
  let since = ask.from;
  for (const week of [...weeks].sort((a, b) => a - b)) {
    if (week > since) spans.push({ since, until: week });
    since = week + weekMs;
  }
  if (ask.to > since) spans.push({ since, until: ask.to });
  return spans;
}

/** Of the period of a question at least one week. */
const isAnyKept = `exists (select from rolled_week
  where report = $1 and week >= $2::date and week < $3::date)`;

/** The weeks that are kept, hold as of the question, and about which nothing was written since. */
async function keptParts(
  ask: ReportAsk,
  fold: Fold,
  wanted: Wanted,
  since: Instant,
  until: Instant,
): Promise<{ weeks: readonly Instant[]; parts: readonly Part[] }> {
  const found = await select<{
    week: string;
    id: number | null;
    line: readonly unknown[];
    what: string;
    counts: Part["counts"] | null;
    n: number;
    marks: number[];
  }>(ask.db, {
    text: `
    with ${staleSql(cohortNameOf(fold), isAnyKept)}
    select r.week, p.id, p.line, p.what, p.counts, p.n, to_json(p.marks) as marks
    from rolled_week r left join report_week p on p.report = r.report and p.week = r.week${
      wanted.only === undefined ? "" : " and p.line ->> 0 is not distinct from $5"
    }
    where r.report = $1 and r.week >= $2::date and r.week < $3::date
      and coalesce(r.whole_at, '-infinity') <= $4 and r.week not in (select week from stale)
      and (select count(*) from unsettled) <= ${mostUnsettled}
    order by r.week, p.line, p.what`,
    values: [
      keptAs(fold, wanted.by),
      dayOf(since),
      dayOf(until),
      new Date(ask.asOf),
      ...(wanted.only === undefined ? [] : [wanted.only]),
    ],
  });
  const weeks = [...new Set(found.map(({ week }) => week))].map((day) => Date.parse(day));
  const parts: {
    week: string;
    line: readonly unknown[];
    counts: Part["counts"];
    ranked: Ranked[];
  }[] = [];
  for (const { week, id, line, what, counts, n, marks } of found) {
    if (id === null) continue;
    if (what === "")
      parts.push({ week, line: lineFor(wanted, week, line), counts: counts ?? {}, ranked: [] });
    else {
      const last = parts.at(-1);
      if (last) last.ranked[Number(what)] = { id, n, stride, marks };
    }
  }
  return { weeks, parts };
}

const dayOf = (at: Instant): string => new Date(at).toISOString().slice(0, 10);

/** What is kept of no week, from the rows. */
async function countedParts(
  ask: ReportAsk,
  fold: Fold,
  wanted: Wanted,
  spans: readonly CohortSpan[],
): Promise<readonly Part[]> {
  const values = spanValues(spans, new Date(ask.asOf));
  const columns = rankedOf(fold).map((_, i) => `to_json(ranked_${i}) as ranked_${i}`);
  const found = await select<
    Omit<Part, "ranked"> & { readonly [ranked: `ranked_${number}`]: number[] | null }
  >(ask.db, {
    text: `with ${rowsSql(cohortNameOf(fold), ask, spans.length, wanted.by)},
      part as materialized ${partSql(fold)}
      select ${["week", "line", "counts", ...columns].join(", ")} from part
      ${wanted.only === undefined ? "" : `where line ->> 0 is not distinct from $${values.length + 1}`}
      order by week`,
    values: wanted.only === undefined ? values : [...values, wanted.only],
  });
  return found.map((row) => ({
    week: row.week,
    line: lineFor(wanted, row.week, row.line),
    counts: row.counts,
    ranked: columns.map((_, i) => {
      const marks = row[`ranked_${i}`] ?? [];
      return { id: null, n: marks.length, stride: 1, marks };
    }),
  }));
}

/** Null where a week was counted anew meanwhile. */
async function putTogether(
  db: Db,
  fold: Fold,
  parts: readonly Part[],
): Promise<readonly Record<string, unknown>[] | null> {
  const lines = new Map<string, Part[]>();
  for (const part of parts) {
    const key = JSON.stringify(part.line);
    const line = lines.get(key);
    if (line) line.push(part);
    else lines.set(key, [part]);
  }
  const ranked = rankedOf(fold);
  const wanted = [...lines.values()].flatMap((ofLine) =>
    Object.entries(fold.percentiles ?? {}).map(([name, [p, of]]) => {
      const runs = ofLine.flatMap((part) => part.ranked[ranked.indexOf(of)] ?? []);
      return { line: ofLine, name, p, runs, places: placesOfPercentile(runs, p) };
    }),
  );
  const numbers = await numbersAt(
    db,
    wanted.flatMap(({ runs, places }) =>
      runs.map((run, i) => ({ run, places: places[i] ?? { from: 0, to: 0 } })),
    ),
  );
  if (numbers === null) return null;
  let next = 0;
  const percentiles = new Map<Part[], Record<string, number | null>>();
  for (const { line, name, p, runs, places } of wanted) {
    const found = numbers.slice(next, (next += runs.length));
    percentiles.set(line, {
      ...percentiles.get(line),
      [name]: percentileOfRuns(runs, p, places, found),
    });
  }
  return [...lines.values()].map((ofLine) => ({
    ...Object.fromEntries(
      ["g", ...(fold.by ?? [])].map((name, i) => [name, ofLine[0]?.line[i] ?? null]),
    ),
    ...countsTogether(fold, ofLine),
    ...percentiles.get(ofLine),
  }));
}

function countsTogether(fold: Fold, parts: readonly Part[]): Record<string, unknown> {
  const inOrder = [...parts].sort((a, b) => (a.week < b.week ? -1 : 1));
  const all = (name: string) => inOrder.map(({ counts }) => counts[name] ?? null);
  const numbers = (name: string) =>
    all(name).flatMap((one) => (typeof one === "number" ? one : []));
  const sums = Object.keys(fold.sums).map((name) => {
    const found = numbers(name);
    return [name, found.length === 0 ? null : found.reduce((sum, one) => sum + one, 0)];
  });
  const leads = Object.keys(fold.leads ?? {}).map((name) => {
    const found = all(name).flatMap((one) => (Array.isArray(one) ? one : []));
    return [name, found.length === 0 ? null : found.slice(0, mostLeads)];
  });
  const latest = Object.keys(fold.latest ?? {}).map((name) => [
    name,
    all(name).findLast((one) => one !== null) ?? null,
  ]);
  const youngest = fold.isAged ? [["youngest", Math.max(...numbers("youngest"))]] : [];
  return Object.fromEntries([...sums, ...leads, ...latest, ...youngest]) as Record<string, unknown>;
}

/** The numbers at these places of each run; null where a row is no longer there. */
async function numbersAt(
  db: Db,
  wanted: readonly { readonly run: Ranked; readonly places: RankedPlaces }[],
): Promise<readonly (readonly number[])[] | null> {
  const kept = wanted.filter(({ run, places }) => run.id !== null && places.to > places.from);
  const found =
    kept.length === 0
      ? []
      : await select<{ numbers: Buffer | null }>(db, {
          text: `
          select substr(p.ranked, 8 * s.since + 1, 8 * (s.until - s.since)) as numbers
          from unnest($1::bigint[], $2::int[], $3::int[]) with ordinality as s(id, since, until, nth)
          left join report_week p on p.id = s.id order by s.nth`,
          values: [
            kept.map(({ run }) => run.id),
            kept.map(({ places }) => places.from),
            kept.map(({ places }) => places.to),
          ],
        });
  if (found.some(({ numbers }) => numbers === null)) return null;
  let next = 0;
  return wanted.map(({ run, places }) => {
    if (places.to <= places.from) return [];
    if (run.id === null) return run.marks.slice(places.from, places.to);
    return doublesOf(found[next++]?.numbers ?? Buffer.of());
  });
}

const doublesOf = (bytes: Buffer): number[] =>
  Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleBE(8 * i));
