import { existsSync, writeFileSync } from "node:fs";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { isNewer, type Standing } from "../../handoff/process/words.ts";
import { isClosed, type Stage } from "../../handoff/stage.ts";
import { firstRow, sql } from "../../store/postgres/db.ts";
import { eventually } from "./eventually.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import type { LeadWorld } from "./lead-world.ts";

const folder = new URL("../histories/", import.meta.url);

/**
 * Keeps the history of a path for the replay test, when there is none yet or BATON_RECORD=1 asks
 * for a new one. A kept history is a released shape of the workflow: code that cannot replay it
 * breaks leads that run today.
 */
export async function keepHistory(
  world: LeadWorld,
  id: string,
  path: string,
  workflowId = leadWorkflowId(id),
): Promise<void> {
  const runs: string[] = [];
  await heardAll(world, id, workflowId);
  let runId: string | undefined =
    (await world.client.workflow.getHandle(workflowId).describe()).raw.workflowExecutionInfo
      ?.firstRunId ?? undefined;
  while (runId) {
    const run: string = runId;
    runs.push(run);
    const history = await world.client.workflow.getHandle(workflowId, run).fetchHistory();
    const file = new URL(`${path}${runs.length > 1 ? `.${runs.length}` : ""}.json`, folder);
    if (process.env["BATON_RECORD"] === "1" || !existsSync(file))
      writeFileSync(file, `${withoutPlaces(historyToJSON(history))}\n`);
    const last = history.events?.at(-1);
    runId = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
}

/** What was decided is known to the process, and what follows from it stands in the history. */
async function heardAll(world: LeadWorld, id: string, workflowId: string): Promise<void> {
  const handle = world.client.workflow.getHandle(workflowId);
  await eventually(20, async () => {
    const row = await firstRow<{ stage: Stage; cycle: number; step: number }>(
      world.pool,
      sql`
      select stage, greatest(known_cycle, signalled_cycle) as cycle,
        case when known_cycle > signalled_cycle then known_step when known_cycle < signalled_cycle
          then signalled_step
          else greatest(known_step, signalled_step) end as step
      from process where subject_id = ${id}`,
    );
    if (!row) throw new Error(`no process of ${id}`);
    if (isClosed(row.stage)) return (await handle.describe()).status.name === "COMPLETED";
    const at = await handle.query<Standing | null>("standing");
    if (at === null || isNewer(row, at)) return false;
    // One whose time has come already has something to do; so has one with a task under way.
    if (at.wakeAt !== null && at.wakeAt <= world.now(id)) return false;
    const { historyLength, raw } = await handle.describe();
    return historyLength > 3 && !raw.pendingWorkflowTask;
  });
}

/** A failure's stack names the folders of the machine that recorded it, and no replay reads it. */
function withoutPlaces(history: string): string {
  return history.replace(/("stackTrace": )"(?:[^"\\]|\\.)*"/g, '$1""');
}
