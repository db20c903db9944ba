import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { replay, type Deltas } from "../../../handoff/routing/round-robin.ts";
import { routeAgain, type RouteInput } from "../../../handoff/routing/route.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import { putAbsences, putPools, putReps } from "../../../store/routing/roster-edit.ts";
import { reverseCredit, routeHandoff } from "../../../store/routing/routing.ts";
import {
  agreement,
  hour,
  now,
  rep,
  routingWorld,
  weekdays,
  type RoutingWorld,
} from "../../support/routing-world.ts";

let world: RoutingWorld;
beforeAll(async () => {
  world = await routingWorld();
});
afterAll(() => world.close());

const repOf = ({ routed }: { routed: { kind: string; repId?: string } }) =>
  routed.kind === "assigned" ? routed.repId : routed.kind;
const evening = Date.parse("2026-11-18T18:00:00Z");
const nextMorning = Date.parse("2026-11-19T09:00:00Z");

async function credits(): Promise<
  Record<string, Record<string, { millionths: number; lastPick: number }>>
> {
  const { rows } = await world.pool.query(
    "select pool || '/' || lead_type as ledger, rep_id, millionths, last_pick from credit " +
      "order by 1, 2",
  );
  const found: Record<string, Record<string, { millionths: number; lastPick: number }>> = {};
  for (const row of rows)
    (found[row.ledger] ??= {})[row.rep_id] = {
      millionths: row.millionths,
      lastPick: row.last_pick,
    };
  return found;
}

async function replayed(): Promise<unknown> {
  const { rows } = await world.pool.query<{
    ledger: string;
    id: number;
    deltas: Deltas;
    winner: string | null;
  }>("select pool || '/' || lead_type as ledger, id, deltas, winner from credit_entry order by id");
  return Object.fromEntries(
    [...new Set(rows.map((row) => row.ledger))]
      .sort()
      .map((ledger) => [ledger, replay(rows.filter((row) => row.ledger === ledger))]),
  );
}

/**
 * Promise 1, after whatever a test did: every ledger sums to 0, every entry does, and replay gives
 * what is stored.
 */
async function ledgersHold(): Promise<void> {
  expect(await replayed()).toEqual(await credits());
  const { rows } = await world.pool.query(
    "select pool, lead_type from credit group by pool, lead_type having sum(millionths) <> 0",
  );
  expect(rows).toEqual([]);
}

