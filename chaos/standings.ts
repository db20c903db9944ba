import { setTimeout as pause } from "node:timers/promises";
import { Client, Connection, WorkflowNotFoundError } from "@temporalio/client";
import { isNewer, type Standing } from "../handoff/process/words.ts";
import { isClosed, type Stage } from "../handoff/stage.ts";
import { rows, sql, type Pool } from "../store/postgres/db.ts";
import { leadWorkflowId, standing } from "../workflows/contract.ts";
import type { Rehearsed } from "./world.ts";

/** By then every process has heard: a signal that was lost is told again (worker/resend.ts). */
const withinMs = 60_000;
const atOnce = 16;
const askMs = 10_000;

/** Where the row says that a process stands, and the last decision that it must know. */
export interface RowStanding {
  readonly stage: Stage;
  readonly owner: string | null;
  readonly cycle: number;
  readonly step: number;
  readonly nextAt: number | null;
  readonly must: { readonly cycle: number; readonly step: number };
}

/** How long it took until every process stood where its row says, and those that never did. */
export interface AcknowledgedAfter {
  readonly ms: number;
  readonly apart: readonly string[];
}

/**
 * How the process's standing differs from the row's; null where it does not. A decision that only
 * Postgres needs to know (an attempt logged) may be missing: stage, owner and cycle are the same,
 * and the timer comes no later.
 */
export function apartFrom(row: RowStanding, process: Standing | null): string | null {
  if (process === null) return "it knows nothing yet";
  const { stage, owner, cycle, step, wakeAt } = process;
  const known = `cycle ${cycle} step ${step}`;
  if (isNewer(process, row))
    return `it knows of ${known}, the row only of cycle ${row.cycle} step ${row.step}`;
  if (isNewer(row.must, process))
    return `it knows of ${known} and must know of cycle ${row.must.cycle} step ${row.must.step}`;
  if (cycle !== row.cycle) return `it is in cycle ${cycle}, the row in ${row.cycle}`;
  if (stage !== row.stage) return `it is ${stage}, the row ${row.stage}`;
  if (owner !== row.owner) return `its owner is ${owner}, the row's ${row.owner}`;
  if (step === row.step && wakeAt !== row.nextAt)
    return `it wakes at ${wakeAt}, the row's time is ${row.nextAt}`;
  const isLate = row.nextAt !== null && (wakeAt === null || wakeAt > row.nextAt);
  return isLate ? `it wakes at ${wakeAt}, after the row's time ${row.nextAt}` : null;
}

/** Waits until every open lead's process stands where its row says, at most a minute. */
export async function untilAcknowledged(world: Rehearsed): Promise<AcknowledgedAfter> {
  const { pool, temporalAddress, temporalNamespace: namespace } = world;
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, namespace });
  const began = performance.now();
  try {
    for (let ids: readonly string[] | null = null; ; await pause(500)) {
      const apart = await standingApart(pool, client, ids);
      const ms = Math.round(performance.now() - began);
      if (apart.size === 0 || ms > withinMs) {
        return {
          ms,
          apart: [...apart].map(([id, why]) => `the process of ${id} stands elsewhere: ${why}`),
        };
      }
      ids = [...apart.keys()];
    }
  } finally {
    await connection.close();
  }
}

/** Of these leads, or of all: those whose process stands elsewhere, with what differs. */
async function standingApart(
  pool: Pool,
  client: Client,
  ids: readonly string[] | null,
): Promise<Map<string, string>> {
  const found = await rows<
    Omit<RowStanding, "nextAt" | "must"> & {
      id: string;
      next_at: Date | null;
      must_cycle: number;
      must_step: number;
    }
  >(
    pool,
    sql`
    select subject_id as id, stage, owner_id as owner, cycle, step, next_at,
      greatest(known_cycle, signalled_cycle) as must_cycle,
      case when signalled_cycle > known_cycle then signalled_step when signalled_cycle < known_cycle
        then known_step
        else greatest(known_step, signalled_step) end as must_step
    from process where subject_kind = 'lead'
      and (${ids}::text[] is null or subject_id = any(${ids}::text[]))
    order by subject_id`,
  );
  const apart = new Map<string, string>();
  // Of a closed lead the process has ended; another check looks at that.
  const open = found.filter(({ stage }) => !isClosed(stage));
  for (let n = 0; n < open.length; n += atOnce) {
    await Promise.all(
      open.slice(n, n + atOnce).map(async ({ id, next_at, must_cycle, must_step, ...row }) => {
        const must = { cycle: must_cycle, step: must_step };
        const why = await askProcess(client, id, {
          ...row,
          nextAt: next_at?.getTime() ?? null,
          must,
        });
        if (why !== null) apart.set(id, why);
      }),
    );
  }
  return apart;
}

async function askProcess(client: Client, id: string, row: RowStanding): Promise<string | null> {
  try {
    const process = await client.withDeadline(Date.now() + askMs, () =>
      client.workflow.getHandle(leadWorkflowId(id)).query(standing),
    );
    return apartFrom(row, process);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return "there is none";
    return `it does not answer (${error instanceof Error ? error.message : String(error)})`;
  }
}
