import type { Client } from "@temporalio/client";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Agreements } from "../store/process/agreements.ts";
import type { Pool } from "../store/postgres/db.ts";
import {
  lookLater,
  markAcknowledged,
  tellOnceMore,
  unacknowledged,
  type Unacknowledged,
} from "../store/process/unacknowledged.ts";
import { processWorkflowId, searchAttributes, standing } from "../workflows/contract.ts";

export interface ResendDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly client: Pick<Client, "workflow" | "withDeadline">;
  readonly clock: () => Instant;
  /** Nobody is suspected before this; a signal usually arrives within milliseconds. */
  readonly settlingMs?: number;
}

const usualSettlingMs = 15_000;
const most = 500;
const atOnce = 8;
const askMs = 5_000;

/**
 * Compares processes that were told or answered with the decisions of which they must know, and
 * tells those again that have not heard: a signal can be lost with a relay that dies between
 * telling and marking, an answer with the task that waited for it. Gives how many were told again.
 */
export async function resendUnacknowledged(deps: ResendDeps): Promise<number> {
  const { pool, agreements, clock } = deps;
  const before = clock() - (deps.settlingMs ?? usualSettlingMs);
  for (let again = 0; ;) {
    // Each of them is marked, put off or told again, so it is not among the next.
    const waiting = await unacknowledged(pool, before, most);
    for (let n = 0; n < waiting.length; n += atOnce) {
      const part = waiting.slice(n, n + atOnce);
      const found = await Promise.all(part.map((one) => acknowledgementOf(deps, one)));
      const those = (asked: Acknowledgement) => part.filter((_, i) => found[i] === asked);
      await markAcknowledged(pool, those("acknowledged"));
      await lookLater(pool, those("busy"), clock());
      for (const { subject } of those("unacknowledged")) {
        await tellOnceMore(pool, agreements, subject, clock());
        again += 1;
      }
    }
    if (waiting.length < most) return again;
  }
}

/** `busy`: a task waits for a worker, or fails; to tell it more would only lengthen its history. */
type Acknowledgement = "acknowledged" | "busy" | "unacknowledged";

/**
 * Whether the process knows; one that does not run is started again by the reconciler, not told.
 */
async function acknowledgementOf(
  { client }: ResendDeps,
  must: Unacknowledged,
): Promise<Acknowledgement> {
  const handle = client.workflow.getHandle(processWorkflowId(must.subject, must.cycle));
  try {
    const process = await client.withDeadline(Date.now() + askMs, () => handle.describe());
    if (process.status.name !== "RUNNING") return "acknowledged";
    const cycle = process.typedSearchAttributes.get(searchAttributes.cycle) ?? 0;
    const step = process.typedSearchAttributes.get(searchAttributes.step) ?? 0;
    if (covers({ cycle, step }, must)) return "acknowledged";
    if (process.raw.pendingWorkflowTask) return "busy";
  } catch (error) {
    if ((error as { name?: unknown } | null)?.name === "WorkflowNotFoundError")
      return "acknowledged";
    throw error;
  }
  // It shows its own decisions only when it matters. To ask it costs no event, to tell it five.
  const known = await client
    .withDeadline(Date.now() + askMs, () => handle.query(standing))
    .catch(() => null);
  return known !== null && covers(known, must) ? "acknowledged" : "unacknowledged";
}

function covers(
  known: { readonly cycle: number; readonly step: number },
  must: Unacknowledged,
): boolean {
  return known.cycle > must.cycle || (known.cycle === must.cycle && known.step >= must.step);
}
