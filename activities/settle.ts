import type { Instant } from "../handoff/calendar.ts";
import { rejudgeRejection, type RejectionInput } from "../handoff/rejudge.ts";
import { appliedCalendar, compileApplied } from "../handoff/applied-calendar.ts";
import { dueAt as dueOf } from "../handoff/target.ts";
import { mayAct } from "../handoff/stage.ts";
import { firstRow, send, sql } from "../store/db.ts";
import { decideOnce } from "../store/decisions.ts";
import { endTasks, openTask } from "../store/human-tasks.ts";
import { newId } from "../store/ids.ts";
import { recordDecision } from "../store/reviews.ts";
import { endAssignment, endAssignments } from "../store/routing.ts";
import { engagementsOf, moveTo, setState } from "../store/subject.ts";
import type { ActionResult, DecisionKey, Standing } from "../workflows/contract.ts";
import { actionById, type ActionRow } from "./action.ts";
import { settleAction } from "../store/actions.ts";
import { closeCase, factsOf, isContested, mail, openCase, syncCrm, type Case, type DecisionDeps } from "./case.ts";
import { endRepClocks, endRound, lookAhead } from "./check-clocks.ts";
import { handOff, returnTerms } from "./assess.ts";
import { cancelClocks, disqualify, freeCapacity, rejectionStands, renurture } from "./ending.ts";
import { onClocks } from "./running-clocks.ts";

export interface Settled { readonly standing: Standing; readonly result: ActionResult }

/** What a rule was asked while settling, kept for `verify`; null where no rule decides. */
interface Judged { readonly input: RejectionInput | null; readonly output: unknown }
const nothingJudged: Judged = { input: null, output: null };

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
      agreementId: c.agreementId, ...(action?.settled_at === null && result.done ? { actionId } : {}),
      input: settled.judged.input, output: settled.judged.output, result: { standing, result },
    };
  });
}

export interface SettledOne { readonly because: string; readonly onTime?: boolean | undefined; readonly result?: ActionResult; readonly judged: Judged }

/** Settles an action inside a decision under way; the caller closes the case. */
export async function settleOne(c: Case, action: ActionRow | undefined, actionId: string): Promise<SettledOne> {
  if (!action) return refuse(c, "unknown-action", `action ${actionId} is not on record`);
  if (action.settled_at !== null && action.result) return { because: "settled before", result: action.result, judged: nothingJudged };
  if (!mayAct(c.lead.stage, c.lead.waiting_on, action.name)) {
    return refuse(c, "not-possible-now", `${action.name} is not possible: the lead is ${c.lead.stage}, waiting on ${c.lead.waiting_on}`);
  }
  switch (action.name) {
    case "logOutreach": return logOutreach(c, action);
    case "accept": return accept(c, action);
    case "reject": return reject(c, action);
    case "advance": return advance(c, action);
    case "handBack": return handBack(c, action);
    case "reassign": return reassign(c, action);
    case "pause": return pause(c, action);
    case "resume": return resume(c);
    case "decideContest": return decideContest(c, action);
    case "decideReview": return decideReview(c, action);
  }
}

async function logOutreach(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = open(c);
  const outcome = a.body.outcome ?? "attempted";
  const isFirst = h.first_outreach_at === null;
  const occurredAt = a.body.occurredAt === undefined ? a.received_at : new Date(a.body.occurredAt);
  await onClocks(c, ["outreach"], { kind: "stop", at: receivedAt(a) });
  h.attempts += 1;
  h.first_outreach_at ??= occurredAt;
  if (outcome === "connected" || outcome === "replied" || outcome === "meeting_booked") h.connected_at ??= occurredAt;
  if (outcome === "meeting_booked") h.meeting_at ??= occurredAt;
  if (c.lead.waiting_on === "outreach") c.lead.waiting_on = "answer";
  if (c.lead.waiting_on === "attempts" && h.meeting_at !== null) c.lead.waiting_on = "meeting";
  await rememberLearnt(c, a);
  const judged = await lookAhead(c);
  const onTime = inTime(judged, receivedAt(a));
  await send(c.tx, sql`
    insert into outreach (id, handoff_id, rep_id, channel, outcome, occurred_at, received_at, on_time)
    values (${a.id}, ${h.id}, ${a.by_id}, ${a.body.channel ?? "call"}, ${outcome}, ${occurredAt}, ${a.received_at}, ${onTime ?? null})`);
  if (isFirst) await freeCapacity(c);
  await syncCrm(c);
  return { because: `${outcome} by ${a.body.channel ?? "call"}`, onTime, judged: nothingJudged };
}

