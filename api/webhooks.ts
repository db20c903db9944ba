import { createRoute, z } from "@hono/zod-openapi";
import { webhooksOf } from "../crm/adapters.ts";
import { ChangeError, changePayload } from "../store/inbox/crm-change.ts";
import { inTransaction } from "../store/postgres/db.ts";
import type { CrmWebhooks } from "../crm/crm.ts";
import { receive } from "../store/inbox/inbox.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { textOfBody } from "./http/body.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { checkJson } from "./http/json.ts";

const receiveRoute = createRoute({
  method: "post",
  path: "/webhooks/{source}",
  tags: ["webhooks"],
  summary: "An outside system tells what happened",
  description:
    "Signed as standard-webhooks describes (webhook-id, webhook-timestamp, webhook-signature), " +
    "over the raw bytes. A 2xx means stored; it is processed later, each change once, whether " +
    "a webhook or a pull brings it.",
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

/**
 * POST /webhooks/{source}. A source without a secret does not exist. When Postgres is away the
 * answer is 503 and the sender tries again.
 */
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
    const crm = webhooksOf(source);
    const request = {
      method: c.req.method,
      address: `${deps.publicUrl}${c.req.path}`,
      header: (name: string) => c.req.header(name),
      body: bytes,
    };
    const verified = crm.verify(request, secrets, c.var.receivedAt);
    if (!verified.ok) throw new Problem("unauthenticated", { detail: verified.because });
    const events = eventsOf(crm, verified.id, payloadOf(bytes));
    const isNew = await inTransaction(deps.pool, async (tx) => {
      let fresh = false;
      for (const event of events)
        fresh =
          (await receive(tx, { source: `crm:${source}`, ...event }, c.var.receivedAt)) || fresh;
      return fresh;
    });
    return c.json({ id: verified.id, isNew }, 202);
  });
  return routes;
}

/**
 * The changes of a webhook, each under its own id, so that one that a pull brings as well counts
 * once. What cannot be read is stored as it came: a person is shown it, and the sender need not try
 * again.
 */
function eventsOf(
  crm: CrmWebhooks,
  id: string,
  payload: unknown,
): readonly { readonly eventId: string; readonly payload: unknown }[] {
  try {
    return crm
      .translate(payload)
      .map((change) => ({ eventId: change.id, payload: changePayload(change) }));
  } catch (error) {
    if (!(error instanceof ChangeError)) throw error;
    return [{ eventId: id, payload }];
  }
}

/** What Postgres can store as it came; whether it means anything is judged when it is processed. */
function payloadOf(bytes: Uint8Array): unknown {
  const text = textOfBody(bytes);
  const wrong = checkJson(text);
  if (wrong)
    throw new Problem(wrong.code, {
      detail: wrong.detail,
      ...(wrong.field === undefined ? {} : { field: wrong.field }),
    });
  return JSON.parse(text);
}
