import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "../deps.ts";

/** A registered route as the tables name it: "GET", "/leads/:id" -> "GET /leads/{id}". */
export function routeKey(method: string, path: string): string {
  const template = path.replace(/:([A-Za-z]\w*)(\{(?:[^{}]|\{[^{}]*\})*\})?\??/g, "{$1}");
  return `${method} ${template}`;
}

/**
 * The route that will answer this request, or undefined when there is none (middleware does not
 * count).
 */
export function routeOf(c: Context<AppEnv>): string | undefined {
  const route = matchedRoutes(c).findLast((matched) => matched.method !== "ALL");
  return route && routeKey(route.method, route.path);
}
