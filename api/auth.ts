import type { Context, MiddlewareHandler } from "hono";
import { byKeyOf, type Pool } from "../store/db.ts";
import { together } from "../store/together.ts";
import { findTokens } from "../store/tokens.ts";
import { authorisation } from "./authorisation.ts";
import type { AppEnv } from "./deps.ts";
import { Problem } from "./errors.ts";
import { routeOf } from "./route-key.ts";

/**
 * Lets a request through to its route when its token may use it, and notes caller and reach.
 * An address that no route answers goes on to `notFound`, with or without a token.
 */
export function gate(pool: Pool): MiddlewareHandler<AppEnv> {
  // Looked up after the request has come, so a token that was revoked before is refused; those who come together share one
  // statement. Nobody waits for the statement of others: while Postgres is silent an answer has one time-out's time, not two.
  const tokenOf = together(
    32,
    (secrets: readonly string[]) => findTokens(byKeyOf(pool), secrets),
    Number.POSITIVE_INFINITY,
  );
  return async (c, next) => {
    const route = routeOf(c);
    if (route === undefined) return next();
    c.set("route", route);
    const row = authorisation[route];
    if (row === "public") return next();
    const secret = secretOf(c);
    const token = secret === undefined ? undefined : await tokenOf(secret);
    if (!token)
      throw new Problem("unauthenticated", {
        detail: "send a valid token: Authorization: Bearer <token>",
      });
    const scope = row?.[token.role];
    if (!scope)
      throw new Problem("forbidden", { detail: `the role ${token.role} may not do this` });
    c.set("caller", { tokenId: token.id, role: token.role, repId: token.repId });
    c.set("scope", scope);
    return next();
  };
}

/** Trackers send their write key as the user of Basic; nothing else may, for browsers repeat Basic by themselves. */
function secretOf(c: Context<AppEnv>): string | undefined {
  const header = c.req.header("authorization") ?? "";
  const bearer = /^Bearer +([\w~+/.=-]{1,512}) *$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^Basic +([\w+/=-]{1,700}) *$/i.exec(header)?.[1];
  if (basic === undefined || !c.req.path.startsWith("/v1/")) return undefined;
  return Buffer.from(basic, "base64").toString("utf8").split(":")[0];
}
