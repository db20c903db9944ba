import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pino } from "pino";
import { agreementOf } from "../../agreement/stored.ts";
import { actionPlaces } from "../../api/action-places.ts";
import { createApp } from "../../api/app.ts";
import { connectTemporal } from "../../api/temporal.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { sql } from "../../store/postgres/db.ts";
import { openPools } from "../../store/postgres/pools.ts";
import type { SchemaFit } from "../../store/postgres/schema.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { temporalServer } from "../support/world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  const server = await temporalServer();
  const temporal = connectTemporal({ address: server.address, namespace: server.namespace });
  // The first call connects, which takes a busy machine longer than an answer.
  for (let tries = 0; tries < 20 && !(await temporal.reachable()); tries++);
  world = await peopleWorld({ temporal });
});
afterAll(() => world.close());

const beat = (kind: "worker" | "relay", at: number) =>
  world.pool.query(sql`
  insert into heartbeat (process, kind, at) values (${`${kind}:test`}, ${kind}, ${new Date(at)})
    on conflict (process) do update set at = excluded.at`);

describe("GET /readyz", () => {
  test("is 200 while leads are taken in, and says which of Temporal, worker and relay is not well", async () => {
    expect(await world.ask("GET", "/readyz", { as: null })).toMatchObject({
      status: 200,
      body: {
        ready: true,
        healthy: false,
        parts: {
          postgres: { ok: true },
          temporal: { ok: true },
          worker: { ok: false, detail: "never heard of" },
          relay: { ok: false },
        },
      },
    });
    await beat("worker", world.now());
    await beat("relay", world.now() - 11_000);
    expect((await world.ask("GET", "/readyz", { as: null })).body).toMatchObject({
      ready: true,
      healthy: false,
      parts: {
        worker: { ok: true },
        relay: { ok: false, detail: "last heard of at 2026-11-23T14:59:49.000Z" },
      },
    });
    await beat("relay", world.now() - 10_000);
    expect(await world.ask("GET", "/readyz", { as: null })).toMatchObject({
      status: 200,
      body: { ready: true, healthy: true },
    });
  });

  test("without Temporal leads are taken in, and it says so", async () => {
    const away = await peopleWorld();
    const taken = await away.ask("POST", "/leads", {
      body: {
        facts: { "lead.email": "kim@away-customer.com" },
        engagements: [{ id: "away", type: "demo_request" }],
      },
    });
    const { status, body } = await away.ask("GET", "/readyz", { as: null });
    expect([taken.status, status, body.ready, body.healthy]).toEqual([201, 200, true, false]);
    await away.close();
  });

  test("on a database without this version's migrations is 503 and names the first", async () => {
    const old = await peopleWorld();
    await old.pool.query(sql`delete from schema_migration where name >= '0050'`);
    const { status, body } = await old.ask("GET", "/readyz", { as: null });
    expect([status, body.ready]).toEqual([503, false]);
    expect(body.parts.postgres).toEqual({
      ok: false,
      detail: expect.stringMatching(
        /^The database has not seen \d+ migrations of this version, from 0050_merges\.sql on; run `baton migrate`\.$/,
      ),
    });
    await old.pool.query(sql`drop table schema_migration`);
    expect((await old.ask("GET", "/readyz", { as: null })).body.parts).toMatchObject({
      postgres: { detail: expect.stringContaining("from 0001_facts.sql on") },
      worker: { ok: null, detail: "not known: its heartbeat is in Postgres" },
      relay: { ok: null },
    });
    await old.close();
  });

  test(
    "on a database that a newer version migrated is 200 where this one may go on, else 503 and " +
      "says why",
    async () => {
      const old = await peopleWorld();
      await old.pool.query(sql`insert into schema_migration (name, sha256, serves_from)
      values ('9998_more.sql', '', '0001')`);
      const open = await old.ask("GET", "/readyz", { as: null });
      expect([open.status, open.body.parts.postgres]).toEqual([
        200,
        { ok: true, detail: expect.stringMatching(/from 9998_more\.sql on; they let it go on/) },
      ]);
      await old.pool.query(sql`insert into schema_migration (name, sha256, serves_from)
      values ('9999_less.sql', '', '9998')`);
      const closed = await old.ask("GET", "/readyz", { as: null });
      expect([closed.status, closed.body.ready, closed.body.parts.postgres]).toEqual([
        503,
        false,
        {
          ok: false,
          detail: expect.stringMatching(
            /9999_less\.sql is for versions that know migration 9998, .* Start the version that migrated it/,
          ),
        },
      ]);
      await old.close();
    },
  );

  test("names Temporal when that is away", async () => {
    const away = await peopleWorld();
    expect((await away.ask("GET", "/readyz", { as: null })).body.parts.temporal).toEqual({
      ok: false,
      detail: "does not answer",
      broken: null,
    });
    await away.close();
  });
});