async function accept(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = open(c);
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

async function reject(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = open(c);
  const today = await firstRow<{ n: number }>(c.tx, sql`
    select count(*)::int as n from answer where by_id = ${a.by_id} and kind = 'reject' and received_at > ${new Date(receivedAt(a) - 86_400_000)} and received_at <= ${a.received_at}`);
  const input: RejectionInput = {
    reason: a.body.reason ?? "", ...(a.body.revisitOn === undefined ? {} : { revisitOn: a.body.revisitOn }),
    attempts: h.attempts,
    // The limit is a rep's own; who acts for many reps is not one.
    rejectionsToday: a.role === "rep" ? (today?.n ?? 0) : 0,
    facts: await factsOf(c),
    engagements: (await engagementsOf(c.tx, c.lead.id)).map((row) => ({ id: row.message_id, type: row.type, occurredAt: row.occurred_at.getTime() })),
    now: c.now,
  };
  const output = rejudgeRejection(c.agreement, input);
  if ("refused" in output) return { ...refuse(c, output.refused.code, output.refused.message, output.refused.field), judged: { input, output } };

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
  return { because: contested ? `rejected (${input.reason}); contested: ${output.because}` : `rejected: ${input.reason}`, onTime, judged: { input, output } };
}

/** The facts say otherwise: the manager decides, and the rep's clocks stand still because the rep has answered. */
async function contest(c: Case, a: ActionRow): Promise<void> {
  const h = open(c);
  h.contested_at = new Date(c.now);
  const applied = appliedCalendar(c.agreement, null, null);
  const due = dueOf(c.agreement.answers.contested.within, c.now, compileApplied(applied, c.now), { elapsedRoll: { kind: "none" } });
  const manager = await firstRow<{ manager_id: string | null }>(c.tx, sql`select manager_id from rep where id = ${h.rep_id}`);
  await openTask(c.tx, { kind: "contested", subject: c.subject, handoffId: h.id, role: "manager", assigneeId: manager?.manager_id ?? null, dueAt: due, detail: { reason: a.body.reason, by: a.by_id } }, c.now);
  await mail(c, "contested", h.round, { repId: h.rep_id, reason: a.body.reason ?? null, dueAt: due });
  await endRepClocks(c);
  setState(c.lead, { waitingOn: "manager", nextStep: "the manager decides on the contested rejection", nextAt: null, owner: manager?.manager_id ?? null });
  c.lead.due_at = new Date(due);
  // The lead's own clocks run on and wake the process when they are missed.
  await lookAhead(c);
  await syncCrm(c);
}

async function advance(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = open(c);
  const to = a.body.to ?? (c.lead.stage === "sal" ? "sql" : "opportunity");
  if (to === "sql") {
    if (c.lead.stage !== "sal") return refuse(c, "not-possible-now", "the lead is SQL already", "to");
    await toSql(c, receivedAt(a));
  } else {
    if (c.lead.stage !== "sql") return refuse(c, "not-possible-now", "a lead becomes SQL before it becomes an opportunity", "to");
    await send(c.tx, sql`
      insert into opportunity (id, lead_id, handoff_id, stage, amount_minor, currency, created_at, changed_at)
      values (${newId("op", c.now)}, ${c.lead.id}, ${h.id}, 'open', ${a.body.amountMinor ?? null}, ${a.body.currency ?? null}, ${new Date(c.now)}, ${new Date(c.now)})`);
    await toOpportunity(c, receivedAt(a), "the rep opened an opportunity");
  }
  await recordAnswer(c, a, "advance", {});
  await syncCrm(c);
  return { because: to === "sql" ? "fit, need and timing confirmed" : "opportunity opened", judged: nothingJudged };
}

export async function toSql(c: Case, at: Instant): Promise<void> {
  open(c).sql_at = new Date(at);
  await moveTo(c.tx, c.lead, "sql", "sales confirmed fit, need and timing", c.key);
  c.lead.waiting_on = "opportunity";
  await lookAhead(c);
}

/** The lead's process ends here; won and lost are recorded from the CRM on the opportunity. */
export async function toOpportunity(c: Case, at: Instant, because: string): Promise<void> {
  const h = open(c);
  h.opportunity_at = new Date(at);
  await moveTo(c.tx, c.lead, "opportunity", because, c.key);
  await endRound(c, "opportunity");
  await cancelClocks(c);
  h.state = "closed";
  h.outcome = "opportunity";
  h.closed_at = new Date(c.now);
  setState(c.lead, { waitingOn: "nothing", nextStep: "nothing; won or lost is recorded from the CRM", nextAt: null, queue: null });
  await endTasks(c.tx, c.subject, "all", { state: "done", by: "baton", how: "opportunity" }, c.now);
}

async function handBack(c: Case, a: ActionRow): Promise<SettledOne> {
  await onClocks(c, answerClocks(c), { kind: "stop", at: receivedAt(a) });
  await recordAnswer(c, a, "hand-back", {});
  await renurture(c, "handed back", a.body.revisitOn ?? null);
  return { because: "handed back", judged: nothingJudged };
}

async function reassign(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = open(c);
  const to = a.body.to ?? null;
  if (to !== null && !(await firstRow(c.tx, sql`select 1 from rep where id = ${to} and active`))) {
    return refuse(c, "unknown-rep", `there is no active rep ${to}`, "to");
  }
  if (to !== null && to === h.rep_id) return refuse(c, "same-owner", `${to} has the lead already`, "to");
  await endTasks(c.tx, c.subject, ["fallback", "escalated", "contested"], { state: "done", by: a.by_id, how: to ? `assigned to ${to}` : "routed again" }, c.now);
  if (h.rep_id !== null) {
    await endRound(c, "reassigned by a manager");
    await mail(c, "reassigned-away", `${h.round}-manager`, { repId: h.rep_id, because: "reassigned by a manager" });
  }
  if (c.lead.stage === "mql") {
    await send(c.tx, sql`delete from held where handoff_id = ${h.id}`);
    // An offer that its process has not heard of gives way too, and keeps its round.
    const unheard = await endAssignments(c.tx, h.id, c.now, "reassigned by a manager");
    h.round = Math.max(h.round, ...unheard.map((one) => one.round));
    if (unheard.length > 0) await freeCapacity(c, unheard.map((one) => one.pool));
    if (isContested(h)) h.overturned_at = new Date(c.now);
    h.rep_id = null;
    h.assign_to = to;
    h.paused_until = null;
    setState(c.lead, { waitingOn: "assessment", nextStep: "it is routed", nextAt: c.now, owner: null });
  } else {
    await newOwner(c, to ?? h.rep_id);
  }
  return { because: to ? `reassigned to ${to}` : "routed again", judged: nothingJudged };
}

/** After acceptance a lead is handed to a named colleague; its stage and cadence stay. */
async function newOwner(c: Case, to: string | null): Promise<void> {
  const h = open(c);
  if (to === null) return;
  h.round += 1;
  h.rep_id = to;
  c.lead.owner_id = to;
  await send(c.tx, sql`
    insert into assignment (handoff_id, round, rep_id, pool, via, candidates, at)
    values (${h.id}, ${h.round}, ${to}, ${h.pool}, 'manager', '[]', ${new Date(c.now)})`);
  await lookAhead(c);
  await mail(c, "offer", h.round, { repId: to, dueAt: null });
  await syncCrm(c);
}

async function pause(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = open(c);
  const reason = a.body.reason ?? "";
  const { reasons, atMost } = c.agreement.clocks.pause;
  if (!reasons.includes(reason)) return refuse(c, "unknown-reason", `${reason} is no reason to pause; expected one of ${reasons.join(", ")}`, "reason");
  if (h.paused_until !== null) return refuse(c, "paused-already", "the clocks are paused already");
  const longest = dueOf(atMost, c.now, compileApplied(appliedCalendar(c.agreement, null, null), c.now), { elapsedRoll: { kind: "none" } });
  const asked = a.body.until === undefined ? longest : Date.parse(a.body.until);
  h.paused_until = new Date(Math.min(longest, asked));
  await onClocks(c, ["outreach", "status"], { kind: "pause", at: receivedAt(a), reason });
  await lookAhead(c);
  await syncCrm(c);
  return { because: `paused (${reason}) until ${h.paused_until.toISOString()}`, judged: nothingJudged };
}

async function resume(c: Case): Promise<SettledOne> {
  const h = open(c);
  if (h.paused_until === null) return refuse(c, "not-paused", "the clocks are not paused");
  h.paused_until = null;
  await onClocks(c, ["outreach", "status"], { kind: "resume", at: c.now });
  await lookAhead(c);
  await syncCrm(c);
  return { because: "resumed", judged: nothingJudged };
}

async function decideContest(c: Case, a: ActionRow): Promise<SettledOne> {
  const h = open(c);
  if (!isContested(h)) return refuse(c, "not-contested", "no contested rejection waits for a decision");
  const upheld = a.body.decision === "uphold";
  await recordAnswer(c, a, upheld ? "contest-upheld" : "contest-overturned", {});
  await endTasks(c.tx, c.subject, ["contested"], { state: "done", by: a.by_id, how: upheld ? "upheld" : "overturned" }, c.now);
  await mail(c, "contest-decided", h.round, { repId: h.rep_id, decision: upheld ? "upheld" : "overturned", reason: h.rejection_reason });
  if (upheld) {
    const rule = c.agreement.answers.reasons[h.rejection_reason ?? ""];
    if (!rule) throw new Error(`agreement ${c.agreementId} has no reason ${h.rejection_reason}`);
    const revisit = await firstRow<{ revisit_on: string | null }>(c.tx, sql`select revisit_on from answer where handoff_id = ${h.id} and kind = 'reject' order by received_at desc limit 1`);
    await rejectionStands(c, h.rejection_reason ?? "", rule, revisit?.revisit_on ?? null);
    return { because: "the rejection stands", judged: nothingJudged };
  }
  h.overturned_at = new Date(c.now);
  await endAssignment(c.tx, h.id, h.round, c.now, "rejection overturned");
  h.rep_id = null;
  setState(c.lead, { waitingOn: "assessment", nextStep: "it is routed to another rep", nextAt: c.now, owner: null });
  return { because: "the rejection was overturned", judged: nothingJudged };
}

async function decideReview(c: Case, a: ActionRow): Promise<SettledOne> {
  const decision = a.body.decision === "return" || a.body.decision === "retire" ? a.body.decision : "keep";
  const inPool = c.lead.stage === "renurture";
  if (decision === "return" && !inPool) return refuse(c, "not-possible-now", "a lead in nurture has no handoff to return to; keep or retire it", "decision");
  await endTasks(c.tx, c.subject, ["nurture-review", "renurture-review"], { state: "done", by: a.by_id, how: decision }, c.now);
  await recordDecision(c.tx, c.lead.id, { decision, by: a.by_id }, c.now);
  c.lead.queue = null;
  switch (decision) {
    case "retire":
      await disqualify(c, "retired in review");
      break;
    case "return": {
      const { input, qualification, type } = await returnTerms(c);
      await handOff(c, input, qualification, type, "returned by review");
      break;
    }
    default:
      await keep(c, inPool);
  }
  return { because: `review: ${decision}`, judged: nothingJudged };
}

async function keep(c: Case, inPool: boolean): Promise<void> {
  if (inPool) return setState(c.lead, { waitingOn: "return", nextStep: "a return condition, or the next review", nextAt: c.now });
  const window = c.agreement.nurture.humanReviewAfter;
  c.lead.review_at = new Date(c.now + (window.kind === "elapsed" ? window.ms : 60 * 86_400_000));
  setState(c.lead, { waitingOn: "signal", nextStep: "a person reviews it", nextAt: c.lead.review_at.getTime() });
}

function open(c: Case): NonNullable<Case["handoff"]> {
  if (!c.handoff) throw new Error(`lead ${c.lead.id} is ${c.lead.stage} without an open handoff`);
  return c.handoff;
}

function receivedAt(a: ActionRow): Instant {
  return a.received_at.getTime();
}

/** Accept and reject belong to the status clock, or to the outreach clock where the agreement says so. */
function answerClocks(c: Case): ("outreach" | "status")[] {
  return c.agreement.answers.acceptBy === "status" ? ["status"] : ["outreach", "status"];
}

/** Whether the clocks that this answer stopped were met; undefined when it stopped none. */
function inTime(judged: Awaited<ReturnType<typeof lookAhead>>, at: Instant): boolean | undefined {
  const stopped = Object.entries(judged.views).filter(([id, view]) => id.includes("/rep/") && view.stoppedAt === at);
  return stopped.length === 0 ? undefined : stopped.every(([, view]) => !view.late);
}

function cadenceEnd(c: Case, from: Instant): Instant {
  const hours = compileApplied(appliedCalendar(c.agreement, null, null), from);
  return dueOf(c.agreement.working.over, from, hours, { elapsedRoll: { kind: "none" } });
}

async function recordAnswer(c: Case, a: ActionRow, kind: "accept" | "reject" | "advance" | "hand-back" | "contest-upheld" | "contest-overturned", more: { onTime?: boolean | undefined; contested?: boolean }): Promise<void> {
  const h = open(c);
  await send(c.tx, sql`
    insert into answer (id, handoff_id, round, kind, by_id, reason, revisit_on, note, fit_rating, timeline, buying_signals, contested, received_at, on_time)
    values (${a.id}, ${h.id}, ${h.round}, ${kind}, ${a.by_id}, ${a.body.reason ?? null}, ${a.body.revisitOn ?? null}, ${a.body.note ?? null},
      ${a.body.fitRating ?? null}, ${a.body.timeline ?? null}, ${a.body.buyingSignals ?? []}, ${more.contested ?? false}, ${a.received_at}, ${more.onTime ?? null})`);
  await rememberLearnt(c, a);
}

/** What the rep learnt is a fact for the figures and the next decision, never a gate (process.md). */
async function rememberLearnt(c: Case, a: ActionRow): Promise<void> {
  if (a.body.timeline === undefined) return;
  await send(c.tx, sql`
    update lead set facts = facts || jsonb_build_object('lead.timeline', jsonb_build_object('value', ${a.body.timeline}::text, 'from', 'person', 'at', ${a.received_at.toISOString()}::text))
    where id = ${c.lead.id}`);
}

function done(standing: Standing, because: string, onTime: boolean | undefined): ActionResult {
  return { done: true, stage: standing.stage, waitingOn: standing.waitingOn, owner: standing.owner, because, ...(onTime === undefined ? {} : { onTime }) };
}

function refuse(c: Case, code: string, message: string, field?: string): SettledOne {
  return {
    because: message, judged: nothingJudged,
    result: { done: false, code, message, ...(field === undefined ? {} : { field }), stage: c.lead.stage, waitingOn: c.lead.waiting_on, owner: c.lead.owner_id },
  };
}
