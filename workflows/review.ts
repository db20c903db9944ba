import {
  condition,
  continueAsNew,
  isCancellation,
  log,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from "@temporalio/workflow";
import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import { decided, reviewWorkflowId, type ReviewStanding, type ReviewStart } from "./contract.ts";
import { inTheBackground, keepTrying } from "./proxies.ts";

/**
 * One review of the re-nurture pool, from its packet to the last decision: opened, called to mind
 * at half time, overdue at its due time, closed when nothing waits for a person any more. Asks at
 * most once a day once it is overdue.
 */
export async function review(start: ReviewStart): Promise<{ readonly reviewId: string }> {
  let heard = false;
  setHandler(decided, () => {
    heard = true;
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
    await condition(() => heard, Math.max(at.wakeAt - Date.now(), 1_000), {
      summary: at.wakeFor.slice(0, 190),
    });
    heard = false;
    at = await inTheBackground.lookAtReview(at.reviewId, Date.now());
  }
  await telling;
  return { reviewId: at.reviewId };
}

/**
 * Asked by the Schedule: starts the review whose day has come. A review that runs already is left
 * alone, one that is open without a process gets one again.
 */
export async function openDueReview(): Promise<{ readonly opened: string | null }> {
  const due = await inTheBackground.dueReview(Date.now());
  if (!due) return { opened: null };
  const workflowId = reviewWorkflowId(due.kind, due.period);
  try {
    await startChild(review, {
      workflowId,
      args: [due],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${due.kind} review ${due.period}`,
    });
    return { opened: workflowId };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { opened: null };
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
