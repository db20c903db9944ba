import { Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import { agreementOf } from "../agreement/stored.ts";
import type { Agreement } from "../handoff/agreement.ts";
import {
  agreedReview,
  agreedReviews,
  isPeriod,
  periodExamples,
  periodOf,
  reviewKinds,
} from "../handoff/reviews/review.ts";
import { createAgreements } from "../store/process/agreements.ts";
import { findReview } from "../store/reviews/reviews.ts";
import { temporalConnection } from "../temporal/connection.ts";
import { reviewWorkflowId, type ReviewStart } from "../workflows/contract.ts";
import { CommandError } from "./command.ts";
import type { Settings } from "./env.ts";
import { silentTemporal } from "./servers/processes.ts";
import { databaseUrlOf } from "./servers/running-database.ts";
import { withPool } from "./servers/servers.ts";

/**
 * Opens a review before its day; `opened` is false where its process runs already. Throws a
 * `CommandError` for a kind that the agreement does not have, a period that is none of the kind,
 * and one whose review is closed.
 *
 * @param period today's when absent
 */
export async function openReviewEarly(
  settings: Settings,
  kind: string,
  period?: string,
): Promise<{ readonly id: string; readonly opened: boolean }> {
  const start = await reviewToOpen(settings, kind, period);
  const id = reviewWorkflowId(start.kind, start.period);
  return { id, opened: await startReview(settings, id, start) };
}

async function reviewToOpen(
  settings: Settings,
  kind: string,
  period: string | undefined,
): Promise<ReviewStart> {
  return withPool(databaseUrlOf(settings), async (pool) => {
    const version = await createAgreements(agreementOf).active(pool);
    const known = reviewKinds.find((one) => one === kind);
    const review = version && known && agreedReview(version.agreement, known);
    if (!review)
      throw new CommandError(
        `The agreement has no review "${kind}"; it has ${namesOf(version?.agreement)}.`,
      );
    if (period !== undefined && !isPeriod(review.kind, period))
      throw new CommandError(
        `--period is "${period}"; expected one such as ${periodExamples[review.kind]}.`,
      );
    const start = { kind: review.kind, period: period ?? periodOf(review, Date.now()) };
    if ((await findReview(pool, start))?.state === "closed")
      throw new CommandError(
        `The ${start.kind} review ${start.period} is closed; a period is reviewed once.`,
      );
    return start;
  });
}

async function startReview(
  settings: Settings,
  workflowId: string,
  start: ReviewStart,
): Promise<boolean> {
  const { temporal } = settings;
  const connection = temporalConnection(temporal, { connectTimeoutMs: 3_000 });
  try {
    const client = new Client({ connection, namespace: temporal.namespace });
    await client.withDeadline(Date.now() + 5_000, () =>
      client.workflow.start("review", {
        workflowId,
        taskQueue: settings.taskQueue,
        args: [start],
        staticSummary: `${start.kind} review ${start.period}`,
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw silentTemporal(temporal, error);
  } finally {
    await connection.close();
  }
}

function namesOf(agreement: Agreement | undefined): string {
  const names = agreement ? agreedReviews(agreement).map(({ kind }) => kind) : [];
  return names.length === 0 ? "none" : names.join(", ");
}
