import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import type { Event } from "../../handoff/process/event.ts";
import { fromStored, outcomeOf, type StoredSituation } from "../../handoff/process/stored.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { noteAction } from "../../store/process/actions.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { calendarDefinitions } from "../../store/process/calendars.ts";
import { inTransaction, openPool, rows, sql, type Pool } from "../../store/postgres/db.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { take, takeRoute, type Ask } from "../../store/process/take.ts";
import { decideAction } from "../../store/process/take-action.ts";
import { putPools, putReps } from "../../store/routing/roster-edit.ts";
import { routingDispatcher, type RoutingDispatcher } from "../../store/routing/dispatcher.ts";
import { alwaysOpen, goodFacts } from "../support/lead-world.ts";
import { rep } from "../support/routing-world.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

const example = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8");
const now = Date.parse("2026-11-23T15:00:00Z");
const agreements = createAgreements(agreementOf);
let database: FreshDatabase;
let pool: Pool;
let dispatcher: RoutingDispatcher;
beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, { max: 4 });
  dispatcher = routingDispatcher(pool);
  await inTransaction(pool, (tx) => activate(tx, alwaysOpen(example), "test", now));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const pools = ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"];

/** One lead at a time fits on the dispatcher of the only rep. */
beforeEach(async () => {
  await pool.query(
    "truncate lead, process, handoff, decision, action, assignment, credit, credit_entry, " +
      "held, outbox, effect, task cascade",
  );
  await inTransaction(pool, async (tx) => {
    await putReps(
      tx,
      [
        rep("rp_boss", { role: "manager" }),
        rep("rp_one", { caps: { open: 1 } }),
        rep("rp_two", { languages: ["fi"] }),
      ],
      now,
    );
    await putPools(
      tx,
      pools.map((id) => ({
        id,
        hours: null,
        members: id === "americas-sdr" ? { rp_one: 1, rp_two: 1 } : {},
      })),
      now,
    );
  });
});

interface Mql {
  readonly subject: Subject;
  /** The process asks for its `n`th decision. */
  ask(n: number): Ask;
}

/** Takes a lead in and has it judged: an MQL that waits to be routed. */
async function mql(name: string): Promise<Mql> {
  const { agreement } = (await agreements.active(pool))!;
  const [taken] = await inTransaction(pool, (tx) =>
    takeIn(
      tx,
      [
        {
          email: `${name}@example-customer.com`,
          facts: { ...goodFacts, "lead.language": "en" },
          engagements: [
            { messageId: `demo-${name}`, type: "demo_request", occurredAt: now - 60_000 },
          ],
        },
      ],
      { now, from: "form", lane: 1, agreement },
    ),
  );
  if (!taken || !("leadId" in taken)) throw new Error("not taken in");
  const subject: Subject = { kind: "lead", id: taken.leadId };
  const ask = (n: number): Ask => ({ subject, key: `run/${n}`, now: now + n, by: "process" });
  expect(await take({ pool, agreements }, ask(1), { kind: "arrived" })).toMatchObject({
    stage: "mql",
    waitingOn: "assessment",
  });
  return { subject, ask };
}

/** A dispatcher whose answer is lost: the worker dies with it in hand. */
const dying: RoutingDispatcher = {
  async route(request) {
    await dispatcher.route(request);
    throw new Error("the worker dies here");
  },
};
const route = (ask: Ask, at: RoutingDispatcher = dispatcher) =>
  takeRoute({ pool, agreements, dispatcher: at }, ask);
const assignments = () =>
  rows(pool, sql`select round, rep_id, ended_why from assignment order by at, handoff_id, round`);

test(
  "a decision that dies after the dispatcher has committed finds its assignment, and what is " +
    "kept of it can be judged again",
  async () => {
    const lead = await mql("kim");
    await expect(route(lead.ask(2), dying)).rejects.toThrow("dies here");
    expect(await assignments()).toEqual([{ round: 1, rep_id: "rp_one", ended_why: null }]);
    expect(await route(lead.ask(2))).toMatchObject({
      stage: "mql",
      waitingOn: "outreach",
      owner: "rp_one",
    });
    expect(await assignments()).toHaveLength(1);
    expect(await rows(pool, sql`select from credit_entry`)).toHaveLength(1);

    const [kept] = await rows<{
      input: Event;
      output: object;
      situation: StoredSituation;
      changes: unknown[];
    }>(
      pool,
      sql`
    select input, output, situation, changes from decision where kind = 'routed'`,
    );
    const { agreement } = (await agreements.active(pool))!;
    const calendars = await inTransaction(pool, (tx) =>
      calendarDefinitions(tx, kept!.situation.calendars),
    );
    const again = outcomeOf(fromStored(kept!.situation, agreement, calendars), kept!.input);
    expect(JSON.parse(JSON.stringify(again))).toEqual({
      ...kept!.output,
      changes: kept!.changes,
      answer: null,
    });
  },
);

