import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { reportPeriod, type ReportPeriod } from "../handoff/reviews/period.ts";
import { isoOf } from "../handoff/time/dates.ts";
import { drawReport } from "../messages/pictures/draw.ts";
import { pictureStyle } from "../messages/pictures/shapes.ts";
import { conservation } from "../store/reports/conservation.ts";
import { reportCsv } from "../store/reports/csv.ts";
import { goalsOf } from "../store/reports/goals.ts";
import { reports } from "../store/reports/registry.ts";
import { knowledges, type ReportAsk, type ReportFile } from "../store/reports/report.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";
import { scopeOf } from "./http/authorisation.ts";
import { reachOf } from "../store/views/reach.ts";
import { outsideDeadline } from "./http/timeout.ts";
import { instant } from "./intake.ts";
import { conservationCsv } from "./report-csv.ts";
import { reportSchema } from "./report-schema.ts";

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
/** What can be asked of a report. */
function queryOf({ dimensions }: ReportFile) {
  const [first, ...others] = dimensions;
  return z.strictObject({
    ...times,
    knowledge: z
      .enum(knowledges)
      .optional()
      .openapi({ description: "now (as is known today) or then (as had been told by `asOf`)" }),
    ...Object.fromEntries(dimensions.map((name) => [name, filter])),
    ...(first === undefined ? {} : { groupBy: z.enum([first, ...others]).optional() }),
  });
}
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
const svgAnswer = {
  200: {
    description: "The same figures as a picture, with their words",
    content: { "image/svg+xml": { schema: z.string() } },
  },
  ...problemResponses,
};
const listAnswer = {
  200: {
    description: "Name, question and columns of each",
    content: {
      "application/json": {
        schema: z.strictObject({
          reports: z.array(
            z.strictObject({
              name: z.string(),
              question: z.string(),
              period: z.string(),
              dimensions: z.array(z.string()),
              metrics: z.array(
                z.strictObject({
                  name: z.string(),
                  article: z.string(),
                  section: z.string(),
                  column: z.string(),
                }),
              ),
              columns: z.array(
                z.strictObject({ name: z.string(), kind: z.string(), meaning: z.string() }),
              ),
            }),
          ),
        }),
      },
    },
  },
  ...problemResponses,
};
const describe = { conservation: "Nothing is lost: in = open + closed, by day and stage" };
const get = <
  P extends string,
  Q extends z.ZodObject,
  A extends typeof answer | typeof csvAnswer | typeof listAnswer,
>(
  path: P,
  summary: string,
  query: Q,
  responses: A,
) =>
  createRoute({ method: "get", path, tags: ["reports"], summary, request: { query }, responses });

/** The figures as JSON, CSV and SVG; the same query feeds all of them. */
export function reportRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  routes.openapi(
    get("/reports/conservation", describe.conservation, conservationQuery, answer),
    async (c) => {
      const period = periodOf(c.req.valid("query"), c.var.receivedAt);
      const { running, broken, count } = await processes(deps, c.req.raw);
      const report = await conservation(deps.pool, period, running, broken, count);
      return c.json(withPeriod(period, report), 200);
    },
  );
  routes.openapi(
    get("/reports/conservation.csv", describe.conservation, conservationQuery, csvAnswer),
    async (c) => {
      const period = periodOf(c.req.valid("query"), c.var.receivedAt);
      const figures = await conservation(deps.pool, period, null, null);
      return csv(c, conservationCsv(figures), "conservation");
    },
  );
  routes.openapi(get("/reports", "Which reports there are", z.strictObject({}), listAnswer), (c) =>
    c.json({ reports: reports.map(describedReport) }, 200),
  );
  for (const report of reports) addReport(routes, deps, report);
  return routes;
}

/** A report as JSON, as CSV and, where it has one, as a picture. */
function addReport(routes: Routes, deps: ApiDeps, report: ReportFile): void {
  const path = `/reports/${report.name}`;
  const query = queryOf(report);
  const content = { "application/json": { schema: reportSchema(report) } };
  const json = { 200: { description: "The figures", content }, ...problemResponses };
  const table = { method: "get" as const, tags: ["reports"], summary: report.question };
  const request = { query };
  routes.openapi(createRoute({ ...table, path, request, responses: json }), async (c) => {
    const ask = await askedOf(deps, report, c, c.req.valid("query"));
    const rows = await report.rows(ask);
    const { from, to, asOf, knowledge, filters, groupBy } = ask;
    const figures = { report: report.name, knowledge, filters, groupBy, rows };
    return c.json(withPeriod({ from, to, asOf }, figures), 200);
  });
  routes.openapi(
    createRoute({ ...table, path: `${path}.csv`, request, responses: csvAnswer }),
    async (c) => {
      const rows = await report.rows(await askedOf(deps, report, c, c.req.valid("query")));
      return csv(c, reportCsv(report, rows), report.name);
    },
  );
  if (report.picture === null) return;
  routes.openapi(
    createRoute({ ...table, path: `${path}.svg`, request, responses: svgAnswer }),
    async (c) => {
      const ask = await askedOf(deps, report, c, c.req.valid("query"));
      const rows = await report.rows(ask);
      const goals = await goalsOf(report, ask);
      return svg(c, drawReport({ report, question: ask, rows, goals }), report.name);
    },
  );
}

