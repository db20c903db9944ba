import { createRoute, z } from "@hono/zod-openapi";
import { remedyOf, whyLate, type StuckState } from "../messages/stuck.ts";
import { mostShown, systemNow, type System } from "../store/views/system.ts";
import type { LeadPlace } from "../store/inbox/reconcile.ts";
import { processWorkflowId } from "../workflows/contract.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { bounded } from "./http/bounded.ts";
import { missingLeads } from "./missing.ts";
import { problemResponses } from "./http/errors.ts";
import { iso } from "./http/format.ts";
import { readReady, readySchema } from "./http/health.ts";

/** What other servers say is waited for no longer than this: the page is looked at in trouble. */
const askedMs = 1_500;

const instant = z.string().openapi({ format: "date-time" });
const since = instant.nullable();

const stuckSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    state: z.enum(["broken", "missing", "late"]),
    stage: z.string(),
    waitingOn: z.string(),
    since: since.openapi({ description: "null: its process says since when, see `temporalUrl`" }),
    why: z.string(),
    remedy: z.string().openapi({ description: "what to do about it" }),
    temporalUrl: z.string().nullable().openapi({
      description: "its process in the Temporal UI; null where TEMPORAL_UI_URL is not set",
    }),
  })
  .openapi("StuckLead");

const systemSchema = z
  .object({
    at: instant,
    ...readySchema.shape,
    backlogs: z.array(
      z.object({
        name: z.string().openapi({ description: "`outbox/<lane>`, `inbox/<source>`, `effect/…`" }),
        waiting: z.number().int(),
        oldest: since,
        failed: z.number().int().openapi({ description: "effects that were given up on" }),
      }),
    ),
    paused: z
      .array(
        z.object({
          name: z.string(),
          since: instant,
          until: since,
          reason: z.string().nullable(),
        }),
      )
      .openapi({ description: "outside systems that are not asked for the time being" }),
    tasks: z.array(z.object({ kind: z.string(), open: z.number().int() })),
    processes: z
      .object({ open: z.number().int(), running: z.number().int().nullable() })
      .openapi({ description: "open leads and running processes; null: Temporal did not say" }),
    untold: z
      .object({ count: z.number().int(), since })
      .openapi({ description: "what Temporal should have been told two minutes ago" }),
    recount: z
      .object({ at: instant, differences: z.number().int() })
      .nullable()
      .openapi({ description: "the last count of everything; null before the first one" }),
    stuck: z.object({
      broken: z.number().int().nullable().openapi({
        description: "leads whose process is broken; null: Temporal did not list them in time",
      }),
      missing: z
        .number()
        .int()
        .nullable()
        .openapi({
          description:
            "open leads that no process runs for; null: not all of them could be compared in time, " +
            "and `leads` has those that were found",
        }),
      late: z.number().int(),
      leads: z.array(stuckSchema).openapi({ description: `the first ${mostShown} of each state` }),
    }),
  })
  .openapi("System");

const read = createRoute({
  method: "get",
  path: "/system",
  tags: ["operation"],
  summary: "Whether Baton is well: parts, backlogs with their age, and leads that are stuck",
  description:
    "Answers while Temporal, worker or relay are away, and says so. Missing processes are looked " +
    "for as long as a request may take; `baton stuck` compares all of them.",
  responses: {
    200: {
      description: "How it stands now",
      content: { "application/json": { schema: systemSchema } },
    },
    ...problemResponses,
  },
});

/** For whoever runs Baton: what is well, what waits, what is stuck. */
export function systemRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(read, async (c) => c.json(await readSystem(deps), 200));
  return app;
}

type Asked = Parameters<typeof readReady>[0] & Pick<ApiDeps, "publicUrl" | "temporalUi">;

/** The answer of GET /system. */
export async function readSystem(deps: Asked): Promise<z.output<typeof systemSchema>> {
  const now = deps.clock();
  const { temporal } = deps;
  const within = <T>(work: Promise<T> | undefined): Promise<T | null> =>
    work === undefined ? Promise.resolve(null) : bounded<T | null>(askedMs, work, () => null);
  const [ready, broken, running, missing] = await Promise.all([
    readReady(deps),
    within(temporal.brokenLeads?.()),
    within(temporal.countRunning?.()),
    missingLeads(deps.pool, temporal, now, askedMs),
  ]);
  const found = await systemNow(deps.pool, [...(broken ?? [])], missing?.ids ?? [], now);
  return {
    at: iso(now),
    ...ready,
    backlogs: found.backlogs.map(({ of, name, waiting, oldest, failed }) => ({
      name: `${of}/${name}`,
      waiting,
      oldest: iso(oldest),
      failed,
    })),
    paused: found.paused.map((one) => ({ ...one, since: iso(one.since), until: iso(one.until) })),
    tasks: [...found.tasks],
    processes: { open: found.open, running },
    untold: { count: found.untold.count, since: iso(found.untold.since) },
    recount: found.recount && {
      at: iso(found.recount.at),
      differences: found.recount.differences,
    },
    stuck: {
      broken: broken === null ? null : found.broken.count,
      missing: missing?.isWhole === true ? found.missing.length : null,
      late: found.late.count,
      leads: stuckLeads(deps, found),
    },
  };
}

/** A process that is broken or missing is late, too: it is shown once, as what it is. */
function stuckLeads(
  deps: Asked,
  { broken, missing, late }: System,
): z.output<typeof stuckSchema>[] {
  const isTold = new Set([...broken.leads, ...missing].map(({ id }) => id));
  return [
    ...broken.leads.map((one) => stuckLead(deps, one, "broken")),
    ...missing.map((one) => stuckLead(deps, one, "missing")),
    ...late.leads.flatMap((one) => (isTold.has(one.id) ? [] : [stuckLead(deps, one, "late")])),
  ];
}

const whyStuck: Readonly<Record<StuckState, string>> = {
  broken: "its tasks fail",
  missing: "it is open and no process runs",
  late: whyLate,
};

function stuckLead(
  { publicUrl, temporalUi }: Asked,
  place: LeadPlace,
  state: StuckState,
): z.output<typeof stuckSchema> {
  const { kind, id, stage, waitingOn, nextAt } = place;
  return {
    id,
    url: `${publicUrl}/${kind}s/${id}`,
    state,
    stage,
    waitingOn,
    since: state === "late" ? iso(nextAt) : null,
    why: whyStuck[state],
    remedy: remedyOf(state, id),
    temporalUrl: temporalUi === undefined ? null : processUrl(temporalUi, place),
  };
}

/** The list of the process's runs in the Temporal UI, by a query that its address carries. */
function processUrl({ url, namespace }: NonNullable<ApiDeps["temporalUi"]>, of: LeadPlace): string {
  const query = `WorkflowId="${processWorkflowId(of, of.cycle)}"`;
  const place = `namespaces/${encodeURIComponent(namespace)}/workflows`;
  return `${url}/${place}?query=${encodeURIComponent(query)}`;
}
