import { log } from "@temporalio/activity";
import type { Instant } from "../handoff/calendar.ts";
import type { Pool } from "../store/db.ts";
import {
  closedWithEffects,
  lateStep,
  openDeadLetter,
  openLeads,
  remindOfEffects,
  startAgain,
  sweep,
  withdrawLateTasks,
  type OpenLead,
} from "../store/reconcile.ts";
import { leadWorkflowId, type Reconciled } from "../workflows/contract.ts";

/** What the reconciler asks Temporal. The client of `@temporalio/client` is one. */
export interface ProcessList {
  readonly workflow: {
    /** Running ones by a visibility query; a moment behind the truth. */
    list(options: {
      query: string;
      pageSize?: number;
    }): AsyncIterable<{ readonly workflowId: string }>;
    getHandle(workflowId: string): {
      describe(): Promise<{ readonly status: { readonly name: string } }>;
    };
  };
  withDeadline<R>(until: number, ask: () => Promise<R>): Promise<R>;
}

export interface ReconcileDeps {
  readonly pool: Pool;
  readonly client: ProcessList;
}

const pageSize = 20_000;
const mostDeletes = 20_000;
const atOnce = 16;
const askMs = 5_000;
const lateWhy = "its next step is overdue though its process runs";

/**
 * Compares open leads with running processes and mends what is safe: a lead without a process gets one again, where it
 * stood. What needs a person becomes a task. Repeats are harmless: a start that waits is not asked for twice, and one that
 * runs is used.
 */
export async function reconcile(
  deps: ReconcileDeps,
  now: Instant,
  after: string,
): Promise<Reconciled> {
  const leads = await openLeads(deps.pool, after, pageSize, now);
  const running = leads.length === 0 ? new Set<string>() : await runningLeads(deps.client);
  const restarted = await count(
    leads.filter(({ id }) => !running.has(leadWorkflowId(id))),
    (lead) => restart(deps, lead, now),
  );
  const stuck = await count(
    leads.filter(({ id, isLate }) => isLate && running.has(leadWorkflowId(id))),
    (lead) => reportLate(deps, lead, now),
  );
  const isFirst = after === "";
  const stranded = isFirst ? await reportStranded(deps, now) : 0;
  const reminded = isFirst ? await remindOfEffects(deps.pool, 1_000, now) : 0;
  if (isFirst) await withdrawLateTasks(deps.pool, lateWhy, now);
  const swept = isFirst ? await sweep(deps.pool, mostDeletes, now) : 0;
  if (restarted + stranded + reminded > 0)
    log.warn("reconciled", { restarted, stuck, stranded, reminded });
  return {
    restarted,
    stuck,
    stranded,
    reminded,
    swept,
    after: leads.length === pageSize ? (leads.at(-1)?.id ?? null) : null,
  };
}

async function runningLeads(client: ProcessList): Promise<Set<string>> {
  const running = new Set<string>();
  for await (const { workflowId } of client.workflow.list({
    query: "WorkflowType = 'leadHandoff' AND ExecutionStatus = 'Running'",
    pageSize: 1_000,
  }))
    running.add(workflowId);
  return running;
}

/** The list lags: only what the process itself says counts. */
async function restart(
  { pool, client }: ReconcileDeps,
  { id }: OpenLead,
  now: Instant,
): Promise<boolean> {
  if (await isRunning(client, id)) return false;
  return startAgain(pool, id, now);
}

/** A broken process waits for an engineer, who sees it in the Temporal UI; here it becomes a task that somebody owns. */
async function reportLate(
  { pool }: ReconcileDeps,
  { id }: OpenLead,
  now: Instant,
): Promise<boolean> {
  const late = await lateStep(pool, id, now);
  if (!late) return false;
  const isNew = await openDeadLetter(
    pool,
    id,
    { why: lateWhy, stage: late.stage, nextAt: late.nextAt.toISOString() },
    now,
  );
  if (isNew)
    log.warn("LeadStuck", {
      leadId: id,
      stage: late.stage,
      minutes: Math.round((now - late.nextAt.getTime()) / 60_000),
    });
  return true;
}

/** Effects of a lead whose process has ended: nothing would ever carry them out. */
async function reportStranded({ pool, client }: ReconcileDeps, now: Instant): Promise<number> {
  return count(await closedWithEffects(pool, 1_000, now), async ({ id, effects }) => {
    if (await isRunning(client, id)) return false;
    await openDeadLetter(
      pool,
      id,
      { why: "its process has ended and left effects undone", effects },
      now,
    );
    return true;
  });
}

async function isRunning(client: ProcessList, leadId: string): Promise<boolean> {
  try {
    const { status } = await client.withDeadline(Date.now() + askMs, () =>
      client.workflow.getHandle(leadWorkflowId(leadId)).describe(),
    );
    return status.name === "RUNNING";
  } catch (error) {
    if ((error as { name?: unknown } | null)?.name === "WorkflowNotFoundError") return false;
    throw error;
  }
}

/** How many of them came out true; a few at a time. */
async function count<T>(all: readonly T[], does: (one: T) => Promise<boolean>): Promise<number> {
  let sum = 0;
  for (let n = 0; n < all.length; n += atOnce) {
    const done = await Promise.all(all.slice(n, n + atOnce).map(does));
    sum += done.filter(Boolean).length;
  }
  return sum;
}