test(
  "while Temporal is silent nobody waits for its count of broken processes: it is null, and " +
    "absent from the metrics",
  async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => {
      sockets.add(socket.on("error", () => undefined));
    });
    await new Promise<void>((done) => {
      silent.listen(0, "127.0.0.1", done);
    });
    const bound = silent.address();
    const temporal = connectTemporal({
      address: `127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`,
      namespace: "default",
      reachableMs: 300,
    });
    const deaf = await peopleWorld({ temporal });
    const began = performance.now();
    const [ready, metrics] = await Promise.all([
      deaf.ask("GET", "/readyz", { as: null }),
      deaf.ask("GET", "/metrics", { as: null }),
    ]);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(ready.body.parts.temporal).toEqual({
      ok: false,
      detail: "does not answer",
      broken: null,
    });
    expect(metrics.body).toContain("baton_database_up 1");
    expect(metrics.body).not.toMatch(/^baton_processes_broken/m);
    expect((await world.ask("GET", "/metrics", { as: null })).body).toMatch(
      /^baton_processes_broken \d+$/m,
    );
    for (const socket of sockets) socket.destroy();
    silent.close();
    await deaf.close();
  },
);

test("an API that does not go with its database answers 503 and changes nothing, but says how it is", async () => {
  const old = await peopleWorld();
  let fit: SchemaFit | null = null;
  const app = createApp({
    ...old.pools,
    agreements: createAgreements(agreementOf),
    temporal: connectTemporal({ address: "127.0.0.1:1", namespace: "default", reachableMs: 40 }),
    clock: () => old.now(),
    publicUrl: "http://baton.test",
    log: pino({ level: "silent" }),
    schema: { fit: () => fit },
  });
  const take = async () => {
    const answer = await app.request("/leads", {
      method: "POST",
      headers: {
        authorization: `Bearer ${old.token("operator")}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ facts: { "lead.email": "kim@schema-customer.com" } }),
    });
    return [answer.status, answer.headers.get("retry-after")];
  };
  const count = async () =>
    (await old.pool.query<{ n: number }>("select count(*)::int as n from lead")).rows[0]?.n;
  for (const state of ["behind", "closed"] as const) {
    fit = { state, sentence: "said by the watch" };
    expect([await take(), await count()]).toEqual([[503, "5"], 0]);
    // Also when the database was migrated since the last look: ready is who serves.
    const ready = await app.request("/readyz");
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { ready: false, parts: { postgres: { ok: false, detail: "said by the watch" } } },
    ]);
    const webhook = await app.request("/webhooks/house", { method: "POST", body: "{}" });
    expect(webhook.status).toBe(503);
    for (const path of ["/healthz", "/metrics", "/openapi.json", "/docs"])
      expect((await app.request(path)).status).toBe(200);
  }
  fit = { state: "ahead", sentence: "" };
  expect([await take(), await count()]).toEqual([[201, null], 1]);
  expect((await app.request("/readyz")).status).toBe(200);
  await old.close();
});

test("GET /healthz answers without anything else", async () => {
  expect(await world.ask("GET", "/healthz", { as: null })).toMatchObject({
    status: 200,
    body: { alive: true },
  });
});

test("GET /metrics counts leads, queues and requests, and names nobody", async () => {
  await world.lead("rp_one", { email: "metrics.person@list-customer.com", dueAt: world.now() - 1 });
  await world.ask("GET", "/leads");
  const { status, body, headers } = await world.ask("GET", "/metrics", { as: null });
  expect([status, headers.get("content-type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  for (const line of [
    'baton_leads{stage="mql",waiting_on="outreach"} 1',
    "baton_leads_overdue 1",
    "baton_database_up 1",
    'baton_requests_total{route="GET /leads",status="200"} 1',
    "baton_api_nodejs_version_info",
  ])
    expect(body).toContain(line);
  expect(body).not.toMatch(/metrics\.person|Kim|rp_one/);
});

describe("documentation", () => {
  test("openapi.json describes every route with its roles, and needs nothing from elsewhere", async () => {
    const { body } = await world.ask("GET", "/openapi.json", { as: null });
    expect(body.openapi).toBe("3.1.0");
    expect(body.paths["/leads/{id}/reject"].post).toMatchObject({
      "x-roles": { rep: "own", manager: "team", operator: "all" },
      security: [{ token: [] }],
    });
    expect(body.paths["/healthz"].get.security).toEqual([]);
    expect(body.components.schemas.Rejection.properties).toHaveProperty("reason");
    for (const place of Object.values(actionPlaces)) {
      const { description, requestBody } = body.paths[`/leads/{id}/${place}`].post;
      for (const word of [
        "`seen`",
        "already-answered",
        "not-possible-now",
        "not-yours",
        "still-running",
      ])
        expect(description, place).toContain(word);
      const schema = requestBody.content["application/json"].schema.$ref.split("/").at(-1);
      expect(
        Object.keys(body.components.schemas[schema].properties.seen.properties),
        place,
      ).toEqual(["stage", "cycle", "round"]);
    }
    expect(Object.keys(body.components.schemas.Lead.properties.seen.properties)).toEqual([
      "stage",
      "cycle",
      "round",
    ]);
    for (const said of [
      "stage",
      "waitingOn",
      "owner",
      "queue",
      "next",
      "due",
      "tasks",
      "messages",
      "deadlines",
      "decisions",
    ])
      expect(body.components.schemas.Simulated.properties).toHaveProperty(said);
    for (const path of ["/docs", "/docs.js"]) {
      const page = await world.ask("GET", path, { as: null });
      expect(page.status).toBe(200);
      expect(page.body).not.toMatch(/https?:\/\/|\/\/cdn/);
    }
  });
});

describe("while Postgres is away or silent", () => {
  /** Lets bytes through to Postgres until told to swallow them: a black hole, not a refusal. */
  async function proxy(target: URL) {
    const sockets = new Set<Socket>();
    let silent = false;
    const server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname);
      sockets.add(client).add(upstream);
      client.on("data", (data) => {
        if (!silent) upstream.write(data);
      });
      upstream.on("data", (data) => {
        if (!silent) client.write(data);
      });
      for (const socket of [client, upstream])
        socket
          .on("error", () => undefined)
          .on("close", () => {
            client.destroy();
            upstream.destroy();
          });
    });
    await new Promise<void>((done) => {
      server.listen(0, "127.0.0.1", done);
    });
    const address = server.address();
    return {
      port: typeof address === "object" ? address?.port : 0,
      swallow: (on: boolean) => {
        silent = on;
      },
      cut: () => {
        for (const socket of sockets) socket.destroy();
      },
      close: () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  test(
    "every answer is a 503 with Retry-After within three seconds, and work resumes",
    { timeout: 40_000 },
    async () => {
      const url = new URL(world.databaseUrl);
      url.search = ""; // over TCP, for the proxy is in between
      const hole = await proxy(new URL(url));
      url.port = String(hole.port);
      const pools = openPools("api", url.href, { pool: 4, keyed: 4 });
      const temporal = connectTemporal({
        address: "127.0.0.1:1",
        namespace: "default",
        reachableMs: 40,
      });
      const app = createApp({
        ...pools,
        agreements: createAgreements(agreementOf),
        temporal,
        clock: () => world.now(),
        publicUrl: "http://baton.test",
        log: pino({ level: "silent" }),
      });
      const ask = async (method: string, path: string, body?: string) => {
        const began = performance.now();
        const response = await app.request(path, {
          method,
          headers: {
            authorization: `Bearer ${world.token("operator")}`,
            ...(body ? { "content-type": "application/json" } : {}),
          },
          ...(body ? { body } : {}),
        });
        await response.text();
        return {
          status: response.status,
          wait: response.headers.get("retry-after"),
          ms: performance.now() - began,
        };
      };
      expect((await ask("GET", "/leads")).status).toBe(200);
      hole.swallow(true);
      const answers = await Promise.all([
        ask("GET", "/leads"),
        ask("GET", "/queue"),
        ask("POST", "/leads", '{"facts":{}}'),
        ask("GET", "/readyz"),
        ask("GET", "/agreement"),
        ask("POST", "/leads/ld_1/accept", "{}"),
      ]);
      for (const answer of answers) {
        expect([answer.status, answer.wait]).toEqual([503, "2"]);
        expect(answer.ms).toBeLessThan(3_200);
      }
      hole.swallow(false);
      hole.cut();
      await new Promise((done) => setTimeout(done, 300));
      const after = [];
      for (let n = 0; n < 6; n++) after.push((await ask("GET", "/leads")).status);
      expect(after.at(-1)).toBe(200);
      hole.close();
      await temporal.close();
      await pools.end().catch(() => undefined);
    },
  );
});
