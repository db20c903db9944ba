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
import { isAstray, processCounts } from "./tallies.ts";
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
}

/**
 * Counts every transition, arrival, process and settled handoff anew and compares with what is kept.
 * What differs is on record, and made anew from the rows. Gives what it found. Each step is a
 * statement or two in a transaction of its own: a snapshot that lasted for all of them would keep
 * what is dead in every table for as long.
 */
export async function recountAll(
  pool: Pool,
  now: Instant,
  { pace = withoutRests, pageSize = 2_000 }: RecountSteps = {},
): Promise<Recount> {
  const before = (await lastRecount(pool))?.at ?? null;
  const { astray, ...found } = await compare(pool, pace, pageSize);
  const differences = [...found.differences, ...keptWrongly("weeks", await wrongWeeks(pool, pace))];
  const recount = {
    at: new Date(now),
    leads: found.leads,
    differences: differences.length,
    detail: differences.slice(0, mostKept),
  };
  await inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.query(sql`
      insert into recount (at, leads, differences, detail)
        values (${recount.at}, ${recount.leads}, ${recount.differences},
          ${JSON.stringify(recount.detail)}::jsonb)
      on conflict (one) do update set at = excluded.at, leads = excluded.leads,
        differences = excluded.differences, detail = excluded.detail
      where recount.at is not distinct from ${before}`);
    // Another worker counted in the meantime, and made right what was wrong.
    if (rowCount === 0) return;
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
  });
  return recount;
}

/** So many differences are told in full, and so many leads astray are remembered. */
const mostKept = 100;
const mostAstray = 1_000;

async function compare(
  pool: Pool,
  pace: Pace,
  pageSize: number,
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
  const wrong: string[] = [];
  for (let after: string | null = ""; after !== null;) {
    const from: string = after;
    const page = await step((tx) => wronglySettled(tx, from, pageSize));
    wrong.push(...page.wrong);
    after = page.n < pageSize ? null : page.last;
  }
  const differences = [
    ...(await unequalDays(step, moves, arrivals)),
    ...(await step(unequalStanding)),
    ...keptWrongly("settled", wrong),
    ...keptWrongly("followed", followed),
    ...keptWrongly("tasks", await step(wrongTasks)),
  ];
  return { leads, differences, astray: astray.slice(0, mostAstray) };
}

/** Reads as all stands at one moment. */
type Step = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

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
  for (const day of days) found.push(...(await step((tx) => unequalOfDay(tx, day))));
  return [...found].sort((one, other) => order.indexOf(one.what) - order.indexOf(other.what));
}

const order: readonly TallyDifference["what"][] = ["moves", "arrivals"];

async function unequalOfDay(tx: Tx, day: string): Promise<TallyDifference[]> {
  const kept = await keptDays(tx, day, day);
  const counted = await rows<{ stage: string } & StageCounts>(tx, {
    text: `
    with moves as (select * from transition where subject_kind = 'lead'
      and at >= $1::date::timestamp at time zone 'UTC'
      and at < least(($1::date + 1)::timestamp at time zone 'UTC', (select until from tallied))),
    ${countedMoves("moves", "($1::date::timestamp at time zone 'UTC')")}
    select stage, entered, exited, vacated from counted`,
    values: [day],
  });
  const arrived = await firstRow<{ n: number }>(
    tx,
    sql`
    select count(*) as n from lead where arrived_at >= ${day}::date::timestamp at time zone 'UTC'
      and arrived_at < least((${day}::date + 1)::timestamp at time zone 'UTC',
        (select until from tallied))`,
  );
  const moves = new Map(counted.map(({ stage, ...counts }) => [`${day} ${stage}`, counts]));
  return [
    ...unequal("moves", kept.moves, moves, noMoves),
    ...unequal("arrivals", kept.arrivals, new Map([[day, arrived?.n ?? 0]]), 0),
  ];
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

async function unequalStanding(tx: Tx): Promise<TallyDifference[]> {
  const byPlace = (found: readonly { stage: string; waiting_on: string; n: number }[]) =>
    new Map(found.map(({ stage, waiting_on, n }) => [`${stage} ${waiting_on}`, n]));
  const counted = await rows<{ stage: string; waiting_on: string; n: number }>(
    tx,
    sql`
    select stage, waiting_on, count(*) as n from process where subject_kind = 'lead'
      group by stage, waiting_on`,
  );
  return unequal("standing", byPlace(await processCounts(tx)), byPlace(counted), 0);
}

/** Open tasks that do not know their lead's owner or deadline. */
async function wrongTasks(tx: Tx): Promise<string[]> {
  const found = await rows<{ id: string }>(
    tx,
    sql`
    select t.id from task t left join process p on p.subject_kind = 'lead'
      and p.subject_id = t.subject_id where t.state = 'open' and t.subject_kind = 'lead'
      and (t.lead_owner_id, t.lead_due_at) is distinct from (p.owner_id, p.due_at)`,
  );
  return found.map(({ id }) => id);
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
