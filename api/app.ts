import type { Context, MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { authorisation } from "./http/authorisation.ts";
import { accountActionRoutes } from "./account-actions.ts";
import { accountRoutes } from "./accounts.ts";
import { actionRoutes } from "./actions.ts";
import { agreementSigningRoutes } from "./agreement-signing.ts";
import { agreementRoutes } from "./agreement.ts";
import { boardRoutes } from "./board.ts";
import { gate } from "./http/auth.ts";
import { readBody, usualTimeoutMs } from "./http/body.ts";
import { consoleRoutes } from "./console/app.tsx";
import { consoleDoor } from "./console/door.ts";
import { withConsoleHeaders } from "./console/headers.ts";
import { offerRoutes } from "./console/offer.tsx";
import { isConsole } from "./console/paths.ts";
import { lateAnswer, problemAnswer } from "./console/problem.tsx";
import { placesOf } from "../settings/logger.ts";
import { newRoutes, type ApiDeps, type AppDeps, type AppEnv, type Routes } from "./deps.ts";
import { routingDispatcher } from "../store/routing/dispatcher.ts";
import { denials } from "./http/denials.ts";
import { describeApi, docsRoutes } from "./http/docs.ts";
import { asProblem, everyAnswer, Problem, problemResponse } from "./http/errors.ts";
import { withDeadline } from "./http/timeout.ts";
import { healthRoutes } from "./http/health.ts";
import { houseRoutes } from "./house/house.ts";
import { idempotency } from "./http/idempotency.ts";
import { createLongReads } from "./http/long-reads.ts";
import { importRoutes } from "./imports.ts";
import { intakeRoutes } from "./intake.ts";
import { clockRoutes } from "./clocks.ts";
import { leadRoutes } from "./leads.ts";
import { mailRoutes } from "./mail.ts";
import { createMetrics, type Metrics } from "./http/metrics.ts";
import { peopleRoutes } from "./people.ts";
import { queueRoutes } from "./queue.ts";
import { reasonRoutes } from "./reasons.ts";
import { reportRoutes } from "./reports.ts";
import { reviewSigningRoutes } from "./review-signing.ts";
import { reviewRoutes } from "./reviews.ts";
import { createRates } from "./http/rates.ts";
import { onlyOnItsSchema } from "./http/schema.ts";
import { createPlanner } from "./planning/planner.ts";
import { rosterRoutes } from "./roster.ts";
import { routeKey } from "./http/route-key.ts";
import { simulateRoutes } from "./simulate.ts";
import { systemRoutes } from "./system.ts";
import { taskRoutes } from "./tasks.ts";
import { rosterWeeksRoutes } from "./roster-weeks.ts";
import { teamRoutes } from "./team.ts";
import { trackingRoutes } from "./tracking.ts";
import { webhookRoutes } from "./webhooks.ts";

/**
 * The whole HTTP API. A request passes, in this order: stamp, headers and door of the console,
 * rates, schema, gate (token or session, and table), body, idempotency, route. Throws when a
 * mounted route has no row in the authorisation table.
 */
export function createApp(
  given: ApiDeps,
  modules: readonly ((deps: AppDeps) => Routes)[] = routeModules,
): Routes {
  const noteDenied = denials(given);
  const rates = createRates(given.rates);
  const deps: AppDeps = {
    ...given,
    dispatcher: routingDispatcher(given.routing),
    planner: given.url === undefined ? undefined : createPlanner(given.url, given.log),
    longReads: createLongReads(given, given.readMs),
    noteDenied,
    signInMail: rates.signInMail,
  };
  const app = newRoutes();
  const metrics = createMetrics();
  app.use("*", stamp(deps, metrics));
  app.use("*", withConsoleHeaders(deps));
  app.use("*", consoleDoor(deps));
  app.use("/console/*", compress({ encoding: "gzip" }));
  app.use("*", rates.perAddress);
  app.use("*", onlyOnItsSchema(deps));
  app.use("*", gate(deps, rates));
  app.use("*", readBody(deps.timeoutMs ?? usualTimeoutMs));
  app.use("*", idempotency(deps));
  for (const routes of modules) app.route("/", routes(deps));
  app.route("/", healthRoutes(deps, metrics));
  app.route(
    "/",
    docsRoutes(() => describeApi(app)),
  );
  // A program is answered with a problem, a person with a page about it.
  const answerProblem = (c: Context<AppEnv>, problem: Problem) =>
    isConsole(c.req.path) ? problemAnswer(deps, c, problem) : problemResponse(problem);
  app.notFound((c) => answerProblem(c, unanswered(app, c.req.method, c.req.path)));
  app.onError((error, c) => {
    const problem = asProblem(error);
    if (problem) {
      noteDenied(c, problem);
      return answerProblem(c, problem);
    }
    // Messages can quote what people wrote; name, code and place are enough to find the fault.
    deps.log.error(
      {
        route: c.var.route,
        error: error.name,
        code: (error as { code?: unknown }).code,
        at: placesOf(error),
      },
      "a request broke",
    );
    return answerProblem(
      c,
      new Problem("internal", { detail: "this request broke; the log says where" }),
    );
  });
  refuseUnlisted(app);
  withDeadline(app, (problem, request) =>
    isConsole(new URL(request.url).pathname)
      ? lateAnswer(deps, request, problem)
      : problemResponse(problem),
  );
  return app;
}

/** Health and documentation are always there; these are what the documentation describes. */
const routeModules: readonly ((deps: AppDeps) => Routes)[] = [
  leadRoutes,
  accountRoutes,
  accountActionRoutes,
  clockRoutes,
  reasonRoutes,
  actionRoutes,
  peopleRoutes,
  intakeRoutes,
  importRoutes,
  trackingRoutes,
  webhookRoutes,
  queueRoutes,
  boardRoutes,
  teamRoutes,
  rosterWeeksRoutes,
  taskRoutes,
  reviewRoutes,
  reviewSigningRoutes,
  simulateRoutes,
  agreementRoutes,
  agreementSigningRoutes,
  rosterRoutes,
  reportRoutes,
  mailRoutes,
  systemRoutes,
  consoleRoutes,
  offerRoutes,
  houseRoutes,
];

/** Stamps the arrival before anything else is done, and sets the headers that every answer has. */
function stamp(deps: ApiDeps, metrics: Metrics): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const began = process.hrtime.bigint();
    c.set("receivedAt", deps.clock());
    for (const [name, value] of Object.entries(everyAnswer)) c.header(name, value);
    // Whoever stands before us may have gone by the other one.
    if (hostsOf(c) > 1)
      throw new Problem("malformed", { field: "host", detail: "expected one Host header" });
    if (/%00/.test(c.req.url))
      throw new Problem("invalid", { field: "url", detail: "the NUL character is not allowed" });
    await next();
    // An answer that a route made without the context has none of them yet.
    for (const [name, value] of Object.entries(everyAnswer))
      if (!c.res.headers.has(name)) c.header(name, value);
    metrics.refused(c.get("refusedFacts") ?? []);
    metrics.answered(
      c.get("route") ?? "none",
      c.res.status,
      Number(process.hrtime.bigint() - began) / 1e9,
    );
    return undefined;
  };
}

