import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pauseConnection } from "../../store/effects/connections.ts";
import { sql } from "../../store/postgres/db.ts";
import { enqueue, leadSignal } from "../../store/postgres/outbox.ts";
import { openTask } from "../../store/process/human-tasks.ts";
import { recountAll } from "../../store/reports/recount.ts";
import { missingLeads } from "../../api/missing.ts";
import type { LeadRange, TemporalPort } from "../../api/temporal.ts";
import { signedIn } from "../support/visitor.ts";
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

  test("names open leads without a process, and not those that just came or run after all", async () => {
    const runs = new Set<string>();
    const listed = new Set<string>();
    const temporal: TemporalPort = {
      reachable: () => Promise.resolve(true),
      brokenLeads: () => Promise.resolve(new Set()),
      countRunning: () => Promise.resolve(listed.size),
      countOpen: () => Promise.resolve(listed.size),
      runningLeads: () => Promise.resolve(listed),
      runsFor: (id) => Promise.resolve(runs.has(id)),
      close: () => Promise.resolve(),
    };
    const other = await peopleWorld({ temporal });
    try {
      const [well, lagging, missing, fresh] = [
        await other.lead("rp_one"),
        await other.lead("rp_one"),
        await other.lead("rp_one"),
        await other.lead("rp_one"),
      ];
      await other.pool.query(sql`update lead set arrived_at = ${new Date(other.now() - 5 * minute)}
        where id <> ${fresh}`);
      await other.pool.query(sql`update lead set arrived_at = ${new Date(other.now())}
        where id = ${fresh}`);
      // It is overdue, too, and shown once.
      await other.pool.query(sql`update process set step = 4,
        next_at = ${new Date(other.now() - 60 * minute)} where subject_id = ${missing}`);
      for (const id of [well, lagging]) runs.add(id);
      listed.add(well);
      const { stuck } = (await other.ask("GET", "/system", { as: "operator" })).body;
      expect(stuck).toMatchObject({ broken: 0, missing: 1 });
      expect(stuck.leads).toMatchObject([
        {
          id: missing,
          state: "missing",
          since: null,
          remedy: expect.stringContaining(`\`baton stuck --repair ${missing}\` at once`),
        },
      ]);
      const page = await (
        await signedIn({ ...other, now: other.now() }, { role: "operator" })
      ).get("/console/system");
      expect(page.text).toContain(`href="/console/leads/${missing}"`);
      expect(page.text).toContain("1 process missing");
    } finally {
      await other.close();
    }
  });

  describe("of many leads", () => {
    const all = Array.from({ length: 1600 }, (_, n) => `ld_${String(n + 1).padStart(5, "0")}`);
    let many: PeopleWorld;
    beforeAll(async () => {
      many = await peopleWorld();
      await many.lead("rp_one");
      await many.pool
        .query(sql`insert into lead select (jsonb_populate_record(lead, jsonb_build_object(
        'id', 'ld_' || lpad(n::text, 5, '0'), 'email', null,
        'arrived_at', ${new Date(many.now() - 5 * minute).toISOString()}::text))).*
        from lead, generate_series(1, 1600) n`);
      await many.pool.query(sql`insert into process select (jsonb_populate_record(p,
        jsonb_build_object('subject_id', 'ld_' || lpad(n::text, 5, '0'), 'handoff_id', null))).*
        from process p, generate_series(1, 1600) n where p.subject_kind = 'lead'`);
      await many.pool.query("delete from process where subject_id !~ '^ld_[0-9]{5}$'");
    });
    afterAll(() => many.close());

    type Asked = Parameters<typeof missingLeads>[1];
    /** Temporal, where no process runs of `lost`, and `ending` of closed leads say they are open. */
    function temporalWithout(lost: ReadonlySet<string>, ending: readonly string[] = []) {
      const listed: string[] = [];
      const idsOf = ({ first, last }: LeadRange) =>
        [...all, ...ending].filter((id) => id >= first && id <= last && !lost.has(id));
      const temporal: Asked = {
        countOpen: (range) => Promise.resolve(idsOf(range).length),
        runningLeads: (range) => {
          listed.push(range?.first ?? "all");
          return Promise.resolve(range ? new Set(idsOf(range)) : null);
        },
        runsFor: (id) => Promise.resolve(!lost.has(id)),
      };
      return { temporal, listed };
    }
    const search = (temporal: Asked, ms = 60_000) =>
      missingLeads(many.pool, temporal, many.now(), ms);

    test("ranges are passed over in which as many processes run", async () => {
      const lost = ["ld_00700", "ld_01599"];
      const { temporal, listed } = temporalWithout(new Set(lost));
      expect(await search(temporal)).toEqual({ ids: lost, isWhole: true });
      expect(listed).toEqual(["ld_00501", "ld_01501"]);
      expect(await search(temporal, -1)).toEqual({ ids: [], isWhole: false });
      const silent = { ...temporal, countOpen: () => Promise.resolve(null) };
      expect(await search(silent)).toBeNull();
    });

    test("a range is not passed over in which more processes run than leads are open", async () => {
      const ending = ["ld_00600x", "ld_00601x", "ld_00602x"];
      const { temporal, listed } = temporalWithout(new Set(["ld_00700"]), ending);
      expect(await search(temporal)).toEqual({ ids: ["ld_00700"], isWhole: true });
      expect(listed).toEqual(["ld_00501"]);
    });

    test("what is found by the end of the time is told", async () => {
      const { temporal } = temporalWithout(new Set(["ld_00007", "ld_00700"]));
      const slow: Asked = {
        ...temporal,
        runningLeads: (range) =>
          range !== undefined && range.first > "ld_00500"
            ? new Promise(() => undefined)
            : (temporal.runningLeads?.(range) ?? Promise.resolve(null)),
      };
      expect(await search(slow, 5_000)).toEqual({ ids: ["ld_00007"], isWhole: false });
      // The same where a process does not answer.
      const mute: Asked = {
        ...temporal,
        runsFor: (id) => Promise.resolve(id < "ld_00500" ? false : null),
      };
      expect(await search(mute)).toEqual({ ids: ["ld_00007"], isWhole: false });
    });

    test("as many as are shown are all only when there are no more", async () => {
      for (const [count, isWhole] of [
        [50, true],
        [51, false],
      ] as const) {
        const { temporal } = temporalWithout(new Set(all.slice(0, count)));
        expect(await search(temporal)).toEqual({ ids: all.slice(0, 50), isWhole });
      }
    });

    test("who asks while it is searched waits for the same search", async () => {
      const { temporal, listed } = temporalWithout(new Set(["ld_00700"]));
      const [one, other] = await Promise.all([search(temporal), search(temporal)]);
      expect(other).toEqual(one);
      expect(listed).toEqual(["ld_00501"]);
    });
  });

  test("is for who runs Baton, and knows no parameters", async () => {
    for (const as of ["one", "boss"] as const)
      expect((await world.ask("GET", "/system", { as })).status).toBe(403);
    expect((await world.ask("GET", "/system", { as: null })).status).toBe(401);
  });
});