describe("assigning", () => {
  test("writes one assignment, one ledger entry, and says who was considered", async () => {
    await world.roster([rep("rp_a"), rep("rp_b", { active: false })], {
      "east-sdr": { rp_a: 2, rp_b: 1 },
    });
    const [id] = await world.handoffs(1);
    const result = await world.route(id!);
    expect(result).toMatchObject({
      routed: { kind: "assigned", repId: "rp_a", pool: "east-sdr", via: "territory" },
      territory: "east",
      segment: null,
      released: [],
    });
    const { rows } = await world.pool.query("select * from assignment");
    expect(rows).toMatchObject([
      { handoff_id: id, round: 1, rep_id: "rp_a", queue: null, via: "territory", ended_at: null },
    ]);
    expect(await world.kept()).toMatchObject([
      {
        candidates: [
          { repId: "rp_a", eligible: true },
          { repId: "rp_b", why: "inactive" },
        ],
      },
    ]);
    expect(routeAgain(JSON.parse(JSON.stringify(result.input)) as RouteInput, agreement)).toEqual({
      routed: result.routed,
      territory: "east",
      segment: null,
      candidates: result.candidates,
    });
    await ledgersHold();
  });

  test("no fact of the lead is kept with the assignment", async () => {
    await world.roster([rep("rp_a")], { "east-sdr": { rp_a: 1 } });
    const [id] = await world.handoffs(1);
    await world.route(id!, {
      known: {
        facts: {
          "account.country": "DE",
          "lead.email": "somebody@example.com",
          "lead.name": "Somebody",
        },
        engagements: [],
        now,
      },
    });
    const { rows } = await world.pool.query(
      "select a::text || v::text as kept from assignment a join roster_version v on v.id = a.roster",
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].kept).not.toMatch(/somebody|account\.country/i);
  });

  test(
    "segment before territory, parent's pool when nobody is there, fallback queue when nobody " +
      "is anywhere",
    async () => {
      await world.roster([rep("rp_big"), rep("rp_all")], {
        "big-ae": { rp_big: 1 },
        "all-sdr": { rp_all: 1 },
      });
      const [first, second, third] = await world.handoffs(3);
      const big = {
        known: {
          facts: { "account.country": "DE", "account.employees": 5000 },
          engagements: [],
          now,
        },
      };
      expect((await world.route(first!, big)).routed).toEqual({
        kind: "assigned",
        repId: "rp_big",
        pool: "big-ae",
        via: "segment",
      });
      expect((await world.route(second!)).routed).toEqual({
        kind: "assigned",
        repId: "rp_all",
        pool: "all-sdr",
        via: "parent",
      });
      await inTransaction(world.pool, (tx) => putReps(tx, [rep("rp_all", { active: false })], now));
      expect((await world.route(third!)).routed).toEqual({ kind: "queue", queue: "sales-ops" });
      const { rows } = await world.pool.query(
        "select rep_id, queue, via from assignment where handoff_id = $1",
        [third],
      );
      expect(rows).toEqual([{ rep_id: null, queue: "sales-ops", via: "fallback" }]);
      await ledgersHold();
    },
  );

  test("the owner keeps the account at no charge; an agreement that ignores owners does not ask", async () => {
    await world.roster([rep("rp_a"), rep("rp_b"), rep("rp_o")], {
      "east-sdr": { rp_a: 1, rp_b: 1, rp_o: 1 },
    });
    const [first, second] = await world.handoffs(2);
    expect((await world.route(first!, { owners: ["rp_o"] })).routed).toEqual({
      kind: "assigned",
      repId: "rp_o",
      pool: "east-sdr",
      via: "owner",
    });
    expect(await credits()).toEqual({});
    const ignoring = { ...agreement, routing: { ...agreement.routing, owners: "ignore" as const } };
    expect(
      (await world.route(second!, { owners: ["rp_o"], agreement: ignoring })).routed,
    ).toMatchObject({ repId: "rp_a", via: "territory" });
  });

  test("a manager's choice overrules hours and caps", async () => {
    await world.roster([rep("rp_a"), rep("rp_m", { caps: { open: 0 } })], {
      "east-sdr": { rp_a: 1 },
    });
    const [id] = await world.handoffs(1);
    expect((await world.route(id!, { assignTo: "rp_m", now: evening })).routed).toEqual({
      kind: "assigned",
      repId: "rp_m",
      pool: null,
      via: "manager",
    });
  });

  test("who had the lead before is not asked again", async () => {
    await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
    const [id] = await world.handoffs(1);
    await world.route(id!);
    const second = await world.route(id!, { round: 2, exclude: [{ repId: "rp_a", round: 1 }] });
    expect(second).toMatchObject({
      routed: { repId: "rp_b" },
      candidates: [{ repId: "rp_a", why: "had this lead in round 1" }, { repId: "rp_b" }],
    });
  });

  test("the other pools' locks are given back when the first pool decides", async () => {
    await world.roster([rep("rp_a"), rep("rp_all")], {
      "east-sdr": { rp_a: 0 },
      "all-sdr": { rp_all: 1 },
    });
    const [id] = await world.handoffs(1);
    await inTransaction(world.pool, async (tx) => {
      await tx.query("savepoint s");
      await tx.query("select pg_advisory_xact_lock(7201665, hashtext('east-sdr'))");
      await tx.query("rollback to savepoint s");
      const { rows } = await tx.query(
        "select count(*)::int as n from pg_locks where locktype = 'advisory' and pid = " +
          "pg_backend_pid()",
      );
      expect(rows).toEqual([{ n: 0 }]);
    });
    expect(repOf(await world.route(id!))).toBe("rp_all");
  });
});

