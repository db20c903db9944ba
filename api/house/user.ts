import { setTimeout } from "node:timers/promises";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Seen } from "../../handoff/process/event.ts";
import { longestDealStage } from "../../handoff/facts/past.ts";
import { channels, outcomes } from "../../handoff/process/outreach.ts";
import { roleOnRoster } from "../../store/routing/roster.ts";
import { troubleCacheMs } from "../../store/house/house.ts";
import {
  changeHouseOpportunity,
  createHouseLead,
  deleteHouseLead,
  finishHouseTask,
  houseStatuses,
  logHouseOutreach,
  mergeHouseLeads,
  openHouseOpportunity,
  setHouseFacts,
  setHouseOwner,
  setHouseStatus,
  setHouseTrouble,
  type HouseChange,
} from "../../store/house/user.ts";
import {
  logHouseAccountOutreach,
  setHouseAccountOwner,
  setHouseAccountStatus,
} from "../../store/house/user-of-accounts.ts";
import type { HouseAccount, HouseLead } from "../../store/house/rows.ts";
import { seenIn } from "../action-bodies.ts";
import { audit } from "../../store/postgres/audit.ts";
import { inTransaction, type Tx } from "../../store/postgres/db.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Routes } from "../deps.ts";
import { keepAnswer } from "../http/idempotency.ts";
import { notFound, Problem, problemResponses } from "../http/errors.ts";
import { dayIn, instantIn, textIn } from "../http/format.ts";
import { houseAccountSchema, houseAccountView, houseLeadSchema, houseLeadView } from "./view.ts";

const by = z.string().max(60).openapi({ description: "the CRM's user: a rep's id, rp_…" });
const seen = seenIn.optional().openapi({
  description:
    "what the user's page showed: `seen` of `GET /house/leads/{id}`; without it, what the " +
    "record shows now",
});
const amount = {
  amountMinor: z.int().min(0).nullable().optional().openapi({ description: "in minor units" }),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, { error: "expected three capitals such as USD" })
    .nullable()
    .optional(),
};
const hasCurrencyWithAmount = (body: {
  amountMinor?: number | null | undefined;
  currency?: string | null | undefined;
}) => (body.amountMinor == null) === (body.currency == null);
const amountNeedsCurrency = {
  path: ["currency"],
  error: "expected amount and currency together, or neither",
};

const dealStage = textIn(longestDealStage).openapi({
  description: "where it stands in your own words, such as Discovery or Proposal",
});

const bodies = {
  status: z
    .strictObject({
      by,
      status: z.enum(houseStatuses).openapi({
        description: "sal: accepted; sql: advanced; rejected (with a reason); handed-back",
      }),
      reason: textIn(100).optional(),
      revisitOn: dayIn.optional(),
      note: textIn(4_000).optional(),
      fitRating: z.int().min(1).max(5).optional(),
      timeline: textIn(200).optional(),
      buyingSignals: z.array(textIn(100)).max(20).optional(),
      seen,
    })
    .refine((body) => body.status !== "rejected" || body.reason !== undefined, {
      path: ["reason"],
      error: "expected why, with the status rejected",
    })
    .openapi("HouseStatus"),
  facts: z
    .strictObject({
      by,
      facts: z
        .record(
          z.string().regex(/^(lead|account)\.[A-Za-z]\w*$/, {
            error: "expected a field such as lead.phone",
          }),
          z.union([textIn(1_000), z.number(), z.boolean(), z.array(textIn(200)).max(100)]),
        )
        .refine((facts) => Object.keys(facts).length > 0, { error: "expected at least one fact" }),
    })
    .openapi("HouseFacts"),
  owner: z
    .strictObject({
      by,
      owner: z.string().min(1).max(60).nullable().openapi({
        description: "the CRM's user who has it from now on: a rep's id; null: nobody",
      }),
      seen,
    })
    .openapi("HouseOwner"),
  outreach: z
    .strictObject({
      by,
      channel: z.enum(channels),
      outcome: z.enum(outcomes),
      occurredAt: instantIn.optional(),
      seen,
    })
    .openapi("HouseOutreach"),
  opportunity: z
    .strictObject({
      by,
      stage: z.enum(["open", "won", "lost"]).default("open"),
      dealStage: dealStage.optional(),
      ...amount,
    })
    .refine(hasCurrencyWithAmount, amountNeedsCurrency)
    .openapi("HouseOpportunityOpened"),
  opportunityChange: z
    .strictObject({
      by,
      stage: z.enum(["open", "won", "lost"]).optional(),
      dealStage: dealStage.optional(),
      ...amount,
    })
    .refine(hasCurrencyWithAmount, amountNeedsCurrency)
    .openapi("HouseOpportunityChange"),
  merge: z
    .strictObject({
      by,
      into: z.string().max(60).openapi({ description: "the lead that survives" }),
    })
    .openapi("HouseMerge"),
  trouble: z
    .strictObject({
      kind: z.enum(["down", "busy", "unauthorized", "refused", "slow"]),
      field: textIn(100).optional(),
      waitMs: z.int().min(0).max(120_000).optional(),
    })
    .openapi("HouseTrouble"),
};

