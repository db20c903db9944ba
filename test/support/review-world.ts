import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { rows, sql } from "../../store/postgres/db.ts";
import type { ReviewRow } from "../../store/reviews/reviews.ts";
import { reviewWorkflowId } from "../../workflows/contract.ts";
import type { LeadWorld } from "./lead-world.ts";

/** A period of its own: the run's Temporal server is shared, and a review's id is its period. */
export function somePeriod(): string {
  return `Q-${randomBytes(6).toString("hex")}`;
}

/** Lets a lead be rejected for its timing, so that it enters the re-nurture pool. */
export async function intoPool(world: LeadWorld, leadId: string): Promise<void> {
  await world.until(leadId, (lead) => lead.waiting_on === "outreach");
  const answer = await world.act(leadId, "reject", { reason: "wrong-role" });
  if (!answer.done) throw new Error(answer.message);
  await world.until(leadId, (lead) => lead.stage === "renurture" && lead.next_at === null);
}

export async function startReview(world: LeadWorld, period: string): Promise<void> {
  await world.client.workflow.start("review", {
    workflowId: reviewWorkflowId("quarterly", period),
    taskQueue: world.taskQueue,
    args: [{ kind: "quarterly", period }],
    workflowIdConflictPolicy: "USE_EXISTING",
  });
}

/** The review's row once `is` holds; fails after ten seconds with what stands instead. */
export async function untilReview(
  world: LeadWorld,
  period: string,
  is: (review: ReviewRow) => boolean,
): Promise<ReviewRow> {
  for (const end = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const [review] = await rows<ReviewRow>(
      world.pool,
      sql`select * from review where period = ${period}`,
    );
    if (review && is(review)) return review;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(review)}`);
  }
}

/**
 * Keeps the history of a review for the replay test, when there is none yet or BATON_RECORD=1 asks
 * for a new one.
 */
export async function keepReview(world: LeadWorld, period: string, path: string): Promise<void> {
  const file = new URL(`../histories/${path}.json`, import.meta.url);
  if (process.env["BATON_RECORD"] !== "1" && existsSync(file)) return;
  writeFileSync(
    file,
    `${historyToJSON(await world.client.workflow.getHandle(reviewWorkflowId("quarterly", period)).fetchHistory())}\n`,
  );
}
