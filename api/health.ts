import { createRoute, z } from "@hono/zod-openapi";
import { sql } from "../store/db.ts";
import { gauges, lastHeartbeats } from "../store/operation.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { iso } from "./format.ts";
import type { Metrics } from "./metrics.ts";

/** A process that has not been heard of for longer than this is not counted on; it beats every two seconds. */
const heartbeatMs = 10_000;
const postgresMs = 1_500;

const partSchema = z.object({ ok: z.boolean(), detail: z.string().optional() });
const readySchema = z
  .object({
    ready: z.boolean(),
    parts: z.object({
      postgres: partSchema,
      temporal: partSchema,
      worker: partSchema,
      relay: partSchema,
    }),
  })
  .openapi("Readiness");
type Part = z.output<typeof partSchema>;

const healthz = createRoute({
  method: "get",
  path: "/healthz",
  tags: ["operation"],
  summary: "This process answers",
  responses: {
    200: {
      description: "Alive",
      content: { "application/json": { schema: z.object({ alive: z.literal(true) }) } },
    },
  },
});
const readyz = createRoute({
  method: "get",
  path: "/readyz",
  tags: ["operation"],
  summary: "Postgres, Temporal, worker and relay answer",
  responses: {
    200: {
      description: "Everything answers",
      content: { "application/json": { schema: readySchema } },
    },
    503: {
      description: "`parts` says what does not",
      content: { "application/json": { schema: readySchema } },
    },
  },
});
const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  tags: ["operation"],
  summary: "Figures for Prometheus",
  responses: {
    200: { description: "Prometheus text", content: { "text/plain": { schema: z.string() } } },
  },
});

/** For those who run it: alive, ready, figures. None of it needs a token or names anybody. */
export function healthRoutes(deps: ApiDeps, metrics: Metrics): Routes {
  const app = newRoutes();

  app.openapi(healthz, (c) => c.json({ alive: true as const }, 200));

  app.openapi(readyz, async (c) => {
    const [beats, temporal] = await Promise.all([heartbeats(deps), deps.temporal.reachable()]);
    const parts = {
      postgres: beats ? { ok: true } : { ok: false, detail: "does not answer" },
      temporal: temporal ? { ok: true } : { ok: false, detail: "does not answer" },
      worker: alive(beats?.worker, deps.clock()),
      relay: alive(beats?.relay, deps.clock()),
    };
    const ready = Object.values(parts).every((part) => part.ok);
    c.header("retry-after", ready ? undefined : "2");
    return ready ? c.json({ ready, parts }, 200) : c.json({ ready, parts }, 503);
  });

  app.openapi(metricsRoute, async (c) => {
    const state = await gauges(deps.pool, deps.clock()).catch(() => null);
    return c.text(await metrics.text(state), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    });
  });

  return app;
}

/** Undefined when Postgres does not answer soon enough; a silent server would keep the query for ever. */
async function heartbeats(
  deps: ApiDeps,
): Promise<Awaited<ReturnType<typeof lastHeartbeats>> | undefined> {
  const asked = deps.pool
    .query(sql`select 1`)
    .then(() => lastHeartbeats(deps.pool))
    .catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), postgresMs);
  });
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

function alive(at: number | null | undefined, now: number): Part {
  if (at == null) return { ok: false, detail: "never heard of" };
  return now - at <= heartbeatMs
    ? { ok: true }
    : { ok: false, detail: `last heard of at ${iso(at)}` };
}
