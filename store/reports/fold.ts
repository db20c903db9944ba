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
  cohortSql,
  leadsHandedOffSql,
  leadsOfSpansSql,
  ofCohort,
  percentileSql,
  settledWhole,
  spansSql,
  spanValues,
  type CohortSpan,
} from "./cohort.ts";
import type { Fold, ReportAsk } from "./report.ts";

/** Of what a fold counts: its rows `h`, over a whole period and over spans, and of kept weeks. */
const cohorts = {
  handoffs: {
    whole: cohortSql,
    spans: spansSql,
    /** From when on nothing that is counted depends on `asOf`, of the week of a `rolled_week`. */
    wholeAt: `(select max(${settledWhole}) from handoff h where h.subject_kind = 'lead'
      and h.mql_at >= week::timestamp at time zone 'UTC'
      and h.mql_at < (week + 7)::timestamp at time zone 'UTC')`,
    /** The weeks of handoffs `u` that are not settled. */
    unsettled: "select week_of(u.mql_at) from unsettled u",
  },
  "leads handed off": {
    whole: leadsHandedOffSql,
    spans: leadsOfSpansSql,
    wholeAt: `(select max(greatest(h.mql_at, h.mql_told_at)) from lead l
      join handoff h on h.subject_kind = 'lead' and h.subject_id = l.id
      where l.arrived_at >= week::timestamp at time zone 'UTC'
        and l.arrived_at < (week + 7)::timestamp at time zone 'UTC')`,
    unsettled: "select week_of(l.arrived_at) from unsettled u join lead l on l.id = u.subject_id",
  },
} as const;
const cohortOfFold = ({ of = "handoffs" }: Fold) => cohorts[of];

/** `unsettled as (…), stale as (…)`: the weeks of which what is kept does not hold. */
export const staleSql = (fold: Fold): string => `
  unsettled as materialized (select subject_id, mql_at from handoff
    where settled_at is null and subject_kind = 'lead' limit ${mostUnsettled + 1}),
  stale as materialized (select week from stale_week union ${cohortOfFold(fold).unsettled})`;
/** Where more are not settled, as after an import, what is kept is not looked at. */
const mostUnsettled = 20_000;

export const wholeAtSql = (fold: Fold): string => cohortOfFold(fold).wholeAt;

const mostLeads = 100;
/** So many numbers of a week lie between two that are looked at first. */
const stride = 64;
const weekMs = 7 * 86_400_000;
/** The first Monday of the epoch. */
const firstMonday = 4 * 86_400_000;

