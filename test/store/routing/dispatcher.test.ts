import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deviationOf } from "../../../bench/routing.ts";
import { replay, type Deltas } from "../../../handoff/routing/round-robin.ts";
import { routeAgain } from "../../../handoff/routing/route.ts";
import { inTransaction, isAway, openPool } from "../../../store/postgres/db.ts";
import { openPools } from "../../../store/postgres/pools.ts";
import { putReps } from "../../../store/routing/roster-edit.ts";
import { routingDispatcher } from "../../../store/routing/dispatcher.ts";
import { withoutFacts } from "../../../store/routing/record.ts";
import type { RouteRequest, RouteResult } from "../../../store/routing/route-request.ts";
import { routeFar } from "../../../store/routing/routing.ts";
import { placed } from "../../../store/routing/turns.ts";
import { eventually } from "../../support/eventually.ts";
import {
  agreement,
  hour,
  now,
  rep,
  request,
  routingWorld,
  weekdays,
  type RoutingWorld,
} from "../../support/routing-world.ts";

let world: RoutingWorld;
beforeAll(async () => {
  world = await routingWorld();
});
afterAll(() => world.close());

const evening = Date.parse("2026-11-18T18:00:00Z");
const nextMorning = Date.parse("2026-11-19T09:00:00Z");
const repOf = ({ routed }: RouteResult) =>
  routed.kind === "assigned" ? routed.repId : routed.kind;
const all = async <T extends object = Record<string, unknown>>(
  text: string,
  values: unknown[] = [],
) => (await world.pool.query<T>(text, values)).rows;
const west = { known: { facts: { "account.country": "US" }, engagements: [], now } };

/** Every ledger sums to 0, and replaying its entries gives what is stored. */
async function ledgersHold(): Promise<void> {
  const entries = await all<{ ledger: string; id: number; deltas: Deltas; winner: string | null }>(
    "select pool || '/' || lead_type as ledger, id, deltas, winner from credit_entry order by id",
  );
  const credits = await all<{
    ledger: string;
    rep_id: string;
    millionths: number;
    last_pick: number;
  }>(
    "select pool || '/' || lead_type as ledger, rep_id, millionths, last_pick from credit " +
      "order by 1, 2",
  );
  const ledgers = [...new Set(credits.map((row) => row.ledger))];
  for (const ledger of ledgers) {
    const stored = credits.filter((row) => row.ledger === ledger);
    expect(replay(entries.filter((row) => row.ledger === ledger))).toEqual(
      Object.fromEntries(
        stored.map((row) => [row.rep_id, { millionths: row.millionths, lastPick: row.last_pick }]),
      ),
    );
    expect(stored.reduce((sum, row) => sum + row.millionths, 0)).toBe(0);
  }
  expect(new Set(entries.map((row) => row.ledger))).toEqual(new Set(ledgers));
}

/** Transactions that wrote assignments: so many batches there were. */
const batches = async () =>
  (await all<{ n: number }>("select count(distinct xmin::text)::int as n from assignment"))[0]?.n;

