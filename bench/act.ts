import { randomBytes } from "node:crypto";
import type { ActionBodies } from "../handoff/process/event.ts";
import type { Standing } from "../handoff/process/words.ts";
import type { Stage } from "../handoff/stage.ts";
import { noteAction } from "../store/process/actions.ts";
import { firstRow, sql } from "../store/postgres/db.ts";
import { decideAction } from "../store/process/take-action.ts";
import { leadWorkflowId, standing } from "../workflows/contract.ts";
import type { Process } from "./process.ts";

/**
 * What a rep does about a lead, decided as the API does it. Every bench that acts goes through
 * here. Throws when the action was refused.
 */
export async function benchActions<A extends "logOutreach" | "accept" | "advance">(
  world: Process,
  leadId: string,
  name: A,
  body: ActionBodies[A],
): Promise<void> {
  const owner = sql`
    select owner_id from process where subject_kind = 'lead' and subject_id = ${leadId}`;
  const lead = await firstRow<{ owner_id: string | null }>(world.pool, owner);
  const by = lead?.owner_id ?? "nobody";
  const id = `ax_${randomBytes(16).toString("hex")}`;
  const receivedAt = Date.now();
  const result = await decideAction(
    world,
    { kind: "lead", id: leadId },
    async (tx) => {
      await noteAction(tx, { id, leadId, name, by, role: "rep", body, via: "api", receivedAt });
      return id;
    },
    () => undefined,
    Date.now,
  );
  if (!result.done) throw new Error(`${name} was refused: ${result.message}`);
}

/** Resolves when the lead's process has heard that it is in this stage; rejects after a minute. */
export async function processKnows(world: Process, leadId: string, stage: Stage): Promise<void> {
  const handle = world.client.workflow.getHandle(leadWorkflowId(leadId));
  for (let waited = 0; waited < 60_000; waited += 20) {
    const at: Standing | null = await handle.query(standing);
    if (at?.stage === stage) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the process of ${leadId} has not heard of ${stage} in a minute`);
}

/** Resolves when no effect and no telling is open; rejects after a minute. */
export async function effectsDone(world: Process): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 20) {
    const open = sql`
      select (select count(*) from effect where state = 'open')::int
        + (select count(*) from outbox where done_at is null)::int as n`;
    const row = await firstRow<{ n: number }>(world.pool, open);
    if (row?.n === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("effects or tellings are still open after a minute");
}
