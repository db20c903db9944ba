import type { Instant } from "../../handoff/time/calendar.ts";
import {
  firstRow,
  inTransaction,
  readAtOnce,
  rows,
  sql,
  type Db,
  type Pool,
  type Tx,
} from "../postgres/db.ts";
import { withoutRests, type Pace } from "../postgres/pace.ts";
import { countedMoves, noMoves, type StageCounts } from "./moves.ts";
import { unsettle, wronglySettled } from "./settling.ts";
import { isAstray, processCounts, sliceEnd } from "./tallies.ts";
import { markWrongWeeks, wrongWeeks } from "./weeks.ts";

/** What the last count of everything found. */
export interface Recount {
  readonly at: Date;
  readonly leads: number;
  /** Days, arrivals and counts that were not equal: 0, or something wrote past the tallies. */
  readonly differences: number;
  readonly detail: readonly TallyDifference[];
}

/**
 * A tally that is not what the rows say: a stage's day, a day's arrivals, leads that stand, or what is
 * kept of a handoff, a move, a task or a week.
 */
export interface TallyDifference {
  readonly what: "moves" | "arrivals" | "standing" | "settled" | "followed" | "tasks" | "weeks";
  /**
   * The day; the stage and what its leads wait for; or the id of what is kept wrongly: a settled
   * handoff, a lead whose moves do not say what followed, a task that does not know its lead; or a
   * week with the report that counts it.
   */
  readonly of: string;
  readonly kept: number | StageCounts;
  readonly counted: number | StageCounts;
}

export async function lastRecount(db: Db): Promise<Recount | null> {
  const found = await firstRow<Recount>(
    db,
    sql`select at, leads, differences, detail from recount`,
  );
  return found ?? null;
}

export interface RecountSteps {
  readonly pace?: Pace;
  /** So many leads, and so many handoffs, are counted in one step. */
  readonly pageSize?: number;
  /** So many moves of a day, and so many leads that stand, are counted by one statement. */
  readonly sliceSize?: number;
}

/** What one count found, and whether it is the one on record. */
export interface OwnRecount extends Recount {
  /** Not so when another worker counted in the meantime: then it has made right what was wrong. */
  readonly isRecorded: boolean;
}

/**
 * Counts every transition, arrival, process and settled handoff anew and compares with what is kept.
 * What differs is on record, and made anew from the rows. Gives what it found. Each step is a
 * transaction of its own: a snapshot that lasted for all of them would keep what is dead in every
 * table for as long. No statement counts more than a page or a slice, however many leads there are:
 * the pool cancels what takes longer than its time.
 */
export async function recountAll(
  pool: Pool,
  now: Instant,
  { pace = withoutRests, pageSize = 2_000, sliceSize = 20_000 }: RecountSteps = {},
): Promise<OwnRecount> {
  const before = (await lastRecount(pool))?.at ?? null;
  const { astray, ...found } = await compare(pool, pace, pageSize, sliceSize);
  const differences = [...found.differences, ...keptWrongly("weeks", await wrongWeeks(pool, pace))];
  const recount = {
    at: new Date(now),
    leads: found.leads,
    differences: differences.length,
    detail: differences.slice(0, mostKept),
  };
  const isRecorded = await inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.query(sql`
      insert into recount (at, leads, differences, detail)
        values (${recount.at}, ${recount.leads}, ${recount.differences},
          ${JSON.stringify(recount.detail)}::jsonb)
      on conflict (one) do update set at = excluded.at, leads = excluded.leads,
        differences = excluded.differences, detail = excluded.detail
      where recount.at is not distinct from ${before}`);
    if (rowCount === 0) return false;
    await tx.query(`delete from astray where not (${isAstray("astray.subject_id")})`);
    await tx.query(sql`
      insert into astray (subject_id) select unnest(${astray}::text[]) on conflict do nothing`);
    const wrong = (kept: TallyDifference["what"]) =>
      differences.filter(({ what }) => what === kept).map(({ of }) => of);
    await unsettle(tx, wrong("settled"));
    await markWrongWeeks(tx, wrong("weeks"));
    await tx.query(sql`select follow_moves(${wrong("followed")}::text[])`);
    await tx.query(sql`select tell_open_tasks(${wrong("tasks")}::text[])`);
    if (differences.some(({ what }) => what === "moves" || what === "arrivals")) {
      await tx.query("update tallied set until = '-infinity'");
      await tx.query("delete from stage_day");
      await tx.query("delete from arrival_day");
    }
    await tx.query(sql`
      insert into process_count_change (stage, waiting_on, n)
        select stage, waiting_on, n from jsonb_to_recordset(
          ${JSON.stringify(differences.flatMap(missingStanding))}::jsonb)
          as m(stage text, waiting_on text, n bigint)`);
    return true;
  });
  return { ...recount, isRecorded };
}

