import type { Agreement } from "../agreement.ts";
import { evaluate } from "../qualify/condition.ts";
import { tierRules, tierTerms, tierTrace } from "../accounts/tier.ts";
import type { FieldPath, Facts } from "../facts/facts.ts";
import { deriveFacts } from "../facts/lead.ts";
import { leadTypeOf, qualify, type Qualification } from "../qualify/qualify.ts";
import { explorationOf, mayBeExplored, type Exploration } from "../qualify/exploration.ts";
import { returns, type Return } from "../answers/renurture.ts";
import { byAgreement } from "./clocks.ts";
import {
  because,
  withTasksEnded,
  finding,
  moveTo,
  plus,
  withMessage,
  stand,
  withCrmSync,
  type Course,
} from "./course.ts";
import { dataTask, disqualify } from "./ending.ts";
import type { Event } from "./event.ts";
import { askAboutHand, handRaised } from "./closed.ts";
import { taskOf, type Handoff, type OpenTask, type Situation } from "./situation.ts";

/**
 * Judges a subject that is not with sales: from `new`, and when news or time reach one in `nurture`
 * or `renurture`. Suppression first; gates before every handoff; who fails them has a data task.
 */
export function judge(course: Course, event: Event["kind"], isCorrected = false): Course {
  const judged = judgedBy(course);
  const { qualification: q, returns: back } = judged;
  const found = plus(
    finding(because(course, q.because), judged),
    { do: "stand", set: { band: q.band } },
    { do: "remember-score", fit: q.fit, intent: q.intent, band: q.band },
  );
  if (q.verdict === "disqualify") return disqualify(found, suppressedBy(q));
  const isRejected = isStillRejected(found.at, isCorrected);
  // A person who reopens a lead has decided; nobody else hands off whom somebody works with.
  const isWorked = found.at.openOpportunity !== undefined && event !== "reopened";
  switch (found.at.process.stage) {
    case "new":
    case "nurture":
      if (isRejected) return awaitCorrection(found, q);
      return isWorked && q.verdict === "hand-off"
        ? toOpportunityOwner(found, q, event)
        : judgeOutside(found, q, explorationHere(course.at, q));
    case "renurture": {
      const so = judgeRenurture(found, q, isWorked ? null : back, isRejected);
      if (event !== "engaged") return so;
      return isUsedUp(so.at) || isWorked || isRejected ? handRaised(so) : so;
    }
    default:
      return found;
  }
}

/** Somebody works with this person already: that one hears of it, and no second handoff begins. */
function toOpportunityOwner(course: Course, q: Qualification, event: Event["kind"]): Course {
  const { stage } = course.at.process;
  const ready = dataIsThere(course);
  const stays = stage === "new" ? enterNurture(ready, q) : stayInNurture(ready, q);
  const isNews = event === "arrived" || event === "engaged";
  if (isNews && stage === "new") return because(askAboutHand(stays, null), owned);
  return because(isNews ? handRaised(stays) : stays, owned);
}

const owned = "an opportunity of this person is open: its owner is asked";

/** The agreed cycles are used up: no condition brings it back, and a person decides. */
function isUsedUp({ process, agreement }: Situation): boolean {
  return process.stage === "renurture" && process.cycle > agreement.renurture.maxCycles;
}

/** Under an open handoff only suppression counts: it keeps the terms it was opened with. */
export function lookForSuppression(course: Course): Course {
  const judged = judgedBy(course);
  const found = finding(course, judged);
  const q = judged.qualification;
  return q.verdict === "disqualify" ? disqualify(found, suppressedBy(q)) : withCrmSync(found);
}

/**
 * Whether the lead is handed off to explore: once in its life, before any handoff, and never whom
 * somebody works with already. Null where nobody like it is explored.
 */
function explorationHere(at: Situation, q: Pick<Qualification, "verdict">): Exploration | null {
  const { subject, process, agreement, facts, engagements, now, matches } = at;
  if (q.verdict !== "nurture" || !mayBeExplored(process)) return null;
  if (at.openOpportunity !== undefined) return null;
  return explorationOf(agreement, subject.id, { facts, engagements, now, matches });
}