test(
  "a decision asked for twice with one key is taken once, and the stored answer comes back, " +
    "whoever decided meanwhile",
  async () => {
    const lead = await mql("kim");
    const [first, twin] = await Promise.all([route(lead.ask(2)), route(lead.ask(2))]);
    expect(twin).toEqual(first);
    await take({ pool, agreements }, lead.ask(3), { kind: "facts" });
    expect(await route(lead.ask(2))).toEqual(first);
    expect(await rows(pool, sql`select key, kind from decision order by step`)).toEqual([
      { key: "run/1", kind: "arrived" },
      { key: "run/2", kind: "routed" },
      { key: "run/3", kind: "facts" },
    ]);
    expect(await assignments()).toHaveLength(1);
  },
);

test("a lead that somebody has already is not routed again, whoever asks", async () => {
  const lead = await mql("kim");
  await route(lead.ask(2));
  expect(await route(lead.ask(3))).toMatchObject({
    waitingOn: "outreach",
    owner: "rp_one",
    step: 3,
  });
  expect(await assignments()).toEqual([{ round: 1, rep_id: "rp_one", ended_why: null }]);
  expect(await rows(pool, sql`select kind from decision where key = 'run/3'`)).toEqual([
    { kind: "time" },
  ]);
});

test(
  "a lead that is closed before its decision is tried again leaves no open assignment, and the " +
    "room goes to who waits for it",
  async () => {
    const [lost, waiting] = [await mql("kim"), await mql("lee")];
    await expect(route(lost.ask(2), dying)).rejects.toThrow("dies here");
    expect(await route(waiting.ask(2))).toMatchObject({ waitingOn: "hold" });
    await pool.query("update lead set erased_at = now() where id = $1", [lost.subject.id]);
    expect(await take({ pool, agreements }, lost.ask(3), { kind: "erased" })).toMatchObject({
      stage: "disqualified",
    });
    expect(
      await rows(
        pool,
        sql`
        select a.ended_why, h.subject_id from assignment a join handoff h on h.id = a.handoff_id
          order by a.at`,
      ),
    ).toEqual([
      { ended_why: "it came too late", subject_id: lost.subject.id },
      { ended_why: null, subject_id: waiting.subject.id },
    ]);
    expect(
      await rows(pool, sql`select workflow_id, message from outbox where message = 'released'`),
    ).toEqual([{ workflow_id: `lead/${waiting.subject.id}`, message: "released" }]);
    expect(await route(waiting.ask(3))).toMatchObject({ waitingOn: "outreach", owner: "rp_one" });
    // Asked late for the lost lead: it is over, and nothing is given to it.
    expect(await route(lost.ask(4))).toMatchObject({ stage: "disqualified", owner: null });
    expect(await rows(pool, sql`select from assignment where ended_at is null`)).toHaveLength(1);
  },
);

test("a manager's choice goes before a pick that the lead's process never heard of", async () => {
  const [first, lead] = [await mql("kim"), await mql("lee")];
  await route(first.ask(2));
  expect(await route(lead.ask(2))).toMatchObject({ waitingOn: "hold" });
  await inTransaction(pool, (tx) => putReps(tx, [rep("rp_one", { caps: { open: 2 } })], now + 3));
  await expect(route(lead.ask(3), dying)).rejects.toThrow("dies here");
  const answer = await decideAction(
    { pool, agreements, dispatcher },
    lead.subject,
    async (tx) => {
      await noteAction(tx, {
        id: "ax_1",
        leadId: lead.subject.id,
        name: "reassign",
        by: "rp_boss",
        role: "manager",
        body: { to: "rp_two" },
        via: "api",
        receivedAt: now + 10,
      });
      return "ax_1";
    },
    () => undefined,
    () => now + 10,
  );
  expect(answer).toMatchObject({
    done: true,
    stage: "mql",
    waitingOn: "outreach",
    owner: "rp_two",
  });
  expect((await assignments()).slice(1)).toEqual([
    { round: 1, rep_id: "rp_one", ended_why: "it came too late" },
    { round: 2, rep_id: "rp_two", ended_why: null },
  ]);
  // The process asks once more for what was lost: the manager's choice stands.
  expect(await route(lead.ask(3))).toMatchObject({ waitingOn: "outreach", owner: "rp_two" });
  expect((await assignments()).slice(1)).toHaveLength(2);
});

test("routing that fails after a manager's choice leaves it with the process, which places it there", async () => {
  const lead = await mql("kim");
  await route(lead.ask(2));
  const answer = await decideAction(
    { pool, agreements, dispatcher: dying },
    lead.subject,
    async (tx) => {
      await noteAction(tx, {
        id: "ax_2",
        leadId: lead.subject.id,
        name: "reassign",
        by: "rp_boss",
        role: "manager",
        body: { to: "rp_two" },
        via: "api",
        receivedAt: now + 10,
      });
      return "ax_2";
    },
    () => undefined,
    () => now + 10,
  );
  expect(answer).toMatchObject({ done: true, stage: "mql", waitingOn: "assessment", owner: null });
  const signals = await rows<{ payload: { standing: unknown } }>(
    pool,
    sql`select payload from outbox where message = 'reassigned'`,
  );
  expect(signals.map(({ payload }) => payload.standing)).toEqual([
    expect.objectContaining({ stage: "mql", waitingOn: "assessment" }),
  ]);
  expect(await route(lead.ask(4))).toMatchObject({ waitingOn: "outreach", owner: "rp_two" });
});
