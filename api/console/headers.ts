import type { MiddlewareHandler } from "hono";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { isConsole } from "./paths.ts";

/** Everything comes from here and goes here; a script makes no HTML but by the policy `baton`. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "trusted-types baton",
  "require-trusted-types-for 'script'",
].join("; ");

/** The headers of every answer of the console, besides those of every answer. */
export function consoleHeaders(publicUrl: string): Readonly<Record<string, string>> {
  return {
    "content-security-policy": policy,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
    ...(publicUrl.startsWith("https:") ? { "strict-transport-security": "max-age=31536000" } : {}),
  };
}

/** Puts them on; a page that says less about itself than that has its own. */
export function withConsoleHeaders({
  publicUrl,
}: Pick<ApiDeps, "publicUrl">): MiddlewareHandler<AppEnv> {
  const headers = Object.entries(consoleHeaders(publicUrl));
  return async (c, next) => {
    await next();
    if (!isConsole(c.req.path)) return;
    for (const [name, value] of headers) if (!c.res.headers.has(name)) c.header(name, value);
  };
}
