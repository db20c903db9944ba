import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { seeAccountProcess } from "../store/views/account-process.ts";
import { actionBodies } from "./action-bodies.ts";
import { accountActions, actionPlaces, type AccountAction } from "./action-places.ts";
import { aboutActions, actOn, doneSchema, saidOf } from "./actions.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";
import { accountHere, reachHere } from "./http/reach.ts";

const summaries = {
  logOutreach: "Log an attempt to reach any person of the account",
  accept: "Accept the account's handoff",
  reject: "Reject the account's handoff with a reason of the agreement",
  advance: "Confirm fit, need and timing",
  handBack: "Give the account back: it can be flagged again after the cool-down",
  reassign: "Give the account's handoff to another rep, or have it routed again",
  pause: "Stop the clocks for a reason of the agreement",
  resume: "Let the clocks run on",
  decideContest: "Decide on a contested rejection",
} as const satisfies Record<AccountAction, string>;

function accountActionRoute(name: AccountAction) {
  return createRoute({
    method: "post",
    path: `/accounts/{id}/${actionPlaces[name]}`,
    tags: ["accounts"],
    summary: summaries[name],
    description: aboutActions,
    request: {
      params: z.object({ id: z.string().openapi({ description: "ac_…" }) }),
      body: { content: { "application/json": { schema: actionBodies[name] } } },
    },
    responses: {
      200: { description: "Done", content: { "application/json": { schema: doneSchema } } },
      ...problemResponses,
    },
  });
}

/** A person's actions on the handoff of an account, decided like those on a lead. */
export function accountActionRoutes(deps: AppDeps): Routes {
  const app = newRoutes();
  for (const name of accountActions) {
    app.openapi(accountActionRoute(name), async (c) => {
      const said = saidOf(name, c.req.valid("json"));
      return c.json(await actOnAccount(deps, c, name, c.req.valid("param").id, said), 200);
    });
  }
  return app;
}

/** Decides one; `key` is the request's where it is absent. Throws what refuses it as a problem. */
export async function actOnAccount(
  deps: AppDeps,
  c: Context<AppEnv>,
  name: AccountAction,
  accountId: string,
  said: ReturnType<typeof saidOf>,
  key?: string,
): Promise<Awaited<ReturnType<typeof actOn>>> {
  const account = await accountHere(deps.pool, c, accountId);
  const process = await seeAccountProcess(deps.pool, account.id, await reachHere(deps.pool, c));
  if (!process)
    throw new Problem("conflict", {
      detail: "the account was never flagged: it has no handoff",
    });
  const { stage, waiting_on: waitingOn, owner_id: owner, is_theirs: isTheirs } = process;
  const about = {
    subject: { kind: "account" as const, id: account.id },
    state: { id: account.id, stage, waitingOn, owner },
    isErased: false,
    isTheirs,
  };
  return actOn(deps, c, name, about, said, key);
}
