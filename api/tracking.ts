import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { inTransaction } from "../store/postgres/db.ts";
import { track } from "../store/intake/tracking.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";
import { activeAgreement } from "./intake.ts";
import { readCall, segmentCall, segmentTypes } from "./tracking-messages.ts";

const batchSchema = z.looseObject({
  batch: z.array(z.unknown()).min(1).max(500),
  sentAt: z.string().max(40).nullish(),
});
const refusalSchema = z.object({
  message: z.number().int().openapi({ description: "place in the batch, from 0" }),
  field: z.string(),
  detail: z.string(),
});
const answerSchema = z.object({
  success: z.literal(true),
  accepted: z.number().int(),
  ignored: z.array(z.string()),
  refused: z.array(refusalSchema),
});
const answers = {
  200: {
    description: "Stored; each messageId counts once",
    content: { "application/json": { schema: answerSchema } },
  },
  ...problemResponses,
};

/**
 * Segment's HTTP tracking API, so that its client libraries work unchanged: the write key (a token
 * with the role `tracking`) as the user of Basic, or as Bearer. A single call that is not as
 * expected is a 422; in a batch the others are stored and the refused ones are listed, for trackers
 * throw a whole batch away on a 4xx.
 */
export function trackingRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  for (const type of segmentTypes) {
    const route = createRoute({
      method: "post",
      path: `/v1/${type}`,
      summary: `Segment-compatible ${type}`,
      request: {
        body: { required: true, content: { "application/json": { schema: z.looseObject({}) } } },
      },
      responses: answers,
    });
    routes.openapi(route, async (c) => {
      const answer = await receive(deps, c, [{ ...c.req.valid("json"), type }], undefined);
      const [refused] = answer.refused;
      if (refused) throw new Problem("invalid", { field: refused.field, detail: refused.detail });
      return c.json(answer, 200);
    });
  }
  const route = createRoute({
    method: "post",
    path: "/v1/batch",
    summary: "Segment-compatible batch",
    request: { body: { required: true, content: { "application/json": { schema: batchSchema } } } },
    responses: answers,
  });
  routes.openapi(route, async (c) => {
    const { batch, sentAt } = c.req.valid("json");
    return c.json(await receive(deps, c, batch, sentAt ?? undefined), 200);
  });
  return routes;
}

/**
 * Facts that a write key may not set are counted and not answered: a write key is public, and its
 * holder is not to learn which facts count.
 */
async function receive(
  deps: ApiDeps,
  c: Context<AppEnv>,
  calls: readonly unknown[],
  sentAt: string | undefined,
): Promise<z.output<typeof answerSchema>> {
  const now = c.var.receivedAt;
  return inTransaction(deps.pool, async (tx) => {
    const { agreement } = await activeAgreement(deps, tx);
    const read = calls.map((call) => {
      const parsed = segmentCall.safeParse(call);
      if (parsed.success) return readCall(parsed.data, { now, sentAt, agreement });
      const issue = parsed.error.issues[0];
      return {
        field: issue?.path.join(".") || "type",
        problem: issue?.message ?? "expected a call in Segment's format",
      };
    });
    const messages = read.flatMap((one) => ("message" in one ? [one.message] : []));
    const { refused } = await track(tx, messages, { now, agreement });
    c.set("refusedFacts", refused);
    return {
      success: true as const,
      accepted: messages.length,
      ignored: read.flatMap((one) => ("message" in one ? one.ignored : [])),
      refused: read.flatMap((one, n) =>
        "message" in one ? [] : [{ message: n, field: one.field, detail: one.problem }],
      ),
    };
  });
}
