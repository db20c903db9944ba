import { createRoute, z } from "@hono/zod-openapi";
import { verifyWebhook } from "../crm/webhook.ts";
import { receive } from "../store/inbox.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./errors.ts";
import { checkJson } from "./json.ts";

const receiveRoute = createRoute({
  method: "post",
  path: "/webhooks/{source}",
  tags: ["webhooks"],
  summary: "An outside system tells what happened",
  description:
    "Signed as standard-webhooks describes (webhook-id, webhook-timestamp, webhook-signature), over the raw bytes. A 2xx means stored; it is processed later, once for each webhook-id.",
  request: {
    params: z.object({
      source: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,40}$/)
        .openapi({ example: "house" }),
    }),
  },
  responses: {
    202: {
      description: "Stored, now or before",
      content: { "application/json": { schema: z.object({ id: z.string(), isNew: z.boolean() }) } },
    },
    ...problemResponses,
  },
});

/** POST /webhooks/{source}. A source without a secret does not exist. When Postgres is away the answer is 503 and the sender tries again. */
export function webhookRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  routes.openapi(receiveRoute, async (c) => {
    const { source } = c.req.valid("param");
    // `constructor` is a name that every object knows; only what was configured is a source.
    const secrets =
      deps.webhookSecrets && Object.hasOwn(deps.webhookSecrets, source)
        ? (deps.webhookSecrets[source] ?? [])
        : [];
    if (secrets.length === 0) throw notFound();
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    const verified = verifyWebhook(
      secrets,
      {
        "webhook-id": c.req.header("webhook-id"),
        "webhook-timestamp": c.req.header("webhook-timestamp"),
        "webhook-signature": c.req.header("webhook-signature"),
      },
      bytes,
      c.var.receivedAt,
    );
    if (!verified.ok) throw new Problem("unauthenticated", { detail: verified.because });
    const isNew = await receive(
      deps.pool,
      { source: `crm:${source}`, eventId: verified.id, payload: payloadOf(bytes) },
      c.var.receivedAt,
    );
    return c.json({ id: verified.id, isNew }, 202);
  });
  return routes;
}

/** What Postgres can store as it came; whether it means anything is judged when it is processed. */
function payloadOf(bytes: Uint8Array): unknown {
  const text = new TextDecoder("utf-8").decode(bytes);
  const wrong = checkJson(text);
  if (wrong)
    throw new Problem(wrong.code, {
      detail: wrong.detail,
      ...(wrong.field === undefined ? {} : { field: wrong.field }),
    });
  return JSON.parse(text);
}
