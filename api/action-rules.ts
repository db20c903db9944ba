import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import { judgeRejection } from "../handoff/rejection.ts";
import type { ActionName } from "../handoff/stage.ts";
import type { ActionBodies, ActionBody, Learnt } from "../store/actions.ts";
import { Problem } from "./errors.ts";

/** How far ahead of ours a sender's clock may run. */
const skewMs = 5 * 60_000;

/**
 * What can be refused before the process is asked: reasons, dates, ratings and signals that the agreement of the handoff
 * does not know. Throws a 422 that names the field. What depends on the lead's facts is judged by the process.
 */
export function refuseUnlisted(
  name: ActionName,
  body: ActionBody,
  agreement: Agreement,
  now: Instant,
): void {
  refuseLearnt(body, agreement);
  switch (name) {
    case "logOutreach":
      return refuseFuture((body as ActionBodies["logOutreach"]).occurredAt, now);
    case "reject":
      return refuseReason(body as ActionBodies["reject"], agreement, now);
    case "handBack":
      return refusePastDay((body as ActionBodies["handBack"]).revisitOn, now);
    case "pause":
      return refusePause(body as ActionBodies["pause"], agreement, now);
    case "accept":
    case "advance":
    case "reassign":
    case "resume":
    case "decideContest":
    case "decideReview":
      return undefined;
    default:
      return name satisfies never;
  }
}

function refuseLearnt({ fitRating, buyingSignals }: Learnt, { answers }: Agreement): void {
  const { from, to } = answers.rateFit;
  if (fitRating !== undefined && (fitRating < from || fitRating > to))
    throw new Problem("invalid", {
      field: "fitRating",
      detail: `expected: a whole number from ${from} to ${to}`,
    });
  const unknown =
    buyingSignals?.findIndex((signal) => !answers.buyingSignals.includes(signal)) ?? -1;
  if (unknown >= 0)
    throw new Problem("invalid", {
      field: `buyingSignals.${unknown}`,
      detail: `expected one of: ${answers.buyingSignals.join(", ")}`,
      more: { expected: answers.buyingSignals },
    });
}

function refuseFuture(occurredAt: string | undefined, now: Instant): void {
  if (occurredAt !== undefined && Date.parse(occurredAt) > now + skewMs)
    throw new Problem("invalid", {
      field: "occurredAt",
      detail: "expected an instant that is not in the future",
    });
}

/** Attempts and contradictions need the lead's facts; everything else about a reason is known from the agreement alone. */
function refuseReason(body: ActionBodies["reject"], agreement: Agreement, now: Instant): void {
  const judged = judgeRejection(agreement, {
    reason: body.reason,
    ...(body.revisitOn === undefined ? {} : { revisitOn: body.revisitOn }),
    attempts: Number.MAX_SAFE_INTEGER,
    rejectionsToday: -1,
    known: { facts: {}, engagements: [], now },
  });
  if (!("refused" in judged)) return;
  const { code, field, message } = judged.refused;
  throw new Problem("refused", {
    field,
    detail: message,
    more: {
      rule: code,
      ...(code === "not-a-reason" ? { expected: Object.keys(agreement.answers.reasons) } : {}),
    },
  });
}

function refusePastDay(day: string | undefined, now: Instant): void {
  const today = new Date(now).toISOString().slice(0, 10);
  if (day !== undefined && day <= today)
    throw new Problem("invalid", { field: "revisitOn", detail: `expected a date after ${today}` });
}

function refusePause(
  { reason, until }: ActionBodies["pause"],
  agreement: Agreement,
  now: Instant,
): void {
  const { reasons } = agreement.clocks.pause;
  if (!reasons.includes(reason))
    throw new Problem("refused", {
      field: "reason",
      detail: `expected one of: ${reasons.join(", ")}`,
      more: { rule: "not-a-reason", expected: reasons },
    });
  if (until !== undefined && Date.parse(until) <= now)
    throw new Problem("invalid", { field: "until", detail: "expected an instant in the future" });
}