describe("promise 8: the same (handoff, round) twice gives the same rep and one row", () => {
  test("asked again, also by two at once", async () => {
    await world.roster([rep("rp_a"), rep("rp_b"), rep("rp_c")], {
      "east-sdr": { rp_a: 1, rp_b: 1, rp_c: 1 },
    });
    const [id] = await world.handoffs(1);
    const answers = await Promise.all(Array.from({ length: 8 }, () => world.route(id!)));
    expect(new Set(answers.map(repOf))).toEqual(new Set(["rp_a"]));
    for (const answer of answers)
      expect(routeAgain(answer.input)).toEqual({
        routed: answer.routed,
        territory: "east",
        segment: null,
        candidates: answer.candidates,
      });
    expect((await world.pool.query("select 1 from assignment")).rowCount).toBe(1);
    expect((await world.pool.query("select 1 from credit_entry")).rowCount).toBe(1);
  });

  test("a crash between pick and commit leaves nothing; one between commit and reply changes nothing", async () => {
    await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
    const [id] = await world.handoffs(1);
    await expect(
      inTransaction(world.pool, async (tx) => {
        await routeHandoff(tx, {
          handoffId: id!,
          round: 1,
          now,
          agreement,
          known: { facts: { "account.country": "DE" }, engagements: [], now },
          leadType: "demo-request",
          priority: 1,
          dueAt: now,
          arrivedAt: now,
          exclude: [],
          accountId: null,
          owners: [],
          language: null,
          product: null,
          motion: null,
        });
        throw new Error("the worker dies here");
      }),
    ).rejects.toThrow("dies here");
    expect(
      (await world.pool.query("select 1 from assignment union all select 1 from credit_entry"))
        .rowCount,
    ).toBe(0);
    expect(repOf(await world.route(id!))).toBe("rp_a");
    expect(repOf(await world.route(id!, { now: evening }))).toBe("rp_a");
    await ledgersHold();
  });

  test("a queue is an answer too, and stays one", async () => {
    await world.roster([rep("rp_a", { active: false })], { "east-sdr": { rp_a: 1 } });
    const [id] = await world.handoffs(1);
    expect(repOf(await world.route(id!))).toBe("queue");
    await inTransaction(world.pool, (tx) => putReps(tx, [rep("rp_a")], now));
    expect(repOf(await world.route(id!))).toBe("queue");
    expect(repOf(await world.route(id!, { round: 2 }))).toBe("rp_a");
  });
});

