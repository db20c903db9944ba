import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { assess } from "../../activities/assess.ts";
import { hear } from "../../activities/hear.ts";
import { route } from "../../activities/route.ts";
import { settle } from "../../activities/settle.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { rejudgeRoute, type RouteInput } from "../../handoff/route.ts";
import { noteAction } from "../../store/actions.ts";
import { activate, createAgreements } from "../../store/agreements.ts";
import { inTransaction, openPool, rows, sql, type Pool } from "../../store/db.ts";
import { takeIn } from "../../store/intake.ts";
import { putPools, putReps } from "../../store/roster.ts";
import { routingDesk, type RoutingDesk } from "../../store/routing-desk.ts";
import { alwaysOpen, goodFacts } from "../support/lead-world.ts";
import { rep } from "../support/routing-world.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

const example = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8");
const now = Date.parse("2026-11-23T15:00:00Z");
const agreements = createAgreements(agreementOf);
let database: FreshDatabase;
let pool: Pool;
let desk: RoutingDesk;
beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, { max: 4 });
  desk = routingDesk(pool);
  await inTransaction(pool, (tx) => activate(tx, alwaysOpen(example), "test", now));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** One lead at a time fits on the desk of the only rep. */
beforeEach(async () => {
  await pool.query(
    "truncate lead, handoff, decision, assignment, credit, credit_entry, held, outbox, effect, task cascade",
  );
  await inTransaction(pool, async (tx) => {
    await putReps(
      tx,
      [rep("rp_one", { caps: { open: 1 } }), rep("rp_two", { languages: ["fi"] })],
      now,
    );
    await putPools(
      tx,
      ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"].map((id) => ({
        id,
        hours: null,
        members: id === "americas-sdr" ? { rp_one: 1, rp_two: 1 } : {},
      })),
      now,
    );
  });
});

/** Takes a lead in and has it assessed: an MQL that waits to be routed. */
async function mql(name: string): Promise<(step: number) => Parameters<typeof route>[1]> {
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
  const key = (step: number) => ({
    subject: { kind: "lead" as const, id: taken.leadId },
    cycle: 1,
    step,
    now: now + step,
  });
  await assess({ pool, agreements }, key(1), { reopen: false });
  return key;
}

/** A desk whose answer is lost: the worker dies with it in hand. */
const dying: RoutingDesk = {
  async route(request) {
    await desk.route(request);
    throw new Error("the worker dies here");
  },
};
const assignments = () =>
  rows(pool, sql`select round, rep_id, ended_why from assignment order by at, handoff_id, round`);

test("a decision that dies after the desk has committed finds its assignment, and what is kept of it can be judged again", async () => {
  const key = await mql("kim");
  await expect(route({ pool, agreements, desk: dying }, key(2))).rejects.toThrow("dies here");
  expect(await assignments()).toEqual([{ round: 1, rep_id: "rp_one", ended_why: null }]);
  expect(await route({ pool, agreements, desk }, key(2))).toMatchObject({
    stage: "mql",
    waitingOn: "outreach",
    owner: "rp_one",
  });
  expect(await assignments()).toHaveLength(1);
  expect(await rows(pool, sql`select from credit_entry`)).toHaveLength(1);
  const [decision] = await rows<{ input: RouteInput; output: unknown }>(
    pool,
    sql`select input, output from decision where kind = 'route'`,
  );
  const { agreement } = (await agreements.active(pool))!;
  expect(rejudgeRoute(decision!.input, agreement)).toEqual(decision!.output);
});

test("a lead that is closed before its decision is tried again leaves no open assignment, and the room goes to who waits for it", async () => {
  const [lost, waiting] = [await mql("kim"), await mql("lee")];
  await expect(route({ pool, agreements, desk: dying }, lost(2))).rejects.toThrow("dies here");
  expect(await route({ pool, agreements, desk }, waiting(2))).toMatchObject({ waitingOn: "hold" });
  await pool.query("update lead set erased_at = now() where id = $1", [lost(2).subject.id]);
  expect(await hear({ pool, agreements }, lost(3), ["erased"])).toMatchObject({
    stage: "disqualified",
  });
  expect(
    await rows(
      pool,
      sql`select a.ended_why, h.subject_id from assignment a join handoff h on h.id = a.handoff_id order by a.at`,
    ),
  ).toEqual([
    { ended_why: "erased", subject_id: lost(2).subject.id },
    { ended_why: null, subject_id: waiting(2).subject.id },
  ]);
  expect(
    await rows(pool, sql`select workflow_id, message from outbox where message = 'released'`),
  ).toEqual([{ workflow_id: `lead/${waiting(2).subject.id}`, message: "released" }]);
  expect(await route({ pool, agreements, desk }, waiting(3))).toMatchObject({
    waitingOn: "outreach",
    owner: "rp_one",
  });
});

test("a manager's choice goes before a pick that the lead's process never heard of", async () => {
  const [first, key] = [await mql("kim"), await mql("lee")];
  await route({ pool, agreements, desk }, first(2));
  expect(await route({ pool, agreements, desk }, key(2))).toMatchObject({ waitingOn: "hold" });
  await inTransaction(pool, (tx) => putReps(tx, [rep("rp_one", { caps: { open: 2 } })], now));
  await expect(route({ pool, agreements, desk: dying }, key(3))).rejects.toThrow("dies here");
  await noteAction(pool, {
    id: "ax_1",
    leadId: key(3).subject.id,
    name: "reassign",
    by: "rp_boss",
    role: "manager",
    body: { to: "rp_two" },
    via: "api",
    receivedAt: now + 10,
  });
  expect(await settle({ pool, agreements }, key(4), "ax_1")).toMatchObject({
    result: { done: true },
  });
  expect(await route({ pool, agreements, desk }, key(5))).toMatchObject({
    waitingOn: "outreach",
    owner: "rp_two",
  });
  expect((await assignments()).slice(1)).toEqual([
    { round: 1, rep_id: "rp_one", ended_why: "reassigned by a manager" },
    { round: 2, rep_id: "rp_two", ended_why: null },
  ]);
});
