import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Context, MiddlewareHandler } from "hono";
import {
  claimKey,
  releaseKey,
  storeAnswers,
  type KeptAnswer,
  type RepeatableRequest,
} from "../../store/access/idempotency.ts";
import type { Tx } from "../../store/postgres/db.ts";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { Problem } from "./errors.ts";

/**
 * Routes whose sender has its own way of repeating: webhooks by event id, trackers by message id.
 */
const exempt = /^POST \/(webhooks\/|v1\/|imports$)/;

/**
 * `Idempotency-Key` on every POST: the same key and body give the same answer, another body 422, a
 * twin that is still running 409. A key is optional: without one a repeat is a new request. Only
 * 2xx answers are kept, for anything else changed nothing (a person's refused action is kept with
 * the action itself).
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
    const claimed = await claimKey(deps.pool, request, c.var.receivedAt);
    switch (claimed.kind) {
      case "done":
        return c.json(claimed.response as object, claimed.status as 200, claimed.headers);
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
    c.set("repeatable", request);
    await next();
    if (c.get("isAnswerKept") && c.res.ok) {
      deps.crashPoint?.("answer-kept");
    } else if (c.res.ok && c.res.headers.get("content-type")?.startsWith("application/json")) {
      const response: unknown = await c.res.clone().json();
      await storeAnswers(deps.pool, [
        { request, status: c.res.status, response, headers: headersOf(c.res.headers) },
      ]);
      deps.crashPoint?.("answer-kept");
    }
    // A database that is away keeps the claim; it lapses by itself. An answer that was kept stays.
    else await releaseKey(deps.pool, request).catch(() => undefined);
    return undefined;
  };
}

/** A form's double waits for the first in steps of this length, and so many times. */
const waitMs = 100;
const mostWaits = 20;

/**
 * Does `work` once for the key of a form, and leads the browser to the address that it gives; so
 * does every repeat. The double of a double click waits for the first, whose answer its browser has
 * dropped. `otherwise` is where a repeat goes whose first answer was lost.
 */
export async function answerOnce(
  deps: Pick<ApiDeps, "pool" | "crashPoint">,
  c: Context<AppEnv>,
  form: { readonly key: string; readonly bodyHash: string; readonly otherwise: string },
  work: () => Promise<string>,
): Promise<Response> {
  const request: RepeatableRequest = {
    caller: c.var.caller.tokenId,
    key: form.key,
    route: `POST ${c.req.path}`,
    bodyHash: form.bodyHash,
  };
  let claimed = await claimKey(deps.pool, request, c.var.receivedAt);
  for (let waits = 0; claimed.kind === "running" && waits < mostWaits; waits++) {
    await pause(waitMs);
    claimed = await claimKey(deps.pool, request, c.var.receivedAt);
  }
  switch (claimed.kind) {
    case "done":
      return c.redirect(claimed.headers["location"] ?? form.otherwise, 303);
    case "running":
      throw new Problem("unavailable", { detail: "the same form is still being carried out" });
    case "other-request":
      throw new Problem("key-reused", {
        field: "key",
        detail: "this form was sent before and said something else; open the page again",
      });
    case "first":
      break;
  }
  c.set("repeatable", request);
  try {
    const location = await work();
    await storeAnswers(deps.pool, [
      { request, status: 303, response: null, headers: { location } },
    ]);
    deps.crashPoint?.("answer-kept");
    return c.redirect(location, 303);
  } catch (error) {
    if (!c.get("isAnswerKept")) await releaseKey(deps.pool, request).catch(() => undefined);
    throw error;
  }
}

/**
 * Keeps the answer of this request in the transaction that does what was asked. A route that calls
 * this must give that answer.
 */
export async function keepAnswer(
  tx: Tx,
  c: Context<AppEnv>,
  answer: Omit<KeptAnswer, "headers">,
): Promise<void> {
  const request = c.get("repeatable");
  if (request === undefined) return;
  await storeAnswers(tx, [{ request, ...answer, headers: {} }]);
  c.set("isAnswerKept", true);
}

/** Headers that every answer has are made anew; the others belong to the answer. */
const everyAnswers = /^(content-(type|length)|cache-control|x-content-type-options|date)$/i;

function headersOf(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !everyAnswers.test(name)));
}
