import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { inTransaction } from "../store/postgres/db.ts";
import { erasePerson } from "../store/intake/erasure.ts";
import { reopenLead } from "../store/process/reopen.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";
import { textIn } from "./http/format.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { leadHere } from "./http/reach.ts";

const params = z.object({ id: z.string().openapi({ description: "ld_…" }) });

export const reopenBody = z.strictObject({ why: textIn(500) });
const reopenedSchema = z.object({
  id: z.string(),
  stage: z.string(),
  cycle: z.number().int(),
  next: z.string(),
});

const reopenRoute = createRoute({
  method: "post",
  path: "/leads/{id}/reopen",
  tags: ["actions"],
  summary: "Start a disqualified lead again, audited",
  request: {
    params,
    body: {
      required: true,
      content: { "application/json": { schema: reopenBody } },
    },
  },
  responses: {
    202: {
      description: "Its process begins again at `new`",
      content: {
        "application/json": {
          schema: reopenedSchema,
        },
      },
    },
    ...problemResponses,
  },
});

const eraseRoute = createRoute({
  method: "delete",
  path: "/people/{id}",
  tags: ["leads"],
  summary: "Erase a person; a repeat changes nothing",
  request: { params },
  responses: {
    202: {
      description: "What was known is deleted; open processes end themselves",
      content: {
        "application/json": {
          schema: z.object({ id: z.string(), leads: z.array(z.string()), erased: z.literal(true) }),
        },
      },
    },
    ...problemResponses,
  },
});

/**
 * The two things that happen to a person rather than to a handoff: starting again, and being
 * forgotten.
 */
export function peopleRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(reopenRoute, async (c) =>
    c.json(await reopen(deps, c, c.req.valid("param").id, c.req.valid("json").why), 202),
  );

  app.openapi(eraseRoute, async (c) => {
    const lead = await leadHere(deps.pool, c, c.req.valid("param").id);
    const erased = await inTransaction(deps.pool, (tx) =>
      erasePerson(tx, lead.id, c.var.caller.tokenId, c.var.receivedAt),
    );
    return c.json({ id: lead.id, leads: [...erased.leads], erased: true as const }, 202);
  });

  return app;
}

/** Begins a closed lead again, because a person said so. */
export async function reopen(
  deps: ApiDeps,
  c: Context<AppEnv>,
  leadId: string,
  why: string,
): Promise<z.output<typeof reopenedSchema>> {
  const lead = await leadHere(deps.pool, c, leadId);
  const { caller, receivedAt } = c.var;
  const asked = { by: caller.repId ?? caller.tokenId, why };
  return inTransaction(deps.pool, async (tx) => {
    const reopened = await reopenLead(tx, deps.agreements, lead.id, asked, receivedAt);
    const { stage, waitingOn, owner, cycle, wakeFor } = reopened.standing;
    if (reopened.kind === "refused")
      throw new Problem("not-possible-now", {
        detail: reopened.because,
        state: { id: lead.id, stage, waitingOn, owner },
      });
    const response = { id: lead.id, stage, cycle, next: wakeFor };
    await keepAnswer(tx, c, { status: 202, response });
    return response;
  });
}
