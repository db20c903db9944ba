import type { Instant } from "../handoff/calendar.ts";
import { rejudgeRejection, type RejectionInput } from "../handoff/rejudge.ts";
import { appliedCalendar, compileApplied } from "../handoff/applied-calendar.ts";
import { dueAt as dueOf } from "../handoff/target.ts";
import { firstRow, send, sql } from "../store/db.ts";
import { endTasks, openTask } from "../store/human-tasks.ts";
import { newId } from "../store/ids.ts";
import { engagementsOf, moveTo, setState } from "../store/subject.ts";
import type { ActionRow } from "./action.ts";
import { factsOf, mail, syncCrm, type Case } from "./case.ts";
import { endRepClocks, endRound, lookAhead } from "./check-clocks.ts";
import { cancelClocks, freeCapacity, rejectionStands, renurture } from "./ending.ts";
import { onClocks } from "./running-clocks.ts";
import {
  nothingJudged,
  openHandoff,
  receivedAt,
  recordAnswer,
  refuse,
  rememberLearnt,
  type SettledOne,
} from "./settled.ts";

// What the owner of a lead does with it, in the order of process.md.

export async function logOutreach(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = openHandoff(c);
  const outcome = a.body.outcome ?? "attempted";
  const isFirst = h.first_outreach_at === null;
  const occurredAt = a.body.occurredAt === undefined ? a.received_at : new Date(a.body.occurredAt);
  await onClocks(c, ["outreach"], { kind: "stop", at: receivedAt(a) });
  h.attempts += 1;
  h.first_outreach_at ??= occurredAt;
  if (outcome === "connected" || outcome === "replied" || outcome === "meeting_booked")
    h.connected_at ??= occurredAt;
  if (outcome === "meeting_booked") h.meeting_at ??= occurredAt;
  if (c.lead.waiting_on === "outreach") c.lead.waiting_on = "answer";
  if (c.lead.waiting_on === "attempts" && h.meeting_at !== null) c.lead.waiting_on = "meeting";
  await rememberLearnt(c, a);
  const judged = await lookAhead(c);
  const onTime = inTime(judged, receivedAt(a));
  await send(
    c.tx,
    sql`
    insert into outreach (id, handoff_id, rep_id, channel, outcome, occurred_at, received_at, on_time)
    values (${a.id}, ${h.id}, ${a.by_id}, ${a.body.channel ?? "call"}, ${outcome}, ${occurredAt}, ${a.received_at}, ${onTime ?? null})`,
  );
  if (isFirst) await freeCapacity(c);
  await syncCrm(c);
  return { because: `${outcome} by ${a.body.channel ?? "call"}`, onTime, judged: nothingJudged };
}

export async function accept(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = openHandoff(c);
  await onClocks(c, answerClocks(c), { kind: "stop", at: receivedAt(a) });
  h.sal_at = new Date(receivedAt(a));
  h.attempts_until = new Date(cadenceEnd(c, receivedAt(a)));
  h.paused_until = null;
  await moveTo(c.tx, c.lead, "sal", "the owner accepted", c.key);
  c.lead.waiting_on = h.meeting_at === null ? "attempts" : "meeting";
  await freeCapacity(c);
  const judged = await lookAhead(c);
  const onTime = inTime(judged, receivedAt(a));
  await recordAnswer(c, a, "accept", { onTime });
  await syncCrm(c);
  return { because: "accepted", onTime, judged: nothingJudged };
}

