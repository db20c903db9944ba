import type { Agreement } from "../handoff/agreement.ts";
import { evaluate } from "../handoff/condition.ts";
import type { Engagement, Facts } from "../handoff/facts.ts";
import { deriveFacts } from "../handoff/lead.ts";
import { leadTypeOf, type Qualification } from "../handoff/qualify.ts";
import { rejudgeAssess, type AssessInput } from "../handoff/rejudge.ts";
import { send, sql } from "../store/db.ts";
import { decideOnce } from "../store/decisions.ts";
import { lastHandoff, openHandoff } from "../store/handoffs.ts";
import { endTasks, openTask } from "../store/human-tasks.ts";
import { engagementsOf, moveTo, setState } from "../store/subject.ts";
import { otherMatches } from "../store/matches.ts";
import type { DecisionKey, Standing } from "../workflows/contract.ts";
import {
  closeCase,
  factsOf,
  mail,
  openCase,
  syncCrm,
  type Case,
  type DecisionDeps,
} from "./case.ts";
import { endIfGone, disqualify } from "./ending.ts";

/**
 * Judges a lead against the agreement: from `new`, when news reaches a lead in `nurture` or `renurture`, and when facts
 * changed under an open handoff (then only suppression counts). Opens the handoff when a lead type matches.
 */
export function assess(
  deps: DecisionDeps,
  asked: DecisionKey,
  how: { reopen: boolean },
): Promise<Standing> {
  return decideOnce(deps.pool, "assess", asked, async (tx, key) => {
    const c = await openCase(deps, tx, key);
    if (
      how.reopen &&
      c.lead.stage === "disqualified" &&
      c.lead.erased_at === null &&
      c.lead.merged_into === null
    ) {
      await moveTo(tx, c.lead, "new", "reopened", key);
      c.lead.closed_reason = null;
    }
    if (await endIfGone(c))
      return { agreementId: c.agreementId, input: null, output: null, result: await closeCase(c) };
    const input = await assessInput(c);
    const output = rejudgeAssess(c.agreement, input);
    c.lead.band = output.qualification.band;
    await rememberScore(c, output.qualification);
    await applyAssessment(c, input, output.qualification, output.returns);
    return { agreementId: c.agreementId, input, output, result: await closeCase(c) };
  });
}

export async function assessInput(c: Case): Promise<AssessInput> {
  const [latest, facts, others] = await Promise.all([
    engagementsOf(c.tx, c.lead.id),
    factsOf(c),
    otherMatches(c.tx, c.lead.id),
  ]);
  const engagements = latest.map((row): Engagement => ({
    id: row.message_id,
    type: row.type,
    occurredAt: row.occurred_at.getTime(),
    ...(row.topic === null ? {} : { topic: row.topic }),
  }));
  const exit =
    c.lead.stage === "renurture" && c.lead.exit_at !== null
      ? {
          at: c.lead.exit_at.getTime(),
          intent: c.lead.exit_intent ?? 0,
          ...(c.lead.revisit_on === null ? {} : { revisitOn: c.lead.revisit_on }),
        }
      : null;
  return { facts, engagements, now: c.now, matches: 1 + others, exit };
}

async function applyAssessment(
  c: Case,
  input: AssessInput,
  q: Qualification,
  back: ReturnType<typeof rejudgeAssess>["returns"],
): Promise<void> {
  if (q.verdict === "disqualify")
    return disqualify(c, `suppressed: ${q.suppression ?? "by the agreement"}`);
  switch (c.lead.stage) {
    case "new":
      if (q.verdict === "needs-data") return awaitData(c, q);
      if (c.hasOpenTasks)
        await endTasks(
          c.tx,
          c.subject,
          ["fix-data"],
          { state: "done", by: "baton", how: "the facts are there" },
          c.now,
        );
      return q.verdict === "hand-off"
        ? handOff(c, input, q, leadTypeOf(c.agreement, q.leadType ?? ""))
        : enterNurture(c, q);
    case "nurture":
      if (q.verdict === "hand-off")
        return handOff(c, input, q, leadTypeOf(c.agreement, q.leadType ?? ""));
      return stayInNurture(c, q);
    case "renurture": {
      const cyclesLeft = c.key.cycle <= c.agreement.renurture.maxCycles;
      if (back?.due && cyclesLeft)
        return handOff(c, input, q, await returningType(c, q), back.because);
      return setState(c.lead, {
        waitingOn: c.lead.waiting_on === "review" ? "review" : "return",
        nextStep: cyclesLeft
          ? "a return condition, or the re-nurture review"
          : "the re-nurture review; the agreed cycles are used up",
        nextAt: back && !back.due && cyclesLeft ? back.nextAt : null,
      });
    }
    case "mql":
    case "sal":
    case "sql":
      return; // Under an open handoff only suppression counts; the handoff keeps the terms it was opened with.
    case "opportunity":
    case "disqualified":
      return;
  }
}

async function awaitData(c: Case, q: Qualification): Promise<void> {
  setState(c.lead, {
    waitingOn: "data",
    nextStep: `facts to be corrected: ${q.missing.map((one) => one.field).join(", ")}`,
    nextAt: null,
    queue: c.agreement.nurture.reviewer,
  });
  await openTask(
    c.tx,
    {
      kind: "fix-data",
      subject: c.subject,
      role: c.agreement.nurture.reviewer,
      detail: { missing: q.missing },
    },
    c.now,
  );
  await syncCrm(c);
}

