import { log } from "@temporalio/activity";
import type { TypedSearchAttributes } from "@temporalio/common";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Pool } from "../store/postgres/db.ts";
import { noteCompared } from "../store/inbox/comparison.ts";
import {
  closedWithEffects,
  lateStep,
  leadPlaces,
  openDeadLetter,
  openAccounts,
  openLeads,
  remindOfEffects,
  remindOfLeavers,
  startAgain,
  withdrawBrokenTasks,
  withdrawLateTasks,
  type OpenProcess,
} from "../store/inbox/reconcile.ts";
import { sweep, usualDays, type DaysKept } from "../store/inbox/sweep.ts";
import {
  accountOfWorkflowId,
  brokenProcesses,
  leadOfWorkflowId,
  processWorkflowId,
  reportedProblems,
  type Reconciled,
} from "../workflows/contract.ts";

/** What the reconciler asks Temporal. The client of `@temporalio/client` is one. */
export interface ProcessList {
  readonly workflow: {
    /** Running ones by a visibility query; a moment behind the truth. */
    list(options: { query: string; pageSize?: number }): AsyncIterable<{
      readonly workflowId: string;
      readonly typedSearchAttributes: TypedSearchAttributes;
    }>;
    getHandle(workflowId: string): { describe(): Promise<Described> };
  };
  withDeadline<R>(until: number, ask: () => Promise<R>): Promise<R>;
}

/** What Temporal says of one process; `raw` as the server's API has it. */
export interface Described {
  readonly status: { readonly name: string };
  readonly raw: {
    readonly pendingWorkflowTask?: {
      readonly originalScheduledTime?: { readonly seconds?: unknown } | null;
      /** When a worker took it; absent while it lies in the queue. */
      readonly startedTime?: { readonly seconds?: unknown } | null;
    } | null;
  };
}

export interface ReconcileDeps {
  readonly pool: Pool;
  readonly client: ProcessList;
  /** For how long what is over is kept; as usual unless told otherwise. */
  readonly kept?: DaysKept;
}

const pageSize = 10_000;
const mostDeletes = 20_000;
const atOnce = 16;
const askMs = 5_000;
const lateWhy = "its next step is overdue though its process runs";
const brokenWhy = "its process's tasks fail";
/**
 * A task that no worker ends for so long is broken; one that a worker took with it when it died is
 * given out again.
 */
const standsStillMs = 5 * 60_000;

/**
 * Compares open leads with running processes and mends what is safe: a lead without a process gets
 * one again, where it stood. What needs a person becomes a task. Repeats are harmless: a start that
 * waits is not asked for twice, and one that runs is used.
 */
export async function reconcileLeads(
  deps: ReconcileDeps,
  now: Instant,
  after: string,
): Promise<Reconciled> {
  const leads = await openLeads(deps.pool, after, pageSize, now);
  const isFirst = after === "";
  const isLast = leads.length < pageSize;
  const accounts = isFirst ? await openAccounts(deps.pool, pageSize, now) : [];
  const open = [...leads, ...accounts];
  const running = new Set([
    ...(await runningOf(deps.client, "leadHandoff", leads)),
    ...(await runningOf(deps.client, "accountHandoff", accounts)),
  ]);
  const withoutProcess: Record<"leads" | "accounts", string[]> = { leads: [], accounts: [] };
  const restarted = await count(
    open.filter((one) => !running.has(processWorkflowId(one, one.cycle))),
    async (one) => {
      const isStarted = await restart(deps, one, now);
      if (isStarted) withoutProcess[one.kind === "lead" ? "leads" : "accounts"].push(one.id);
      return isStarted;
    },
  );
  const compared = open.length;
  await noteCompared(deps.pool, { isFirst, isLast, compared, withoutProcess }, now);
  // Before those that are merely late: a broken process is why.
  const broken = isFirst ? await reportBroken(deps, now) : 0;
  const stuck = await count(
    open.filter((one) => one.isLate && running.has(processWorkflowId(one, one.cycle))),
    (one) => reportLate(deps, one, now),
  );
  const stranded = isFirst ? await reportStranded(deps, now) : 0;
  const reminded = isFirst
    ? (await remindOfEffects(deps.pool, 1_000, now)) +
      (await remindOfLeavers(deps.pool, 1_000, now))
    : 0;
  if (isFirst) await withdrawLateTasks(deps.pool, lateWhy, now);
  const swept = isFirst
    ? await sweep(deps.pool, deps.kept ?? usualDays, { most: mostDeletes }, now)
    : 0;
  if (restarted + stranded + reminded + broken > 0)
    log.warn("reconciled", { restarted, stuck, stranded, reminded, broken });
  return {
    restarted,
    stuck,
    stranded,
    reminded,
    broken,
    swept,
    after: isLast ? null : (leads.at(-1)?.id ?? null),
  };
}

