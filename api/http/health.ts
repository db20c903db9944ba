import { createRoute, z } from "@hono/zod-openapi";
import { lastHeartbeats } from "../../store/postgres/operation.ts";
import { schemaFit, whyNotServe } from "../../store/postgres/schema.ts";
import { gauges } from "../../store/reports/gauges.ts";
import { newRoutes, type ApiDeps, type Routes } from "../deps.ts";
import { bounded } from "./bounded.ts";
import { iso } from "./format.ts";
import type { Metrics } from "./metrics.ts";

/**
 * A process that has not been heard of for longer than this is not counted on; it beats every two
 * seconds.
 */
const heartbeatMs = 10_000;
const postgresMs = 1_500;

const partSchema = z.object({
  ok: z.boolean().nullable().openapi({ description: "null: not known, `detail` says why" }),
  detail: z.string().optional(),
});
const temporalSchema = partSchema.extend({
  broken: z.number().int().nullable().openapi({
    description:
      "processes whose tasks fail, see `baton stuck`; null when Temporal did not say in time",
  }),
});
/** Which parts are well, and whether requests are served. */
export const readySchema = z
  .object({
    ready: z.boolean().openapi({ description: "leads and actions are taken in" }),
    healthy: z.boolean().openapi({ description: "every part is known to be well" }),
    parts: z.object({
      postgres: partSchema,
      temporal: temporalSchema,
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
  summary: "Leads and actions are taken in; which parts are well",
  responses: {
    200: {
      description:
        "Requests are served. Temporal, worker or relay may be away: what was taken in waits " +
        "for them, and `healthy` is false",
      content: { "application/json": { schema: readySchema } },
    },
    503: {
      description:
        "The database does not answer, has not been migrated for this version, or was migrated " +
        "by a version beside which this one may not serve",
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

/** For operators: liveness, readiness, metrics. No token is needed; there is no personal data. */
export function healthRoutes(deps: ApiDeps, metrics: Metrics): Routes {
  const app = newRoutes();

  app.openapi(healthz, (c) => c.json({ alive: true as const }, 200));

  app.openapi(readyz, async (c) => {
    const body = await readReady(deps);
    c.header("retry-after", body.ready ? undefined : "2");
    return body.ready ? c.json(body, 200) : c.json(body, 503);
  });

  app.openapi(metricsRoute, async (c) => {
    const beating = lastHeartbeats(deps.pool).catch(() => null);
    const now = deps.clock();
    const [state, broken, beats] = await Promise.all([
      gauges(deps.pool, now).catch(() => null),
      countBroken(deps),
      bounded(postgresMs, beating, () => null),
    ]);
    const age = (at: number | null | undefined) =>
      at == null ? null : Math.max(0, (now - at) / 1000);
    metrics.beats({ worker: age(beats?.worker), relay: age(beats?.relay) });
    return c.text(await metrics.text(state, broken, now), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    });
  });

  return app;
}

type Asked = Pick<ApiDeps, "pool" | "schema" | "temporal" | "clock">;

/** Asks every part, each for a bounded time. */
export async function readReady(deps: Asked): Promise<z.output<typeof readySchema>> {
  const [database, temporal, broken] = await Promise.all([
    askPostgres(deps),
    deps.temporal.reachable(),
    countBroken(deps),
  ]);
  const parts = {
    postgres: database.part,
    temporal: temporal ? withBroken(broken) : { ok: false, detail: "does not answer", broken },
    worker: alive(database.beats, "worker", deps.clock()),
    relay: alive(database.beats, "relay", deps.clock()),
  };
  const ready = parts.postgres.ok === true;
  const healthy = Object.values(parts).every((part) => part.ok === true);
  return { ready, healthy, parts };
}

type Heartbeats = Awaited<ReturnType<typeof lastHeartbeats>>;

/** What Postgres says within its time; a silent server would keep the query for ever. */
async function askPostgres({
  pool,
  schema,
}: Asked): Promise<{ readonly part: Part; readonly beats: Heartbeats | null }> {
  const silent = { part: { ok: false, detail: "does not answer" }, beats: null };
  const asked = (async () => {
    const fit = await schemaFit(pool);
    // Requests are answered by what the watch saw last (`onlyOnItsSchema`): ready is when they are.
    const why = whyNotServe(fit) ?? whyNotServe(schema?.fit());
    if (why !== null) return { part: { ok: false, detail: why }, beats: null };
    const part = fit.state === "ahead" ? { ok: true, detail: fit.sentence } : { ok: true };
    return { part, beats: await lastHeartbeats(pool) };
  })().catch(() => silent);
  return bounded<Awaited<typeof asked>>(postgresMs, asked, () => silent);
}

/** Null when Temporal does not say so in time. */
async function countBroken({ temporal }: Asked): Promise<number | null> {
  return (await temporal.countBroken?.()) ?? null;
}

/** A broken process is its own trouble: everything else works, so it makes nothing unready. */
function withBroken(broken: number | null): z.output<typeof temporalSchema> {
  if (broken === null)
    return { ok: true, detail: "did not say in time how many processes are broken", broken };
  return broken > 0
    ? { ok: true, detail: `${broken} broken; \`baton stuck\` lists them`, broken }
    : { ok: true, broken };
}

function alive(beats: Heartbeats | null, kind: keyof Heartbeats, now: number): Part {
  if (beats === null) return { ok: null, detail: "not known: its heartbeat is in Postgres" };
  const at = beats[kind];
  if (at === null) return { ok: false, detail: "never heard of" };
  return now - at <= heartbeatMs
    ? { ok: true }
    : { ok: false, detail: `last heard of at ${iso(at)}` };
}