describe("many at once", () => {
  test(
    "32 requests at once: shares hold, each handoff gets one assignment and one ledger entry, " +
      "and can be judged again",
    async () => {
      const weights = { rp_a: 1, rp_b: 2, rp_c: 3, rp_d: 1, rp_e: 4 };
      await world.roster(
        Object.keys(weights).map((id) => rep(id, id === "rp_c" ? { caps: { open: 1000 } } : {})),
        { "east-sdr": weights },
      );
      const ids = await world.handoffs(320);
      const answers: RouteResult[] = [];
      for (let from = 0; from < ids.length; from += 32)
        answers.push(...(await Promise.all(ids.slice(from, from + 32).map((id) => world.ask(id)))));
      const entries = await all<{ handoff_id: string; winner: string }>(
        "select handoff_id, winner from credit_entry order by id",
      );
      expect(entries.map((row) => row.handoff_id)).toEqual(ids);
      expect(
        deviationOf(
          entries.map((row) => row.winner),
          weights,
        ),
      ).toBeLessThan(1.5);
      expect(answers.map(repOf)).toEqual(entries.map((row) => row.winner));
      const stored = await world.kept();
      expect(stored.map((row) => row.handoff_id)).toEqual(ids);
      for (const [n, row] of stored.entries()) {
        expect(routeAgain(row.input)).toMatchObject({
          routed: { repId: row.rep_id },
          candidates: row.candidates,
        });
        expect(row.input).toEqual(withoutFacts(answers[n]!.input));
        expect(routeAgain(answers[n]!.input, agreement)).toEqual({
          routed: answers[n]!.routed,
          territory: "east",
          segment: null,
          candidates: answers[n]!.candidates,
        });
      }
      expect(await batches()).toBeLessThanOrEqual(20);
      await ledgersHold();
    },
  );

  test("no cap is exceeded within a batch, an owner's and a manager's leads counted", async () => {
    await world.roster(
      [rep("rp_a", { caps: { open: 3 } }), rep("rp_b", { caps: { perHour: 4 } })],
      { "east-sdr": { rp_a: 1, rp_b: 1 } },
    );
    const ids = await world.handoffs(20);
    await Promise.all(
      ids.map((id, n) =>
        world.ask(id, n < 4 ? (n % 2 === 0 ? { owners: ["rp_a"] } : { assignTo: "rp_b" }) : {}),
      ),
    );
    expect(
      await all("select rep_id, count(*)::int as n from assignment group by 1 order by 1"),
    ).toEqual([
      { rep_id: "rp_a", n: 3 },
      { rep_id: "rp_b", n: 4 },
    ]);
    expect(await all("select count(*)::int as n from held")).toEqual([{ n: 13 }]);
    await ledgersHold();
  });

  test("who needs another pool than the first gets it, and nobody else waits for that", async () => {
    await world.roster(
      [
        rep("rp_a"),
        rep("rp_all"),
        rep("rp_w", { hours: { zone: "America/Los_Angeles", week: weekdays.week } }),
      ],
      { "east-sdr": { rp_a: 1 }, "all-sdr": { rp_all: 1 }, "west-sdr": { rp_w: 1 } },
    );
    const ids = await world.handoffs(9);
    const sun = {
      ...agreement,
      routing: { ...agreement.routing, hold: "follow-the-sun" as const },
    };
    const asked = (n: number): Partial<RouteRequest> =>
      [
        {},
        { exclude: [{ repId: "rp_a", round: 1 }], round: 2 },
        { agreement: sun, now: evening, dueAt: evening + hour },
      ][n % 3]!;
    const answers = await Promise.all(ids.map((id, n) => world.ask(id, asked(n))));
    expect(answers.map(repOf)).toEqual(
      Array.from({ length: 3 }, () => ["rp_a", "rp_all", "rp_w"]).flat(),
    );
    await ledgersHold();
  });

  test(
    "requests of different times do not share a snapshot; those within a second are picked at " +
      "the latest",
    async () => {
      await world.roster([rep("rp_a")], { "east-sdr": { rp_a: 1 } });
      const ids = await world.handoffs(6);
      const times = [now, evening, now + 400, evening + 30, now + 900, now + 1_300];
      const answers = await Promise.all([
        world.ask((await world.handoffs(1))[0]!),
        ...ids.map((id, n) => world.ask(id, { now: times[n]!, dueAt: times[n]! + hour })),
      ]);
      expect(answers.slice(1).map((one) => [repOf(one), one.input.now])).toEqual([
        ["rp_a", now + 900],
        ["held", evening + 30],
        ["rp_a", now + 900],
        ["held", evening + 30],
        ["rp_a", now + 900],
        ["rp_a", now + 1_300],
      ]);
      for (const row of await world.kept()) expect(row.input.now).toBe(row.at.getTime());
    },
  );
});

