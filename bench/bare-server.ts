import { serve } from "@hono/node-server";
import { Hono } from "hono";
import pg from "pg";

/**
 * What an intake costs at least: Hono, a body, one INSERT that is committed, an answer.
 * DATABASE_URL and PORT say where.
 */
const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"], max: 20 });
await pool.query(
  "create table if not exists bare (id bigint generated always as identity primary key, body " +
    "jsonb not null, at timestamptz not null default now())",
);
const app = new Hono();
app.post("/leads", async (c) => {
  const { rows } = await pool.query<{ id: string }>(
    "insert into bare (body) values ($1) returning id",
    [await c.req.json()],
  );
  return c.json({ id: rows[0]?.id }, 201);
});
const server = serve(
  { fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env["PORT"]) },
  () => process.stdout.write('{"ready":true}\n'),
);
process.once("SIGTERM", () => {
  server.close();
  void pool.end().then(() => process.exit(0));
});