export async function reject(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = openHandoff(c);
  const today = await firstRow<{ n: number }>(
    c.tx,
    sql`
    select count(*)::int as n from answer where by_id = ${a.by_id} and kind = 'reject' and received_at > ${new Date(receivedAt(a) - 86_400_000)} and received_at <= ${a.received_at}`,
  );
  const input: RejectionInput = {
    reason: a.body.reason ?? "",
    ...(a.body.revisitOn === undefined ? {} : { revisitOn: a.body.revisitOn }),
    attempts: h.attempts,
    // The limit is a rep's own; who acts for many reps is not one.
    rejectionsToday: a.role === "rep" ? (today?.n ?? 0) : 0,
    facts: await factsOf(c),
    engagements: (await engagementsOf(c.tx, c.lead.id)).map((row) => ({
      id: row.message_id,
      type: row.type,
      occurredAt: row.occurred_at.getTime(),
    })),
    now: c.now,
  };
  const output = rejudgeRejection(c.agreement, input);
  if ("refused" in output)
    return {
      ...refuse(c, output.refused.code, output.refused.message, output.refused.field),
      judged: { input, output },
    };

  await onClocks(c, answerClocks(c), { kind: "stop", at: receivedAt(a) });
  const judged = await lookAhead(c);
  const onTime = inTime(judged, receivedAt(a));
  h.rejected_at = new Date(receivedAt(a));
  h.rejection_reason = input.reason;
  h.rejection_group = output.group;
  const contested = output.contested && c.lead.stage === "mql";
  await recordAnswer(c, a, "reject", { onTime, contested });
  if (contested) await contest(c, a);
  else await rejectionStands(c, input.reason, output, a.body.revisitOn ?? null);
  return {
    because: contested
      ? `rejected (${input.reason}); contested: ${output.because}`
      : `rejected: ${input.reason}`,
    onTime,
    judged: { input, output },
  };
}

/** The facts say otherwise: the manager decides, and the rep's clocks stand still because the rep has answered. */
async function contest(c: Case, a: ActionRow): Promise<void> {
  const h = openHandoff(c);
  h.contested_at = new Date(c.now);
  const applied = appliedCalendar(c.agreement, null, null);
  const due = dueOf(c.agreement.answers.contested.within, c.now, compileApplied(applied, c.now), {
    elapsedRoll: { kind: "none" },
  });
  const manager = await firstRow<{ manager_id: string | null }>(
    c.tx,
    sql`select manager_id from rep where id = ${h.rep_id}`,
  );
  await openTask(
    c.tx,
    {
      kind: "contested",
      subject: c.subject,
      handoffId: h.id,
      role: "manager",
      assigneeId: manager?.manager_id ?? null,
      dueAt: due,
      detail: { reason: a.body.reason, by: a.by_id },
    },
    c.now,
  );
  await mail(c, "contested", h.round, {
    repId: h.rep_id,
    reason: a.body.reason ?? null,
    dueAt: due,
  });
  await endRepClocks(c);
  setState(c.lead, {
    waitingOn: "manager",
    nextStep: "the manager decides on the contested rejection",
    nextAt: null,
    owner: manager?.manager_id ?? null,
  });
  c.lead.due_at = new Date(due);
  // The lead's own clocks run on and wake the process when they are missed.
  await lookAhead(c);
  await syncCrm(c);
}

export async function advance(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = openHandoff(c);
  const to = a.body.to ?? (c.lead.stage === "sal" ? "sql" : "opportunity");
  if (to === "sql") {
    if (c.lead.stage !== "sal")
      return refuse(c, "not-possible-now", "the lead is SQL already", "to");
    await toSql(c, receivedAt(a));
  } else {
    if (c.lead.stage !== "sql")
      return refuse(
        c,
        "not-possible-now",
        "a lead becomes SQL before it becomes an opportunity",
        "to",
      );
    await send(
      c.tx,
      sql`
      insert into opportunity (id, lead_id, handoff_id, stage, amount_minor, currency, created_at, changed_at)
      values (${newId("op", c.now)}, ${c.lead.id}, ${h.id}, 'open', ${a.body.amountMinor ?? null}, ${a.body.currency ?? null}, ${new Date(c.now)}, ${new Date(c.now)})`,
    );
    await toOpportunity(c, receivedAt(a), "the rep opened an opportunity");
  }
  await recordAnswer(c, a, "advance", {});
  await syncCrm(c);
  return {
    because: to === "sql" ? "fit, need and timing confirmed" : "opportunity opened",
    judged: nothingJudged,
  };
}