describe("holding and release", () => {
  const held = async () =>
    (await world.pool.query("select handoff_id, pool, until_at from held order by handoff_id"))
      .rows;

  test("outside all hours a lead is held until the pool opens, and released then", async () => {
    await world.roster([rep("rp_a")], { "east-sdr": { rp_a: 1 } });
    const [id] = await world.handoffs(1);
    const answer = await world.route(id!, { now: evening });
    expect(answer.routed).toEqual({ kind: "held", pool: "east-sdr", untilAt: nextMorning });
    expect(routeAgain(answer.input)).toMatchObject({ routed: answer.routed });
    expect(await held()).toEqual([
      { handoff_id: id, pool: "east-sdr", until_at: new Date(nextMorning) },
    ]);
    expect(await world.release("east-sdr", nextMorning - 1)).toEqual([]);
    expect(await world.release("east-sdr", nextMorning)).toEqual([
      { handoffId: id, subjectId: `ld_${id}`, repId: "rp_a" },
    ]);
    expect(await held()).toEqual([]);
    // Its own process wakes later and finds the assignment, which can be judged again.
    const found = await world.route(id!, { now: nextMorning + 5 });
    expect(found).toMatchObject({
      routed: { kind: "assigned", repId: "rp_a", pool: "east-sdr", via: "release" },
      territory: "east",
    });
    expect(routeAgain(found.input, agreement)).toEqual({
      routed: found.routed,
      territory: "east",
      segment: null,
      candidates: found.candidates,
    });
  });

  test("release goes by priority, then due time, then arrival, whoever wakes first", async () => {
    await world.roster([rep("rp_a", { caps: { perHour: 3 } })], { "east-sdr": { rp_a: 1 } });
    const ids = await world.handoffs(5);
    const order: readonly (readonly [priority: number, due: number, arrived: number])[] = [
      [3, 1, 0],
      [1, 9, 2],
      [1, 9, 1],
      [2, 1, 1],
      [1, 2, 9],
    ];
    for (const [i, [priority, due, arrived]] of order.entries()) {
      await world.route(ids[i]!, {
        now: evening,
        priority,
        dueAt: nextMorning + due * hour,
        arrivedAt: now + arrived,
      });
    }
    expect((await world.release("east-sdr", nextMorning)).map((one) => one.handoffId)).toEqual([
      "ho_5",
      "ho_3",
      "ho_2",
    ]);
    expect((await held()).map((one) => one.handoff_id)).toEqual(["ho_1", "ho_4"]);
    expect(
      (await world.release("east-sdr", nextMorning + hour)).map((one) => one.handoffId),
    ).toEqual(["ho_4", "ho_1"]);
    await ledgersHold();
  });

  test(
    "a newcomer at the opening waits its turn behind leads that are as urgent, before those " +
      "that are less",
    async () => {
      await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
      const [urgent, later, newcomer] = await world.handoffs(3);
      await world.route(urgent!, { now: evening, dueAt: nextMorning + hour, arrivedAt: evening });
      await world.route(later!, {
        now: evening,
        priority: 3,
        dueAt: nextMorning + hour,
        arrivedAt: evening,
      });
      const result = await world.route(newcomer!, {
        now: nextMorning,
        priority: 1,
        dueAt: nextMorning + hour,
        arrivedAt: nextMorning,
      });
      expect(result.released).toEqual([
        { handoffId: urgent, subjectId: `ld_${urgent}`, repId: "rp_a" },
      ]);
      expect(repOf(result)).toBe("rp_b");
      expect((await held()).map((one) => one.handoff_id)).toEqual([later]);
    },
  );

  test("when the last room goes to leads on hold, the newcomer is held", async () => {
    await world.roster([rep("rp_a", { caps: { open: 1 } })], { "east-sdr": { rp_a: 1 } });
    const [first, newcomer] = await world.handoffs(2);
    await world.route(first!, { now: evening, dueAt: nextMorning + hour });
    const result = await world.route(newcomer!, {
      now: nextMorning,
      dueAt: nextMorning + hour,
      arrivedAt: nextMorning,
    });
    expect(result).toMatchObject({
      routed: { kind: "held", untilAt: null },
      released: [{ handoffId: first }],
    });
  });

  test("at capacity: held until an offer is worked or ends, and to the fallback queue once due", async () => {
    await world.roster([rep("rp_a", { caps: { open: 2 } })], { "east-sdr": { rp_a: 1 } });
    const ids = await world.handoffs(5);
    expect(repOf(await world.route(ids[0]!))).toBe("rp_a");
    expect(repOf(await world.route(ids[1]!))).toBe("rp_a");
    expect(await world.route(ids[2]!)).toMatchObject({
      routed: { kind: "held", pool: "east-sdr", untilAt: null },
      candidates: [{ why: "at capacity 2/2" }],
    });
    expect(await world.release("east-sdr", now + 1)).toEqual([]);
    await world.pool.query(
      "insert into outreach (id, handoff_id, rep_id, channel, occurred_at, received_at) values " +
        "('ax_1', $1, 'rp_a', 'call', now(), now())",
      [ids[0]],
    );
    expect((await world.release("east-sdr", now + 2)).map((one) => one.handoffId)).toEqual([
      ids[2],
    ]);
    await world.route(ids[3]!);
    await world.pool.query(
      "update assignment set ended_at = $2, ended_why = 'rejected' where handoff_id = $1 and " +
        "round = 1",
      [ids[1], new Date(now + 3)],
    );
    expect((await world.release("east-sdr", now + 3)).map((one) => one.handoffId)).toEqual([
      ids[3],
    ]);
    expect((await world.route(ids[4]!, { now: now + hour, dueAt: now + hour })).routed).toEqual({
      kind: "queue",
      queue: "sales-ops",
    });
  });

  test("a lead that was closed while on hold is not released", async () => {
    await world.roster([rep("rp_a")], { "east-sdr": { rp_a: 1 } });
    const [id] = await world.handoffs(1);
    await world.route(id!, { now: evening });
    await world.pool.query("update handoff set state = 'closed' where id = $1", [id]);
    expect(await world.release("east-sdr", nextMorning)).toEqual([]);
  });

  test("facts that changed while on hold move the lead to another pool; the hold goes with it", async () => {
    await world.roster([rep("rp_a"), rep("rp_w")], {
      "east-sdr": { rp_a: 1 },
      "west-sdr": { rp_w: 1 },
    });
    const [id] = await world.handoffs(1);
    await world.route(id!, { now: evening });
    await world.route(id!, {
      now: evening,
      known: { facts: { "account.country": "US" }, engagements: [], now },
    });
    expect(await held()).toMatchObject([{ handoff_id: id, pool: "west-sdr" }]);
    expect(await world.release("east-sdr", nextMorning)).toEqual([]);
    expect(await world.release("west-sdr", nextMorning)).toMatchObject([{ repId: "rp_w" }]);
  });

  test("a language that the lead needs is kept while it is held", async () => {
    await world.roster([rep("rp_a", { languages: ["en"] }), rep("rp_d", { languages: ["de"] })], {
      "east-sdr": { rp_a: 9, rp_d: 1 },
    });
    const [id] = await world.handoffs(1);
    await world.route(id!, { now: evening, language: "de" });
    expect(await world.release("east-sdr", nextMorning)).toMatchObject([{ repId: "rp_d" }]);
  });

  test("following the sun, a sibling pool that is awake takes it", async () => {
    await world.roster(
      [rep("rp_a"), rep("rp_w", { hours: { zone: "America/Los_Angeles", week: weekdays.week } })],
      { "east-sdr": { rp_a: 1 }, "west-sdr": { rp_w: 1 } },
    );
    const sun = {
      ...agreement,
      routing: { ...agreement.routing, hold: "follow-the-sun" as const },
    };
    const [first, second] = await world.handoffs(2);
    expect((await world.route(first!, { now: evening, agreement: sun })).routed).toEqual({
      kind: "assigned",
      repId: "rp_w",
      pool: "west-sdr",
      via: "sibling",
    });
    expect((await world.route(second!, { now: evening })).routed).toMatchObject({
      kind: "held",
      pool: "east-sdr",
    });
    await ledgersHold();
  });

  test("the five hundred leads of a weekend go out at once, evenly", async () => {
    await world.roster([rep("rp_a"), rep("rp_b"), rep("rp_c")], {
      "east-sdr": { rp_a: 1, rp_b: 1, rp_c: 2 },
    });
    const ids = await world.handoffs(500);
    const saturday = Date.parse("2026-11-21T12:00:00Z");
    for (let i = 0; i < ids.length; i += 30)
      await Promise.all(ids.slice(i, i + 30).map((id) => world.route(id, { now: saturday })));
    const released = await world.release("east-sdr", Date.parse("2026-11-23T09:00:00Z"));
    expect(released).toHaveLength(500);
    expect(
      ["rp_a", "rp_b", "rp_c"].map((id) => released.filter((one) => one.repId === id).length),
    ).toEqual([125, 125, 250]);
    await ledgersHold();
  });
});

