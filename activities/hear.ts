import { rejudgeAssess } from "../handoff/rejudge.ts";
import { rows, send, sql } from "../store/db.ts";
import { decideOnce } from "../store/decisions.ts";
import type { DecisionKey, NewsName, Standing } from "../workflows/contract.ts";
import { actionById } from "./action.ts";
import { settleAction } from "../store/actions.ts";
import { assessInput } from "./assess.ts";
import { closeCase, openCase, syncCrm, type Case, type DecisionDeps } from "./case.ts";
import { lookAhead } from "./check-clocks.ts";
import { toOpportunity, toSql } from "./answers.ts";
import { disqualify, endIfGone } from "./ending.ts";
import { settleOne } from "./settle.ts";

/**
 * News from outside is a hint to look at Postgres again: what the CRM's users did, opportunities, suppression, merges and
 * erasure. Late and repeated news changes nothing.
 */
export function hear(
  deps: DecisionDeps,
  asked: DecisionKey,
  heard: readonly NewsName[],
): Promise<Standing> {
  return decideOnce(deps.pool, "hear", asked, async (tx, key) => {
    const c = await openCase(deps, tx, key);
    // A process that goes on after an earlier one was lost takes over what that one left undone.
    if (await endIfGone(c))
      return {
        agreementId: c.agreementId,
        input: { heard },
        output: null,
        result: await closeCase(c),
      };
    const looked = heard.includes("factsChanged") ? await lookForSuppression(c) : null;
    if (heard.includes("seenInCrm")) await takeFromCrm(c);
    if (c.handoff?.state === "open") await lookAhead(c);
    return {
      agreementId: c.agreementId,
      input: looked?.input ?? { heard },
      output: looked?.output ?? null,
      result: await closeCase(c),
    };
  });
}

/** A suppression is honoured in any stage (process.md). */
async function lookForSuppression(c: Case): Promise<{ input: unknown; output: unknown }> {
  const input = await assessInput(c);
  const output = rejudgeAssess(c.agreement, input);
  if (output.qualification.verdict === "disqualify")
    await disqualify(c, `suppressed: ${output.qualification.suppression ?? "by the agreement"}`);
  else await syncCrm(c);
  return { input, output };
}

/** What people did in the CRM: their actions in order, then opportunities. */
async function takeFromCrm(c: Case): Promise<void> {
  const waiting = await rows<{ id: string }>(
    c.tx,
    sql`select id from action where lead_id = ${c.lead.id} and via = 'crm' and settled_at is null order by received_at, id limit 50`,
  );
  for (const { id } of waiting) {
    const action = await actionById(c.tx, id);
    const settled = await settleOne(c, action, id);
    await settleAction(
      c.tx,
      id,
      settled.result ?? {
        done: true,
        stage: c.lead.stage,
        waitingOn: c.lead.waiting_on,
        owner: c.lead.owner_id,
        because: settled.because,
      },
      c.now,
    );
    if (c.nextCycle) return;
  }
  const opportunity = await rows<{ id: string; created_at: Date }>(
    c.tx,
    sql`
    select id, created_at from opportunity where lead_id = ${c.lead.id} and (handoff_id is null or handoff_id = ${c.handoff?.id ?? null}) order by created_at limit 1`,
  );
  const first = opportunity[0];
  if (!first || !c.handoff) return;
  // Somebody who opens an opportunity has confirmed fit, need and timing: both steps are taken, each with its row.
  if (c.lead.stage === "sal") await toSql(c, first.created_at.getTime());
  if (c.lead.stage !== "sql") return;
  await send(
    c.tx,
    sql`update opportunity set handoff_id = ${c.handoff.id} where id = ${first.id} and handoff_id is null`,
  );
  await toOpportunity(c, first.created_at.getTime(), "opportunity exists in the CRM");
  await syncCrm(c);
}
