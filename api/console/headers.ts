import type { MiddlewareHandler } from "hono";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { isConsole, isOfMail } from "./paths.ts";

/** Everything comes from here and goes here. The icon is within the page. */
const always = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];
/** A script makes no HTML but by the policy `baton`. */
const policy = [
  ...always,
  "script-src 'self'",
  "connect-src 'self'",
  "trusted-types baton",
  "require-trusted-types-for 'script'",
].join("; ");
/** Nothing runs on a page that a mail leads to. */
const policyOfMail = [...always, "script-src 'none'"].join("; ");

/**
 * The headers of every answer of the console, besides those of every answer. The referrer is for us
 * alone: addresses of links are keys. With none at all a browser would not say where a form came
 * from, either.
 */
export function consoleHeaders(publicUrl: string, path: string): Readonly<Record<string, string>> {
  return {
    "content-security-policy": isOfMail(path) ? policyOfMail : policy,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
    ...(publicUrl.startsWith("https:") ? { "strict-transport-security": "max-age=31536000" } : {}),
  };
}

/** Puts them on every answer of the console. */
export function withConsoleHeaders({
  publicUrl,
}: Pick<ApiDeps, "publicUrl">): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (!isConsole(c.req.path)) return next();
    const headers = Object.entries(consoleHeaders(publicUrl, c.req.path));
    // Beforehand: a header that comes to an answer makes a new one.
    for (const [name, value] of headers) c.header(name, value);
    await next();
    for (const [name, value] of headers) if (!c.res.headers.has(name)) c.header(name, value);
    return undefined;
  };
}
