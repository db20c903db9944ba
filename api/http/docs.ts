import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { authorisation } from "./authorisation.ts";
import { newRoutes, type Routes } from "../deps.ts";
import { problemCodes } from "./errors.ts";

const page = readFileSync(fileURLToPath(new URL("docs.html", import.meta.url)), "utf8");
const script = readFileSync(fileURLToPath(new URL("docs.browser.js", import.meta.url)), "utf8");

/** The document of all mounted routes, with who may use each and the closed list of problems. */
export type Description = ReturnType<Routes["getOpenAPI31Document"]>;

/**
 * Describes `app` as OpenAPI 3.1. `x-roles` says who may use an operation, `x-problems` lists the
 * codes.
 */
export function describeApi(app: Routes): Description {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Baton",
      version: "1",
      description:
        "Durable handoff of leads from marketing to sales. Instants are ISO 8601 with offset, " +
        "durations ISO 8601; errors are application/problem+json.",
    },
  });
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(operations ?? {})) {
      const row = authorisation[`${method.toUpperCase()} ${path}`];
      if (row === "public") Object.assign(operation, { security: [], "x-roles": "everybody" });
      else if (row) Object.assign(operation, { security: [{ token: [] }], "x-roles": row });
    }
  }
  document.components = {
    ...document.components,
    securitySchemes: { token: { type: "http", scheme: "bearer" } },
  };
  const problems = Object.entries(problemCodes).map(([code, [status, title]]) => ({
    code,
    status,
    title,
  }));
  return Object.assign(document, { "x-problems": problems });
}

/**
 * `/openapi.json`, and a page that renders it with a script of our own: nothing is loaded from
 * elsewhere.
 */
export function docsRoutes(document: () => Description): Routes {
  const app = newRoutes();
  // It does not change, and anybody may ask for it as often as they like.
  let kept: string | undefined;
  app.get("/openapi.json", (c) =>
    c.body((kept ??= JSON.stringify(document())), 200, { "content-type": "application/json" }),
  );
  app.get("/docs", (c) =>
    c.html(page, 200, {
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; " +
        "base-uri 'none'; frame-ancestors 'none'",
    }),
  );
  app.get("/docs.js", (c) =>
    c.body(script, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  return app;
}
