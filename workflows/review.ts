import {
  condition,
  continueAsNew,
  isCancellation,
  log,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from "@temporalio/workflow";
import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import type { ReviewKind } from "../handoff/reviews/review.ts";
import { decided, reviewWorkflowId, type ReviewStanding, type ReviewStart } from "./contract.ts";
import { inTheBackground, keepTrying } from "./proxies.ts";

/**
 * One review, from its packet to its signatures: opened, called to mind at half time, overdue at its
 * due time, closed when it is signed and no lead of the re-nurture pool waits for a person. Asks at
 * most once a day once it is overdue.
 */
export async function review(start: ReviewStart): Promise<{ readonly reviewId: string }> {
  let isSignalled = false;
  setHandler(decided, () => {
    isSignalled = true;
  });
  let telling: Promise<void> = Promise.resolve();

  let at = await inTheBackground.openReview({ ...start, now: Date.now() });
  for (;;) {
    setCurrentDetails(at.details);
    if (at.effects) telling = telling.then(() => carryOut(at));
    if (at.state === "closed") break;
    if (workflowInfo().continueAsNewSuggested) {
      await telling;
      return continueAsNew<typeof review>(start);
    }
    await condition(() => isSignalled, Math.max(at.wakeAt - Date.now(), 1_000), {
      summary: at.wakeFor.slice(0, 190),
    });
    isSignalled = false;
    at = await inTheBackground.lookAtReview(at.reviewId, Date.now());
  }
  await telling;
  return { reviewId: at.reviewId };
}

/**
 * Asked by a Schedule every day: starts the reviews of a kind, or of all, whose day has come. One
 * that runs already is left alone, one that is open without a process gets one again.
 */
export async function openDueReview(
  kind?: ReviewKind,
): Promise<{ readonly opened: readonly string[] }> {
  const due = patched("reviews-of-every-kind")
    ? await inTheBackground.dueReviews(Date.now(), kind ?? null)
    : [await inTheBackground.dueReview(Date.now())].filter((one) => one !== null);
  const opened: string[] = [];
  for (const one of due) if (await begin(one)) opened.push(reviewWorkflowId(one.kind, one.period));
  return { opened };
}

async function begin(start: ReviewStart): Promise<boolean> {
  try {
    await startChild(review, {
      workflowId: reviewWorkflowId(start.kind, start.period),
      args: [start],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${start.kind} review ${start.period}`,
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

/**
 * Mail that cannot be sent keeps no review open: it is tried beside it, and for as long as it
 * takes.
 */
async function carryOut({ reviewId }: ReviewStanding): Promise<void> {
  try {
    await keepTrying.carryOut({ kind: "review", id: reviewId });
  } catch (error) {
    if (!isCancellation(error)) log.error("a review's mail was left", { reviewId });
  }
}
