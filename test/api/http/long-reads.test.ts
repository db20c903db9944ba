import { setTimeout as pause } from "node:timers/promises";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { newRoutes } from "../../../api/deps.ts";
import { asProblem, problemResponse, Problem } from "../../../api/http/errors.ts";
import { createLongReads } from "../../../api/http/long-reads.ts";
import { withDeadline } from "../../../api/http/timeout.ts";
import { openLink, type Link } from "../../../chaos/proxy.ts";
import { openPools, type Pools } from "../../../store/postgres/pools.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

let database: FreshDatabase;
let link: Link;
let pools: Pools<"api">;
let server: Server;
let address: string;
/** How much longer than usual a request may read. */
const forMs = 4_000;
/** Statements of the pool, as the API gives them. */
const statementTimeoutMs = 2_000;

beforeAll(async () => {
  database = await freshDatabase();
  const url = new URL(database.url);
  url.search = ""; // over TCP, for the link is in between
  link = await openLink("test", Number(url.port));
  url.port = String(link.port);
  pools = openPools("api", url.href, { pool: 8, keyed: 4 }, { statementTimeoutMs });
  const longReads = createLongReads(pools, forMs);
  const app = newRoutes();
  app.get("/read/:seconds/:times", async (c) => {
    await longReads.read(c.req.raw, async (db) => {
      for (let n = 0; n < Number(c.req.param("times")); n += 1)
        await db.query({ text: "select pg_sleep($1)", values: [c.req.param("seconds")] });
    });
    return c.text("done");
  });
  app.get("/twice/:seconds", async (c) => {
    const sleep = { text: "select pg_sleep($1)", values: [c.req.param("seconds")] };
    await Promise.all([1, 2].map(() => longReads.read(c.req.raw, (db) => db.query(sleep))));
    return c.text("done");
  });
  app.onError((error) =>
    problemResponse(asProblem(error) ?? new Problem("internal", { detail: error.message })),
  );
  withDeadline(app, problemResponse);
  address = await new Promise((resolve) => {
    server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    ) as Server;
  });
});
afterEach(async () => {
  link.heal("cut");
  await expect.poll(asleep, { timeout: 10_000 }).toBe(0);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => {
    server.close(done);
  });
  await pools.end();
  await link.close();
  await database.drop();
});

interface Heard {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly retryAfter: string | null;
  readonly ms: number;
}

async function ask(path: string, signal: AbortSignal | null = null): Promise<Heard> {
  const began = performance.now();
  const answer = await fetch(`${address}${path}`, { signal });
  const text = await answer.text();
  const body = (answer.ok ? {} : JSON.parse(text)) as { code?: string; detail?: string };
  return {
    status: answer.status,
    code: body.code,
    detail: body.detail,
    retryAfter: answer.headers.get("retry-after"),
    ms: performance.now() - began,
  };
}

/** How many sleep in the database. */
async function asleep(): Promise<number> {
  const found = await database.pool.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity
      where datname = current_database() and state = 'active' and query like 'select pg_sleep%'`,
  );
  return found.rows[0]?.n ?? 0;
}

describe("a read that outlasts its request's time", () => {
  test("is answered, longer statements than the pool's included", async () => {
    const { status, ms } = await ask("/read/3.2/1");
    expect([status, ms > 3_000]).toEqual([200, true]);
  });

  test("is answered where many short statements add up to it", async () => {
    expect((await ask("/read/0.8/4")).status).toBe(200);
  });

  test("holds several connections under one permission", async () => {
    expect((await ask("/twice/3.2")).status).toBe(200);
  });

  test(
    "goes on beside one other and no more: the next is told to come again and ends, what is quick " +
      "waits for none of them, and a place that is free is given away",
    async () => {
      const long = [ask("/read/3.5/1"), ask("/read/3.5/1"), ask("/read/6/1")];
      await pause(1_000);
      const quick = await Promise.all(Array.from({ length: 10 }, () => ask("/read/0/1")));
      expect([new Set(quick.map(({ status }) => status)), await asleep()]).toEqual([
        new Set([200]),
        3,
      ]);
      const [one, other, refused] = await Promise.all(long);
      expect([one?.status, other?.status]).toEqual([200, 200]);
      expect(refused).toMatchObject({ status: 503, code: "takes-too-long", retryAfter: "10" });
      expect(refused?.detail).toMatch(/2 such questions are being answered; ask again in 10/);
      expect(refused?.ms).toBeLessThan(3_000);
      expect(await asleep()).toBe(0);
      expect((await ask("/read/3/1")).status).toBe(200);
    },
  );

  test("ends when it takes too long, and says what to ask instead", async () => {
    const { ms, ...told } = await ask("/read/20/1");
    expect(told).toMatchObject({ status: 503, code: "takes-too-long", retryAfter: "60" });
    expect(told.detail).toMatch(/in 4 seconds; ask about less: a shorter period/);
    expect([ms > 6_000, ms < 8_000]).toEqual([true, true]);
    await expect.poll(asleep, { timeout: 1_000 }).toBe(0);
  });

  test("ends when its caller goes away", async () => {
    const leaving = new AbortController();
    const left = ask("/read/20/1", leaving.signal);
    await expect.poll(asleep, { timeout: 5_000 }).toBe(1);
    leaving.abort();
    await expect(left).rejects.toThrow(/abort/);
    await expect.poll(asleep, { timeout: 1_000 }).toBe(0);
  });

  test("is given up when Postgres falls silent, before its time is over and after", async () => {
    const [early, late] = [ask("/read/6/1"), pause(600).then(() => ask("/read/6/1"))];
    await pause(1_000);
    const began = performance.now();
    link.suffer({ kind: "silent" });
    for (const one of await Promise.all([early, late]))
      expect(one).toMatchObject({ status: 503, code: "unavailable", retryAfter: "2" });
    expect(performance.now() - began).toBeLessThan(3_000);

    link.heal("cut");
    await expect.poll(async () => (await ask("/read/0/1")).status, { timeout: 5_000 }).toBe(200);
    const long = ask("/read/6/1");
    await pause(3_500);
    const fell = performance.now();
    link.suffer({ kind: "silent" });
    expect(await long).toMatchObject({ status: 503, code: "unavailable" });
    expect(performance.now() - fell).toBeLessThan(3_000);
  });

  test("does not begin while Postgres is silent", async () => {
    link.suffer({ kind: "silent" });
    const { status, code, ms } = await ask("/read/0/1");
    expect([status, code, ms < 3_000]).toEqual([503, "unavailable", true]);
  });
});