/** Which processes run between the first and the last of these, which stand in order. */
async function runningOf(
  client: ProcessList,
  type: "leadHandoff" | "accountHandoff",
  open: readonly OpenProcess[],
): Promise<Set<string>> {
  const running = new Set<string>();
  const [first, last] = [open[0], open.at(-1)];
  if (!first || !last) return running;
  const [from, to] = [first, last].map((one) => processWorkflowId(one, one.cycle));
  for await (const { workflowId } of client.workflow.list({
    query: `WorkflowType = '${type}' AND ExecutionStatus = 'Running' AND WorkflowId BETWEEN '${from}' AND '${to}'`,
    pageSize: 1_000,
  }))
    running.add(workflowId);
  return running;
}

/** The list lags: only what the process itself says counts. */
async function restart(
  { pool, client }: ReconcileDeps,
  open: OpenProcess,
  now: Instant,
): Promise<boolean> {
  if (await isRunning(client, processWorkflowId(open, open.cycle))) return false;
  return startAgain(pool, open, now);
}

/**
 * A process whose tasks fail stands still until an engineer deploys the fix or starts it again
 * (`baton stuck`): one task each, which ends when its tasks succeed. Processes that are not about a
 * lead or an account are counted by the API alone.
 */
async function reportBroken({ pool, client }: ReconcileDeps, now: Instant): Promise<number> {
  const broken = new Map<string, string>();
  for await (const { workflowId, typedSearchAttributes } of client.workflow.list({
    query: brokenProcesses,
    pageSize: 1_000,
  })) {
    const id = leadOfWorkflowId(workflowId) ?? accountOfWorkflowId(workflowId);
    const problems = (typedSearchAttributes.get(reportedProblems) ?? []).join(", ");
    if (id === null) continue;
    const isPassing = problems.includes(timedOut) && !(await standsStill(client, workflowId, now));
    if (!isPassing) broken.set(id, problems);
  }
  await withdrawBrokenTasks(pool, brokenWhy, [...broken.keys()], now);
  return count(await leadPlaces(pool, [...broken.keys()]), async ({ kind, id, stage }) => {
    const detail = { why: brokenWhy, stage, problems: broken.get(id) ?? "" };
    if (await openDeadLetter(pool, { kind, id }, detail, now, lateWhy))
      log.warn("LeadBroken", { leadId: id, problems: detail.problems });
    return true;
  });
}

/** Workers died or had no time: that says nothing about the process. */
const timedOut = "category=WorkflowTaskTimedOut";

/** Whether one of the process's tasks lies in the queue, and no worker has taken it. */
async function waitsForWorker(client: ProcessList, workflowId: string): Promise<boolean> {
  try {
    const { raw } = await client.withDeadline(Date.now() + askMs, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    const task = raw.pendingWorkflowTask;
    return task != null && task.startedTime == null;
  } catch (error) {
    if ((error as { name?: unknown } | null)?.name === "WorkflowNotFoundError") return false;
    throw error;
  }
}

/** Whether the process has waited too long for one of its tasks to be done. */
async function standsStill(
  client: ProcessList,
  workflowId: string,
  now: Instant,
): Promise<boolean> {
  try {
    const { raw } = await client.withDeadline(Date.now() + askMs, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    const since = raw.pendingWorkflowTask?.originalScheduledTime?.seconds;
    return since != null && Number(since) * 1_000 < now - standsStillMs;
  } catch (error) {
    if ((error as { name?: unknown } | null)?.name === "WorkflowNotFoundError") return false;
    throw error;
  }
}

/**
 * A lead that is late although its process runs and its tasks do not fail becomes a task that
 * somebody owns.
 */
async function reportLate(
  { pool, client }: ReconcileDeps,
  open: OpenProcess,
  now: Instant,
): Promise<boolean> {
  const { id, cycle } = open;
  const late = await lateStep(pool, open, now);
  // A process that waits in the task queue for a worker opens no task: a person can do nothing.
  if (!late || (await waitsForWorker(client, processWorkflowId(open, cycle)))) return false;
  const isNew = await openDeadLetter(
    pool,
    open,
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
  return count(await closedWithEffects(pool, 1_000, now), async ({ kind, id, cycle, effects }) => {
    if (await isRunning(client, processWorkflowId({ kind, id }, cycle))) return false;
    await openDeadLetter(
      pool,
      { kind, id },
      { why: "its process has ended and left effects undone", effects },
      now,
    );
    return true;
  });
}

async function isRunning(client: ProcessList, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.withDeadline(Date.now() + askMs, () =>
      client.workflow.getHandle(workflowId).describe(),
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
