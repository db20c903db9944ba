import { serve } from "@hono/node-server";
import { pino } from "pino";
import { createApp } from "../../api/app.ts";
import type { ApiDeps, AppDeps, Routes } from "../../api/deps.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { inTransaction, type Pool } from "../../store/postgres/db.ts";
import { openPools, type ApiPools } from "../../store/postgres/pools.ts";
import { createToken, type Role } from "../../store/access/tokens.ts";
import { freshDatabase } from "./world.ts";

/** What an answer says; tests assert on it, nothing trusts it. */
export type Json = ReturnType<typeof JSON.parse>;

export interface ApiWorld {
  readonly pool: Pool;
  readonly url: string;
  readonly app: Routes;
  /** Sends JSON as a role; gives status, headers and parsed body. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    role?: Role,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; body: Json }>;
  token(role: Role): string;
  /** The app behind a real socket on 127.0.0.1; closed with the world. */
  listen(): Promise<string>;
  setNow(at: number): void;
  /** What the text of a version that is activated from now on means. */
  nextAgreement(agreement: Agreement): void;
  close(): Promise<void>;
}

/**
 * The API with these route modules on a database of its own, a movable clock, and a token for each
 * machine role; `more` is given to it besides, or what it makes of the pools.
 */
export async function apiWorld(
  agreement: Agreement,
  modules: readonly ((deps: AppDeps) => Routes)[],
  more: Partial<ApiDeps> | ((pools: ApiPools) => Partial<ApiDeps>) = {},
): Promise<ApiWorld> {
  const database = await freshDatabase();
  const pools = openPools("api", database.url, { pool: 24, keyed: 24 });
  const { pool } = pools;
  let now = Date.parse("2026-11-20T12:00:00Z");
  let current = agreement;
  await inTransaction(pool, (tx) => activate(tx, "the agreement of this test", "test", now));
  const tokens = new Map<Role, string>();
  for (const role of ["operator", "marketing", "crm", "tracking"] as const)
    tokens.set(role, (await createToken(pool, { role, label: "test" }, now)).secret);
  const app = createApp(
    {
      ...pools,
      agreements: createAgreements(() => current),
      clock: () => now,
      publicUrl: "http://baton.test",
      log: pino({ level: "silent" }),
      mayRehearse: true,
      // Nothing of intake, imports, tracking and reports asks Temporal.
      temporal: { reachable: () => Promise.resolve(false), close: () => Promise.resolve() },
      ...(typeof more === "function" ? more(pools) : more),
    },
    modules,
  );
  const servers: { close: (done: () => void) => unknown }[] = [];
  const token = (role: Role) => tokens.get(role) ?? "none";
  return {
    pool,
    url: database.url,
    app,
    token,
    async ask(method, path, body, role = "operator", headers = {}) {
      const response = await app.request(path, {
        method,
        headers: {
          authorization: `Bearer ${token(role)}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text,
      };
    },
    listen: () =>
      new Promise((resolve) => {
        servers.push(
          serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
            resolve(`http://127.0.0.1:${port}`),
          ),
        );
      }),
    setNow: (at) => {
      now = at;
    },
    nextAgreement: (next) => {
      current = next;
    },
    async close() {
      for (const server of servers)
        await new Promise<void>((done) => {
          server.close(() => done());
        });
      await pools.end();
      await database.drop();
    },
  };
}
