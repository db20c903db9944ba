import { createHash, randomBytes } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ActionBodies, ActionBody, Seen } from "../handoff/process/event.ts";
import type { ActionResult } from "../handoff/process/words.ts";
import { actions, type ActionName } from "../handoff/stage.ts";
import { lookUpByKey } from "../store/postgres/db.ts";
import { noteAction, storedAction } from "../store/process/actions.ts";
import type { SeenLead } from "../store/views/leads.ts";
import { decideAction, type Acted } from "../store/process/take-action.ts";
import { actionBodies } from "./action-bodies.ts";
import { actionPlaces } from "./action-places.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "./deps.ts";
import { Problem, problemResponses, type LeadState } from "./http/errors.ts";
import { leadHere } from "./http/reach.ts";

export const doneSchema = z
  .object({
    id: z.string(),
    action: z.string(),
    stage: z.string(),
    waitingOn: z.string(),
    owner: z.string().nullable(),
    because: z.string(),
    onTime: z
      .boolean()
      .optional()
      .openapi({ description: "whether the clock that this stopped was met" }),
  })
  .openapi("ActionDone");

const summaries: Readonly<Record<ActionName, string>> = {
  logOutreach: "Log an attempt to reach the lead",
  accept: "Accept the lead: it becomes SAL",
  reject: "Reject the lead with a reason of the agreement",
  advance: "Confirm fit, need and timing (SQL), or open an opportunity",
  handBack: "Give the lead back: it goes to re-nurture",
  reassign: "Give the lead to another rep, or have it routed again",
  pause: "Stop the clocks for a reason of the agreement",
  resume: "Let the clocks run on",
  decideContest: "Decide on a contested rejection",
  decideReview: "Decide in a review: keep, return or retire",
};

export const aboutActions = [
  "Answered when it has taken effect, also while Temporal is away. With `seen`, as the lead's " +
    "page shows it, the action is decided for what its sender was looking at.",
  "A 409 changes nothing and carries `state`, which is what stands. Its `code` says why:",
  "- `already-answered`: somebody came first, or the offer, stage or cycle in `seen` is over;",
  "- `not-possible-now`: the action is not possible where the lead stands (`GET /leads/{id}` " +
    "lists those that are);",
  "- `not-yours`: the lead is with somebody else;",
  "- `still-running`: a request with the same Idempotency-Key is still being carried out; ask " +
    "again after Retry-After.",
  "",
  "A 422 names the field; `refused` carries the agreement's `rule` and, for a closed list, " +
    "what was `expected`. Nothing of it is stored, and a corrected request may use the same key.",
  "After a 503 (the database did not answer) the outcome is unknown: the same Idempotency-Key " +
    "gives it, once.",
].join("\n");

function actionRoute(name: ActionName) {
  return createRoute({
    method: "post",
    path: `/leads/{id}/${actionPlaces[name]}`,
    tags: ["actions"],
    summary: summaries[name],
    description: aboutActions,
    request: {
      params: z.object({ id: z.string() }),
      body: { content: { "application/json": { schema: actionBodies[name] } } },
    },
    responses: {
      200: { description: "Done", content: { "application/json": { schema: doneSchema } } },
      ...problemResponses,
    },
  });
}

/** A person's actions on a lead: decided in one transaction under the lock of its process row. */
export function actionRoutes(deps: AppDeps): Routes {
  const app = newRoutes();
  for (const name of actions) {
    app.openapi(actionRoute(name), async (c) => {
      // An absent body is an empty one; what an action needs, its schema demands.
      const said = saidOf(name, c.req.valid("json"));
      const answer = await performAction(deps, c, name, c.req.valid("param").id, said);
      return c.json(answer, 200);
    });
  }
  return app;
}

/** What was asked: the action's own body, and what its sender was looking at. */
export interface Said {
  readonly body: ActionBody;
  readonly seen?: Seen;
}

/** What a body says, checked; a body that was not sent never met its schema. */
export function saidOf(name: ActionName, json: unknown): Said {
  const parsed = actionBodies[name].safeParse(json ?? {});
  if (parsed.success) {
    const { seen, ...body } = JSON.parse(
      JSON.stringify(parsed.data),
    ) as ActionBodies[ActionName] & { seen?: Seen };
    return { body, ...(seen === undefined ? {} : { seen }) };
  }
  const issue = parsed.error.issues[0];
  throw new Problem("invalid", {
    field: issue?.path.join(".") || "body",
    detail: issue?.message ?? "not as described",
  });
}

/**
 * Carries out one action for the caller. `key` makes repeats of it one action; `unless` is thrown
 * when it is not such a repeat. Throws the problem that stands in the way.
 */