describe("once", () => {
  test("asked twice, one after the other and at once, a handoff has one assignment", async () => {
    await world.roster([rep("rp_a"), rep("rp_b"), rep("rp_c")], {
      "east-sdr": { rp_a: 1, rp_b: 1, rp_c: 1 },
    });
    const [first, second] = await world.handoffs(2);
    const answers = await Promise.all(
      [first!, second!, first!, second!, first!].map((id) => world.ask(id)),
    );
    expect(answers.map(repOf)).toEqual(["rp_a", "rp_b", "rp_a", "rp_b", "rp_a"]);
    const again = await world.ask(first!, { now: evening });
    expect(repOf(again)).toBe("rp_a");
    for (const one of [...answers, again])
      expect(routeAgain(one.input)).toMatchObject({
        routed: one.routed,
        candidates: one.candidates,
      });
    expect(
      await all(
        "select handoff_id from assignment union all select handoff_id from credit_entry order by 1",
      ),
    ).toHaveLength(4);
  });

  test("a request that cannot be served fails alone", async () => {
    await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
    const ids = await world.handoffs(6);
    const asked = [...ids.slice(0, 3), "ho_nowhere", ...ids.slice(3)];
    const answers = await Promise.allSettled(asked.map((id) => world.ask(id)));
    expect(answers.map((one) => one.status)).toEqual(
      asked.map((id) => (id === "ho_nowhere" ? "rejected" : "fulfilled")),
    );
    expect(
      await all("select rep_id, count(*)::int as n from assignment group by 1 order by 1"),
    ).toEqual([
      { rep_id: "rp_a", n: 3 },
      { rep_id: "rp_b", n: 3 },
    ]);
    await ledgersHold();
  });

  test(
    "a decision that dies after the pick was committed finds it on its next try, also when " +
      "nobody is there any more",
    async () => {
      await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
      const [id] = await world.handoffs(1);
      await expect(
        inTransaction(world.pool, async (tx) => {
          await tx.query("select from handoff where id = $1 for no key update", [id]);
          await world.ask(id!);
          throw new Error("the worker dies here");
        }),
      ).rejects.toThrow("dies here");
      await inTransaction(world.pool, (tx) =>
        putReps(tx, [rep("rp_a", { active: false }), rep("rp_b", { active: false })], now),
      );
      expect(repOf(await world.ask(id!, { now: evening }))).toBe("rp_a");
      expect(await all("select from assignment union all select from credit_entry")).toHaveLength(
        2,
      );
    },
  );

  test("more decisions wait than there are connections, and all pools of a process end together", async () => {
    await world.roster([rep("rp_a"), rep("rp_all")], {
      "east-sdr": { rp_a: 1 },
      "all-sdr": { rp_all: 1 },
    });
    const ids = await world.handoffs(20);
    const small = openPools("worker", world.url, { pool: 2, repeatable: 2 });
    try {
      const dispatcher = routingDispatcher(small.routing);
      const answers = await Promise.all(
        ids.map((id, n) =>
          inTransaction(small.pool, async (tx) => {
            await tx.query("select from handoff where id = $1 for no key update", [id]);
            const answer = await dispatcher.route(
              request(id, n % 2 === 0 ? {} : { exclude: [{ repId: "rp_a", round: 1 }], round: 2 }),
            );
            await tx.query("update handoff set territory = $2 where id = $1", [
              id,
              answer.territory,
            ]);
            return answer;
          }),
        ),
      );
      expect(answers.map(repOf)).toEqual(ids.map((_, n) => (n % 2 === 0 ? "rp_a" : "rp_all")));
    } finally {
      await small.end();
    }
    await eventually(
      5,
      async () =>
        (
          await all(
            "select from pg_stat_activity where datname = current_database() and " +
              "application_name like 'baton worker %'",
          )
        ).length === 0,
    );
  });

  test("while the database is away everybody is told at once", async () => {
    const nowhere = openPool("postgres://nobody:secret@127.0.0.1:1/none");
    const dispatcher = routingDispatcher(nowhere);
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => dispatcher.route(request(`ho_${n}`))),
    );
    expect(new Set(answers.map((one) => one.status === "rejected" && isAway(one.reason)))).toEqual(
      new Set([true]),
    );
    expect(
      [
        new Error("duplicate key"),
        Object.assign(new Error("duplicate key"), { code: "23505" }),
      ].map(isAway),
    ).toEqual([false, false]);
    await nowhere.end();
  });
});

