import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { reportPeriod, type ReportPeriod } from "../handoff/reviews/period.ts";
import { isoOf } from "../handoff/time/dates.ts";
import { drawReport } from "../messages/pictures/draw.ts";
import { conservation } from "../store/reports/conservation.ts";
import { reportCsv } from "../store/reports/csv.ts";
import { reportSubjects, subjectsOf, type Dimension } from "../store/reports/filters.ts";
import { goalsOf } from "../store/reports/goals.ts";
import { asLongBefore } from "../store/reports/before.ts";
import { reports } from "../store/reports/registry.ts";
import { actorNames } from "../store/access/actors.ts";
import { peopleIn, rowsWithNames, withNames } from "../words/people.ts";
import { paragraphOf } from "../store/reports/paragraph.ts";
import {
  knowledges,
  leads,
  notOfThen,
  type ReportAsk,
  type ReportFile,
  type ReportQuestion,
} from "../store/reports/report.ts";
import {
  newRoutes,
  type ApiDeps,
  type AppDeps,
  type AppEnv,
  type Asker,
  type Routes,
  type Scope,
} from "./deps.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { scopeOf } from "./http/authorisation.ts";
import { reachOf } from "../store/views/reach.ts";
import { pictureAnswer } from "./http/picture.ts";
import { outsideDeadline } from "./http/timeout.ts";
import { instant } from "./intake.ts";
import { conservationCsv } from "./report-csv.ts";
import { columnKinds, reportSchema } from "./report-schema.ts";

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
const subjectFilter = z
  .enum(reportSubjects)
  .optional()
  .openapi({
    description:
      "lead, as when absent, or account: handoffs of flagged accounts. Grouped by subject the two " +
      "stand in lines of their own; no line counts both",
  });
const filterOf = (name: Dimension) => (name === "subject" ? subjectFilter : filter);