async function enterNurture(c: Case, q: Qualification): Promise<void> {
  await moveTo(c.tx, c.lead, "nurture", q.because, c.key);
  c.lead.review_at = new Date(c.now + elapsedMs(c.agreement));
  c.lead.queue = null;
  await stayInNurture(c, q);
  await syncCrm(c);
}

/** In nurture the next thing is a person's review, or the moment at which ageing alone could change the verdict. */
async function stayInNurture(c: Case, q: Qualification): Promise<void> {
  const review = c.lead.review_at?.getTime() ?? null;
  if (c.lead.waiting_on === "review")
    return setState(c.lead, {
      waitingOn: "review",
      nextStep: "a person decides: keep or retire",
      nextAt: q.nextChangeAt,
    });
  if (review !== null && c.now >= review) return nurtureReviewDue(c, q);
  const ageing = q.nextChangeAt !== null && (review === null || q.nextChangeAt < review);
  setState(c.lead, {
    waitingOn: "signal",
    nextStep: ageing ? "the score is looked at again" : "a person reviews it",
    nextAt: ageing ? q.nextChangeAt : review,
  });
}

/** A lead that has been in nurture for the agreed window: nobody ages out unseen. */
async function nurtureReviewDue(c: Case, q: Qualification): Promise<void> {
  const role = c.agreement.nurture.reviewer;
  setState(c.lead, {
    waitingOn: "review",
    nextStep: "a person decides: keep or retire",
    nextAt: q.nextChangeAt,
    queue: role,
  });
  await openTask(
    c.tx,
    {
      kind: "nurture-review",
      subject: c.subject,
      role,
      detail: { since: c.lead.stage_since.toISOString() },
    },
    c.now,
  );
  await mail(c, "nurture-review", c.key.step, { role });
}

/** The window of nurture is elapsed time in the agreement's own words (`60 days`). */
function elapsedMs(agreement: Agreement): number {
  const window = agreement.nurture.humanReviewAfter;
  return window.kind === "elapsed"
    ? window.ms
    : window.kind === "business-days"
      ? window.days * 86_400_000
      : 60 * 86_400_000;
}

/** A returning lead falls under the lead type that matches now, else under the one it had (process.md: a return starts a new cycle). */
async function returningType(c: Case, q: Qualification): Promise<ReturnType<typeof leadTypeOf>> {
  const before = await lastHandoff(c.tx, c.subject);
  return (
    leadTypeOf(c.agreement, q.leadType ?? "") ??
    leadTypeOf(c.agreement, before?.lead_type ?? "") ??
    c.agreement.leadTypes.at(-1)
  );
}

/** The terms under which a review decision returns a lead to sales: judged now, under the type it matches or had. */
export async function returnTerms(
  c: Case,
): Promise<{
  input: AssessInput;
  qualification: Qualification;
  type: ReturnType<typeof leadTypeOf>;
}> {
  const input = await assessInput(c);
  const { qualification } = rejudgeAssess(c.agreement, input);
  return { input, qualification, type: await returningType(c, qualification) };
}

/** Opens the handoff: from here the lead clock runs. */
export async function handOff(
  c: Case,
  input: { facts: Facts; engagements: readonly Engagement[] },
  q: Pick<Qualification, "band" | "fit" | "intent" | "because">,
  type: ReturnType<typeof leadTypeOf>,
  because: string = q.because,
): Promise<void> {
  if (!type) throw new Error("the agreement has no lead type to hand off under");
  const facts = deriveFacts(input.facts, c.agreement.emailDomains);
  const text = (path: string) => (typeof facts[path] === "string" ? facts[path] : null);
  const icp =
    evaluate(
      { kind: "named", name: "icp", at: "icp" },
      { facts, engagements: input.engagements, now: c.now },
      c.agreement,
    ).result === true;
  await moveTo(c.tx, c.lead, "mql", because, c.key);
  const id = await openHandoff(c.tx, c.subject, c.key.cycle, c.now, {
    agreementId: c.agreementId,
    leadType: type.name,
    path: type.path,
    priority: type.priority,
    band: q.band,
    fit: q.fit,
    intent: q.intent,
    icp,
    source: c.lead.source,
    campaign: c.lead.campaign,
    motion: text("lead.motion"),
    language: text("lead.language"),
    product: text("lead.product"),
  });
  c.lead.handoff_id = id;
  c.lead.lead_type = type.name;
  c.lead.band = q.band;
  c.lead.review_at = null;
  setState(c.lead, {
    waitingOn: "assessment",
    nextStep: "it is routed",
    nextAt: c.now,
    owner: null,
    queue: null,
  });
  if (c.hasOpenTasks)
    await endTasks(
      c.tx,
      c.subject,
      ["nurture-review", "renurture-review"],
      { state: "withdrawn", by: "baton", how: "it was handed off" },
      c.now,
    );
}

/** Remembers the score for lists and for what the next engagement is compared with. */
async function rememberScore(c: Case, q: Qualification): Promise<void> {
  await send(
    c.tx,
    sql`
    insert into score (lead_id, fit, intent, band, at) values (${c.lead.id}, ${q.fit}, ${q.intent}, ${q.band}, ${new Date(c.now)})
    on conflict (lead_id) do update set fit = excluded.fit, intent = excluded.intent, band = excluded.band, at = excluded.at`,
  );
}
