import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { bundleWorkflowCode, DefaultLogger, Runtime } from "@temporalio/worker";
import { rows, sql } from "../store/postgres/db.ts";
import { replayEverything, type Replayed } from "../test/support/replay.ts";
import { leadWorkflowId, reviewWorkflowId, type ReviewStart } from "../workflows/contract.ts";
import type { Rehearsed } from "./world.ts";

Runtime.install({ logger: new DefaultLogger("ERROR") });

const workflowsPath = fileURLToPath(new URL("../workflows/index.ts", import.meta.url));
const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

const review: ReviewStart = { kind: "quarterly", period: "2034-Q2" };
/**
 * What a Schedule starts, once each: five minutes are too short for most of it to come by itself.
 */
const rounds = [
  { type: "reconcile", workflowId: "reconcile/rehearsal", args: [] },
  { type: "openDueReview", workflowId: "review/due/rehearsal", args: [] },
  { type: "review", workflowId: reviewWorkflowId(review.kind, review.period), args: [review] },
] as const;

/**
 * Starts the workflows that are not about one lead, so that their histories are among those that
 * are replayed.
 */
export async function startRounds(world: Rehearsed): Promise<void> {
  const { temporalAddress, temporalNamespace: namespace, taskQueue } = world;
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    const { workflow } = new Client({ connection, namespace });
    for (const { type, workflowId, args } of rounds)
      await workflow.start(type, { workflowId, taskQueue, args: [...args] });
  } finally {
    await connection.close();
  }
}

/** Replays every history that the rehearsal wrote, with the code that wrote it. */
export async function replayAll(world: Rehearsed): Promise<Replayed> {
  const { pool, temporalAddress, temporalNamespace: namespace, folder } = world;
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: silent });
  const codePath = join(folder, "workflows.cjs");
  await writeFile(codePath, code);
  const leads = await rows<{ id: string }>(pool, sql`select id from lead`);
  return replayEverything(
    { address: temporalAddress, namespace },
    {
      codePath,
      keepIn: join(folder, "histories"),
      expected: [
        ...leads.map((lead) => leadWorkflowId(lead.id)),
        ...rounds.map((one) => one.workflowId),
      ],
    },
  );
}