const tags = ["built-in CRM"];
const onOne = <B extends z.ZodType>(body: B) => ({
  params: z.object({ id: z.string().max(60) }),
  body: { required: true, content: { "application/json": { schema: body } } },
});
const changed = {
  200: {
    description: "The lead as it is now",
    content: { "application/json": { schema: houseLeadSchema } },
  },
  ...problemResponses,
};
const changedAccount = {
  200: {
    description: "The company as it is now",
    content: { "application/json": { schema: houseAccountSchema } },
  },
  ...problemResponses,
};
const nothing = { 204: { description: "Done" }, ...problemResponses };

const status = createRoute({
  method: "post",
  path: "/house/leads/{id}/status",
  tags,
  summary: "Accept, reject, advance or hand back, as the CRM's user",
  request: onOne(bodies.status),
  responses: changed,
});
const owner = createRoute({
  method: "post",
  path: "/house/leads/{id}/owner",
  tags,
  summary: "Give the lead to another user",
  request: onOne(bodies.owner),
  responses: changed,
});
const create = createRoute({
  method: "post",
  path: "/house/leads",
  tags,
  summary: "Make a record of a new person",
  request: {
    body: { required: true, content: { "application/json": { schema: bodies.facts } } },
  },
  responses: changed,
});
const facts = createRoute({
  method: "patch",
  path: "/house/leads/{id}",
  tags,
  summary: "Change facts",
  request: onOne(bodies.facts),
  responses: changed,
});
const accountStatus = createRoute({
  method: "post",
  path: "/house/accounts/{id}/status",
  tags,
  summary: "Accept, reject, advance or hand back a company, as the CRM's user",
  request: onOne(bodies.status),
  responses: changedAccount,
});
const accountOwner = createRoute({
  method: "post",
  path: "/house/accounts/{id}/owner",
  tags,
  summary: "Give a company's handoff to another user",
  request: onOne(bodies.owner),
  responses: changedAccount,
});
const accountOutreach = createRoute({
  method: "post",
  path: "/house/accounts/{id}/outreach",
  tags,
  summary: "Log an attempt to reach any person of a company",
  request: onOne(bodies.outreach),
  responses: changedAccount,
});
const outreach = createRoute({
  method: "post",
  path: "/house/leads/{id}/outreach",
  tags,
  summary: "Log a call or another attempt",
  request: onOne(bodies.outreach),
  responses: changed,
});
const open = createRoute({
  method: "post",
  path: "/house/leads/{id}/opportunities",
  tags,
  summary: "Open an opportunity",
  request: onOne(bodies.opportunity),
  responses: changed,
});
const change = createRoute({
  method: "patch",
  path: "/house/opportunities/{id}",
  tags,
  summary: "Change an opportunity: its deal stage, won, lost, amount",
  request: onOne(bodies.opportunityChange),
  responses: changed,
});
const merge = createRoute({
  method: "post",
  path: "/house/leads/{id}/merge",
  tags,
  summary: "Merge the lead into another one",
  request: onOne(bodies.merge),
  responses: changed,
});
const remove = createRoute({
  method: "delete",
  path: "/house/leads/{id}",
  tags,
  summary: "Delete the lead",
  request: { params: z.object({ id: z.string().max(60) }), query: z.strictObject({ by }) },
  responses: nothing,
});
const finish = createRoute({
  method: "post",
  path: "/house/tasks/{id}/done",
  tags,
  summary: "Tick a task off",
  request: { params: z.object({ id: z.string().max(60) }) },
  responses: nothing,
});
const trouble = createRoute({
  method: "put",
  path: "/house/trouble",
  tags,
  summary: "Rehearse an outage: how the CRM answers Baton from now on",
  request: {
    body: { required: true, content: { "application/json": { schema: bodies.trouble } } },
  },
  responses: nothing,
});
const calm = createRoute({
  method: "delete",
  path: "/house/trouble",
  tags,
  summary: "End the rehearsal",
  responses: nothing,
});

