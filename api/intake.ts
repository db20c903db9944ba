import { createRoute, z } from "@hono/zod-openapi";
import { instantOf } from "../handoff/dates.ts";
import { stages } from "../handoff/stage.ts";
import { byKeyOf, inTransaction, type Db } from "../store/db.ts";
import { isKnownEngagement } from "../store/engagements.ts";
import { takeIn, type Arrival, type TakenIn } from "../store/intake.ts";
import { together } from "../store/together.ts";
import type { AgreementVersion } from "../store/agreements.ts";
import { newRoutes, type ApiDeps, type Caller, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./errors.ts";

/** An ISO 8601 time with offset, as epoch milliseconds. */
export const instant = z
  .string()
  .max(40)
  .refine((text) => instantOf(text) !== null, "a time such as 2026-11-23T16:30:00-05:00")
  .transform((text) => instantOf(text) ?? 0)
  .openapi({ type: "string", format: "date-time" });

const name = z.string().trim().min(1).max(300);

const arrivalSchema = z.strictObject({
  id: name.optional().openapi({ description: "our id, when you know it" }),
  crmId: name.optional(),
  externalId: name
    .optional()
    .openapi({ description: "your own id of the person; the same id is the same person" }),
  facts: z
    .record(
      z.string().max(200),
      z.union([
        z.string().max(10_000),
        z.number(),
        z.boolean(),
        z.array(z.string().max(10_000)).max(1000),
        z.null(),
      ]),
    )
    .openapi({
      description: "by the agreement's names",
      example: {
        "lead.email": "jo@example.com",
        "lead.source": "website",
        "account.employees": 250,
      },
    }),
  occurredAt: instant.optional().openapi({ description: "when this was true; now when absent" }),
  engagements: z
    .array(
      z.strictObject({
        id: name,
        type: name,
        topic: name.optional(),
        asset: name.optional(),
        occurredAt: instant.optional(),
      }),
    )
    .max(100)
    .optional(),
});

const takenSchema = z.object({
  id: z.string(),
  stage: z.enum(stages),
  url: z.string(),
  changed: z.array(z.string()),
});
const taken = (description: string) => ({
  description,
  content: { "application/json": { schema: takenSchema } },
});

const takeInRoute = createRoute({
  method: "post",
  path: "/leads",
  summary: "Take in a lead",
  description:
    "A 2xx means that the lead is stored and its process will run, whatever else is down.",
  request: { body: { required: true, content: { "application/json": { schema: arrivalSchema } } } },
  responses: {
    201: taken("A new lead"),
    200: taken("The person was known; facts are merged"),
    ...problemResponses,
  },
});

/** POST /leads. The answer is given when lead, facts and the telling that starts its process are committed; Temporal is not asked. */
export function intakeRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  // One batch at a time: the fewer transactions, the less each request costs. One that takes long does not hold up the others.
  const intake = (from: "crm" | "form") =>
    together(32, (arrivals: readonly Asked[]) => takeInBatch(deps, arrivals, from), 1, 30);
  const takers = { crm: intake("crm"), form: intake("form") };
  routes.openapi(takeInRoute, async (c) => {
    const now = c.get("receivedAt");
    const answer = await takers[sourceOf(c.get("caller"))]({
      arrival: toArrival(c.req.valid("json"), now),
      now,
    });
    deps.crashPoint?.("intake-committed");
    const { leadId, stage, changed, outcome } = accepted(answer);
    const url = `${deps.publicUrl}/leads/${leadId}`;
    c.header("location", url);
    return c.json(
      { id: leadId, stage, url, changed: [...changed] },
      outcome === "created" ? 201 : 200,
    );
  });
  return routes;
}

interface Asked {
  readonly arrival: Arrival;
  readonly now: number;
}

/** One transaction under the active agreement. Which that is, is asked along with the first statements; a batch that began with another begins again. */
async function takeInBatch(
  deps: Pick<ApiDeps, "pool" | "agreements">,
  asked: readonly Asked[],
  from: "crm" | "form",
  expectsNew = true,
): Promise<readonly TakenIn[]> {
  const begun = deps.agreements.lastActive();
  try {
    return await inTransaction(byKeyOf(deps.pool), async (tx) => {
      const asking = activeAgreement(deps, tx);
      const version = begun ?? (await asking);
      const context = {
        now: Math.max(...asked.map((one) => one.now)),
        from,
        lane: 1,
        agreement: version.agreement,
        expectsNew,
      } as const;
      // Both to their end, or the one that is slower would still be asking when the transaction is over.
      const [active, taken] = await Promise.allSettled([
        asking,
        takeIn(
          tx,
          asked.map((one) => one.arrival),
          context,
        ),
      ]);
      if (active.status === "rejected") throw active.reason;
      if (taken.status === "rejected") throw taken.reason;
      if (active.value.id !== version.id) throw new Superseded();
      return taken.value;
    });
  } catch (error) {
    if (error instanceof Superseded) return takeInBatch(deps, asked, from, expectsNew);
    if (expectsNew && isKnownEngagement(error)) return takeInBatch(deps, asked, from, false);
    throw error;
  }
}

/** Another version became active; nothing of the batch is stored. */
class Superseded extends Error {}

function toArrival(body: z.output<typeof arrivalSchema>, now: number): Arrival {
  if (!body.id && !body.crmId && !body.externalId && typeof body.facts["lead.email"] !== "string") {
    throw new Problem("invalid", {
      field: "facts.lead.email",
      detail:
        "expected an e-mail address, or one of id, crmId, externalId, so that the person can be recognised",
    });
  }
  return {
    ...(body.id === undefined ? {} : { id: body.id }),
    ...(body.crmId === undefined ? {} : { crmId: body.crmId }),
    ...(body.externalId === undefined ? {} : { externalId: body.externalId }),
    facts: body.facts,
    ...(body.occurredAt === undefined ? {} : { occurredAt: body.occurredAt }),
    engagements: (body.engagements ?? []).map(({ id, type, topic, asset, occurredAt }) => ({
      messageId: id,
      type,
      occurredAt: occurredAt ?? body.occurredAt ?? now,
      ...(topic === undefined ? {} : { topic }),
      ...(asset === undefined ? {} : { asset }),
    })),
  };
}

/** Where facts of this caller come from. */
function sourceOf(caller: Caller): "crm" | "form" {
  return caller.role === "crm" ? "crm" : "form";
}

function accepted(
  answer: TakenIn | undefined,
): Exclude<TakenIn, { outcome: "erased" | "refused" }> {
  if (!answer) throw new Error("intake gave no answer");
  // What the store calls a message's id is called `id` here.
  if (answer.outcome === "refused")
    throw new Problem("invalid", {
      field: answer.field.replace(/^(engagements\.\d+)\.messageId$/, "$1.id"),
      detail: answer.message,
    });
  if (answer.outcome === "erased")
    throw new Problem("conflict", { detail: "this person asked to be erased; nothing was stored" });
  return answer;
}

/** The active version; 503 while there is none, for no lead can be judged without it. */
export async function activeAgreement(
  deps: Pick<ApiDeps, "agreements">,
  db: Db,
): Promise<AgreementVersion> {
  const version = await deps.agreements.active(db);
  if (!version)
    throw new Problem("unavailable", {
      detail: "no agreement is active; publish one with `npx baton agreement publish FILE`",
      retryAfter: 30,
    });
  return version;
}