export function judgedBy({ at }: Course): { qualification: Qualification; returns: Return | null } {
  const { facts, engagements, now, matches, process, agreement, tier } = at;
  const known = { facts, engagements, now };
  const { stage, exitAt, exitIntent, revisitOn } = process;
  const exit =
    stage === "renurture" && exitAt !== null
      ? { at: exitAt, intent: exitIntent ?? 0, ...(revisitOn === null ? {} : { revisitOn }) }
      : null;
  const qualification = qualify(agreement, { ...known, matches });
  const explored = explorationHere(at, qualification)?.trace ?? [];
  return {
    qualification: {
      ...qualification,
      trace: [...qualification.trace, ...tierTrace(agreement, tier), ...explored],
    },
    returns: exit === null ? null : returns(agreement, { ...known, exit }),
  };
}

export function suppressedBy(q: Qualification): string {
  return `suppressed: ${q.suppression ?? "by the agreement"}`;
}

/** In `new` or `nurture`. */
function judgeOutside(course: Course, q: Qualification, exploration: Exploration | null): Course {
  if (q.verdict === "needs-data") return awaitData(course, q);
  const ready = dataIsThere(course);
  if (q.verdict === "hand-off") return handOff(ready, q, typeOf(ready.at, q));
  if (exploration?.isDrawn) return explore(ready, q, exploration);
  return course.at.process.stage === "new" ? enterNurture(ready, q) : stayInNurture(ready, q);
}

/** No lead type lets it through: it is handed off to learn what sales says. */
function explore(course: Course, q: Qualification, exploration: Exploration): Course {
  const { propensity, leadType } = exploration;
  const type = leadTypeOf(course.at.agreement, leadType);
  const why = `${q.because}; handed off to explore, as ${percent(propensity)} % of such leads are`;
  return handOff(course, q, type, { why, propensity });
}

function percent(share: number): number {
  return Math.round(share * 10_000) / 100;
}

function judgeRenurture(
  course: Course,
  q: Qualification,
  back: Return | null,
  isRejected: boolean,
): Course {
  const { process } = course.at;
  const cyclesLeft = !isUsedUp(course.at);
  const lacksData = isRejected || q.verdict === "needs-data";
  const ready = lacksData ? stillMissing(course, q, isRejected) : dataIsThere(course);
  if (back?.due && cyclesLeft) {
    if (!lacksData) return handOff(ready, q, returningType(course.at, q), { why: back.because });
    return isRejected ? awaitCorrection(course, q) : awaitData(ready, q);
  }
  const isAtReview = process.waitingOn === "review";
  const why = cyclesLeft ? "no return condition holds yet" : "the agreed cycles are used up";
  return stand(because(ready, why), {
    waitingOn: isAtReview ? "review" : "return",
    nextStep: cyclesLeft
      ? "a return condition, or the re-nurture review"
      : "the re-nurture review; the agreed cycles are used up",
    nextAt: back && !back.due && cyclesLeft ? back.nextAt : null,
    ...(isAtReview ? {} : { with: { queue: "renurture" } }),
  });
}

/**
 * A rejection for bad data waits for a correction: no page view and no new version of the agreement
 * sends the lead back to the rep who just rejected it.
 */
function isStillRejected(at: Situation, isCorrected: boolean): boolean {
  return !isCorrected && isRejectedData(taskOf(at, "fix-data"));
}

const contactFields: readonly FieldPath[] = [
  "lead.email",
  "lead.phone",
  "lead.name",
  "lead.firstName",
  "lead.lastName",
  "lead.role",
  "lead.title",
];

/**
 * Whether changed facts are what a rejection for bad data waits for: the field that it named, else
 * one by which the person is reached. Without a list of what changed it counts as corrected.
 */
