import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  budgetOf,
  connectionBudget,
  tellBudget,
  type Limit,
} from "../../../store/postgres/budget.ts";
import { openPools } from "../../../store/postgres/pools.ts";
import { eventually } from "../../support/eventually.ts";
import { mixingPooler } from "../../support/mixing-pooler.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

const api = { pool: 8, keyed: 8 };
const worker = { pool: 10, repeatable: 6 };
const server = (allowed: number, ...open: [name: string, n: number][]): Limit => ({
  allowed,
  by: "max_connections",
  open: open.map(([name, n]) => ({ name, n })),
});

describe("what processes may open against what Postgres allows", () => {
  test("fits, with what each may open and by which setting", () => {
    expect(budgetOf({ api, worker }, [server(97, ["psql", 2])])).toEqual({
      state: "fits",
      figures: { most: 39, allowed: 97, inUse: 2, others: 2 },
      sentence:
        "Connections: the API may open 19 (API_CONNECTIONS 8, API_KEY_CONNECTIONS 8, routing " +
        "2, notifications 1) and the worker may open 20 (WORKER_CONNECTIONS 10, " +
        "WORKER_REPEATABLE_CONNECTIONS 6, routing 2, notifications 2), 39 in all; others may open 2 (2 are open); Postgres " +
        "allows 97.",
    });
  });

  test("is tight when others of Baton may open theirs, though few are open yet", () => {
    const others: [string, number][] = [
      ["baton worker 20 0a1b2c3d", 4],
      ["baton api 18 00000000", 1],
      ["temporal", 45],
    ];
    expect(budgetOf({ worker }, [server(97, ...others)])).toEqual({
      state: "tight",
      figures: { most: 20, allowed: 97, inUse: 50, others: 83 },
      sentence:
        "Connections may run out: the worker may open 20 (WORKER_CONNECTIONS 10, " +
        "WORKER_REPEATABLE_CONNECTIONS 6, routing 2, notifications 2); others may open 83 (50 " +
        "are open); Postgres allows 97. Raise max_connections by 6 or more, or lower " +
        "WORKER_CONNECTIONS, WORKER_REPEATABLE_CONNECTIONS.",
    });
    expect(budgetOf({ worker }, [server(103, ...others)])).toMatchObject({ state: "fits" });
  });

  test("is refused when a process cannot have its own", () => {
    expect(budgetOf({ api }, [server(19)])).toMatchObject({ state: "fits" });
    expect(budgetOf({ api }, [server(18)])).toMatchObject({
      state: "refused",
      sentence: expect.stringMatching(
        /^Too few connections: the API may open 19 .*Postgres allows 18\. Raise max_connections by 1 or more, or lower API_CONNECTIONS, API_KEY_CONNECTIONS\.$/,
      ),
    });
  });

  test("is judged by the limit that leaves the least, and names it", () => {
    const ofUser = { ...server(30, ["baton api 18 00000000", 1]), by: "the limit of the user" };
    expect(budgetOf({ worker }, [server(97, ["other", 10]), ofUser])).toMatchObject({
      state: "tight",
      figures: { allowed: 30, others: 18 },
      sentence: expect.stringContaining("Raise the limit of the user by 8 or more"),
    });
  });

  test("is not judged by what another user of the server may open", () => {
    const ofUser = { ...server(22, ["baton api 18 00000000", 0]), by: "the limit of the user" };
    expect(budgetOf({ worker }, [server(97, ["baton api 18 00000000", 3]), ofUser])).toMatchObject({
      state: "fits",
      figures: { allowed: 22, inUse: 0, others: 0 },
    });
  });
});

