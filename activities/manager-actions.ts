import { firstRow, send, sql } from "../store/db.ts";
import { endTasks } from "../store/human-tasks.ts";
import { endAssignment, endAssignments } from "../store/routing.ts";
import { setState } from "../store/subject.ts";
import type { ActionRow } from "./action.ts";
import { isContested, mail, syncCrm, type Case } from "./case.ts";
import { endRound, lookAhead } from "./check-clocks.ts";
import { freeCapacity, rejectionStands } from "./ending.ts";
import { nothingJudged, openHandoff, recordAnswer, refuse, type SettledOne } from "./settled.ts";

// What a manager decides about a lead of the team.

export async function reassign(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = openHandoff(c);
  const to = a.body.to ?? null;
  if (to !== null && !(await firstRow(c.tx, sql`select 1 from rep where id = ${to} and active`))) {
    return refuse(c, "unknown-rep", `there is no active rep ${to}`, "to");
  }
  if (to !== null && to === h.rep_id)
    return refuse(c, "same-owner", `${to} has the lead already`, "to");
  await endTasks(
    c.tx,
    c.subject,
    ["fallback", "escalated", "contested"],
    { state: "done", by: a.by_id, how: to ? `assigned to ${to}` : "routed again" },
    c.now,
  );
  if (h.rep_id !== null) {
    await endRound(c, "reassigned by a manager");
    await mail(c, "reassigned-away", `${h.round}-manager`, {
      repId: h.rep_id,
      because: "reassigned by a manager",
    });
  }
  if (c.lead.stage === "mql") {
    await send(c.tx, sql`delete from held where handoff_id = ${h.id}`);
    // An offer that its process has not heard of gives way too, and keeps its round.
    const unheard = await endAssignments(c.tx, h.id, c.now, "reassigned by a manager");
    h.round = Math.max(h.round, ...unheard.map((one) => one.round));
    if (unheard.length > 0)
      await freeCapacity(
        c,
        unheard.map((one) => one.pool),
      );
    if (isContested(h)) h.overturned_at = new Date(c.now);
    h.rep_id = null;
    h.assign_to = to;
    h.paused_until = null;
    setState(c.lead, {
      waitingOn: "assessment",
      nextStep: "it is routed",
      nextAt: c.now,
      owner: null,
    });
  } else {
    await newOwner(c, to ?? h.rep_id);
  }
  return { because: to ? `reassigned to ${to}` : "routed again", judged: nothingJudged };
}

/** After acceptance a lead is handed to a named colleague; its stage and cadence stay. */
async function newOwner(c: Case, to: string | null): Promise<void> {
  const h = openHandoff(c);
  if (to === null) return;
  h.round += 1;
  h.rep_id = to;
  c.lead.owner_id = to;
  await send(
    c.tx,
    sql`
    insert into assignment (handoff_id, round, rep_id, pool, via, candidates, at)
    values (${h.id}, ${h.round}, ${to}, ${h.pool}, 'manager', '[]', ${new Date(c.now)})`,
  );
  await lookAhead(c);
  await mail(c, "offer", h.round, { repId: to, dueAt: null });
  await syncCrm(c);
}

export async function decideContest(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = openHandoff(c);
  if (!isContested(h))
    return refuse(c, "not-contested", "no contested rejection waits for a decision");
  const upheld = a.body.decision === "uphold";
  await recordAnswer(c, a, upheld ? "contest-upheld" : "contest-overturned", {});
  await endTasks(
    c.tx,
    c.subject,
    ["contested"],
    { state: "done", by: a.by_id, how: upheld ? "upheld" : "overturned" },
    c.now,
  );
  await mail(c, "contest-decided", h.round, {
    repId: h.rep_id,
    decision: upheld ? "upheld" : "overturned",
    reason: h.rejection_reason,
  });
  if (upheld) {
    const rule = c.agreement.answers.reasons[h.rejection_reason ?? ""];
    if (!rule) throw new Error(`agreement ${c.agreementId} has no reason ${h.rejection_reason}`);
    const revisit = await firstRow<{ revisit_on: string | null }>(
      c.tx,
      sql`select revisit_on from answer where handoff_id = ${h.id} and kind = 'reject' order by received_at desc limit 1`,
    );
    await rejectionStands(c, h.rejection_reason ?? "", rule, revisit?.revisit_on ?? null);
    return { because: "the rejection stands", judged: nothingJudged };
  }
  h.overturned_at = new Date(c.now);
  await endAssignment(c.tx, h.id, h.round, c.now, "rejection overturned");
  h.rep_id = null;
  setState(c.lead, {
    waitingOn: "assessment",
    nextStep: "it is routed to another rep",
    nextAt: c.now,
    owner: null,
  });
  return { because: "the rejection was overturned", judged: nothingJudged };
}
