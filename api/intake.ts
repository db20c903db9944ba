import { createRoute, z } from "@hono/zod-openapi";
import { withoutEdges } from "../handoff/facts/text.ts";
import { canHaveHappened, happenedWhen, instantOf } from "../handoff/time/dates.ts";
import { stages } from "../handoff/stage.ts";
import { inTransaction, type Db } from "../store/postgres/db.ts";
import { takeIn, type Arrival, type TakenIn } from "../store/intake/intake.ts";
import { batched } from "../store/postgres/batch.ts";
import type { AgreementVersion } from "../store/process/agreements.ts";
import { storeAnswers, type RepeatableRequest } from "../store/access/idempotency.ts";
import type { Role } from "../store/access/tokens.ts";
import { tellerOfRole } from "./http/authorisation.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";

/** An ISO 8601 time with offset, as epoch milliseconds. */
export const instant = z
  .string()
  .max(40)
  .refine((text) => instantOf(text) !== null, "a time such as 2026-11-23T16:30:00-05:00")
  .transform((text) => instantOf(text) ?? 0)
  .openapi({ type: "string", format: "date-time" });

/** A time at which something happened. */
const happened = instant
  .refine(canHaveHappened, happenedWhen)
  .openapi({ type: "string", format: "date-time" });

const name = z.string().overwrite(withoutEdges).min(1).max(300);

const arrivalSchema = z.strictObject({
  id: name.optional().openapi({ description: "our id, when you know it" }),
  crmId: name.optional(),
  crmAccountId: name.optional().openapi({
    description: "the CRM's id of the company; it names the account before any domain does",
  }),
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
  occurredAt: happened.optional().openapi({ description: "when this was true; now when absent" }),
  engagements: z
    .array(
      z.strictObject({
        id: name,
        type: name,
        topic: name.optional(),
        asset: name.optional(),
        occurredAt: happened.optional(),
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
  conflictsWith: z.array(z.string()).openapi({
    description:
      "other leads that one of the names sent belongs to; a task of the kind `conflict` asks " +
      "whether they are one person",
  }),
  notUnderstood: z
    .array(z.object({ field: z.string(), message: z.string() }))
    .openapi({ description: "facts that are kept as they came, and what was expected" }),
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

/**
 * POST /leads. The answer is given when lead, facts and the telling that starts its process are
 * committed; Temporal is not asked.
 */
export function intakeRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  // One batch at a time: the fewer transactions, the less each request costs. One that takes long
  // does not hold up the others.
  const intake = (from: "crm" | "form") =>
    batched(32, (arrivals: readonly Asked[]) => takeInBatch(deps, arrivals, from), 1, 30);
  const takers = { crm: intake("crm"), form: intake("form") };
  routes.openapi(takeInRoute, async (c) => {
    const now = c.get("receivedAt");
    const { role, tokenId } = c.get("caller");
    const arrival = { ...toArrival(c.req.valid("json"), now), by: tokenId };
    const request = c.get("repeatable");
    const answer = await takers[sourceOf(role)]({ arrival, now, request });
    deps.crashPoint?.("intake-committed");
    const { status, response, headers } = answerOf(accepted(answer), deps.publicUrl);
    if (request !== undefined) c.set("isAnswerKept", true);
    return c.json(response, status, headers);
  });
  return routes;
}

interface Asked {
  readonly arrival: Arrival;
  readonly now: number;
  /** Under its key the answer is kept with the lead. */
  readonly request: RepeatableRequest | undefined;
}

type Accepted = Exclude<TakenIn, { outcome: "erased" | "refused" }>;

function answerOf(taken: Accepted, publicUrl: string) {
  const { leadId, stage, changed, conflictsWith, outcome, notUnderstood } = taken;
  const url = `${publicUrl}/leads/${leadId}`;
  const response: z.output<typeof takenSchema> = {
    id: leadId,
    stage,
    url,
    changed: [...changed],
    conflictsWith: [...conflictsWith],
    notUnderstood: [...notUnderstood],
  };
  const status = outcome === "created" ? (201 as const) : (200 as const);
  return { status, response, headers: { location: url } };
}

/** One transaction under the active agreement. */
async function takeInBatch(
  deps: Pick<ApiDeps, "keyed" | "agreements" | "publicUrl">,
  asked: readonly Asked[],
  from: "crm" | "form",
): Promise<readonly TakenIn[]> {
  return inTransaction(deps.keyed, async (tx) => {
    const { agreement } = await activeAgreement(deps, tx);
    const now = Math.max(...asked.map((one) => one.now));
    const taken = await takeIn(
      tx,
      asked.map((one) => one.arrival),
      { now, from, lane: 1, agreement },
    );
    const answers = taken.flatMap((one, n) => {
      const request = asked[n]?.request;
      if (request === undefined || one.outcome === "refused" || one.outcome === "erased") return [];
      return [{ request, ...answerOf(one, deps.publicUrl) }];
    });
    await storeAnswers(tx, answers);
    return taken;
  });
}

function toArrival(body: z.output<typeof arrivalSchema>, now: number): Arrival {
  if (!body.id && !body.crmId && !body.externalId && typeof body.facts["lead.email"] !== "string") {
    throw new Problem("invalid", {
      field: "facts.lead.email",
      detail:
        "expected an e-mail address, or one of id, crmId, externalId, so that the person can " +
        "be recognised",
    });
  }
  return {
    ...(body.id === undefined ? {} : { id: body.id }),
    ...(body.crmId === undefined ? {} : { crmId: body.crmId }),
    ...(body.crmAccountId === undefined ? {} : { crmAccountId: body.crmAccountId }),
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

/** Where the facts of a role come from, so that what it may set is what the table says. */
function sourceOf(role: Role): "crm" | "form" {
  return tellerOfRole[role] === "crm" ? "crm" : "form";
}

function accepted(answer: TakenIn | undefined): Accepted {
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