/** What can be asked of a report. */
function queryOf({ dimensions }: ReportFile) {
  const [first, ...others] = dimensions;
  return z.strictObject({
    ...times,
    knowledge: z
      .enum(knowledges)
      .optional()
      .openapi({ description: "now (as is known today) or then (as had been told by `asOf`)" }),
    compare: z
      .enum(["before"])
      .optional()
      .openapi({
        description:
          "before: `inWords` compares with the same length of time before, as it stood then; " +
          "nothing where there is none, as for what stands at one moment and for trends",
      }),
    ...Object.fromEntries(dimensions.map((name) => [name, filterOf(name)])),
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
const listSchema = z.strictObject({
  reports: z.array(
    z.strictObject({
      name: z.string(),
      question: z.string(),
      period: z.string(),
      dimensions: z.array(z.string()),
      hasPicture: z.boolean(),
      metrics: z.array(
        z.strictObject({
          name: z.string(),
          article: z.string(),
          section: z.string(),
          column: z.string(),
        }),
      ),
      columns: z.array(
        z.strictObject({
          name: z.string(),
          kind: z.enum(columnKinds),
          meaning: z.string(),
          isLeads: z.boolean().openapi({ description: "ids of the leads behind a line" }),
        }),
      ),
    }),
  ),
});
const listAnswer = {
  200: {
    description: "Name, question and columns of each",
    content: { "application/json": { schema: listSchema } },
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
export function reportRoutes(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.openapi(
    get("/reports/conservation", describe.conservation, conservationQuery, answer),
    async (c) => {
      const period = periodOf(c.req.valid("query"), c.var.receivedAt);
      const { running, broken, count } = await processes(deps, c.req.raw);
      const report = await deps.longReads.read(c.req.raw, (db) =>
        conservation(db, period, running, broken, count),
      );
      return c.json(withPeriod(inIso(period), report), 200);
    },
  );
  routes.openapi(
    get("/reports/conservation.csv", describe.conservation, conservationQuery, csvAnswer),
    async (c) => {
      const period = periodOf(c.req.valid("query"), c.var.receivedAt);
      return csv(c, conservationCsv(await keptConservation(deps, c, period)), "conservation");
    },
  );
  routes.openapi(get("/reports", "Which reports there are", z.strictObject({}), listAnswer), (c) =>
    c.json(readReports(), 200),
  );
  for (const report of reports) addReport(routes, deps, report);
  return routes;
}

/** Nothing is lost, by what is written down: without asking which processes run. */
export function keptConservation(deps: AppDeps, c: Context<AppEnv>, period: ReportPeriod) {
  return deps.longReads.read(c.req.raw, (db) => conservation(db, period, null, null));
}

const takesTime =
  "Over years it may take up to 23 seconds. Few such questions are answered at once; a 503 " +
  "`takes-too-long` says when to ask again, or to ask about less.";

/** A report as JSON, as CSV and, where it has one, as a picture. */
function addReport(routes: Routes, deps: AppDeps, report: ReportFile): void {
  const path = `/reports/${report.name}`;
  const query = queryOf(report);
  const content = { "application/json": { schema: reportSchema(report) } };
  const json = { 200: { description: "The figures", content }, ...problemResponses };
  const table = {
    method: "get" as const,
    tags: ["reports"],
    summary: report.question,
    description: takesTime,
  };
  const request = { query };
  routes.openapi(createRoute({ ...table, path, request, responses: json }), async (c) => {
    const question = questionOf(report, c, c.req.valid("query"));
    const { from, to, asOf, ...figures } = await answered(deps, c, question, (ask) =>
      figuresOf(report, ask, comparesBy(c.req.query())),
    );
    return c.json(withPeriod({ from, to, asOf }, figures), 200);
  });
  routes.openapi(
    createRoute({ ...table, path: `${path}.csv`, request, responses: csvAnswer }),
    (c) => csvOf(deps, c, report, questionOf(report, c, c.req.valid("query"))),
  );
  if (report.picture === null) return;
  routes.openapi(
    createRoute({ ...table, path: `${path}.svg`, request, responses: svgAnswer }),
    (c) => pictureOf(deps, c, report, questionOf(report, c, c.req.valid("query"))),
  );
}

const comparesBy = (query: Given) => query["compare"] === "before";

/** The figures of a report with their words, which compare with the time before where that is asked. */
async function figuresOf(report: ReportFile, ask: ReportAsk, compares: boolean) {
  const rows = await report.rows(ask);
  const before = compares ? asLongBefore(report, ask) : null;
  const rowsThen = before && (await report.rows({ ...ask, ...before }));
  const { from, to, asOf, knowledge, filters, groupBy } = ask;
  const shown = Object.keys(report.columns);
  const inWords = paragraphOf(report.paragraph, {
    rows,
    before: rowsThen,
    groupBy,
    shown,
    asOf,
    subjects: subjectsOf(ask),
  });
  const people = await actorNames(ask.db, peopleIn([rows, inWords]));
  return {
    ...inIso({ from, to, asOf }),
    report: report.name,
    knowledge,
    filters,
    groupBy,
    before: before && inIso(before),
    inWords: withNames(inWords, people),
    people,
    rows,
  };
}

async function csvOf(
  deps: AppDeps,
  c: Context<AppEnv>,
  report: ReportFile,
  question: Question,
): Promise<Response> {
  const rows = await answered(deps, c, question, (ask) => report.rows(ask));
  return csv(c, reportCsv(report, rows), report.name);
}

async function pictureOf(
  deps: AppDeps,
  c: Context<AppEnv>,
  report: ReportFile,
  question: Question,
): Promise<Response> {
  const drawn = await answered(deps, c, question, async (ask) => {
    const [found, goals] = [await report.rows(ask), await goalsOf(report, ask)];
    const rows = rowsWithNames(found, await actorNames(ask.db, peopleIn(found)));
    return drawReport({ report, question: ask, rows, goals });
  });
  return pictureAnswer(c, drawn, report.name);
}

/** Parameters of the address, as they were given. */
type Given = Readonly<Record<string, string>>;
type Figures = Awaited<ReturnType<typeof figuresOf>>;

/** The figures of the report of this name. The asker has the reach of the report's request. */
export async function readReport(
  deps: AppDeps,
  c: Context<AppEnv>,
  asker: Asker,
  name: string,
  given: Given,
): Promise<Figures> {
  const report = reportNamed(name);
  return answered(deps, c, parsedQuestion(report, asker, given), (ask) =>
    figuresOf(report, ask, comparesBy(given)),
  );
}

/** The same as a table to be kept. */
export async function readReportCsv(
  deps: AppDeps,
  c: Context<AppEnv>,
  asker: Asker,
  name: string,
  given: Given,
): Promise<Response> {
  const report = reportNamed(name);
  return csvOf(deps, c, report, parsedQuestion(report, asker, given));
}

/** The same as a picture; throws a 404 for a report that has none. */
export async function readReportPicture(
  deps: AppDeps,
  c: Context<AppEnv>,
  asker: Asker,
  name: string,
  given: Given,
): Promise<Response> {
  const report = reportNamed(name);
  if (report.picture === null) throw notFound();
  return pictureOf(deps, c, report, parsedQuestion(report, asker, given));
}

function reportNamed(name: string): ReportFile {
  const report = reports.find((one) => one.name === name);
  if (!report) throw notFound();
  return report;
}

function parsedQuestion(report: ReportFile, c: Asker, given: Given): Question {
  const query = queryOf(report).safeParse(given);
  if (query.success) return questionOf(report, c, query.data);
  const issue = query.error.issues[0];
  throw new Problem("invalid", {
    field: issue?.path.join(".") || "address",
    detail: issue?.message ?? "not as described",
  });
}

/** A question, and how far its asker reaches. */
type Question = Omit<ReportQuestion, "repIds"> & { readonly scope: Scope };

/**
 * The question of a request. A manager's figures about people are those of the team. Any report
 * that is asked by rep is about people, and is for whoever may read the report `reps`.
 */
function questionOf(
  report: ReportFile,
  c: Asker,
  query: Readonly<Record<string, unknown>>,
): Question {
  const asked = query as Partial<Pick<ReportAsk, "knowledge" | "groupBy">> &
    Readonly<Record<string, string>>;
  const { role } = c.var.caller;
  const isPersonal = asked.groupBy === "rep" || asked["rep"] !== undefined;
  const scope = isPersonal ? scopeOf("GET /reports/reps", role) : c.var.scope;
  if (scope === undefined)
    throw new Problem("forbidden", {
      field: asked.groupBy === "rep" ? "groupBy" : "rep",
      detail: `figures about single people are not for the role ${role}`,
    });
  const period = periodOf(query, c.var.receivedAt);
  const detail = notOfThen(report, period, c.var.receivedAt);
  if (detail !== null) throw new Problem("invalid", { field: "asOf", detail });
  return {
    ...period,
    knowledge: asked.knowledge ?? "now",
    groupBy: asked.groupBy ?? null,
    filters: Object.fromEntries(
      report.dimensions.flatMap((name) => {
        const wanted = asked[name];
        return wanted === undefined ? [] : [[name, wanted]];
      }),
    ),
    scope,
  };
}

/** What `work` makes of a question, for however long it reads. */
function answered<T>(
  { longReads, agreements }: AppDeps,
  c: Context<AppEnv>,
  { scope, ...question }: Question,
  work: (ask: ReportAsk) => Promise<T>,
): Promise<T> {
  return longReads.read(c.req.raw, async (db) => {
    const reach = await reachOf(db, scope, c.var.caller.repId);
    const repIds = reach.kind === "all" ? null : reach.repIds;
    return work({ ...question, repIds, db, agreements });
  });
}

/** Which reports there are. */
export function readReports(): z.output<typeof listSchema> {
  return { reports: reports.map(describedReport) };
}

function describedReport(report: ReportFile) {
  const { name, question, period, dimensions, metrics, columns, picture } = report;
  const described = Object.entries(columns).map(([column, of]) => ({
    name: column,
    kind: of.kind,
    meaning: of.meaning,
    isLeads: of === leads,
  }));
  const shown = { metrics: [...metrics], columns: described, hasPicture: picture !== null };
  return { name, question, period, dimensions: [...dimensions], ...shown };
}

function periodOf(query: Parameters<typeof reportPeriod>[0], now: number): ReportPeriod {
  const period = reportPeriod(query, now);
  if ("field" in period) throw new Problem("invalid", period);
  return period;
}

function inIso({ from, to, asOf }: ReportPeriod): Period {
  return { from: isoOf(from), to: isoOf(to), asOf: isoOf(asOf) };
}

type Period = Readonly<Record<"from" | "to" | "asOf", string>>;

function withPeriod(period: Period, figures: object): z.output<typeof figuresSchema> {
  return { ...period, ...figures };
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
