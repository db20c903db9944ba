import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTask } from "../../store/human-tasks.ts";
import { sql } from "../../store/db.ts";
import { listLeads, seeLead } from "../../store/leads.ts";
import { reachOf } from "../../store/reach.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.pool.query("truncate lead, handoff, task cascade");
});

const sees = async (leadId: string, scope: "own" | "team" | "all", repId: string | null) => {
  const lead = await seeLead(world.pool, leadId, await reachOf(world.pool, scope, repId));
  return lead === undefined ? "nothing" : lead.is_theirs ? "theirs" : "past";
};

describe("who reaches a lead", () => {
  test("its owner, the owner's manager and whoever reaches all; nobody else", async () => {
    const id = await world.lead("rp_one");
    expect([
      await sees(id, "own", "rp_one"),
      await sees(id, "team", "rp_boss"),
      await sees(id, "all", null),
    ]).toEqual(["theirs", "theirs", "theirs"]);
    expect([
      await sees(id, "own", "rp_two"),
      await sees(id, "team", "rp_chief"),
      await sees(id, "own", null),
      await sees(id, "team", null),
    ]).toEqual(["nothing", "nothing", "nothing", "nothing"]);
  });

  test("who had it before may look, not act", async () => {
    const id = await world.lead("rp_one");
    await world.pool.query(sql`update lead set owner_id = 'rp_other' where id = ${id}`);
    expect([
      await sees(id, "own", "rp_one"),
      await sees(id, "team", "rp_boss"),
      await sees(id, "own", "rp_other"),
    ]).toEqual(["past", "past", "theirs"]);
  });

  test("a lead that a rep gave back stays the manager's to decide about", async () => {
    const id = await world.lead("rp_one");
    await world.pool.query(
      sql`update lead set owner_id = null, stage = 'renurture', waiting_on = 'return' where id = ${id}`,
    );
    expect([
      await sees(id, "own", "rp_one"),
      await sees(id, "team", "rp_boss"),
      await sees(id, "team", "rp_chief"),
    ]).toEqual(["past", "theirs", "nothing"]);
  });

  test("what lies in the fallback queue is every manager's, what is held is the pool's manager's, neither is a rep's", async () => {
    const queued = await world.lead(null);
    const held = await world.lead(null, { waitingOn: "hold", queue: "americas-sdr" });
    await world.pool.query(
      sql`update handoff set pool = 'americas-sdr' where subject_id = ${held}`,
    );
    expect([
      await sees(queued, "team", "rp_boss"),
      await sees(queued, "team", "rp_chief"),
      await sees(queued, "own", "rp_one"),
    ]).toEqual(["theirs", "theirs", "nothing"]);
    expect([
      await sees(held, "team", "rp_boss"),
      await sees(held, "team", "rp_chief"),
      await sees(held, "own", "rp_one"),
    ]).toEqual(["theirs", "nothing", "nothing"]);
  });

  test("a task makes the lead its assignee's", async () => {
    const id = await world.lead("rp_other");
    await openTask(
      world.pool,
      { kind: "contested", subject: { kind: "lead", id }, role: "manager", assigneeId: "rp_boss" },
      world.now(),
    );
    expect([await sees(id, "team", "rp_boss"), await sees(id, "own", "rp_one")]).toEqual([
      "theirs",
      "nothing",
    ]);
  });

  test("a manager's managers reach everybody below, and a ring of managers ends", async () => {
    await world.pool.query("update rep set manager_id = 'rp_chief' where id = 'rp_boss'");
    const id = await world.lead("rp_one");
    expect(await sees(id, "team", "rp_chief")).toBe("theirs");
    await world.pool.query("update rep set manager_id = 'rp_one' where id = 'rp_chief'");
    expect(await sees(id, "team", "rp_two")).toBe("nothing");
    expect(await sees(id, "team", "rp_chief")).toBe("theirs");
    await world.pool.query("update rep set manager_id = null where id in ('rp_boss', 'rp_chief')");
  });
});

test("a list of few among many leads stays quick", async () => {
  await world.pool.query(
    "insert into lead (id, email, arrived_at, stage_since, stage, waiting_on, owner_id, due_at) select 'ld_' || lpad(n::text, 8, '0'), n || '@bulk.com', now(), now(), case when n % 500 = 0 then 'sal' else 'nurture' end, case when n % 500 = 0 then 'attempts' else 'signal' end, case when n % 1000 = 0 then 'rp_one' end, null from generate_series(1, 20000) n",
  );
  await world.pool.query("analyze lead");
  const mine = await listLeads(world.pool, {}, await reachOf(world.pool, "own", "rp_one"), {
    limit: 100,
    now: world.now(),
  });
  expect(mine).toHaveLength(20);
  const began = performance.now();
  for (let n = 0; n < 20; n++)
    await listLeads(
      world.pool,
      { stage: "sal", owner: "rp_one" },
      { kind: "all" },
      { limit: 50, now: world.now() },
    );
  // No target, only a guard against reading all 20,000 rows twenty times with everything around it.
  expect((performance.now() - began) / 20).toBeLessThan(100);
});