/**
 * What the users of the built-in CRM do. Every change of a lead is also an event in the inbox, as
 * with any other CRM.
 */
export function houseUserRoutes(deps: ApiDeps): Routes {
  const { pool } = deps;
  const routes = newRoutes();
  routes.openapi(status, async (c) => {
    const { by: user, seen: shown, ...told } = c.req.valid("json");
    return c.json(
      await done(deps, c, user, (tx) =>
        setHouseStatus(
          tx,
          c.req.valid("param").id,
          user,
          told,
          c.var.receivedAt,
          withoutGaps(shown),
        ),
      ),
      200,
    );
  });
  routes.openapi(owner, async (c) => {
    const { by: user, owner: to, seen: shown } = c.req.valid("json");
    const { id } = c.req.valid("param");
    return c.json(
      await done(deps, c, user, (tx) =>
        setHouseOwner(tx, id, user, to, c.var.receivedAt, withoutGaps(shown)),
      ),
      200,
    );
  });
  routes.openapi(accountStatus, async (c) => {
    const { by: user, seen: shown, ...told } = c.req.valid("json");
    const { id } = c.req.valid("param");
    return c.json(
      await doneAccount(deps, c, user, (tx) =>
        setHouseAccountStatus(tx, id, user, told, c.var.receivedAt, withoutGaps(shown)),
      ),
      200,
    );
  });
  routes.openapi(accountOwner, async (c) => {
    const { by: user, owner: to, seen: shown } = c.req.valid("json");
    const { id } = c.req.valid("param");
    return c.json(
      await doneAccount(deps, c, user, (tx) =>
        setHouseAccountOwner(tx, id, user, to, c.var.receivedAt, withoutGaps(shown)),
      ),
      200,
    );
  });
  routes.openapi(accountOutreach, async (c) => {
    const { by: user, seen: shown, ...told } = c.req.valid("json");
    const { id } = c.req.valid("param");
    const attempt = attemptOf(told, c.var.receivedAt);
    return c.json(
      await doneAccount(deps, c, user, (tx) =>
        logHouseAccountOutreach(tx, id, user, attempt, c.var.receivedAt, withoutGaps(shown)),
      ),
      200,
    );
  });
  routes.openapi(create, async (c) => {
    const { by: user, facts: told } = c.req.valid("json");
    return c.json(
      await done(deps, c, user, (tx) => createHouseLead(tx, user, told, c.var.receivedAt)),
      200,
    );
  });
  routes.openapi(facts, async (c) => {
    const { by: user, facts: told } = c.req.valid("json");
    return c.json(
      await done(deps, c, user, (tx) =>
        setHouseFacts(tx, c.req.valid("param").id, user, told, c.var.receivedAt),
      ),
      200,
    );
  });
  routes.openapi(outreach, async (c) => {
    const { by: user, seen: shown, ...told } = c.req.valid("json");
    const attempt = attemptOf(told, c.var.receivedAt);
    return c.json(
      await done(deps, c, user, (tx) =>
        logHouseOutreach(
          tx,
          c.req.valid("param").id,
          user,
          attempt,
          c.var.receivedAt,
          withoutGaps(shown),
        ),
      ),
      200,
    );
  });
  routes.openapi(open, async (c) => {
    const {
      by: user,
      stage,
      dealStage: named = null,
      amountMinor = null,
      currency = null,
    } = c.req.valid("json");
    return c.json(
      await done(deps, c, user, (tx) =>
        openHouseOpportunity(
          tx,
          c.req.valid("param").id,
          user,
          { stage, dealStage: named, amountMinor, currency },
          c.var.receivedAt,
        ),
      ),
      200,
    );
  });
  routes.openapi(change, async (c) => {
    const { by: user, ...told } = c.req.valid("json");
    return c.json(
      await done(deps, c, user, (tx) =>
        changeHouseOpportunity(tx, c.req.valid("param").id, user, told, c.var.receivedAt),
      ),
      200,
    );
  });
  routes.openapi(merge, async (c) => {
    const { by: user, into } = c.req.valid("json");
    return c.json(
      await done(deps, c, user, (tx) =>
        mergeHouseLeads(tx, c.req.valid("param").id, into, user, c.var.receivedAt),
      ),
      200,
    );
  });
  routes.openapi(remove, async (c) => {
    const { by: user } = c.req.valid("query");
    await done(deps, c, user, (tx) =>
      deleteHouseLead(tx, c.req.valid("param").id, user, c.var.receivedAt),
    );
    return c.body(null, 204);
  });
  routes.openapi(finish, async (c) => {
    if (!(await finishHouseTask(pool, c.req.valid("param").id, c.var.receivedAt))) throw notFound();
    return c.body(null, 204);
  });
  if (deps.mayRehearse) addRehearsal(routes, deps);
  return routes;
}