/** All aggregates of a fold but its percentiles, as SQL by name. */
function countsOf({ sums, leads = {}, isAged }: Fold): Readonly<Record<string, string>> {
  const first = ([name, condition]: readonly [string, string]) => [
    name,
    `(array_agg(subject_id order by mql_at, subject_id)
      filter (where ${condition}))[1:${mostLeads}]`,
  ];
  return {
    ...sums,
    ...Object.fromEntries(Object.entries(leads).map(first)),
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

/**
 * `with …, part as (…)`: of each week and line what can be put together, of handoffs that began in
 * one of so many spans.
 */
function partsSql(fold: Fold, knowledge: ReportAsk["knowledge"], spans: number): string {
  const { from = "h", by = [] } = fold;
  const counts = Object.entries(countsOf(fold)).map(([name, of]) => `'${name}', ${of}`);
  const ranked = rankedOf(fold).map(
    (of, i) => `array_agg((${of})::float8 order by (${of})::float8)
      filter (where (${of}) is not null) as ranked_${i}`,
  );
  return `with ${cohortOfFold(fold).spans({ knowledge }, spans)},
    part as materialized (select week_of(mql_at) as week, jsonb_build_array(${by.join(", ")}) as line,
      ${[`jsonb_build_object(${counts.join(", ")}) as counts`, ...ranked].join(", ")}
    from ${from} ${conditionOf(fold)} group by ${["week_of(mql_at)", ...by].join(", ")})`;
}

/** The name under which weeks of a fold are kept: what was counted otherwise is another one. */
export function keptAs(fold: Fold): string {
  const text = partsSql(fold, "now", 1);
  return `${fold.name} ${createHash("sha256").update(`${text} ${stride}`).digest("hex").slice(0, 12)}`;
}

/** Of so many weeks what is kept of them: rows of `report_week`. */
export function keptSql(fold: Fold, weeks: number): string {
  const ranked = rankedOf(fold).map(
    (_, i) => `
    select '${keptAs(fold)}', week, line, '${i}', null, cardinality(ranked_${i}),
      (select array_agg(ranked_${i}[place] order by place)
        from generate_series(1, cardinality(ranked_${i}), ${stride}) as place),
      (select string_agg(float8send(one), ''::bytea order by place)
        from unnest(ranked_${i}) with ordinality as numbers(one, place))
      from part where ranked_${i} is not null`,
  );
  return `${partsSql(fold, "now", weeks)}
    select '${keptAs(fold)}' as report, week, line, '' as what, counts, null::int as n, null::float8[] as marks,
      null::bytea as ranked from part
    ${ranked.map((one) => ` union all ${one}`).join("")}`;
}

/** What was counted of one week, or of a part of it. */
interface Part {
  readonly week: string;
  readonly line: readonly unknown[];
  readonly counts: Readonly<Record<string, number | string[] | null>>;
  readonly ranked: readonly Ranked[];
}
interface Ranked extends RankedRun {
  /** The row that has all numbers; null: they are all marks. */
  readonly id: number | null;
}

/**
 * The lines of a fold, in no order. A question without filter and group is put together from weeks
 * that are kept, where most of its period has some.
 */
export async function foldedCohort<T extends object>(ask: ReportAsk, fold: Fold): Promise<T[]> {
  const isOfAll =
    ask.groupBy === null && ask.repIds === null && Object.keys(ask.filters).length === 0;
  // A week can be counted anew between two statements; then its rows are others.
  for (let tries = isOfAll ? 3 : 0; tries > 0; tries -= 1) {
    const parts = await partsOf(ask, fold);
    if (parts === null) break;
    const lines = await putTogether(ask.db, fold, parts);
    if (lines !== null) return lines as T[];
  }
  return ofCohort<T>(ask, foldSql(fold), cohortOfFold(fold).whole);
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
async function partsOf(ask: ReportAsk, fold: Fold): Promise<readonly Part[] | null> {
  const since = firstMonday + Math.ceil((ask.from - firstMonday) / weekMs) * weekMs;
  const until = firstMonday + Math.floor((ask.to - firstMonday) / weekMs) * weekMs;
  if (until <= since) return null;
  const { weeks, parts } = await keptParts(ask, fold, since, until);
  const spans = spansBetween(ask, weeks);
  const left = spans.reduce((sum, span) => sum + span.until - span.since, 0);
  if (2 * left > ask.to - ask.from) return null;
  return spans.length === 0 ? parts : [...parts, ...(await countedParts(ask, fold, spans))];
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

/** The weeks that are kept, hold as of the question, and about which nothing was written since. */
async function keptParts(
  ask: ReportAsk,
  fold: Fold,
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
    with ${staleSql(fold)}
    select r.week, p.id, p.line, p.what, p.counts, p.n, to_json(p.marks) as marks
    from rolled_week r left join report_week p on p.report = r.report and p.week = r.week
    where r.report = $1 and r.week >= $2::date and r.week < $3::date
      and coalesce(r.whole_at, '-infinity') <= $4 and r.week not in (select week from stale)
      and (select count(*) from unsettled) <= ${mostUnsettled}
    order by r.week, p.line, p.what`,
    values: [keptAs(fold), dayOf(since), dayOf(until), new Date(ask.asOf)],
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
    if (what === "") parts.push({ week, line, counts: counts ?? {}, ranked: [] });
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
  spans: readonly CohortSpan[],
): Promise<readonly Part[]> {
  const columns = rankedOf(fold).map((_, i) => `to_json(ranked_${i}) as ranked_${i}`);
  const found = await select<
    Omit<Part, "ranked"> & { readonly [ranked: `ranked_${number}`]: number[] | null }
  >(ask.db, {
    text: `${partsSql(fold, ask.knowledge, spans.length)}
      select ${["week", "line", "counts", ...columns].join(", ")} from part order by week`,
    values: spanValues(spans, new Date(ask.asOf)),
  });
  return found.map((row) => ({
    week: row.week,
    line: row.line,
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
    g: null,
    ...Object.fromEntries((fold.by ?? []).map((name, i) => [name, ofLine[0]?.line[i] ?? null])),
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
  const youngest = fold.isAged ? [["youngest", Math.max(...numbers("youngest"))]] : [];
  return Object.fromEntries([...sums, ...leads, ...youngest]) as Record<string, unknown>;
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
