import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { beginPlan, noteProgress } from "../../store/governance/plans.ts";
import { activate } from "../../store/process/agreements.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { eventually } from "../support/eventually.ts";
import { planWorld, type PlanWorld } from "../support/plan-world.ts";

/** So many leads that a plan is not made at once; `LEADS=100000` measures. */
const count = Number(process.env["LEADS"] ?? 2_000);
let world: PlanWorld;
beforeAll(async () => {
  world = await planWorld();
  const template = await world.arrive();
  await multiply(template, count);
  world.setNow(world.now() + 60_000);
}, 600_000);
afterAll(() => world.close());

/**
 * Copies of a lead with all by which it is judged: facts, what it did, the decisions about it, the
 * handoff with its clocks.
 */
async function multiply(template: string, copies: number): Promise<void> {
  const [handoff] = await rows<{ id: string }>(
    world.pool,
    sql`select id from handoff where subject_id = ${template}`,
  );
  const from = `'${template}'`;
  const of = `'${handoff!.id}'`;
  const [lead, ofHandoff] = [`t.subject_id = ${from}`, `t.handoff_id = ${of}`];
  const clock = (name: string) => `replace(t.${name}, ${of}, 'ho_copy' || k)`;
  const tables: readonly (readonly [string, string, string])[] = [
    [
      "lead",
      `t.id = ${from}`,
      `'id', 'ld_copy' || k, 'email', 'copy' || k || '@copies.example', 'crm_id', null`,
    ],
    ["process", lead, `'subject_id', 'ld_copy' || k, 'handoff_id', 'ho_copy' || k`],
    ["engagement", `t.lead_id = ${from}`, `'lead_id', 'ld_copy' || k, 'message_id', 'copy' || k`],
    ["decision", lead, `'subject_id', 'ld_copy' || k, 'action_id', null`],
    ["transition", lead, `'subject_id', 'ld_copy' || k`],
    ["handoff", lead, `'id', 'ho_copy' || k, 'subject_id', 'ld_copy' || k`],
    ["clock", ofHandoff, `'id', ${clock("id")}, 'handoff_id', 'ho_copy' || k`],
    ["clock_event", `t.clock_id like ${of} || '/%'`, `'clock_id', ${clock("clock_id")}`],
  ];
  const copy = (table: string, where: string, set: string, first: number) =>
    `insert into ${table} select c.* from ${table} t
      cross join generate_series(${first}, ${Math.min(first + 1_999, copies)}) k
      cross join lateral jsonb_populate_record(null::${table},
        to_jsonb(t) || jsonb_build_object(${set})) c where ${where}`;
  const client = await world.pool.connect();
  try {
    await client.query("set session_replication_role = replica; set statement_timeout = 0");
    for (let first = 1; first <= copies; first += 2_000)
      for (const [table, where, set] of tables) await client.query(copy(table, where, set, first));
    await client.query("set session_replication_role = origin; analyze");
  } finally {
    client.release();
  }
}

let edits = 0;
const edit = (from = "", to = "") =>
  `${world.agreementText.replace(from, to)}\n# edit ${++edits}\n`;
const propose = async (content: string) =>
  (await world.ask("POST", "/agreement/versions/propose", { as: "revops", body: { content } }))
    .body;
const read = async (id: string) => (await world.ask("GET", `/agreement/versions/${id}/plan`)).body;
const make = (id: string) =>
  world.ask("POST", `/agreement/versions/${id}/plan`, { as: "revops", body: {} });
const cancel = (id: string) =>
  world.ask("POST", `/agreement/versions/${id}/plan/cancel`, { as: "revops", body: {} });
const publish = (content: string) =>
  inTransaction(world.pool, (tx) => activate(tx, content, "test", world.now()));

