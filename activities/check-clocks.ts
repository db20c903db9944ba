import { cadence } from "../handoff/cadence.ts";
import { compileApplied, appliedCalendar } from "../handoff/applied-calendar.ts";
import type { ClocksJudged, ClockStep } from "../handoff/escalation.ts";
import { rejudgeClocks, type CadenceInput, type ClocksDecisionInput } from "../handoff/rejudge.ts";
import { firstRow, send, sql } from "../store/db.ts";
import { appendEvent } from "../store/clocks.ts";
import { decideOnce } from "../store/decisions.ts";
import { openTask } from "../store/human-tasks.ts";
import { endAssignment } from "../store/routing.ts";
import { setState } from "../store/subject.ts";
import type { DecisionKey, Standing } from "../workflows/contract.ts";
import {
  closeCase,
  isContested,
  mail,
  openCase,
  syncCrm,
  type Case,
  type DecisionDeps,
} from "./case.ts";
import { endIfGone, freeCapacity, renurture } from "./ending.ts";
import { clocksInput, onClocks, showClocks, waitForRep } from "./running-clocks.ts";

/** A timer fired: decides again from stored facts what is due now (the deadline may have moved) and what comes next. */
export function checkClocks(deps: DecisionDeps, asked: DecisionKey): Promise<Standing> {
  return decideOnce(deps.pool, "checkClocks", asked, async (tx, key) => {
    const c = await openCase(deps, tx, key);
    const input: ClocksDecisionInput = {
      clocks: await clocksInput(c),
      cadence: await cadenceInput(c),
    };
    const output = rejudgeClocks(c.agreement, input);
    if (!(await endIfGone(c))) await act(c, output);
    return { agreementId: c.agreementId, input, output, result: await closeCase(c) };
  });
}

async function act(c: Case, output: ReturnType<typeof rejudgeClocks>): Promise<void> {
  switch (c.lead.stage) {
    case "mql":
      await carryOutSteps(c, output.clocks.steps);
      await lookAhead(c);
      return;
    case "sal":
    case "sql":
      await carryOutSteps(c, output.clocks.steps);
      if (output.cadence && "exhausted" in output.cadence && c.lead.stage === "sal")
        return renurture(c, "no response after the agreed attempts", null);
      if (output.cadence && "stalled" in output.cadence) await stalled(c, output.cadence.stalled);
      await lookAhead(c);
      return;
    default:
      c.lead.next_at = null;
  }
}

async function carryOutSteps(c: Case, steps: readonly ClockStep[]): Promise<void> {
  const h = c.handoff;
  if (!h) return;
  for (const step of steps) {
    switch (step.do) {
      case "end-pause":
        h.paused_until = null;
        await onClocks(c, ["outreach", "status"], { kind: "resume", at: c.now });
        break;
      case "warn":
        await send(c.tx, sql`update clock set warned = ${step.n} where id = ${step.clock}`);
        await mail(c, "warning", `${step.clock.split("/").slice(1).join("-")}-${step.n}`, {
          repId: h.rep_id,
          clock: kindOf(step.clock),
          fraction: step.fraction,
          dueAt: c.lead.due_at?.getTime() ?? null,
        });
        break;
      case "breach":
        await send(
          c.tx,
          sql`update clock set breached_at = ${new Date(step.at)}, state = 'breached' where id = ${step.clock}`,
        );
        if (step.clock.includes("/rep/"))
          await mail(c, "breach", step.clock.split("/").slice(1).join("-"), {
            repId: h.rep_id,
            clock: kindOf(step.clock),
            dueAt: step.at,
          });
        break;
      case "notify-manager":
        await send(c.tx, sql`update clock set rung = ${step.rung} where id = ${step.clock}`);
        await mail(c, "escalation", `${step.clock.split("/").slice(1).join("-")}-${step.rung}`, {
          repId: h.rep_id,
          clock: kindOf(step.clock),
          rung: step.rung,
        });
        break;
      case "reassign":
        await send(c.tx, sql`update clock set rung = ${step.rung} where id = ${step.clock}`);
        if (c.lead.stage === "mql") await takeBack(c, `${kindOf(step.clock)} SLA missed`);
        else await toManager(c, `${kindOf(step.clock)} SLA missed after acceptance`);
        return;
      case "manager-queue":
        await send(c.tx, sql`update clock set rung = ${step.rung} where id = ${step.clock}`);
        await toManager(c, "the escalation ladder is exhausted");
        return;
    }
  }
}

/** `<handoff>/<kind>/…` */
function kindOf(clockId: string): string {
  return clockId.split("/")[1] ?? "outreach";
}

/** From the rep who missed the SLA to another one; who had it is never asked again in this cycle. */
async function takeBack(c: Case, why: string): Promise<void> {
  const h = c.handoff;
  if (!h?.rep_id) return;
  await endRound(c, why);
  await mail(c, "reassigned-away", h.round, { repId: h.rep_id, because: why });
  h.rep_id = null;
  h.reassignments += 1;
  setState(c.lead, {
    waitingOn: "assessment",
    nextStep: "it is routed again",
    nextAt: c.now,
    owner: null,
  });
}