/** So many differences are told in full, and so many leads astray are remembered. */
const mostKept = 100;
const mostAstray = 1_000;

async function compare(
  pool: Pool,
  pace: Pace,
  pageSize: number,
  sliceSize: number,
): Promise<{ leads: number; differences: TallyDifference[]; astray: string[] }> {
  const step = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => pace(() => readAtOnce(pool, work));
  const until = await step(talliedUntil);
  const moves = new Map<string, StageCounts>();
  const arrivals = new Map<string, number>();
  const astray: string[] = [];
  const followed: string[] = [];
  let leads = 0;
  for (let after: string | null = ""; after !== null;) {
    const from: string = after;
    const { n, span } = await step((tx) => spanAfter(tx, from, until, pageSize));
    leads += n;
    for (const { day, stage, ...counts } of await step((tx) => movesOf(tx, span)))
      moves.set(`${day} ${stage}`, added(moves.get(`${day} ${stage}`) ?? noMoves, counts));
    for (const { day, n: arrived } of await step((tx) => arrivalsOf(tx, span)))
      arrivals.set(day, (arrivals.get(day) ?? 0) + arrived);
    followed.push(...(await step((tx) => wronglyFollowed(tx, span))));
    if (astray.length < mostAstray) astray.push(...(await step((tx) => astrayOf(tx, span))));
    after = span.last;
  }
  const settled = await wrongOfPages(step, pageSize, wronglySettled);
  const tasks = await wrongOfPages(step, pageSize, wrongTasks);
  const differences = [
    ...(await unequalDays(step, moves, arrivals, sliceSize)),
    ...(await step((tx) => unequalStanding(tx, sliceSize))),
    ...keptWrongly("settled", settled),
    ...keptWrongly("followed", followed),
    ...keptWrongly("tasks", tasks),
  ];
  return { leads, differences, astray: astray.slice(0, mostAstray) };
}

/** Reads as all stands at one moment. */
type Step = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/** So many of a page there are, the last of them, and those that are kept wrongly. */
interface Page {
  readonly last: string | null;
  readonly n: number;
  readonly wrong: readonly string[];
}

async function wrongOfPages(
  step: Step,
  pageSize: number,
  pageAfter: (tx: Tx, after: string, pageSize: number) => Promise<Page>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (let after: string | null = ""; after !== null;) {
    const from: string = after;
    const page = await step((tx) => pageAfter(tx, from, pageSize));
    wrong.push(...page.wrong);
    after = page.n < pageSize ? null : page.last;
  }
  return wrong;
}

async function talliedUntil(tx: Tx): Promise<string> {
  const found = await firstRow<{ until: string }>(tx, sql`select until::text from tallied`);
  if (found === undefined) throw new Error("the table `tallied` has lost its row");
  return found.until;
}

/** The next page of leads, of which the last one has no end: a lead may come while it is counted. */
async function spanAfter(
  tx: Tx,
  after: string,
  until: string,
  pageSize: number,
): Promise<{ n: number; span: Span }> {
  const page = await firstRow<{ last: string | null; n: number }>(
    tx,
    sql`
    select max(id) as last, count(*)::int as n from (
      select id from lead where id > ${after} order by id limit ${pageSize}) one`,
  );
  const isLast = page === undefined || page.n < pageSize;
  return { n: page?.n ?? 0, span: { after, last: isLast ? null : page.last, until } };
}

/**
 * Days and stages whose tally is not what the leads' moves add up to. While these were counted page
 * by page a move may have come late, and the tally gone on: what differs is counted once more
 * together with what is kept.
 */
async function unequalDays(
  step: Step,
  moves: ReadonlyMap<string, StageCounts>,
  arrivals: ReadonlyMap<string, number>,
  sliceSize: number,
): Promise<TallyDifference[]> {
  const suspects = await step(async (tx) => {
    const kept = await keptDays(tx, "-infinity", "infinity");
    return [
      ...unequal("moves", kept.moves, moves, noMoves),
      ...unequal("arrivals", kept.arrivals, arrivals, 0),
    ];
  });
  const days = [...new Set(suspects.map(({ of }) => of.slice(0, "2026-01-01".length)))].sort();
  const found: TallyDifference[] = [];
  for (const day of days) found.push(...(await step((tx) => unequalOfDay(tx, day, sliceSize))));
  return found.sort((one, other) => order.indexOf(one.what) - order.indexOf(other.what));
}

