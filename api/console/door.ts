import type { Context, MiddlewareHandler } from "hono";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { Problem } from "../http/errors.ts";
import { isConsole } from "./paths.ts";

/**
 * What every request of the console passes first. A form must come from a page of ours: whatever
 * another site sends with this browser's cookie is refused. And pages are shown at one address, for
 * the cookie is of one host.
 */
export function consoleDoor({ publicUrl }: Pick<ApiDeps, "publicUrl">): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    if (!isConsole(c.req.path)) return next();
    const own = new URL(publicUrl);
    const { method } = c.req;
    if (method === "GET" || method === "HEAD") {
      const asked = new URL(c.req.url);
      const here = listening(c);
      const isElsewhere = here !== undefined && asked.host !== own.host && asked.host !== here;
      // A proxy may give us another name than people use; it knows which one that is.
      if (!isElsewhere || isProxied(c)) return next();
      return Promise.resolve(c.redirect(`${own.origin}${asked.pathname}${asked.search}`, 302));
    }
    const origin = c.req.header("origin");
    const here = listening(c);
    const isOurs = origin === own.origin || (here !== undefined && origin === `http://${here}`);
    const site = c.req.header("sec-fetch-site");
    if (!isOurs || (site !== undefined && site !== "same-origin"))
      throw new Problem("forbidden", { detail: "this form was not sent by a page of Baton" });
    return next();
  };
}

/** Address and port that the request came in at; undefined without a connection. */
function listening(c: Context<AppEnv>): string | undefined {
  const env = c.env as
    { incoming?: { socket: { localAddress?: string; localPort?: number } } } | undefined;
  const { localAddress, localPort } = env?.incoming?.socket ?? {};
  if (localAddress === undefined || localPort === undefined) return undefined;
  const plain = localAddress.replace(/^::ffff:(?=\d+\.)/i, "");
  const host = plain.includes(":") ? `[${plain}]` : plain;
  return localPort === 80 ? host : `${host}:${localPort}`;
}

function isProxied(c: Context<AppEnv>): boolean {
  return ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via"].some(
    (name) => c.req.header(name) !== undefined,
  );
}