/**
 * The question of a request. A manager's figures about people are those of the team. Any report
 * that is asked by rep is about people, and is for whoever may read the report `reps`.
 */
async function askedOf(
  { pool, agreements }: ApiDeps,
  { dimensions }: ReportFile,
  c: Context<AppEnv>,
  query: Readonly<Record<string, unknown>>,
): Promise<ReportAsk> {
  const asked = query as Partial<Pick<ReportAsk, "knowledge" | "groupBy">> &
    Readonly<Record<string, string>>;
  const { role, repId } = c.var.caller;
  const isPersonal = asked.groupBy === "rep" || asked["rep"] !== undefined;
  const scope = isPersonal ? scopeOf("GET /reports/reps", role) : c.var.scope;
  if (scope === undefined)
    throw new Problem("forbidden", {
      field: asked.groupBy === "rep" ? "groupBy" : "rep",
      detail: `figures about single people are not for the role ${role}`,
    });
  const reach = await reachOf(pool, scope, repId);
  return {
    ...periodOf(query, c.var.receivedAt),
    knowledge: asked.knowledge ?? "now",
    groupBy: asked.groupBy ?? null,
    filters: Object.fromEntries(
      dimensions.flatMap((name) => {
        const wanted = asked[name];
        return wanted === undefined ? [] : [[name, wanted]];
      }),
    ),
    repIds: reach.kind === "all" ? null : reach.repIds,
    db: pool,
    agreements,
  };
}

function describedReport({ name, question, period, dimensions, metrics, columns }: ReportFile) {
  const described = Object.entries(columns).map(([column, { kind, meaning }]) => ({
    name: column,
    kind,
    meaning,
  }));
  const shown = { metrics: [...metrics], columns: described };
  return { name, question, period, dimensions: [...dimensions], ...shown };
}

function periodOf(query: Parameters<typeof reportPeriod>[0], now: number): ReportPeriod {
  const period = reportPeriod(query, now);
  if ("field" in period) throw new Problem("invalid", period);
  return period;
}

function withPeriod(period: ReportPeriod, figures: object): z.output<typeof figuresSchema> {
  return { from: isoOf(period.from), to: isoOf(period.to), asOf: isoOf(period.asOf), ...figures };
}

interface Processes {
  readonly running: ReadonlySet<string> | null;
  readonly broken: ReadonlySet<string> | null;
  readonly count: number | null;
}

/** More than so many processes are not listed for one answer: the last comparison is told. */
const mostListed = 5_000;

/**
 * Which leads' processes run, and which are broken; null while Temporal does not answer: the report
 * says that it does not know.
 */
async function processes({ temporal }: ApiDeps, request: Request): Promise<Processes> {
  if (!temporal.runningLeads || !(await temporal.reachable()))
    return { running: null, broken: null, count: null };
  return outsideDeadline(request, async () => {
    const count = (await temporal.countRunning?.()) ?? null;
    const isFew = count !== null && count <= mostListed;
    const [running, broken] = await Promise.all([
      isFew ? temporal.runningLeads?.() : null,
      temporal.brokenLeads?.(),
    ]);
    return { running: running ?? null, broken: broken ?? null, count };
  });
}

// By the context, which adds the headers that every answer has.
function csv(c: Context<AppEnv>, text: string, name: string): Response {
  return c.body(text, 200, {
    "content-type": "text/csv; charset=utf-8",
    "content-disposition": `attachment; filename="${name}.csv"`,
  });
}

/** Of a picture that is opened by itself nothing runs, and nothing is loaded. */
const picturePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(pictureStyle).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "sandbox",
].join("; ");

function svg(c: Context<AppEnv>, text: string, name: string): Response {
  return c.body(text, 200, {
    "content-type": "image/svg+xml; charset=utf-8",
    "content-disposition": `inline; filename="${name}.svg"`,
    "content-security-policy": picturePolicy,
  });
}