const order: readonly TallyDifference["what"][] = ["moves", "arrivals"];

/** One snapshot for the whole day, and a statement for each slice of it. */
async function unequalOfDay(tx: Tx, day: string, sliceSize: number): Promise<TallyDifference[]> {
  const kept = await keptDays(tx, day, day);
  const until = (await firstRow<{ until: string }>(
    tx,
    sql`
    select least((${day}::date + 1)::timestamp at time zone 'UTC', until)::text as until
      from tallied`,
  ))!.until;
  const moves = new Map<string, StageCounts>();
  let arrived = 0;
  for (let since: string | null = `${day} 00:00:00Z`; since !== null;) {
    const end: string | null = await sliceEnd(tx, since, until, sliceSize);
    const slice = [since, end ?? until] as const;
    for (const { stage, ...counts } of await movesWithin(tx, ...slice))
      moves.set(`${day} ${stage}`, added(moves.get(`${day} ${stage}`) ?? noMoves, counts));
    arrived += await arrivedWithin(tx, ...slice);
    since = end;
  }
  return [
    ...unequal("moves", kept.moves, moves, noMoves),
    ...unequal("arrivals", kept.arrivals, new Map([[day, arrived]]), 0),
  ];
}

function movesWithin(
  tx: Tx,
  since: string,
  until: string,
): Promise<({ stage: string } & StageCounts)[]> {
  return rows(tx, {
    text: `
    with moves as (select * from transition where subject_kind = 'lead'
      and at >= $1::timestamptz and at < $2::timestamptz),
    ${countedMoves("moves", "$1::timestamptz")}
    select stage, entered, exited, vacated from counted`,
    values: [since, until],
  });
}

async function arrivedWithin(tx: Tx, since: string, until: string): Promise<number> {
  const found = await firstRow<{ n: number }>(
    tx,
    sql`
    select count(*) as n from lead
    where arrived_at >= ${since}::timestamptz and arrived_at < ${until}::timestamptz`,
  );
  return found?.n ?? 0;
}

/** What is kept of these days. */
async function keptDays(
  tx: Tx,
  from: string,
  to: string,
): Promise<{ moves: ReadonlyMap<string, StageCounts>; arrivals: ReadonlyMap<string, number> }> {
  const moves = await rows<{ day: string; stage: string } & StageCounts>(
    tx,
    sql`select day, stage, entered, exited, vacated from stage_day
      where day between ${from}::date and ${to}::date`,
  );
  const arrivals = await rows<{ day: string; n: number }>(
    tx,
    sql`select day, arrived as n from arrival_day where day between ${from}::date and ${to}::date`,
  );
  return {
    moves: new Map(moves.map(({ day, stage, ...counts }) => [`${day} ${stage}`, counts])),
    arrivals: new Map(arrivals.map(({ day, n }) => [day, n])),
  };
}

/** So many of a slice stand there, and how the slice ends. */
interface Standing {
  readonly stage: string;
  readonly waiting_on: string;
  readonly n: number;
  readonly last: string;
  readonly isLast: boolean;
}

/** One snapshot for what is kept and for all who stand, and a statement for each slice of them. */
async function unequalStanding(tx: Tx, sliceSize: number): Promise<TallyDifference[]> {
  const byPlace = (found: readonly Pick<Standing, "stage" | "waiting_on" | "n">[]) =>
    new Map(found.map(({ stage, waiting_on, n }) => [`${stage} ${waiting_on}`, n]));
  const kept = byPlace(await processCounts(tx));
  const counted = new Map<string, number>();
  for (let after: string | null = ""; after !== null;) {
    const slice: Standing[] = await rows(
      tx,
      sql`
      select stage, waiting_on, count(*) as n, max(max(subject_id)) over () as last,
        sum(count(*)) over () < ${sliceSize} as "isLast" from (
        select stage, waiting_on, subject_id from process
        where subject_kind = 'lead' and subject_id > ${after}
        order by subject_id limit ${sliceSize}) one
      group by stage, waiting_on`,
    );
    for (const [place, n] of byPlace(slice)) counted.set(place, (counted.get(place) ?? 0) + n);
    after = slice[0]?.isLast === false ? slice[0].last : null;
  }
  return unequal("standing", kept, counted, 0);
}

