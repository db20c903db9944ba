import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyDecisions } from "../../cli/commands/verify.ts";
import { replay, type Deltas } from "../../handoff/routing/round-robin.ts";
import { stages } from "../../handoff/stage.ts";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import { conservation } from "../../store/reports/conservation.ts";
import { liveThroughQuarter, quarterFrom, quarterTo, type Quarter } from "../support/quarter.ts";
import type { QuarterWorld } from "../support/quarter-world.ts";
import { sumsOfClocks } from "../support/clock-accounts.ts";
import { slowVerdicts } from "../support/slow-verdicts.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1_000_000));
const leads = Number(process.env["LEADS"] ?? 300);
/**
 * The last clocks stop a little after the last moment, for time goes on while they are brought
 * there.
 */
const asOf = quarterTo + 10 * 60_000;

let quarter: Quarter;
const alone = new Set<string>();
beforeAll(async () => {
  process.stdout.write(`quarter: SEED=${seed}, ${leads} leads\n`);
  const from = performance.now();
  quarter = await liveThroughQuarter(seed, leads, async (world) => {
    for (const one of await waitingAlone(world)) alone.add(one);
  });
  const { actions, clicks } = quarter;
  process.stdout.write(
    `quarter: SEED=${seed}, ${Math.round((performance.now() - from) / 1_000)} s, ` +
      `${quarter.happenings} happenings, actions: ${actions.done} done, ${actions.refused} ` +
      `refused, late clicks in the CRM: ${clicks.done} done, ${clicks.refused} refused\n`,
  );
}, 1_800_000);
afterAll(() => quarter?.world.close(), 120_000);

/**
 * Open leads that nobody sees to: not with exactly one owner or queue, with somebody who has left,
 * waiting for a person whom no task tells, or with a next step that nothing brings: no time, no
 * task that an active person sees, no signal. Who was told a moment ago is asked again once its
 * process has taken it in.
 */
async function waitingAlone(world: QuarterWorld): Promise<string[]> {
  const suspects = await unattended(world, null);
  await Promise.all(suspects.map(({ id }) => world.settled(id)));
  return (
    await unattended(
      world,
      suspects.map(({ id }) => id),
    )
  ).map(
    (row) =>
      `${row.id} is ${row.stage} and waits on ${row.waiting_on}, owner ${row.owner_id}, queue ` +
      `${row.queue}: ${row.why}`,
  );
}

interface Unattended {
  readonly id: string;
  readonly stage: string;
  readonly waiting_on: string;
  readonly owner_id: string | null;
  readonly queue: string | null;
  readonly why: string;
}

function unattended({ pool }: QuarterWorld, ids: readonly string[] | null): Promise<Unattended[]> {
  return rows<Unattended>(
    pool,
    sql`
    with seen as (
      select t.subject_id as id, t.kind from task t left join rep r on r.id = t.assignee_id
      where t.subject_kind = 'lead' and t.state = 'open' and (t.assignee_id is null or r.active)),
    judged as (
      select l.id, l.stage, l.waiting_on, l.owner_id, l.queue, case
        when (l.owner_id is null) = (l.queue is null) then 'not one owner or queue'
        when exists (select from rep r where r.id = l.owner_id and not r.active)
          then 'its owner has left'
        when l.waiting_on in ('data', 'manager', 'queue', 'review') and not exists (
          select from seen where seen.id = l.id and seen.kind = any(case l.waiting_on
            when 'data' then '{fix-data}'::text[] when 'queue' then '{fallback}'
            when 'manager' then '{contested,escalated}'
              else '{nurture-review,renurture-review}' end)) then 'no active person has a task'
        when l.next_at is null and l.owner_id is null and l.waiting_on not in ('signal', 'return')
          and not exists (select from seen where seen.id = l.id) then 'nothing brings its next step'
      end as why
      from lead_standing l where l.stage not in ('opportunity', 'disqualified'))
    select * from judged where why is not null
      and (${ids}::text[] is null or id = any(${ids}::text[]))`,
  );
}

test("the quarter held what a quarter holds", async () => {
  const { pool } = quarter.world;
  const visited = await rows<{ stage: string }>(
    pool,
    sql`select distinct to_stage as stage from transition`,
  );
  expect(visited.map((row) => row.stage).sort()).toEqual([...stages].sort());
  expect(
    await rows(
      pool,
      sql`select period, (packet->>'leads')::int > 0 as "hasLeads" from review order by period`,
    ),
  ).toEqual([
    { period: "2030-Q4", hasLeads: true },
    { period: "2031-Q1", hasLeads: true },
  ]);
  const counts = await firstRow<Record<string, number>>(
    pool,
    sql`
    select (select count(*)::int from lead) as leads, (select count(*)::int from clock
      where state = 'met') as met, (select count(*)::int from clock
      where state = 'breached') as breached,
      (select count(*)::int from clock_event where kind = 'pause') as pauses,
        (select count(*)::int from assignment where via = 'release') as released,
      (select count(*)::int from assignment where ended_why like '%SLA missed') as reassigned,
        (select count(*)::int from task) as tasks,
      (select count(*)::int from handoff where cycle > 1) as returns,
      (select count(*)::int from task where kind = 'hand-raise') as knocks,
      (select count(*)::int from reopening) as reopened,
      (select count(*)::int from process where merged_into is not null) as merged,
        (select count(distinct agreement_id)::int from handoff) as versions`,
  );
  process.stdout.write(`quarter: ${JSON.stringify(counts)}\n`);
  expect(counts?.["leads"]).toBe(leads);
  for (const [what, count] of Object.entries(counts ?? {})) expect(count, what).toBeGreaterThan(0);
});

