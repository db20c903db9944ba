import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settingsOf } from "../../../settings/settings.ts";
import { listen } from "../../../store/postgres/listen.ts";
import {
  listeners,
  mostConnections,
  mostUnderName,
  openPools,
} from "../../../store/postgres/pools.ts";
import type { Pool } from "../../../store/postgres/db.ts";
import { eventually } from "../../support/eventually.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  // The server of the tests runs without waiting for the disk.
  await database.pool.query(
    "do $$ begin execute format('alter database %I set synchronous_commit = on', " +
      "current_database()); end $$",
  );
});
afterAll(() => database.drop());

const sessions = async (name: string) =>
  (
    await database.pool.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where application_name = $1",
      [name],
    )
  ).rows[0]?.n;
const nameIn = (url: string) => new URL(url).searchParams.get("application_name") ?? "";
const show = async (pool: Pool, name: string) =>
  (await pool.query<Record<string, string>>(`show ${name}`)).rows[0]?.[name];

test("without settings an API may open 19 connections and a worker 20, listeners included", () => {
  const needed = { DATABASE_URL: "postgres://x", TEMPORAL_ADDRESS: "127.0.0.1:7233" };
  const api = settingsOf("api", needed);
  const worker = settingsOf("worker", needed);
  expect(
    mostConnections("api", { pool: api.API_CONNECTIONS, keyed: api.API_KEY_CONNECTIONS }),
  ).toBe(19);
  expect(
    mostConnections("worker", {
      pool: worker.WORKER_CONNECTIONS,
      repeatable: worker.WORKER_REPEATABLE_CONNECTIONS,
    }),
  ).toBe(20);
});

test("a worker opens what it says at most, whatever is asked, and closes all of it", async () => {
  const sizes = { pool: 3, repeatable: 2 };
  const pools = openPools("worker", database.url, sizes);
  const heard = Array.from({ length: listeners.worker }, (_, n) =>
    listen(pools.url, [`baton_test_${n}`], () => undefined),
  );
  const most = mostConnections("worker", sizes);
  expect(mostUnderName(nameIn(pools.url))).toBe(most);
  const asked = [pools.pool, pools.repeatable, pools.routing].flatMap((pool) =>
    Array.from({ length: 12 }, () => pool.query("select pg_sleep(0.2)")),
  );
  await eventually(10, async () => (await sessions(nameIn(pools.url))) === most);
  await Promise.all(asked);
  expect(await sessions(nameIn(pools.url))).toBe(most);
  for (const one of heard) await one.stop();
  await pools.end();
  await eventually(10, async () => (await sessions(nameIn(pools.url))) === 0);
});

test("a connection that nobody needs is kept for ten minutes, with its plans", async () => {
  const api = openPools("api", database.url, { pool: 1, keyed: 1 });
  const worker = openPools("worker", database.url, { pool: 1, repeatable: 1 });
  const all = [api.pool, api.keyed, api.routing, worker.pool, worker.repeatable, worker.routing];
  expect(all.map(({ options }) => options.idleTimeoutMillis)).toEqual(all.map(() => 600_000));
  await Promise.all([api.end(), worker.end()]);
});

describe("each pool has sessions of its kind", () => {
  test.each([
    ["api", "pool", "auto", "on", "on", "1.1"],
    ["api", "keyed", "force_generic_plan", "off", "on", "4"],
    ["api", "routing", "force_generic_plan", "off", "on", "4"],
    ["worker", "pool", "force_generic_plan", "off", "on", "4"],
    ["worker", "repeatable", "force_generic_plan", "off", "off", "4"],
    ["worker", "routing", "force_generic_plan", "off", "on", "4"],
  ] as const)("%s, %s", async (owner, name, plans, scans, waits, pages) => {
    const options = { statementTimeoutMs: 1_234 };
    const pools =
      owner === "api"
        ? openPools(owner, database.url, { pool: 2, keyed: 2 }, options)
        : openPools(owner, database.url, { pool: 2, repeatable: 2 }, options);
    const pool = (pools as unknown as Record<string, Pool>)[name] as Pool;
    expect({
      plans: await show(pool, "plan_cache_mode"),
      scans: await show(pool, "enable_seqscan"),
      waits: await show(pool, "synchronous_commit"),
      pages: await show(pool, "random_page_cost"),
      jit: await show(pool, "jit"),
      statement: await show(pool, "statement_timeout"),
      idle: await show(pool, "idle_in_transaction_session_timeout"),
    }).toEqual({ plans, scans, waits, pages, jit: "off", statement: "1234ms", idle: "30s" });
    await pools.end();
  });
});