/** A page of tasks: those open ones that do not know their lead's owner or deadline. */
async function wrongTasks(tx: Tx, after: string, pageSize: number): Promise<Page> {
  const found = await firstRow<Page>(
    tx,
    sql`
    with page as (select * from task where id > ${after} order by id limit ${pageSize})
    select (select max(id) from page) as last, (select count(*)::int from page) as n,
      array(select t.id from page t left join process p on p.subject_kind = 'lead'
          and p.subject_id = t.subject_id where t.state = 'open' and t.subject_kind = 'lead'
          and (t.lead_owner_id, t.lead_due_at) is distinct from (p.owner_id, p.due_at)
        order by t.id) as wrong`,
  );
  return found ?? { last: null, n: 0, wrong: [] };
}

/** Of what is kept by id there is no number to compare: it is there once, and right no time. */
function keptWrongly(what: TallyDifference["what"], ids: readonly string[]): TallyDifference[] {
  return ids.map((of) => ({ what, of, kept: 1, counted: 0 }));
}

/** The leads after `after` up to `last`, or all that are left; their moves before `until`. */
interface Span {
  readonly after: string;
  readonly last: string | null;
  readonly until: string;
}

function movesOf(tx: Tx, span: Span): Promise<({ day: string; stage: string } & StageCounts)[]> {
  return rows(tx, {
    text: `
    with moves as (select * from transition where subject_kind = 'lead' and subject_id > $1
      and ($2::text is null or subject_id <= $2::text) and at < $3::timestamptz),
    ${countedMoves("moves", "'-infinity'::timestamptz")}
    select day, stage, entered, exited, vacated from counted`,
    values: [span.after, span.last, span.until],
  });
}

/** Leads whose moves do not say when the next one came, or when their stage was left. */
async function wronglyFollowed(tx: Tx, span: Span): Promise<string[]> {
  const found = await rows<{ id: string }>(tx, {
    text: `
    with page as (select * from transition where subject_kind = 'lead' and subject_id > $1
      and ($2::text is null or subject_id <= $2::text))
    select distinct t.subject_id as id from page t
      join moves_followed(array(select distinct subject_id from page)) f
        on (f.subject_kind, f.subject_id, f.cycle, f.step, f.to_stage)
          = (t.subject_kind, t.subject_id, t.cycle, t.step, t.to_stage)
      where (t.next_at, t.left_at, t.left_to) is distinct from (f.next_at, f.left_at, f.left_to)`,
    values: [span.after, span.last],
  });
  return found.map(({ id }) => id);
}

function arrivalsOf(tx: Tx, span: Span): Promise<{ day: string; n: number }[]> {
  return rows(
    tx,
    sql`
    select (arrived_at at time zone 'UTC')::date as day, count(*) as n from lead
    where id > ${span.after} and (${span.last}::text is null or id <= ${span.last}::text)
      and arrived_at < ${span.until}::timestamptz group by 1`,
  );
}

async function astrayOf(tx: Tx, span: Span): Promise<string[]> {
  const found = await rows<{ id: string }>(tx, {
    text: `
    select l.id from lead l where l.id > $1 and ($2::text is null or l.id <= $2::text)
      and ${isAstray("l.id")} order by l.id limit ${mostAstray}`,
    values: [span.after, span.last],
  });
  return found.map(({ id }) => id);
}

/** What is missing in a count is a change like others: those of the meantime count beside it. */
function missingStanding({ what, of, kept, counted }: TallyDifference) {
  const [stage, waiting_on] = of.split(" ");
  if (what !== "standing" || typeof kept !== "number" || typeof counted !== "number") return [];
  return [{ stage, waiting_on, n: counted - kept }];
}

function added(one: StageCounts, other: StageCounts): StageCounts {
  return {
    entered: one.entered + other.entered,
    exited: one.exited + other.exited,
    vacated: one.vacated + other.vacated,
  };
}

function unequal<T extends number | StageCounts>(
  what: TallyDifference["what"],
  kept: ReadonlyMap<string, T>,
  counted: ReadonlyMap<string, T>,
  nothing: T,
): TallyDifference[] {
  return [...new Set([...kept.keys(), ...counted.keys()])].sort().flatMap((of) => {
    const pair = { kept: kept.get(of) ?? nothing, counted: counted.get(of) ?? nothing };
    return isEqual(pair.kept, pair.counted) ? [] : [{ what, of, ...pair }];
  });
}

function isEqual(one: number | StageCounts, other: number | StageCounts): boolean {
  if (typeof one === "number" || typeof other === "number") return one === other;
  return (
    one.entered === other.entered && one.exited === other.exited && one.vacated === other.vacated
  );
}
