import type { Pool } from "../store/postgres/db.ts";
import { settleHandoffs } from "../store/reports/settling.ts";
import { keepWeeks } from "../store/reports/weeks.ts";
import {
  generateHandoffs,
  insertHandoffs,
  insertWhatHandoffsName,
} from "../test/support/generated-handoffs.ts";
import { seededRandom } from "../test/support/generated-leads.ts";
import { inBulk } from "../test/support/grown-database.ts";

const day = 86_400_000;
/** Handoffs are generated for so many days; the past is many of these, one after the other. */
const quarterDays = 91;
const quarters = 16;

/** What of a row belongs to its handoff alone, by table: the copy of another quarter has its own. */
const ownIds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  lead: own("id"),
  process: own("subject_id"),
  handoff: own("id", "subject_id"),
  answer: own("id", "handoff_id"),
  clock: { ...own("handoff_id"), id: "handoff_id || $1 || substr(id, length(handoff_id) + 1)" },
  outreach: own("id", "handoff_id"),
  assignment: own("handoff_id"),
  opportunity: own("id", "lead_id", "handoff_id"),
  opportunity_stage: own("opportunity_id"),
  transition: own("subject_id"),
  source_change: own("lead_id"),
  duplicate: own("lead_id"),
};

function own(...columns: string[]): Record<string, string> {
  return Object.fromEntries(columns.map((column) => [column, `${column} || $1`]));
}

/** Where the handoffs of four years begin that end at `now`. */
export const beginOf = (now: number): number => now - quarters * quarterDays * day;

/**
 * Four years of handoffs up to `now` with all that reports look at: those of one quarter from the
 * generator of the reports' tests, fifteen more as its copies. What nobody decided ends, as no MQL
 * stays open for years. More handoffs are a larger company, not a longer past. They are settled and
 * their weeks kept, as upkeep would have done it.
 */
export async function growHandoffs(pool: Pool, handoffs: number, now: number): Promise<void> {
  await insertWhatHandoffsName(pool);
  const made = generateHandoffs(seededRandom(4_117), beginOf(now), Math.ceil(handoffs / quarters));
  await inBulk(
    pool,
    () => undefined,
    async (ask) => {
      const bulk = { query: ask } as unknown as Pool;
      for (let n = 0; n < made.length; n += 5_000)
        await insertHandoffs(bulk, made.slice(n, n + 5_000));
      await ask(whatElseReportsRead);
      for (const [table, ids] of Object.entries(ownIds)) {
        const { rows } = await ask(
          `select column_name as name, data_type as definition from information_schema.columns
            where table_schema = 'public' and table_name = $1 and is_identity = 'NO'
              and is_generated = 'NEVER' and coalesce(column_default, '') not like 'nextval%'`,
          [table],
        );
        const columns = rows.map(({ name }) => name).join(", ");
        const values = rows.map(({ name, definition }) => {
          if (ids[name] !== undefined) return `${ids[name]} as ${name}`;
          const isTime = definition === "timestamp with time zone";
          return isTime ? `${name} + k * interval '${quarterDays} days' as ${name}` : name;
        });
        const copied = values.join(", ").replaceAll("$1", "'_' || k");
        await ask(`create temporary table one_quarter as select * from ${table}`);
        await ask(`insert into ${table} (${columns}) select ${copied}
          from one_quarter cross join generate_series(1, ${quarters - 1}) k`);
        await ask("drop table one_quarter");
      }
      await ask(whatFollowed);
      await ask(
        `update handoff set state = 'closed', closed_at = mql_at + interval '60 days',
            outcome = 'expired'
          where sal_at is null and closed_at is null and mql_at < $1`,
        [new Date(now - 75 * day)],
      );
    },
  );
  while (await settleHandoffs(pool, now, 2_000));
  while (await keepWeeks(pool, now));
  await pool.query("vacuum (analyze) handoff, report_week, rolled_week");
}

/** What a trigger keeps of each move: when the next one came. */
const whatFollowed = "select follow_moves(array(select distinct subject_id from transition))";

/** What the generator leaves out, for every so many leads. */
const whatElseReportsRead = `
  update lead set facts = '{"lead.email": {}, "lead.name": {}, "lead.role": {}, "lead.source": {}}';
  insert into process (subject_kind, subject_id, stage, stage_since, waiting_on, cycle, step,
      review_at, next_step, next_at)
    select 'lead', id, case when n % 5 = 0 then 'nurture' else 'disqualified' end, arrived_at,
      case when n % 5 = 0 then 'signal' else 'nothing' end, 1, 1, arrived_at + interval '60 days',
      case when n % 5 = 0 then 'wait' end,
      case when n % 5 = 0 then arrived_at + interval '90 days' end
    from (select *, row_number() over (order by id) as n from lead) one;
  insert into source_change (lead_id, field, from_value, to_value, at)
    select id, 'source', 'web', 'fair', arrived_at + interval '1 day'
    from (select *, row_number() over (order by id) as n from lead) one where n % 25 = 0;
  insert into duplicate (kind, lead_id, at)
    select 'arrived-again', id, arrived_at + interval '9 days'
    from (select *, row_number() over (order by id) as n from lead) one where n % 12 = 0`;