/** The rep clocks of this round end and capacity is free. */
export async function endRound(c: Case, why: string): Promise<void> {
  const h = c.handoff;
  if (!h) return;
  await endRepClocks(c);
  await endAssignment(c.tx, h.id, h.round, c.now, why);
  await freeCapacity(c);
}

/** Nothing is asked of the rep any more. A missed deadline stays on record as breached. */
export async function endRepClocks(c: Case): Promise<void> {
  if (!c.handoff) return;
  const open = await c.tx.query<{ id: string; breached_at: Date | null }>(
    sql`select id, breached_at from clock where handoff_id = ${c.handoff.id} and scope = 'rep' and ended_at is null`,
  );
  for (const clock of open.rows)
    await appendEvent(c.tx, clock.id, {
      kind: clock.breached_at === null ? "cancel" : "stop",
      at: c.now,
    });
  await send(
    c.tx,
    sql`
    update clock set ended_at = ${new Date(c.now)}, due_at = null, state = case when breached_at is null then 'cancelled' else 'breached' end
    where handoff_id = ${c.handoff.id} and scope = 'rep' and ended_at is null`,
  );
}

/** Nobody answered: the lead now lies with the manager, who assigns it. */
async function toManager(c: Case, why: string): Promise<void> {
  const h = c.handoff;
  if (!h) return;
  const manager =
    h.rep_id === null
      ? undefined
      : await firstRow<{ manager_id: string | null }>(
          c.tx,
          sql`select manager_id from rep where id = ${h.rep_id}`,
        );
  await openTask(
    c.tx,
    {
      kind: "escalated",
      subject: c.subject,
      handoffId: h.id,
      role: "manager",
      assigneeId: manager?.manager_id ?? null,
      detail: { because: why, repId: h.rep_id },
    },
    c.now,
  );
  await mail(c, "escalation", `manager-${h.round}-${c.key.step}`, {
    repId: h.rep_id,
    rung: 0,
    because: why,
  });
  // An accepted lead stays with its rep while the manager looks; an unanswered one goes to the manager.
  if (c.lead.stage !== "mql") return;
  await endRound(c, why);
  h.rep_id = null;
  setState(c.lead, {
    waitingOn: "manager",
    nextStep: "the manager assigns it",
    nextAt: null,
    owner: manager?.manager_id ?? null,
  });
  await syncCrm(c);
}

async function stalled(c: Case, why: string): Promise<void> {
  const open = await firstRow(
    c.tx,
    sql`select 1 from task where kind = 'stalled' and subject_kind = ${c.subject.kind} and subject_id = ${c.subject.id} and state = 'open'`,
  );
  if (open) return;
  await openTask(
    c.tx,
    {
      kind: "stalled",
      subject: c.subject,
      handoffId: c.handoff?.id ?? null,
      role: "manager",
      assigneeId: c.lead.owner_id,
      detail: { because: why },
    },
    c.now,
  );
  await mail(c, "stalled", c.key.step, { repId: c.lead.owner_id, because: why });
}

/** After anything changed under an open handoff: what the clocks and the cadence say comes next. */
export async function lookAhead(c: Case): Promise<ClocksJudged> {
  const waiting = c.lead.waiting_on;
  const waitsForDecision = waiting === "manager" && isContested(c.handoff);
  const decisionDue = c.lead.due_at;
  const { judged } = await showClocks(c);
  if (waitsForDecision) c.lead.due_at = decisionDue;
  if (waiting === "outreach" || waiting === "answer") waitForRep(c, waiting, judged);
  if (c.lead.stage === "sal" || c.lead.stage === "sql") {
    const input = await cadenceInput(c);
    const next =
      input &&
      cadence(c.agreement.working, { ...input, hours: compileApplied(input.hours, input.now) });
    const also =
      next && "next" in next && next.next ? { at: next.next.at, what: next.next.what } : null;
    waitForRep(c, waiting as "attempts" | "meeting" | "opportunity", judged, also);
  }
  // A time that is past would wake the process again and again.
  if (waiting === "queue" || waiting === "manager")
    c.lead.next_at = judged.next === null ? null : new Date(judged.next.at);
  return judged;
}

async function cadenceInput(c: Case): Promise<CadenceInput | null> {
  const h = c.handoff;
  if (!h?.sal_at || (c.lead.stage !== "sal" && c.lead.stage !== "sql")) return null;
  const last = await firstRow<{ at: Date | null }>(
    c.tx,
    sql`
    select greatest((select max(received_at) from outreach where handoff_id = ${h.id}), (select max(received_at) from answer where handoff_id = ${h.id})) as at`,
  );
  const stalledTask = await firstRow<{ since: Date }>(
    c.tx,
    sql`select since from task where kind = 'stalled' and subject_kind = ${c.subject.kind} and subject_id = ${c.subject.id} and handoff_id = ${h.id} order by since desc limit 1`,
  );
  return {
    stage: c.lead.stage,
    acceptedAt: h.sal_at.getTime(),
    until: (h.attempts_until ?? h.sal_at).getTime(),
    attempts: h.attempts,
    // At SQL somebody was reached, whether or not a call was logged as connected.
    connected: h.connected_at !== null || c.lead.stage === "sql",
    lastActivityAt: Math.max((last?.at ?? h.sal_at).getTime(), stalledTask?.since.getTime() ?? 0),
    hours: appliedCalendar(c.agreement, null, null),
    now: c.now,
  };
}
