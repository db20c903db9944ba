import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pauseConnection } from "../../store/effects/connections.ts";
import { sql } from "../../store/postgres/db.ts";
import { enqueue, leadSignal } from "../../store/postgres/outbox.ts";
import { openTask } from "../../store/process/human-tasks.ts";
import { recountAll } from "../../store/reports/recount.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

const minute = 60_000;
let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

const read = async () => {
  const answer = await world.ask("GET", "/system", { as: "operator" });
  expect(answer.status).toBe(200);
  return answer.body;
};

describe("GET /system", () => {
  test("answers while Temporal, worker and relay are away, and says so", async () => {
    expect(await read()).toMatchObject({
      ready: true,
      healthy: false,
      parts: {
        postgres: { ok: true },
        temporal: { ok: false, detail: "does not answer" },
        worker: { ok: false, detail: "never heard of" },
      },
      backlogs: [],
      paused: [],
      processes: { open: 0, running: null },
      untold: { count: 0, since: null },
      recount: null,
      stuck: { broken: null, late: 0, leads: [] },
    });
  });

  test("says what waits since when, what is given up on and which outside system is paused", async () => {
    const now = world.now();
    const at = (ms: number) => new Date(now - ms);
    await enqueue(
      world.pool,
      leadSignal("ld_old", "signal", "engaged", { id: "a" }, 1),
      now - 5 * minute,
    );
    await enqueue(world.pool, leadSignal("ld_new", "signal", "engaged", { id: "b" }, 2), now);
    await world.pool.query(sql`
      insert into inbox (source, event_id, payload, received_at)
        values ('crm', 'x1', '{}', ${at(3 * minute)}), ('crm', 'x2', '{}', ${at(minute)})`);
    await world.pool.query(sql`
      insert into effect (key, subject_kind, subject_id, kind, what, payload, state, created_at)
        values ('a/1', 'lead', 'ld_a', 'mail', 'offer', '{}', 'open', ${at(8 * minute)}),
          ('a/2', 'lead', 'ld_a', 'mail', 'offer', '{}', 'failed', ${at(9 * minute)})`);
    await pauseConnection(
      world.pool,
      { name: "smtp", until: now + minute, reason: "421 try later" },
      now,
      () => Promise.resolve(),
    );
    const system = await read();
    expect(system.backlogs).toEqual([
      { name: "effect/mail", waiting: 1, oldest: at(8 * minute).toISOString(), failed: 1 },
      { name: "inbox/crm", waiting: 2, oldest: at(3 * minute).toISOString(), failed: 0 },
      { name: "outbox/1", waiting: 1, oldest: at(5 * minute).toISOString(), failed: 0 },
      { name: "outbox/2", waiting: 1, oldest: at(0).toISOString(), failed: 0 },
    ]);
    expect(system.paused).toEqual([
      {
        name: "smtp",
        since: at(0).toISOString(),
        until: at(-minute).toISOString(),
        reason: "421 try later",
      },
    ]);
    // What came a moment ago is on its way.
    expect(system.untold).toEqual({ count: 1, since: at(5 * minute).toISOString() });
  });

  test("lists late leads with what to do, the longest overdue first, and counts all", async () => {
    const now = world.now();
    const late = await world.lead("rp_one");
    const later = await world.lead("rp_two");
    const soon = await world.lead("rp_one");
    const closed = await world.lead("rp_one", { stage: "disqualified" });
    const next: readonly (readonly [string, number])[] = [
      [late, 60],
      [later, 11],
      [soon, 9],
      [closed, 60],
    ];
    for (const [lead, minutes] of next)
      await world.pool.query(sql`
        update process set step = 4, next_at = ${new Date(now - minutes * minute)}
        where subject_id = ${lead}`);
    await openTask(
      world.pool,
      { kind: "fix-data", subject: { kind: "lead", id: late }, role: "sales-ops", detail: {} },
      now,
    );
    await recountAll(world.pool, now);
    const { stuck, tasks, recount } = await read();
    expect(stuck).toMatchObject({ broken: null, late: 2 });
    expect(stuck.leads).toMatchObject([
      {
        id: late,
        state: "late",
        since: new Date(now - 60 * minute).toISOString(),
        remedy: expect.stringContaining(`baton stuck --repair ${late}`),
        temporalUrl: null,
      },
      { id: later },
    ]);
    expect(tasks).toEqual([{ kind: "fix-data", open: 1 }]);
    expect(recount).toMatchObject({ at: new Date(now).toISOString() });
  });

  test("is for who runs Baton, and knows no parameters", async () => {
    for (const as of ["one", "boss"] as const)
      expect((await world.ask("GET", "/system", { as })).status).toBe(403);
    expect((await world.ask("GET", "/system", { as: null })).status).toBe(401);
  });
});
