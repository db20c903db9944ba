import type { MiddlewareHandler } from "hono";
import { whyNotServe } from "../../store/postgres/schema.ts";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { Problem } from "./errors.ts";
import { routeOf } from "./route-key.ts";

/** What is answered whatever the database is like. */
const always = new Set([
  "GET /healthz",
  "GET /readyz",
  "GET /metrics",
  "GET /openapi.json",
  "GET /docs",
  "GET /docs.js",
]);

/**
 * Answers 503 while the database's migrations are none that this version may serve on: what it
 * would write could be wrong for the version that migrated.
 */
export function onlyOnItsSchema({ schema }: Pick<ApiDeps, "schema">): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    if (whyNotServe(schema?.fit()) !== null && !always.has(routeOf(c) ?? ""))
      throw new Problem("unavailable", {
        detail: "this version does not go with the database; GET /readyz says why",
        retryAfter: 5,
      });
    return next();
  };
}