/** How many Host headers a request has; Node shows the first alone. */
function hostsOf(c: Context<AppEnv>): number {
  const env = c.env as { incoming?: { rawHeaders: readonly string[] } } | undefined;
  const raw = env?.incoming?.rawHeaders ?? [];
  return raw.filter((name, n) => n % 2 === 0 && name.toLowerCase() === "host").length;
}

function unanswered(app: Routes, method: string, path: string): Problem {
  const others = ["GET", "POST", "PUT", "PATCH", "DELETE"].filter(
    (other) =>
      other !== method &&
      app.router.match(other, path)[0].some(([[, route]]) => route.method === other),
  );
  if (others.length === 0) return new Problem("not-found", { detail: "there is no such address" });
  return new Problem("method-not-allowed", { detail: `expected: ${others.join(" or ")}` });
}

/** A route that nobody thought about must not be open by accident. */
function refuseUnlisted(app: Routes): void {
  const unlisted = new Set(
    app.routes
      .filter((route) => route.method !== "ALL")
      .map((route) => routeKey(route.method, route.path))
      .filter((key) => !(key in authorisation)),
  );
  if (unlisted.size > 0)
    throw new Error(
      `these routes have no row in api/http/authorisation.ts: ${[...unlisted].join(", ")}`,
    );
}