export async function toSql(c: Case, at: Instant): Promise<void> {
  openHandoff(c).sql_at = new Date(at);
  await moveTo(c.tx, c.lead, "sql", "sales confirmed fit, need and timing", c.key);
  c.lead.waiting_on = "opportunity";
  await lookAhead(c);
}

/** The lead's process ends here; won and lost are recorded from the CRM on the opportunity. */
export async function toOpportunity(c: Case, at: Instant, because: string): Promise<void> {
  const h = openHandoff(c);
  h.opportunity_at = new Date(at);
  await moveTo(c.tx, c.lead, "opportunity", because, c.key);
  await endRound(c, "opportunity");
  await cancelClocks(c);
  h.state = "closed";
  h.outcome = "opportunity";
  h.closed_at = new Date(c.now);
  setState(c.lead, {
    waitingOn: "nothing",
    nextStep: "nothing; won or lost is recorded from the CRM",
    nextAt: null,
    queue: null,
  });
  await endTasks(c.tx, c.subject, "all", { state: "done", by: "baton", how: "opportunity" }, c.now);
}

export async function handBack(c: Case, a: ActionRow): Promise<SettledOne> {
  await onClocks(c, answerClocks(c), { kind: "stop", at: receivedAt(a) });
  await recordAnswer(c, a, "hand-back", {});
  await renurture(c, "handed back", a.body.revisitOn ?? null);
  return { because: "handed back", judged: nothingJudged };
}

export async function pause(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = openHandoff(c);
  const reason = a.body.reason ?? "";
  const { reasons, atMost } = c.agreement.clocks.pause;
  if (!reasons.includes(reason))
    return refuse(
      c,
      "unknown-reason",
      `${reason} is no reason to pause; expected one of ${reasons.join(", ")}`,
      "reason",
    );
  if (h.paused_until !== null) return refuse(c, "paused-already", "the clocks are paused already");
  const longest = dueOf(
    atMost,
    c.now,
    compileApplied(appliedCalendar(c.agreement, null, null), c.now),
    { elapsedRoll: { kind: "none" } },
  );
  const asked = a.body.until === undefined ? longest : Date.parse(a.body.until);
  h.paused_until = new Date(Math.min(longest, asked));
  await onClocks(c, ["outreach", "status"], { kind: "pause", at: receivedAt(a), reason });
  await lookAhead(c);
  await syncCrm(c);
  return {
    because: `paused (${reason}) until ${h.paused_until.toISOString()}`,
    judged: nothingJudged,
  };
}

export async function resume(c: Case): Promise<SettledOne> {
  const h = openHandoff(c);
  if (h.paused_until === null) return refuse(c, "not-paused", "the clocks are not paused");
  h.paused_until = null;
  await onClocks(c, ["outreach", "status"], { kind: "resume", at: c.now });
  await lookAhead(c);
  await syncCrm(c);
  return { because: "resumed", judged: nothingJudged };
}

/** Accept and reject belong to the status clock, or to the outreach clock where the agreement says so. */
function answerClocks(c: Case): ("outreach" | "status")[] {
  return c.agreement.answers.acceptBy === "status" ? ["status"] : ["outreach", "status"];
}

/** Whether the clocks that this answer stopped were met; undefined when it stopped none. */
function inTime(judged: Awaited<ReturnType<typeof lookAhead>>, at: Instant): boolean | undefined {
  const stopped = Object.entries(judged.views).filter(
    ([id, view]) => id.includes("/rep/") && view.stoppedAt === at,
  );
  return stopped.length === 0 ? undefined : stopped.every(([, view]) => !view.late);
}

function cadenceEnd(c: Case, from: Instant): Instant {
  const hours = compileApplied(appliedCalendar(c.agreement, null, null), from);
  return dueOf(c.agreement.working.over, from, hours, { elapsedRoll: { kind: "none" } });
}