describe("the ledger", () => {
  test("promise 9: alternating lead types, hot leads differ by at most 1", async () => {
    await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
    const got: Record<string, number> = { rp_a: 0, rp_b: 0 };
    for (const [i, id] of (await world.handoffs(40)).entries()) {
      const winner = repOf(await world.route(id, { leadType: i % 2 === 0 ? "hot" : "cold" }))!;
      if (i % 2 === 0) got[winner] = (got[winner] ?? 0) + 1;
      expect(Math.abs(got.rp_a! - got.rp_b!)).toBeLessThanOrEqual(1);
    }
    await ledgersHold();
  });

  test(
    "promise 10: a rejection for the lead's fault restores the credits exactly, once; an " +
      "owner's has nothing to restore",
    async () => {
      await world.roster([rep("rp_a"), rep("rp_b"), rep("rp_c")], {
        "east-sdr": { rp_a: 3, rp_b: 2, rp_c: 2 },
      });
      const ids = await world.handoffs(8);
      for (const id of ids.slice(0, 6)) await world.route(id);
      const millionths = async () =>
        (await world.pool.query("select rep_id, millionths from credit order by 1")).rows;
      const before = await millionths();
      await world.route(ids[6]!);
      expect(await millionths()).not.toEqual(before);
      await Promise.all(
        [1, 2, 3].map(() =>
          inTransaction(world.pool, (tx) => reverseCredit(tx, ids[6]!, 1, now + 1)),
        ),
      );
      expect(await millionths()).toEqual(before);
      await world.route(ids[7]!, { owners: ["rp_c"] });
      await inTransaction(world.pool, (tx) => reverseCredit(tx, ids[7]!, 1, now + 1));
      expect(await millionths()).toEqual(before);
      await ledgersHold();
    },
  );

  test("promise 11: weights and members change mid-stream, by whatever way the roster changed", async () => {
    await world.roster(
      ["rp_a", "rp_b", "rp_c", "rp_d"].map((id) => rep(id)),
      { "east-sdr": { rp_a: 1, rp_b: 1, rp_c: 1 } },
    );
    const ids = await world.handoffs(60);
    const members = (weights: Record<string, number>) =>
      inTransaction(world.pool, (tx) =>
        putPools(tx, [{ id: "east-sdr", hours: null, members: weights }], now),
      );
    const bounded = async () => {
      await ledgersHold();
      const { rows } = await world.pool.query(
        "select 1 from credit where abs(millionths) >= 1500000",
      );
      expect(rows).toEqual([]);
    };
    for (const id of ids.slice(0, 20)) await world.route(id);
    await bounded();
    await members({ rp_a: 5, rp_b: 1, rp_d: 2 }); // rp_c left, rp_d joined
    for (const id of ids.slice(20, 36)) await world.route(id);
    await bounded();
    expect((await credits())["east-sdr/demo-request"]?.rp_c?.millionths).toBe(0);
    // rp_a left the company
    await inTransaction(world.pool, (tx) => putReps(tx, [rep("rp_a", { active: false })], now));
    for (const id of ids.slice(36)) await world.route(id);
    await bounded();
    const last = await world.pool.query(
      "select rep_id, count(*)::int as n from assignment where handoff_id = any($1) group by 1 " +
        "order by 1",
      [ids.slice(36)],
    );
    expect(last.rows).toEqual([
      { rep_id: "rp_b", n: 8 },
      { rep_id: "rp_d", n: 16 },
    ]);
  });

  test("absence is not a debt: nothing accrues, and nobody is flooded on return", async () => {
    await world.roster(
      ["rp_a", "rp_b", "rp_c"].map((id) => rep(id)),
      { "east-sdr": { rp_a: 1, rp_b: 1, rp_c: 1 } },
    );
    await inTransaction(world.pool, (tx) =>
      putAbsences(tx, { rp_c: [{ from: now - hour, to: now + 48 * hour, reason: "leave" }] }, now),
    );
    const ids = await world.handoffs(50);
    for (const id of ids.slice(0, 41)) expect(repOf(await world.route(id))).not.toBe("rp_c");
    await inTransaction(world.pool, (tx) => putAbsences(tx, { rp_c: [] }, now));
    const after = [];
    for (const id of ids.slice(41)) after.push(repOf(await world.route(id)));
    expect(after.filter((id) => id === "rp_c")).toHaveLength(3);
    await ledgersHold();
  });
});
