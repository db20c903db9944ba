import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { beginPlan, noteProgress } from "../../store/governance/plans.ts";
import { activate } from "../../store/process/agreements.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { copyLead } from "../support/copied-leads.ts";
import { eventually } from "../support/eventually.ts";
import { planWorld, type PlanWorld } from "../support/plan-world.ts";

/** So many leads that a plan is not made at once; `npm run bench -- plan` measures more. */
const count = 2_000;
let world: PlanWorld;
beforeAll(async () => {
  world = await planWorld();
  const template = await world.arrive();
  await multiply(template, count);
  world.setNow(world.now() + 60_000);
}, 600_000);
afterAll(() => world.close());

async function multiply(leadId: string, copies: number): Promise<void> {
  const [handoff] = await rows<{ id: string }>(
    world.pool,
    sql`select id from handoff where subject_id = ${leadId}`,
  );
  const template = { leadId, handoffId: handoff!.id, tag: "copy" };
  const client = await world.pool.connect();
  try {
    await client.query("set session_replication_role = replica; set statement_timeout = 0");
    for (const statement of copyLead(template, 1, copies)) await client.query(statement);
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
    const { id, planning } = await propose(
      edit("outreach: 1 business hour", "outreach: 2 business hours"),
    );
    expect(planning).toMatchObject({ state: "making", done: 0 });
    const seen = new Set<number>();
    await eventually(300, async () => {
      const now = (await read(id)).planning;
      seen.add(now.done);
      return now.state === "made";
    });
    const { plan, planning: over } = await read(id);
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