export function corrects(at: Situation, fields: readonly FieldPath[] | undefined): boolean {
  const named = taskOf(at, "fix-data")?.detail["field"];
  return (
    fields === undefined ||
    fields.some((one) => (typeof named === "string" ? one === named : contactFields.includes(one)))
  );
}

/** What was named is corrected, and other facts are missing: the task says which. */
function stillMissing(course: Course, { missing }: Qualification, isRejected: boolean): Course {
  const isCorrected = !isRejected && isRejectedData(taskOf(course.at, "fix-data"));
  const role = course.at.agreement.nurture.reviewer;
  return isCorrected ? plus(course, dataTask(role, null, { missing })) : course;
}

function awaitCorrection(course: Course, q: Qualification): Course {
  return stand(course, {
    waitingOn: "data",
    nextStep: "facts to be corrected",
    nextAt: q.nextChangeAt,
    with: { queue: course.at.agreement.nurture.reviewer },
  });
}

function awaitData(course: Course, q: Qualification): Course {
  const role = course.at.agreement.nurture.reviewer;
  const fields = q.missing.map(({ field }) => field).join(", ");
  const waits = stand(course, {
    waitingOn: "data",
    nextStep: `facts to be corrected: ${fields}`,
    // Suppression can age in or out without anybody's doing.
    nextAt: q.nextChangeAt,
    with: { queue: role },
  });
  return withCrmSync(plus(waits, dataTask(role, null, { missing: q.missing })));
}

function dataIsThere(course: Course): Course {
  return withTasksEnded(course, ["fix-data"], {
    state: "done",
    by: "baton",
    how: "the facts are there",
  });
}

/** Whether the task came from a rejection for bad data. */
export function isRejectedData(task: OpenTask | undefined): boolean {
  return task?.detail["reason"] !== undefined;
}

function enterNurture(course: Course, q: Qualification): Course {
  const moved = plus(moveTo(course, "nurture", q.because), {
    do: "stand",
    set: { reviewAt: humanReviewAt(course.at) },
  });
  return withCrmSync(stayInNurture(moved, q));
}

/** Next comes a person's review, or the moment at which ageing alone could change the verdict. */
function stayInNurture(course: Course, q: Qualification): Course {
  const { process, now } = course.at;
  const { reviewAt } = process;
  if (process.waitingOn === "review") {
    return stand(course, {
      waitingOn: "review",
      nextStep: "a person decides: keep or retire",
      nextAt: q.nextChangeAt,
    });
  }
  if (reviewAt !== null && now >= reviewAt) return reviewIsDue(course, q);
  const ageing = q.nextChangeAt !== null && (reviewAt === null || q.nextChangeAt < reviewAt);
  return stand(course, {
    waitingOn: "signal",
    nextStep: ageing ? "the score is looked at again" : "a person reviews it",
    nextAt: ageing ? q.nextChangeAt : reviewAt,
    with: { queue: "nurture" },
  });
}

/** In nurture for the agreed window: nobody ages out unseen. */
function reviewIsDue(course: Course, q: Qualification): Course {
  const { agreement, process } = course.at;
  const role = agreement.nurture.reviewer;
  const since = process.stageSince;
  const waits = plus(
    stand(course, {
      waitingOn: "review",
      nextStep: "a person decides: keep or retire",
      nextAt: q.nextChangeAt,
      with: { queue: role },
    }),
    {
      do: "open-task",
      task: {
        kind: "nurture-review",
        handoffId: null,
        role,
        assigneeId: null,
        dueAt: null,
        detail: { since: new Date(since).toISOString() },
      },
    },
  );
  return taskOf(course.at, "nurture-review")
    ? waits
    : withMessage(waits, process.step, { what: "nurture-review", role, since });
}

/** When a person looks at a lead in nurture: the agreed window from now. */
export function humanReviewAt(situation: Situation): number {
  return byAgreement(situation, situation.agreement.nurture.humanReviewAfter, situation.now);
}

type LeadType = Agreement["leadTypes"][number];