test("nothing is lost and nothing is counted twice: conservation has residue 0 on every day", async () => {
  const found = await conservation(
    quarter.world.pool,
    { from: quarterFrom, to: asOf, asOf },
    null,
    null,
  );
  expect(found.days.filter((day) => day.residue !== 0)).toEqual([]);
  expect(found.totals).toMatchObject({ takenIn: leads, residue: 0 });
  for (const list of [found.astray, found.withoutOwner, found.withoutNextStep])
    expect(list).toEqual({ count: 0, leads: [] });
});

test("every open lead has a running process whose next step lies ahead", async () => {
  const { pool, client } = quarter.world;
  const open = await rows<{ id: string; next_at: Date | null; waiting_on: string }>(
    pool,
    sql`
      select id, next_at, waiting_on from lead_standing
        where stage not in ('opportunity', 'disqualified')`,
  );
  for (const lead of open) {
    expect(
      (await client.workflow.getHandle(`lead/${lead.id}`).describe()).status.name,
      lead.id,
    ).toBe("RUNNING");
    if (lead.next_at !== null)
      expect(lead.next_at.getTime(), `${lead.id} waits on ${lead.waiting_on}`).toBeGreaterThan(
        quarterTo - 60_000,
      );
  }
});

test("every stored decision is judged the same again", async () => {
  const { judged, routings, older, differences } = await verifyDecisions(quarter.world.pool);
  process.stdout.write(`quarter: ${judged} decisions and ${routings} routings taken again\n`);
  expect(differences).toEqual([]);
  expect(judged).toBeGreaterThan(leads * 3);
  expect(routings).toBeGreaterThan(leads / 2);
  expect(older).toBe(0);
});

test("every SLA verdict is what walking through the quarter minute by minute gives", async () => {
  const { judged, differences } = await slowVerdicts(quarter.world.pool, {
    from: quarterFrom,
    to: quarterTo,
  });
  process.stdout.write(`quarter: ${judged} verdicts worked out again\n`);
  expect(differences).toEqual([]);
  expect(judged).toBeGreaterThan(leads);
});

test("what every clock counted adds up to what it says was used", async () => {
  const { checked, differences } = await sumsOfClocks(quarter.world.pool, quarterTo);
  process.stdout.write(`quarter: ${checked} clocks added up\n`);
  expect(differences).toEqual([]);
  expect(checked).toBeGreaterThan(leads);
});

test("nobody waited for a person who is not there or not told, on any day", async () => {
  for (const one of await waitingAlone(quarter.world)) alone.add(one);
  expect([...alone]).toEqual([]);
});

test("a click in the CRM that came late is settled, told to its author, and the record put right", async () => {
  const { clicks, world } = quarter;
  expect(clicks.refused).toBeGreaterThan(0);
  const counts = await firstRow<Record<string, number>>(
    world.pool,
    sql`
    select count(*) filter (where result is null)::int as unsettled,
      count(*) filter (where via = 'crm' and result->>'done' = 'false')::int as refused,
      count(*) filter (where via = 'crm' and result->>'done' = 'false' and exists (
        select from effect e where e.kind = 'sync-crm'
          and e.key = 'lead/' || a.lead_id || '/refused/' || a.id || '/sync-crm'))::int as right,
      count(*) filter (where via = 'crm' and result->>'done' = 'false' and (exists (
        select from effect e
          where e.key = 'lead/' || a.lead_id || '/refused/' || a.id || '/mail') or exists (
        select from task t where t.kind = 'crm-drift' and t.subject_id = a.lead_id)))::int as told
    from action a`,
  );
  const { refused } = clicks;
  expect(counts).toEqual({ unsettled: 0, refused, right: refused, told: refused });
});

test("the books of every pool balance: credits sum to 0, and replaying the entries gives them", async () => {
  const { pool } = quarter.world;
  const entries = await rows<{
    id: number;
    pool: string;
    lead_type: string;
    deltas: Deltas;
    winner: string | null;
  }>(pool, sql`select id, pool, lead_type, deltas, winner from credit_entry order by id`);
  const credits = await rows<{
    pool: string;
    lead_type: string;
    rep_id: string;
    millionths: number;
    last_pick: number;
  }>(pool, sql`select * from credit`);
  const books = new Map<string, typeof entries>();
  for (const entry of entries)
    books.set(`${entry.pool} ${entry.lead_type}`, [
      ...(books.get(`${entry.pool} ${entry.lead_type}`) ?? []),
      entry,
    ]);
  expect(books.size).toBeGreaterThan(4);
  for (const [book, own] of books) {
    const held = credits.filter((row) => `${row.pool} ${row.lead_type}` === book);
    expect(
      held.reduce((sum, row) => sum + row.millionths, 0),
      book,
    ).toBe(0);
    expect(
      Object.fromEntries(
        held.map((row) => [row.rep_id, { millionths: row.millionths, lastPick: row.last_pick }]),
      ),
      book,
    ).toEqual(replay(own));
  }
});
