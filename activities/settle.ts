import { mayAct } from "../handoff/stage.ts";
import { settleAction } from "../store/actions.ts";
import { decideOnce } from "../store/decisions.ts";
import type { ActionResult, DecisionKey, Standing } from "../workflows/contract.ts";
import { actionById, type ActionRow } from "./action.ts";
import { accept, advance, handBack, logOutreach, pause, reject, resume } from "./answers.ts";
import { closeCase, openCase, type Case, type DecisionDeps } from "./case.ts";
import { decideContest, reassign } from "./manager-actions.ts";
import { decideReview } from "./review-actions.ts";
import { nothingJudged, refuse, type SettledOne } from "./settled.ts";

export interface Settled {
  readonly standing: Standing;
  readonly result: ActionResult;
}

/** Carries out one person's action: facts, answer, clocks, stage and effects in one transaction, once per action id. */
export function settle(deps: DecisionDeps, asked: DecisionKey, actionId: string): Promise<Settled> {
  return decideOnce(deps.pool, "settle", asked, async (tx, key) => {
    const found = actionById(tx, actionId);
    // The API's clock stamps actions; should it run ahead of the workflow's, the action still has happened.
    const at = found.then((action) => Math.max(key.now, action?.received_at.getTime() ?? key.now));
    const [action, c] = await Promise.all([found, openCase(deps, tx, key, at)]);
    const settled = await settleOne(c, action, actionId);
    const standing = await closeCase(c);
    const result = settled.result ?? done(standing, settled.because, settled.onTime);
    if (action?.settled_at === null) await settleAction(tx, actionId, result, key.now);
    return {
      agreementId: c.agreementId,
      ...(action?.settled_at === null && result.done ? { actionId } : {}),
      input: settled.judged.input,
      output: settled.judged.output,
      result: { standing, result },
    };
  });
}

/** Settles an action inside a decision under way; the caller closes the case. */
export async function settleOne(
  c: Case,
  action: ActionRow | undefined,
  actionId: string,
): Promise<SettledOne> {
  if (!action) return refuse(c, "unknown-action", `action ${actionId} is not on record`);
  if (action.settled_at !== null && action.result)
    return { because: "settled before", result: action.result, judged: nothingJudged };
  if (!mayAct(c.lead.stage, c.lead.waiting_on, action.name)) {
    return refuse(
      c,
      "not-possible-now",
      `${action.name} is not possible: the lead is ${c.lead.stage}, waiting on ${c.lead.waiting_on}`,
    );
  }
  switch (action.name) {
    case "logOutreach":
      return logOutreach(c, action);
    case "accept":
      return accept(c, action);
    case "reject":
      return reject(c, action);
    case "advance":
      return advance(c, action);
    case "handBack":
      return handBack(c, action);
    case "reassign":
      return reassign(c, action);
    case "pause":
      return pause(c, action);
    case "resume":
      return resume(c);
    case "decideContest":
      return decideContest(c, action);
    case "decideReview":
      return decideReview(c, action);
  }
}

function done(standing: Standing, because: string, onTime: boolean | undefined): ActionResult {
  return {
    done: true,
    stage: standing.stage,
    waitingOn: standing.waitingOn,
    owner: standing.owner,
    because,
    ...(onTime === undefined ? {} : { onTime }),
  };
}