describe("a plan that takes its time", () => {
  test("shows how far it is, and answers others meanwhile", async () => {
    const began = performance.now();
    const { id, planning } = await propose(
      edit("outreach: 1 business hour", "outreach: 2 business hours"),
    );
    expect(planning).toMatchObject({ state: "making", done: 0 });
    const seen = new Set<number>();
    let slowest = 0;
    await eventually(300, async () => {
      const asked = performance.now();
      const now = (await read(id)).planning;
      slowest = Math.max(slowest, performance.now() - asked);
      seen.add(now.done);
      return now.state === "made";
    });
    const seconds = (performance.now() - began) / 1_000;
    const { plan, planning: over } = await read(id);
    console.log(
      `planned ${over.of} in ${seconds.toFixed(1)} s, slowest answer ${slowest.toFixed(0)} ms`,
    );
    expect(over).toMatchObject({ state: "made", of: 2 * (count + 1), done: 2 * (count + 1) });
    expect(seen.size).toBeGreaterThan(2);
    expect(plan.trial).toMatchObject({ leads: count + 1, same: count + 1 });
    expect(plan.deadlines).toMatchObject({ handoffs: count + 1, moved: count + 1 });
    expect(plan.deadlines.list).toHaveLength(500);
    expect(plan.history).toMatchObject({ handoffs: count + 1, kept: { handoffs: count + 1 } });
  }, 600_000);

  test("is cancelled in the middle, once, and begun again later", async () => {
    const { id } = await propose(edit());
    await eventually(60, async () => (await read(id)).planning.of !== null);
    expect((await cancel(id)).body).toMatchObject({ planning: { state: "cancelled" }, plan: null });
    expect((await cancel(id)).status).toBe(409);
    const { done } = (await read(id)).planning;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await read(id)).planning).toMatchObject({ state: "cancelled", done });
    const sign = { contentHash: (await read(id)).contentHash, planHash: "0".repeat(64) };
    const signed = await world.ask("POST", `/agreement/versions/${id}/sign`, {
      as: "leader",
      body: sign,
    });
    expect([signed.status, signed.body.detail]).toEqual([
      409,
      expect.stringMatching(/no plan yet/),
    ]);
    const activated = await world.ask("POST", `/agreement/versions/${id}/activate`, {
      as: "revops",
      body: {},
    });
    expect(activated.status).toBe(409);
    expect((await make(id)).status).toBe(202);
    await eventually(120, async () => (await read(id)).planning.state === "made");
  }, 300_000);
});

describe("a plan that stands", () => {
  test("is not made again; one of another active version is, and needs new signatures", async () => {
    const version = await world.signed(edit("status: same day", "status: 1 business day"));
    expect((await make(version.id)).status).toBe(200);
    await publish(edit("status: same day", "status: 2 business days"));
    expect((await read(version.id)).plan.isOutOfDate).toBe(true);
    const late = await world.ask("POST", `/agreement/versions/${version.id}/activate`, {
      as: "revops",
      body: {},
    });
    expect(late.body.detail).toMatch(/make it again/);
    expect((await make(version.id)).status).toBe(202);
    const again = await eventually(120, async () => {
      const now = await read(version.id);
      return now.planning.state === "made" && now;
    });
    expect(again).toMatchObject({ state: "proposed", signatures: [] });
    expect(again.plan.hash).not.toBe(version.plan.hash);
    const old = await world.ask("POST", `/agreement/versions/${version.id}/sign`, {
      as: "leader",
      body: { contentHash: version.contentHash, planHash: version.plan.hash },
    });
    expect(old.body).toMatchObject({ code: "conflict", planHash: again.plan.hash });
  }, 300_000);

  test("a version that is active or retired is planned no more", async () => {
    const version = await world.signed(edit());
    const activated = await world.ask("POST", `/agreement/versions/${version.id}/activate`, {
      as: "revops",
      body: {},
    });
    expect(activated.status).toBe(200);
    expect((await make(version.id)).body).toMatchObject({ code: "conflict", state: "active" });
    await publish(edit());
    expect((await make(version.id)).body).toMatchObject({ code: "conflict", state: "retired" });
    expect((await make("ag_none")).status).toBe(404);
    // What it was signed on is still there to be read.
    expect((await read(version.id)).plan).toMatchObject({ isOutOfDate: false });
  }, 300_000);

  test("a run whose process ended is seen as stopped, and another one takes its place", async () => {
    const { id } = await world.proposed(edit());
    await publish(edit());
    const begun = await inTransaction(world.pool, (tx) => beginPlan(tx, id, "test", world.now()));
    if (!("run" in begun) || !begun.run) throw new Error("nothing was begun");
    expect((await read(id)).planning.state).toBe("making");
    await world.pool.query(
      sql`update agreement_plan set beat_at = now() - interval '2 minutes' where version_id = ${id}`,
    );
    expect((await read(id)).planning.state).toBe("stopped");
    expect((await make(id)).status).toBe(202);
    // Should it live after all, it is told that it is not wanted.
    expect(await noteProgress(world.pool, begun.run, 1, 2)).toBe(false);
    await eventually(120, async () => (await read(id)).planning.state === "made");
  }, 300_000);
});
