import type { Context, MiddlewareHandler } from "hono";
import { batched } from "../../store/postgres/batch.ts";
import { findTokens } from "../../store/access/tokens.ts";
import { isConsole, paths } from "../console/paths.ts";
import { authorisation, type Row } from "./authorisation.ts";
import type { ApiDeps, AppEnv, Caller } from "../deps.ts";
import { Problem } from "./errors.ts";
import type { Rates } from "./rates.ts";
import { routeOf } from "./route-key.ts";
import { sessionFinder } from "./session.ts";

/**
 * Lets a request through to its route when its token may use it, and notes caller and reach.
 * An address that no route answers goes on to `notFound`, with or without a token.
 */
export function gate(
  deps: Pick<ApiDeps, "keyed" | "clock" | "publicUrl">,
  rates: Rates,
): MiddlewareHandler<AppEnv> {
  const { keyed, clock } = deps;
  const findSession = sessionFinder(deps);
  // Looked up after the request has arrived, so that revoked tokens and tokens of leavers are
  // refused. Requests that arrive together share one statement. A request never waits for an
  // earlier statement: while Postgres is silent, it takes one time-out and not two.
  const found = (secrets: readonly string[]) => findTokens(keyed, secrets, clock());
  const tokenOf = batched(32, found, Number.POSITIVE_INFINITY);
  return async (c, next) => {
    const route = routeOf(c);
    if (route === undefined) return next();
    c.set("route", route);
    const row = authorisation[route];
    if (row === "public") return next();
    // The console knows the cookie alone, everything else the token alone.
    if (isConsole(c.req.path)) {
      if (!(await findSession(c)))
        throw new Problem("unauthenticated", { detail: "sign in to see this page" });
      letIn(c, row, c.var.caller);
      // What a page hears by itself is no question of the person's.
      if (c.req.path !== paths.live) await rates.token(c.var.caller.tokenId, c.var.caller.role);
      return next();
    }
    const secret = secretOf(c);
    if (secret !== undefined) await rates.mayTry(c, secret);
    const token = secret === undefined ? undefined : await tokenOf(secret);
    if (secret !== undefined) await rates.tried(c, secret, token !== undefined);
    if (!token)
      throw new Problem("unauthenticated", {
        detail: "send a valid token: Authorization: Bearer <token>",
      });
    await rates.token(token.id, token.role);
    const { id: tokenId, role, repId, party } = token;
    letIn(c, row, { tokenId, role, repId, party });
    return next();
  };
}

/** Notes who asks and how far they reach here; throws when their role may not. */
function letIn(c: Context<AppEnv>, row: Row | undefined, caller: Caller): void {
  const scope = row === "public" ? undefined : row?.[caller.role];
  if (!scope) throw new Problem("forbidden", { detail: `the role ${caller.role} may not do this` });
  c.set("caller", caller);
  c.set("scope", scope);
}

/**
 * Trackers send their write key as the user of Basic; nothing else may, for browsers repeat Basic
 * by themselves.
 */
function secretOf(c: Context<AppEnv>): string | undefined {
  const header = c.req.header("authorization") ?? "";
  const bearer = /^Bearer +([\w~+/.=-]{1,512}) *$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^Basic +([\w+/=-]{1,700}) *$/i.exec(header)?.[1];
  if (basic === undefined || !c.req.path.startsWith("/v1/")) return undefined;
  return Buffer.from(basic, "base64").toString("utf8").split(":")[0];
}
