import { createHash, randomBytes } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { actions, isClosed, type ActionName } from "../handoff/stage.ts";
import {
  noteAction,
  resultOf,
  settleAction,
  storedAction,
  type ActionBody,
  type StoredAction,
} from "../store/actions.ts";
import { audit } from "../store/audit.ts";
import { firstRow, inTransaction, sql } from "../store/db.ts";
import { startIsWaiting, type SeenLead } from "../store/leads.ts";
import type { ActionResult } from "../workflows/contract.ts";
import { actionBodies } from "./action-bodies.ts";
import { actionPlaces } from "./action-routes.ts";
import { refuseUnlisted } from "./action-rules.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Routes } from "./deps.ts";
import { Problem, problemResponses, type LeadState } from "./errors.ts";
import { leadHere } from "./reach.ts";
import { activeAgreement } from "./intake.ts";

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

function actionRoute(name: ActionName) {
  return createRoute({
    method: "post",
    path: `/leads/{id}/${actionPlaces[name]}`,
    tags: ["actions"],
    summary: summaries[name],
    description:
      "Answered when it has taken effect. 409 names the state that stands. After a 503 the outcome is unknown: the same Idempotency-Key gives the answer later.",
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

/** A person's actions on a lead: stored, put to the lead's process as an update, answered with what happened. */
export function actionRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  for (const name of actions) {
    app.openapi(actionRoute(name), async (c) => {
      // An absent body is an empty one; what an action needs, its schema demands.
      const body = withoutGaps(name, c.req.valid("json"));
      const answer = await act(deps, c, name, c.req.valid("param").id, body);
      return c.json(answer, 200);
    });
  }
  return app;
}

/** A body that was not sent never met its schema. */
function withoutGaps(name: ActionName, json: unknown): ActionBody {
  const parsed = actionBodies[name].safeParse(json ?? {});
  if (parsed.success) return JSON.parse(JSON.stringify(parsed.data)) as ActionBody;
  const issue = parsed.error.issues[0];
  throw new Problem("invalid", {
    field: issue?.path.join(".") || "body",
    detail: issue?.message ?? "not as described",
  });
}

/**
 * Carries out one action for the caller. `key` makes repeats of it one action; `unless` is thrown when it is not such a repeat.
 * Throws the problem that stands in the way.
 */
export async function act(
  deps: ApiDeps,
  c: Context<AppEnv>,
  name: ActionName,
  leadId: string,
  body: ActionBody,
  key = c.req.header("idempotency-key"),
  unless?: Problem,
): Promise<z.output<typeof doneSchema>> {
  const lead = await leadHere(deps.pool, c, leadId);
  const { caller, receivedAt } = c.var;
  const by = caller.repId ?? caller.tokenId;
  const id = actionId(caller.tokenId, key);
  // Who repeats an action gets its answer, wherever the lead has gone because of it.
  let stored = await storedAction(deps.pool, id, body);
  if (!stored) {
    if (unless) throw unless;
    if (!lead.is_theirs)
      throw new Problem("not-yours", {
        detail: "the lead has gone to somebody else",
        state: stateOf(lead),
      });
    refuseUnlisted(name, body, await pinnedAgreement(deps, lead), receivedAt);
    stored = await noteAction(deps.pool, {
      id,
      leadId: lead.id,
      name,
      by,
      role: caller.role,
      body,
      via: "api",
      receivedAt,
    });
    deps.crashPoint?.("action-noted");
  }
  if (stored.leadId !== lead.id || stored.name !== name || !stored.sameBody)
    throw new Problem("key-reused", {
      field: "idempotency-key",
      detail: "this key belongs to another action; use a new one",
    });
  return answerOf(lead.id, id, stored.result ?? (await ask(deps, lead, id, stored)));
}

/** Puts the action to the lead's process. Gives the result that stands; throws a 503 while the outcome is unknown. */
async function ask(
  deps: ApiDeps,
  lead: SeenLead,
  id: string,
  stored: StoredAction,
): Promise<ActionResult> {
  const { name, by, role, receivedAt } = stored;
  const answer = await deps.temporal.update(lead.id, { id, name, by, role, receivedAt });
  switch (answer.kind) {
    case "answered":
      deps.crashPoint?.("update-carried-out");
      // The process is between two runs; nothing happened, and the same key asks the next one.
      if (!answer.result.done && answer.result.code === "try-again")
        throw new Problem("unavailable", { detail: answer.result.message, retryAfter: 1 });
      return answer.result;
    case "refused": {
      const { code, message, stage, waitingOn, owner } = answer.refusal;
      return refuse(deps, lead.id, id, stored, {
        done: false,
        code,
        message,
        stage,
        waitingOn,
        owner,
      });
    }
    case "no-process": {
      const result = await resultOf(deps.pool, id);
      if (result) return result;
      const now = await firstRow<Pick<SeenLead, "stage" | "waiting_on" | "owner_id">>(
        deps.pool,
        sql`select stage, waiting_on, owner_id from lead where id = ${lead.id}`,
      );
      const stands = now ?? lead;
      if (!isClosed(stands.stage)) {
        const waits = await startIsWaiting(deps.pool, lead.id);
        throw new Problem("unavailable", {
          detail: waits
            ? "the lead's process has not started yet"
            : "the lead's process is not running; the reconciler starts it again",
          retryAfter: waits ? 2 : 10,
        });
      }
      return refuse(deps, lead.id, id, stored, {
        done: false,
        code: "not-possible-now",
        message: `the lead's process has ended: it is ${stands.stage}`,
        stage: stands.stage,
        waitingOn: stands.waiting_on,
        owner: stands.owner_id,
      });
    }
    case "unknown": {
      const result = await resultOf(deps.pool, id);
      if (result) return result;
      throw new Problem("unavailable", {
        detail:
          "the lead's process has not answered yet; the same Idempotency-Key gives the answer later",
      });
    }
    default:
      return answer satisfies never;
  }
}

/** A refusal changes nothing but the audit trail; it is kept with the action, so that the same key gives it again. */
async function refuse(
  deps: ApiDeps,
  leadId: string,
  id: string,
  stored: StoredAction,
  result: ActionResult & { done: false },
): Promise<ActionResult> {
  return inTransaction(deps.pool, async (tx) => {
    const stands = await settleAction(tx, id, result, deps.clock());
    await audit(
      tx,
      {
        actor: stored.by,
        what: "action.refused",
        subject: leadId,
        detail: { action: id, name: stored.name, code: result.code },
      },
      deps.clock(),
    );
    return stands;
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
  // With a field it is what was said that cannot be; without one it is where the lead stands.
  if (result.field === undefined)
    throw new Problem("not-possible-now", {
      detail: result.message,
      state,
      more: { rule: result.code },
    });
  throw new Problem("refused", {
    detail: result.message,
    state,
    field: result.field,
    more: { rule: result.code },
  });
}

/** The agreement that the open handoff is pinned to; the active one where there is none. */
async function pinnedAgreement(deps: ApiDeps, lead: SeenLead) {
  const handoff = await firstRow<{ agreement_id: string }>(
    deps.pool,
    sql`select agreement_id from handoff where id = ${lead.handoff_id}`,
  );
  return (
    handoff
      ? await deps.agreements.version(deps.pool, handoff.agreement_id)
      : await activeAgreement(deps, deps.pool)
  ).agreement;
}

/** The same caller and key name the same action; without a key every request is a new one. */
function actionId(tokenId: string, key: string | undefined): string {
  if (key === undefined) return `ax_${randomBytes(16).toString("hex")}`;
  return `ax_${createHash("sha256").update(`${tokenId}\n${key}`).digest("hex").slice(0, 32)}`;
}

function stateOf(lead: SeenLead): LeadState {
  return { id: lead.id, stage: lead.stage, waitingOn: lead.waiting_on, owner: lead.owner_id };
}
