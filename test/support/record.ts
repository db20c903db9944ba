import { existsSync, writeFileSync } from "node:fs";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import type { LeadWorld } from "./lead-world.ts";

const folder = new URL("../histories/", import.meta.url);

/**
 * Keeps the history of a path for the replay test, when there is none yet or BATON_RECORD=1 asks for a new one. A kept
 * history is a released shape of the workflow: code that cannot replay it breaks leads that run today.
 */
export async function keepHistory(world: LeadWorld, leadId: string, path: string): Promise<void> {
  const runs: string[] = [];
  await world.handle(leadId).query("standing"); // the task under way is done
  let runId: string | undefined =
    (await world.client.workflow.getHandle(`lead/${leadId}`).describe()).raw.workflowExecutionInfo
      ?.firstRunId ?? undefined;
  while (runId) {
    const run: string = runId;
    runs.push(run);
    const history = await world.client.workflow.getHandle(`lead/${leadId}`, run).fetchHistory();
    const file = new URL(`${path}${runs.length > 1 ? `.${runs.length}` : ""}.json`, folder);
    if (process.env["BATON_RECORD"] === "1" || !existsSync(file))
      writeFileSync(file, `${withoutPlaces(historyToJSON(history))}\n`);
    const last = history.events?.at(-1);
    runId = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
}

/** A failure's stack names the folders of the machine that recorded it, and no replay reads it. */
function withoutPlaces(history: string): string {
  return history.replace(/("stackTrace": )"(?:[^"\\]|\\.)*"/g, '$1""');
}
