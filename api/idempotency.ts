import { createHash } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { claim, giveUp, keepAnswer, type RepeatableRequest } from "../store/idempotency.ts";
import type { ApiDeps, AppEnv } from "./deps.ts";
import { Problem } from "./errors.ts";

/** Routes whose sender has its own way of repeating: webhooks by event id, trackers by message id. */
const exempt = /^POST \/(webhooks\/|v1\/|imports$)/;

/**
 * `Idempotency-Key` on every POST: the same key and body give the same answer, another body 422, a twin that is
 * still running 409. A key is optional: without one a repeat is a new request. Only 2xx answers are kept, for
 * anything else changed nothing (a person's refused action is kept with the action itself).
 */
export function idempotency(deps: Pick<ApiDeps, "pool" | "crashPoint">): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const key = c.req.header("idempotency-key");
    if (
      c.req.method !== "POST" ||
      key === undefined ||
      c.get("caller") === undefined ||
      exempt.test(c.get("route"))
    )
      return next();
    if (!/^[\x21-\x7e]{1,200}$/.test(key))
      throw new Problem("invalid", {
        field: "idempotency-key",
        detail: "expected: 1 to 200 visible ASCII characters",
      });
    const request: RepeatableRequest = {
      caller: c.var.caller.tokenId,
      key,
      route: `POST ${c.req.path}`,
      bodyHash: createHash("sha256")
        .update(c.req.bodyCache.text === undefined ? "" : await c.req.text())
        .digest("hex"),
    };
    const claimed = await claim(deps.pool, request, c.var.receivedAt);
    switch (claimed.kind) {
      case "done":
        return c.json(claimed.response as object, claimed.status as 200);
      case "running":
        throw new Problem("still-running", {
          retryAfter: 1,
          detail: "the same request is still being carried out; ask again with the same key",
        });
      case "other-request":
        throw new Problem("key-reused", {
          field: "idempotency-key",
          detail: "this key belongs to another request; use a new one",
        });
      case "first":
        break;
    }
    await next();
    if (c.res.ok && c.res.headers.get("content-type")?.startsWith("application/json")) {
      await keepAnswer(deps.pool, request, c.res.status, await c.res.clone().json());
      deps.crashPoint?.("answer-kept");
    }
    // A database that is away keeps the claim; it lapses by itself.
    else await giveUp(deps.pool, request).catch(() => undefined);
    return undefined;
  };
}
