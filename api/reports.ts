import { createRoute, z } from "@hono/zod-openapi";
import { isoOf } from "../handoff/dates.ts";
import { conservation } from "../store/reports/conservation.ts";
import { dimensions, type Dimension, type Filters } from "../store/reports/filters.ts";
import { funnel } from "../store/reports/funnel.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./errors.ts";
import { unhurried } from "./hurry.ts";
import { instant } from "./intake.ts";
import { conservationCsv, funnelCsv } from "./report-csv.ts";

const dimensionNames = Object.keys(dimensions) as [Dimension, ...Dimension[]];
const filter = z
  .string()
  .min(1)
  .max(300)
  .optional()
  .openapi({ description: "exact value; - for what is not recorded" });
const times = {
  from: instant
    .optional()
    .openapi({ description: "begin of the period; 30 days before `to` when absent" }),
  to: instant
    .optional()
    .openapi({ description: "end of the period, not included; `asOf` when absent" }),
  asOf: instant.optional().openapi({ description: "as things stood then; now when absent" }),
};
const funnelQuery = z.strictObject({
  ...times,
  ...(Object.fromEntries(dimensionNames.map((name) => [name, filter])) as Record<
    Dimension,
    typeof filter
  >),
  groupBy: z.enum(dimensionNames).optional(),
});
const conservationQuery = z.strictObject(times);

const figuresSchema = z.looseObject({ from: z.string(), to: z.string(), asOf: z.string() });
const answer = {
  200: { description: "The figures", content: { "application/json": { schema: figuresSchema } } },
  ...problemResponses,
};
const csvAnswer = {
  200: { description: "The same figures", content: { "text/csv": { schema: z.string() } } },
  ...problemResponses,
};
const describe = {
  conservation: "Nothing is lost: in = open + closed, by day and stage",
  funnel: "From lead to won, with rates and days between steps",
};
const get = <P extends string, Q extends z.ZodObject, A extends typeof answer | typeof csvAnswer>(
  path: P,
  summary: string,
  query: Q,
  responses: A,
) =>
  createRoute({ method: "get", path, tags: ["reports"], summary, request: { query }, responses });

/** The figures as JSON and CSV; the same query feeds both. */
export function reportRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  routes.openapi(
    get("/reports/conservation", describe.conservation, conservationQuery, answer),
    async (c) => {
      const period = periodOf(c.req.valid("query"), c.var.receivedAt);
      const report = await conservation(deps.pool, period, await runningLeads(deps, c.req.raw));
      return c.json(withPeriod(period, report), 200);
    },
  );
  routes.openapi(
    get("/reports/conservation.csv", describe.conservation, conservationQuery, csvAnswer),
    async (c) => {
      const period = periodOf(c.req.valid("query"), c.var.receivedAt);
      return csv(conservationCsv(await conservation(deps.pool, period, null)), "conservation");
    },
  );
  routes.openapi(get("/reports/funnel", describe.funnel, funnelQuery, answer), async (c) => {
    const { question, period, filters } = funnelOf(c.req.valid("query"), c.var.receivedAt);
    return c.json(
      withPeriod(period, {
        filters,
        groupBy: question.groupBy,
        groups: await funnel(deps.pool, question),
      }),
      200,
    );
  });
  routes.openapi(get("/reports/funnel.csv", describe.funnel, funnelQuery, csvAnswer), async (c) => {
    return csv(
      funnelCsv(await funnel(deps.pool, funnelOf(c.req.valid("query"), c.var.receivedAt).question)),
      "funnel",
    );
  });
  return routes;
}

interface Period {
  readonly from: number;
  readonly to: number;
  readonly asOf: number;
}

const DAY = 86_400_000;

function periodOf(
  query: { from?: number | undefined; to?: number | undefined; asOf?: number | undefined },
  now: number,
): Period {
  const asOf = query.asOf ?? now;
  const to = query.to ?? asOf;
  const from = query.from ?? to - 30 * DAY;
  if (from >= to)
    throw new Problem("invalid", { field: "from", detail: "expected a time before `to`" });
  if (to - from > 3 * 366 * DAY)
    throw new Problem("invalid", {
      field: "from",
      detail: "expected a period of three years at most",
    });
  return { from, to, asOf };
}

function withPeriod(period: Period, figures: object): z.output<typeof figuresSchema> {
  return { from: isoOf(period.from), to: isoOf(period.to), asOf: isoOf(period.asOf), ...figures };
}

function funnelOf(query: z.output<typeof funnelQuery>, now: number) {
  const period = periodOf(query, now);
  const filters: Filters = Object.fromEntries(
    dimensionNames.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
  );
  return { period, filters, question: { ...period, filters, groupBy: query.groupBy ?? null } };
}

/** Which leads' processes run; null while Temporal does not answer, and then the report says that it does not know. */
async function runningLeads(
  { temporal }: ApiDeps,
  request: Request,
): Promise<ReadonlySet<string> | null> {
  if (!temporal.runningLeads || !(await temporal.reachable())) return null;
  return unhurried(request, async () => (await temporal.runningLeads?.()) ?? null);
}

function csv(text: string, name: string): Response {
  return new Response(text, {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${name}.csv"`,
    },
  });
}