function typeOf({ agreement }: Situation, q: Qualification): LeadType | undefined {
  return leadTypeOf(agreement, q.leadType ?? "");
}

/** A returning lead falls under the type that matches now, else under the one it had. */
export function returningType(situation: Situation, q: Qualification): LeadType | undefined {
  const { agreement, lastLeadType } = situation;
  return (
    typeOf(situation, q) ?? leadTypeOf(agreement, lastLeadType ?? "") ?? agreement.leadTypes.at(-1)
  );
}

/** Opens the handoff: from here the lead clock runs. */
export function handOff(
  course: Course,
  q: Qualification,
  type: LeadType | undefined,
  { why = q.because, propensity }: { readonly why?: string; readonly propensity?: number } = {},
): Course {
  if (!type) throw new Error("the agreement has no lead type to hand off under");
  const handoff = {
    ...newHandoff(course.at, q, type),
    ...(propensity === undefined ? {} : { propensity }),
  };
  const reviewed = withTasksEnded(
    course,
    ["nurture-review", "renurture-review", "hand-raise", "fix-data", "account-engaged"],
    {
      state: "withdrawn",
      by: "baton",
      how: "it was handed off",
    },
  );
  const opened = plus(
    moveTo(reviewed, "mql", `${why}${tierWords(course.at)}`),
    { do: "open-handoff", handoff },
    {
      do: "stand",
      set: { handoffId: handoff.id, leadType: type.name, band: q.band, reviewAt: null },
    },
  );
  return stand(opened, {
    waitingOn: "assessment",
    nextStep: "it is routed",
    nextAt: course.at.now,
    with: { queue: "routing" },
  });
}

/** Which tier sets the terms; nothing where none does. */
function tierWords({ agreement, tier }: Situation): string {
  return tierRules(agreement, tier) === undefined ? "" : `; account of tier ${tier}`;
}

function newHandoff(at: Situation, q: Qualification, type: LeadType): Handoff {
  const facts = deriveFacts(at.facts, at.agreement.emailDomains);
  const { cycle } = at.process;
  return {
    id: handoffId(at.subject.id, cycle),
    cycle,
    agreementId: at.agreementId,
    leadType: type.name,
    path: type.path,
    priority: tierTerms(at.agreement, type, at.tier).priority,
    band: q.band,
    fit: q.fit,
    intent: q.intent,
    icp: isIcp(at, facts),
    source: at.source,
    campaign: at.campaign,
    motion: text(facts, "lead.motion"),
    language: text(facts, "lead.language"),
    product: text(facts, "lead.product"),
    segment: null,
    territory: null,
    pool: null,
    state: "open",
    repId: null,
    round: 0,
    mqlAt: at.now,
    offeredAt: null,
    firstOutreachAt: null,
    connectedAt: null,
    meetingAt: null,
    salAt: null,
    sqlAt: null,
    opportunityAt: null,
    rejectedAt: null,
    rejectionReason: null,
    rejectionGroup: null,
    rejectionRevisitOn: null,
    contestedAt: null,
    overturnedAt: null,
    attempts: 0,
    attemptsUntil: null,
    pausedUntil: null,
    reassignments: 0,
    assignTo: null,
    outcome: null,
    closedAt: null,
    ...(at.tier === undefined ? {} : { tier: at.tier }),
    ...(at.accountHandoffId === undefined ? {} : { accountHandoffId: at.accountHandoffId }),
  };
}

/** One handoff a cycle: its id follows from the subject's, so a decision draws no random number. */
export function handoffId(subjectId: string, cycle: number): string {
  return `ho_${subjectId.replace(/^ld_/, "")}_${cycle}`;
}

function isIcp({ engagements, now, agreement }: Situation, facts: Facts): boolean {
  const icp = { kind: "named", name: "icp", at: "icp" } as const;
  return evaluate(icp, { facts, engagements, now }, agreement).result === true;
}

function text(facts: Facts, path: string): string | null {
  const value = facts[path];
  return typeof value === "string" ? value : null;
}