describe("leads on hold", () => {
  const told = () => all("select workflow_id, message, payload from outbox order by id");

  test("go first when they are as urgent, and their processes are told by the dispatcher itself", async () => {
    await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
    const [urgent, later, ...newcomers] = await world.handoffs(4);
    await world.ask(urgent!, { now: evening, dueAt: nextMorning + hour, arrivedAt: evening });
    await world.ask(later!, {
      now: evening,
      priority: 3,
      dueAt: nextMorning + hour,
      arrivedAt: evening,
    });
    const answers = await Promise.all(
      newcomers.map((id) =>
        world.ask(id, { now: nextMorning, dueAt: nextMorning + hour, arrivedAt: nextMorning }),
      ),
    );
    expect(
      answers.map((one) => [repOf(one), one.released.map((released) => released.handoffId)]),
    ).toEqual([
      ["rp_b", [urgent]],
      ["rp_a", []],
    ]);
    expect(await told()).toEqual([
      { workflow_id: `lead/ld_${urgent}`, message: "released", payload: { id: urgent } },
    ]);
    expect(await all("select handoff_id from held")).toEqual([{ handoff_id: later }]);
    expect(
      (await all<{ handoff_id: string }>("select handoff_id from credit_entry order by id")).map(
        (row) => row.handoff_id,
      ),
    ).toEqual([urgent, ...newcomers]);
    await ledgersHold();
  });

  test("are told also when the decision that carried them is lost", async () => {
    await world.roster([rep("rp_a")], { "east-sdr": { rp_a: 1 } });
    const [held, newcomer] = await world.handoffs(2);
    await world.ask(held!, { now: evening, dueAt: nextMorning + hour });
    await expect(
      inTransaction(world.pool, async () => {
        await world.ask(newcomer!, {
          now: nextMorning,
          dueAt: nextMorning + hour,
          arrivedAt: nextMorning,
        });
        throw new Error("the worker dies here");
      }),
    ).rejects.toThrow();
    expect(await told()).toMatchObject([{ workflow_id: `lead/ld_${held}` }]);
  });

  test("that ask for themselves in the batch that releases them get that assignment", async () => {
    await world.roster([rep("rp_a", { caps: { perHour: 3 } })], { "east-sdr": { rp_a: 1 } });
    const ids = await world.handoffs(5);
    for (const id of ids.slice(0, 3))
      await world.ask(id, { now: evening, dueAt: nextMorning + hour, arrivedAt: evening });
    const [blocker] = await world.handoffs(1);
    const asked = [ids[3]!, ids[2]!, ids[1]!, ids[4]!, ids[0]!];
    const [, ...answers] = await Promise.all([
      world.ask(blocker!, west),
      ...asked.map((id) =>
        world.ask(id, {
          now: nextMorning,
          dueAt: nextMorning + hour,
          arrivedAt: ids.indexOf(id) < 3 ? evening : nextMorning,
        }),
      ),
    ]);
    expect(answers.map(repOf)).toEqual(["held", "rp_a", "rp_a", "held", "rp_a"]);
    expect(await all("select handoff_id from held order by 1")).toEqual([
      { handoff_id: ids[3] },
      { handoff_id: ids[4] },
    ]);
    expect(await all("select count(*)::int as n from assignment where rep_id is not null")).toEqual(
      [{ n: 3 }],
    );
    await ledgersHold();
  });

  test("move with their facts to another pool", async () => {
    await world.roster([rep("rp_a"), rep("rp_w")], {
      "east-sdr": { rp_a: 1 },
      "west-sdr": { rp_w: 1 },
    });
    const [id] = await world.handoffs(1);
    await world.ask(id!, { now: evening });
    await world.ask(id!, { ...west, now: evening });
    expect(await all("select pool from held")).toEqual([{ pool: "west-sdr" }]);
    expect(repOf(await world.ask(id!, { now: nextMorning }))).toBe("rp_a");
    expect(await all("select pool from held")).toEqual([]);
  });
});