describe("on a server", () => {
  let database: FreshDatabase;
  let url: string;
  const role = "budget_test";
  beforeAll(async () => {
    database = await freshDatabase();
    await database.pool.query(`drop role if exists ${role}`);
    await database.pool.query(`create role ${role} login password 'secret'`);
    const address = new URL(database.url);
    [address.username, address.password] = [role, "secret"];
    url = address.href;
  });
  afterAll(async () => {
    await database.pool.query(`drop role if exists ${role}`);
    await database.drop();
  });

  test("what it allows is max_connections without the reserved ones", async () => {
    const { rows } = await database.pool.query<{ allowed: number }>(
      "select current_setting('max_connections')::int - " +
        "current_setting('superuser_reserved_connections')::int - " +
        "coalesce(current_setting('reserved_connections', true), '0')::int as allowed",
    );
    const budget = await connectionBudget(database.url, { worker });
    expect(budget.figures).toMatchObject({ most: 20, allowed: rows[0]?.allowed });
    expect(budget.figures?.inUse).toBeGreaterThan(0);
  });

  test("sessions of other users count, also for a user who may not see what they do", async () => {
    // Other tests come and go on this server: between two looks, 20 more are seen at some time.
    await eventually(30, async () => {
      const before = await connectionBudget(url, { worker });
      const pools = openPools("worker", database.url, worker);
      await pools.pool.query("select 1");
      const after = await connectionBudget(url, { worker });
      await pools.end();
      return after.figures!.others - before.figures!.others === 20;
    });
  });

  test("a process does not count its own", async () => {
    // The server ends a session a little after its client has.
    await eventually(10, async () => {
      const open = await database.pool.query("select from pg_stat_activity where usename = $1", [
        role,
      ]);
      return open.rowCount === 0;
    });
    await database.pool.query(`alter role ${role} connection limit 22`);
    const pools = openPools("worker", url, worker);
    await Promise.all(Array.from({ length: 9 }, () => pools.pool.query("select pg_sleep(0.1)")));
    expect(await connectionBudget(pools.url, { worker })).toMatchObject({
      state: "fits",
      figures: { most: 20, allowed: 22, inUse: 0, others: 0 },
    });
    expect(await connectionBudget(url, { worker })).toMatchObject({
      state: "tight",
      figures: { allowed: 22, others: 20 },
      sentence: expect.stringContaining("Raise the connection limit of the user by 18 or more"),
    });
    await pools.end();
    await database.pool.query(`alter role ${role} connection limit 19`);
    expect(await connectionBudget(url, { worker })).toMatchObject({ state: "refused" });
    await database.pool.query(`alter role ${role} connection limit -1`);
  });

  test("is told once, as soon as the server answers, and again to nobody who has stopped", async () => {
    const told: string[] = [];
    const say = (level: string, sentence: string) => told.push(`${level}: ${sentence}`);
    const watch = await tellBudget(database.url, { api }, say, (why) => told.push(why));
    expect(told).toEqual([expect.stringMatching(/^(info: Connections: |warn: Connections may)/)]);
    await watch.stop();
    const silent = await tellBudget("postgres://u:p@127.0.0.1:1/x", { api }, say, () => undefined);
    await silent.stop();
    expect(told.slice(1)).toEqual([
      expect.stringMatching(/^warn: Postgres does not answer \(ECONNREFUSED\)/),
    ]);
  });

  test.each([
    [1, "latest"],
    [2, "latest"],
    [1, "round robin"],
    [2, "round robin"],
    [3, "round robin"],
    [5, "round robin"],
  ] as const)(
    "a pooler that gives each transaction another of %i sessions (%s first) is refused",
    async (size, order) => {
      const tcp = new URL(database.url);
      tcp.search = "";
      const pooler = await mixingPooler(tcp.href, size, order);
      try {
        expect(await connectionBudget(pooler.url, { worker })).toEqual({
          state: "refused",
          sentence: expect.stringMatching(/^DATABASE_URL leads to a connection pooler .* session/),
        });
        const told: string[] = [];
        const watch = await tellBudget(
          pooler.url,
          { worker },
          () => undefined,
          (why) => told.push(why),
        );
        await eventually(5, () => Promise.resolve(told.length === 1));
        await watch.stop();
      } finally {
        await pooler.close();
      }
    },
  );
});
