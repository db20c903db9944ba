import { existsSync, writeFileSync } from "node:fs";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import type { Party, ReviewKind } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { createToken } from "../../store/access/tokens.ts";
import { inTransaction, rows, sql, type Pool } from "../../store/postgres/db.ts";
import { partiesOf, signReview, type Signer } from "../../store/reviews/signatures.ts";
import type { ReviewRow } from "../../store/reviews/reviews.ts";
import { reviewWorkflowId } from "../../workflows/contract.ts";
import type { LeadWorld } from "./lead-world.ts";

let periods = 0;

/**
 * A quarter of its own: the run's Temporal server is shared, and a review's id is its period. Each
 * file of tests has forty years far ahead.
 */
export function somePeriod(): string {
  const file = Number(process.env["VITEST_WORKER_ID"] ?? 1) % 190;
  const n = periods++;
  return `${2200 + file * 40 + Math.floor(n / 4)}-Q${(n % 4) + 1}`;
}

/** Leaders of both parties by their tokens. */
export async function leadersOf(pool: Pool): Promise<Readonly<Record<Party, Signer>>> {
  const made = async (party: Party): Promise<Signer> => {
    const wish = { role: "leader" as const, party, label: `leads ${party}` };
    const { id } = await createToken(pool, wish, Date.now());
    return { party, tokenId: id, repId: `rp_leads_${party}` };
  };
  return { marketing: await made("marketing"), sales: await made("sales") };
}

/** Both parties sign, unless they have. */
export async function signBoth(
  pool: Pool,
  reviewId: string,
  now: Instant = Date.now(),
): Promise<void> {
  if ((await partiesOf(pool, reviewId)).length === 2) return;
  for (const signer of Object.values(await leadersOf(pool)))
    await inTransaction(pool, (tx) => signReview(tx, reviewId, signer, now));
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
export async function keepReview(
  world: Pick<LeadWorld, "client">,
  period: string,
  path: string,
  kind: ReviewKind = "quarterly",
): Promise<void> {
  const file = new URL(`../histories/${path}.json`, import.meta.url);
  if (process.env["BATON_RECORD"] !== "1" && existsSync(file)) return;
  writeFileSync(
    file,
    `${historyToJSON(await world.client.workflow.getHandle(reviewWorkflowId(kind, period)).fetchHistory())}\n`,
  );
}