describe("property: the dispatcher gives what routing one by one in the same order gives", () => {
  /** Numbers below 1 from a seed, the same every time. */
  const random = (seed: number) => () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;

  test.each([1, 2, 3, 4, 5, 6, 7, 8])("of seed %i", async (seed) => {
    const next = random(seed * 7919);
    const upTo = (n: number) => Math.floor(next() * n);
    const reps = ["rp_a", "rp_b", "rp_c", "rp_d", "rp_e", "rp_f"];
    const roster = reps.map((id) =>
      rep(id, {
        active: next() > 0.1,
        languages: next() < 0.3 ? ["de"] : [],
        caps: next() < 0.5 ? { [["open", "perDay", "perHour"][upTo(3)]!]: 1 + upTo(5) } : {},
        ...(next() < 0.2 ? { hours: { zone: "America/Los_Angeles", week: weekdays.week } } : {}),
      }),
    );
    const members = () =>
      Object.fromEntries(reps.filter(() => next() < 0.6).map((id) => [id, upTo(4)]));
    const pools = {
      "east-sdr": members(),
      "west-sdr": members(),
      "all-sdr": members(),
      "big-ae": members(),
    };
    const requests = Array.from({ length: 60 }, (_, n): Partial<RouteRequest> => ({
      known: {
        facts: {
          ...(next() < 0.8 ? { "account.country": next() < 0.5 ? "DE" : "US" } : {}),
          ...(next() < 0.1 ? { "account.employees": 5000 } : {}),
        },
        engagements: [],
        now,
      },
      leadType: next() < 0.7 ? "demo-request" : "standard-mql",
      priority: 1 + upTo(3),
      dueAt: now + upTo(4) * hour,
      arrivedAt: now - upTo(1000) + n,
      owners: next() < 0.15 ? [reps[upTo(6)]!] : [],
      language: next() < 0.2 ? "de" : null,
      ...(next() < 0.1 ? { assignTo: reps[upTo(6)]! } : {}),
      exclude: next() < 0.2 ? [{ repId: reps[upTo(6)]!, round: 1 }] : [],
    }));
    const outcome = async (how: (ids: readonly string[]) => Promise<RouteResult[]>) => {
      await world.roster(roster, pools);
      const ids = await world.handoffs(requests.length);
      const answers = (await how(ids)).map((one) => one.routed);
      await ledgersHold();
      return {
        answers,
        assigned: await all(
          "select handoff_id, round, rep_id, queue, pool, via from assignment order by 1",
        ),
        held: await all("select handoff_id, pool, until_at from held order by 1"),
      };
    };
    const oneByOne = await outcome(async (ids) => {
      const answers = [];
      for (const [n, id] of ids.entries()) answers.push(await world.route(id, requests[n]));
      return answers;
    });
    // All in one batch, in their order, with every pool locked.
    const together = await outcome((ids) =>
      inTransaction(world.pool, (tx) =>
        routeFar(
          tx,
          ids.map((id, n) => placed(request(id, requests[n]))),
          now,
        ),
      ),
    );
    expect(together).toEqual(oneByOne);
    // Asked one after the other the dispatcher is the same too; at once, those that go further come a
    // little later.
    const asked = await outcome(async (ids) => {
      const answers = [];
      for (const [n, id] of ids.entries()) answers.push(await world.ask(id, requests[n]));
      return answers;
    });
    expect(asked).toEqual(oneByOne);
  });
});
