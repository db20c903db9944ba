import { inTransaction } from "../../store/postgres/db.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import { brokenProcesses, leadWorkflowId } from "../../workflows/contract.ts";
import { changedWorkflows } from "./changed-workflows.ts";
import { eventually } from "./eventually.ts";
import type { LeadWorld } from "./lead-world.ts";

/**
 * Workflows that wait a moment before the first decision: our code cannot replay what they write.
 */
export function otherWorkflows(folder: string): Promise<string> {
  return changedWorkflows(folder, "other", (text) =>
    text.replace("if (this.start.at) return;", "if (this.start.at) return;\n    await sleep(1);"),
  );
}

/**
 * A lead before its rep whose process was written by other code and stands still under ours, which
 * the server says.
 */
export async function brokenLead(world: LeadWorld, other: string): Promise<string> {
  await world.restartWorker(other);
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await world.handle(id).query("standing");
  await world.restartWorker();
  await inTransaction(world.pool, (tx) =>
    enqueue(tx, leadSignal(id, "signal", "engaged", { id: "test" }, 1), Date.now()),
  );
  await eventually(90, () => isBroken(world, id));
  return id;
}

/** What the server's list says, which lags by moments. */
export async function isBroken(world: LeadWorld, leadId: string): Promise<boolean> {
  const query = `${brokenProcesses} AND WorkflowId = "${leadWorkflowId(leadId)}"`;
  return (await world.client.workflow.count(query)).count > 0;
}