export async function performAction(
  deps: AppDeps,
  c: Context<AppEnv>,
  name: ActionName,
  leadId: string,
  { body, seen }: Said,
  key = c.req.header("idempotency-key"),
  unless?: Problem,
): Promise<z.output<typeof doneSchema>> {
  const lead = await leadHere(deps.pool, c, leadId);
  const about: ActedOn = {
    subject: { kind: "lead", id: lead.id },
    state: stateOf(lead),
    isErased: lead.erased_at !== null,
    isTheirs: lead.is_theirs,
  };
  return actOn(deps, c, name, about, seen === undefined ? { body } : { body, seen }, key, unless);
}

/** Whom an action is about, as its author reaches it. */
interface ActedOn {
  readonly subject: { readonly kind: "lead" | "account"; readonly id: string };
  readonly state: LeadState;
  readonly isErased: boolean;
  /** Who had it before may look but not act. */
  readonly isTheirs: boolean;
}

/** The same about a lead or an account that was found within the caller's reach. */
export async function actOn(
  deps: AppDeps,
  c: Context<AppEnv>,
  name: ActionName,
  { subject, state, isErased, isTheirs }: ActedOn,
  { body, seen }: Said,
  key = c.req.header("idempotency-key"),
  unless?: Problem,
): Promise<z.output<typeof doneSchema>> {
  const { caller, receivedAt } = c.var;
  const by = caller.repId ?? caller.tokenId;
  const id = actionId(caller.tokenId, key);
  // Who repeats an action gets its answer, wherever the lead has gone because of it.
  const mayBeRefused = unless !== undefined || isErased || !isTheirs;
  if (mayBeRefused && !(await storedAction(deps.pool, id, body))) {
    if (unless) throw unless;
    // Words about somebody who was erased are not taken in, not even to be refused.
    if (isErased) throw new Problem("not-possible-now", { detail: "the person was erased", state });
    if (!isTheirs)
      throw new Problem("not-yours", {
        detail: `the ${subject.kind} has gone to somebody else`,
        state,
      });
  }
  const result = await decideAction(
    deps,
    subject,
    async (tx) => {
      // Else this pool plans what follows for its values: ten milliseconds for a situation.
      await lookUpByKey(tx);
      const noted = await noteAction(tx, {
        id,
        ...(subject.kind === "lead" ? { leadId: subject.id } : { accountId: subject.id }),
        name,
        by,
        role: caller.role,
        body,
        via: caller.via ?? "api",
        receivedAt,
        seen: seen ?? null,
      });
      const isSame = noted.subject.id === subject.id && noted.name === name && noted.sameBody;
      if (!isSame)
        throw new Problem("key-reused", {
          field: "idempotency-key",
          detail: "this key belongs to another action; use a new one",
        });
      return id;
    },
    (acted) => refuseSaid(subject.id, acted),
    deps.clock,
  );
  deps.crashPoint?.("action-decided");
  return answerOf(subject.id, id, result);
}

/**
 * With a field it is what was said that cannot be: nothing of it is stored, and a corrected one may
 * follow.
 */
function refuseSaid(leadId: string, { result, expected }: Acted): void {
  if (result.done || result.field === undefined) return;
  const { code, field, message, stage, waitingOn, owner } = result;
  const more = {
    ...(code === "invalid" ? {} : { rule: code }),
    ...(expected === undefined ? {} : { expected }),
  };
  throw new Problem(code === "invalid" ? "invalid" : "refused", {
    detail: message,
    field,
    more,
    state: { id: leadId, stage, waitingOn, owner },
  });
}

const conflicts = ["not-possible-now", "already-answered", "not-yours"] as const;

function answerOf(
  leadId: string,
  action: string,
  result: ActionResult,
): z.output<typeof doneSchema> {
  const { stage, waitingOn, owner } = result;
  if (result.done) {
    return {
      id: leadId,
      action,
      stage,
      waitingOn,
      owner,
      because: result.because,
      ...(result.onTime === undefined ? {} : { onTime: result.onTime }),
    };
  }
  const conflict = conflicts.find((code) => code === result.code);
  const state: LeadState = { id: leadId, stage, waitingOn, owner };
  if (conflict)
    throw new Problem(conflict, {
      detail: result.message,
      state,
      ...(result.field === undefined ? {} : { field: result.field }),
    });
  throw new Problem("not-possible-now", {
    detail: result.message,
    state,
    more: { rule: result.code },
  });
}

/** The same caller and key name the same action; without a key every request is a new one. */
function actionId(tokenId: string, key: string | undefined): string {
  if (key === undefined) return `ax_${randomBytes(16).toString("hex")}`;
  return `ax_${createHash("sha256").update(`${tokenId}\n${key}`).digest("hex").slice(0, 32)}`;
}

function stateOf(lead: SeenLead): LeadState {
  return { id: lead.id, stage: lead.stage, waitingOn: lead.waiting_on, owner: lead.owner_id };
}