/** Only where a setting allows it: an outage that is rehearsed by mistake is one. */
function addRehearsal(routes: Routes, { pool }: ApiDeps): void {
  const set = (c: Context<AppEnv>, how: Parameters<typeof setHouseTrouble>[1]) =>
    inTransaction(pool, async (tx) => {
      await setHouseTrouble(tx, how);
      const { caller, receivedAt } = c.var;
      const what = how === null ? "outage.ended" : "outage.rehearsed";
      const detail = how === null ? {} : { kind: how.kind };
      await audit(tx, { actor: caller.repId ?? caller.tokenId, what, detail }, receivedAt);
    });
  routes.openapi(trouble, async (c) => {
    await set(c, c.req.valid("json"));
    // The workers' cache of this setting is stale by then: the answer holds for all of them.
    await setTimeout(troubleCacheMs);
    return c.body(null, 204);
  });
  routes.openapi(calm, async (c) => {
    await set(c, null);
    return c.body(null, 204);
  });
}

/** Throws the problem of one that lies ahead. */
function attemptOf(
  { channel, outcome, occurredAt }: Omit<z.output<typeof bodies.outreach>, "by" | "seen">,
  receivedAt: number,
) {
  const at = occurredAt === undefined ? receivedAt : Date.parse(occurredAt);
  if (at > receivedAt)
    throw new Problem("invalid", {
      field: "occurredAt",
      detail: "expected a time that has passed",
    });
  return { channel, outcome, occurredAt: at };
}

/** zod says `T | undefined` where the stored type says "absent". */
function withoutGaps(shown: z.output<typeof seen>): Seen | undefined {
  if (shown === undefined) return undefined;
  const { stage, cycle, round } = shown;
  return {
    ...(stage === undefined ? {} : { stage }),
    ...(cycle === undefined ? {} : { cycle }),
    ...(round === undefined ? {} : { round }),
  };
}

function done(
  deps: ApiDeps,
  c: Context<AppEnv>,
  user: string,
  change: (tx: Tx) => Promise<HouseChange<HouseLead>>,
) {
  return carriedOut(deps, c, user, change, houseLeadView);
}

function doneAccount(
  deps: ApiDeps,
  c: Context<AppEnv>,
  user: string,
  change: (tx: Tx) => Promise<HouseChange<HouseAccount>>,
) {
  return carriedOut(deps, c, user, change, houseAccountView);
}

/** Carries out a change for a user whom the roster knows, and keeps its answer with it. */
function carriedOut<T, V>(
  { pool }: ApiDeps,
  c: Context<AppEnv>,
  user: string,
  change: (tx: Tx) => Promise<HouseChange<T>>,
  viewOf: (record: T) => V,
): Promise<V> {
  return inTransaction(pool, async (tx) => {
    if ((await roleOnRoster(tx, user)) === undefined)
      throw new Problem("invalid", {
        field: "by",
        detail: "expected the id of a person of the roster",
      });
    const answer = await change(tx);
    switch (answer.kind) {
      case "missing":
        throw notFound();
      case "refused":
        throw new Problem("invalid", { field: answer.field, detail: answer.detail });
      case "done": {
        const response = viewOf(answer.record);
        await keepAnswer(tx, c, { status: 200, response });
        return response;
      }
    }
  });
}
