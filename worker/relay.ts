import {
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
} from "@temporalio/client";
import type { Logger } from "pino";
import type { CrashHook } from "../store/postgres/crash-point.ts";
import { inTransaction, type Pool, type Tx } from "../store/postgres/db.ts";
import { listen } from "../store/postgres/listen.ts";
import { inboxChannel } from "../store/inbox/inbox.ts";
import {
  claimTellings,
  isStartWaiting,
  markTold,
  outboxChannel,
  postponeTelling,
  type WaitingTelling,
} from "../store/postgres/outbox.ts";
import {
  accountOfWorkflowId,
  leadOfWorkflowId,
  pageMemo,
  searchAttributes,
  told,
  type ProcessStart,
  type Told,
} from "../workflows/contract.ts";
import { atRate, type Round } from "./at-rate.ts";
import { allOwnWork, type OwnWork } from "./current-version.ts";
import type { Part } from "./parts.ts";
import { pollLoop, type PollLoop } from "./poll-loop.ts";

export interface RelayDeps {
  readonly pool: Pool;
  readonly databaseUrl: string;
  /**
   * On the worker's own connection, so that a start can be eager: its first task comes back with
   * the answer.
   */
  readonly client: Client;
  readonly taskQueue: string;
  /** Where people reach the API, for the link that the Temporal UI shows; absent: no link. */
  readonly publicUrl?: string;
  readonly log: Logger;
  readonly clock: () => number;
  /** Processes up to `limit` inbox rows and says how many it did. */
  readonly processInbox: (limit: number) => Promise<number>;
  /** Called with news for a lead whose process has ended; absent: such news is dropped. */
  readonly onUndeliverable?: (news: Undeliverable) => Promise<void>;
  /** Absent: this worker has no version and does all of it. */
  readonly ownWork?: OwnWork;
  /** So much of the import lane is told in a second; absent or 0: as much as there is. */
  readonly bulkPerSecond?: number;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

/** News for a lead whose process has ended, or that has none. */
export interface Undeliverable {
  readonly leadId: string;
  readonly message: string;
  /** The same when the telling is repeated. */
  readonly key: string;
}

export interface Relay extends Part {
  /** When each of its loops has come round since, in epoch milliseconds. */
  readonly lastRound: () => number;
}

/**
 * The urgent lane delivers several batches at once, so that a demo request does not wait for
 * earlier messages. The import lane delivers small batches one at a time and rests between them
 * (`bulkPerSecond`): what it tells makes work for the whole machine. Each round keeps a connection
 * while it waits for Temporal, so a small pool has fewer rounds: one connection stays for effects,
 * mail and the built-in CRM.
 */
const lanesOf = ({ options }: Pool) =>
  [
    { lane: 1, batch: 32, atOnce: Math.max(1, Math.min(4, options.max - 2)) },
    { lane: 2, batch: 8, atOnce: 1 },
  ] as const;
const inboxBatch = 50;
const idleMs = 1_000;
const callMs = 5_000;

/**
 * Tells Temporal what the outbox holds (starts and signals) and processes the inbox. Woken by
 * NOTIFY, and by itself once a second. Rows are taken with SKIP LOCKED, so several relays share the
 * work. A telling may be repeated after a crash: starts use the existing run, and signals are
 * hints.
 */
export function startRelay(deps: RelayDeps): Relay {
  const { isCurrent } = deps.ownWork ?? allOwnWork;
  const keep = (name: string, atOnce: number, round: () => Promise<boolean>): PollLoop =>
    pollLoop(
      {
        atOnce,
        idleMs,
        clock: deps.clock,
        failed: (error, inARow) => {
          if (inARow === 1 || inARow % 60 === 0)
            deps.log.warn(
              { loop: name, failures: inARow, error: describe(error) },
              "relay round failed; it is tried again",
            );
        },
      },
      async () => isCurrent() && (await round()),
    );
  const ending = new AbortController();
  const outbox = lanesOf(deps.pool).map((one) => {
    const rate = one.lane === 2 ? (deps.bulkPerSecond ?? 0) : 0;
    const round = atRate(rate, ending.signal, laneOf(deps, one));
    return { lane: String(one.lane), rounds: keep(`lane ${one.lane}`, one.atOnce, round) };
  });
  const inbox = keep("inbox", 1, async () => (await deps.processInbox(inboxBatch)) === inboxBatch);
  const listening = listen(deps.databaseUrl, [outboxChannel, inboxChannel], (channel, what) => {
    if (channel === inboxChannel) return inbox.ring();
    for (const { lane, rounds } of outbox) if (what === "" || what === lane) rounds.ring();
  });
  const all = [...outbox.map(({ rounds }) => rounds), inbox];
  return {
    lastRound: () => Math.min(deps.clock(), ...all.map((rounds) => rounds.lastPass())),
    async stop() {
      ending.abort();
      await Promise.all(all.map((rounds) => rounds.stop()));
      await listening.stop();
    },
  };
}

/** Rounds of one lane: each delivers one batch. */
function laneOf(
  deps: RelayDeps,
  { lane, batch }: { readonly lane: 1 | 2; readonly batch: number },
): () => Promise<Round> {
  /**
   * Workflows that a round is telling something, and those for which another round has left
   * something behind.
   */
  const busy = new Set<string>();
  const leftBehind = new Set<string>();
  return () =>
    inTransaction(deps.pool, async (tx) => {
      const waiting = await claimTellings(tx, lane, batch, deps.clock());
      if (waiting.length === 0) return { taken: 0, isMore: false };
      const byWorkflow = new Map<string, WaitingTelling[]>();
      for (const row of waiting) {
        // What is told to one workflow is told in its order: a signal does not overtake its start.
        if (busy.has(row.workflow_id)) leftBehind.add(row.workflow_id);
        else byWorkflow.set(row.workflow_id, [...(byWorkflow.get(row.workflow_id) ?? []), row]);
      }
      for (const id of byWorkflow.keys()) busy.add(id);
      try {
        await deliverEach(deps, tx, [...byWorkflow.values()]);
      } finally {
        for (const id of byWorkflow.keys()) busy.delete(id);
      }
      const isWaitedFor = [...byWorkflow.keys()].filter((id) => leftBehind.delete(id)).length > 0;
      const isMore = isWaitedFor || (waiting.length === batch && byWorkflow.size > 0);
      return { taken: waiting.length, isMore };
    });
}

/**
 * Tells each workflow its own, in order; different ones go in parallel. What could not be told
 * stays, for later. Throws when nothing could be told.
 */
async function deliverEach(
  deps: RelayDeps,
  tx: Tx,
  workflows: readonly (readonly WaitingTelling[])[],
): Promise<void> {
  const told: number[] = [];
  const failed: { row: WaitingTelling; error: unknown }[] = [];
  await Promise.all(
    workflows.map(async (own) => {
      for (const row of own) {
        try {
          if (await deliver(deps, row)) told.push(row.id);
          else failed.push({ row, error: "its process has not started yet" });
        } catch (error) {
          failed.push({ row, error });
          return; // what follows for this workflow waits behind it
        }
      }
    }),
  );
  if (told.length > 0) deps.crashPoint?.("outbox-told");
  await markTold(tx, told, deps.clock());
  for (const { row, error } of failed) {
    const waitMs = Math.min(1_000 * 2 ** Math.min(row.attempts, 5), 30_000);
    await postponeTelling(tx, row.id, describe(error), deps.clock() + waitMs);
  }
  if (told.length === 0 && failed[0]) throw failed[0].error;
}

/** Says whether Temporal knows it now; false when a signal came before its start. */
async function deliver(deps: RelayDeps, row: WaitingTelling): Promise<boolean> {
  const until = Date.now() + callMs;
  if (row.kind === "start") {
    const page = pageOf(row.workflow_id);
    await deps.client.withDeadline(until, () =>
      page === null ? startOther(deps, row) : startProcess(deps, row, page),
    );
    return true;
  }
  const leadId = leadOfWorkflowId(row.workflow_id);
  const news = { leadId: leadId ?? "", message: row.message, key: `outbox/${row.id}` };
  if (row.message === "priority") return raise(deps, row, until);
  if (row.payload["toProcess"] === false && leadId !== null) {
    await deps.onUndeliverable?.(news);
    return true;
  }
  try {
    await deps.client.withDeadline(until, () =>
      deps.client.workflow.getHandle(row.workflow_id).signal(row.message, row.payload),
    );
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // Ended: its tasks are looked at without it. Not started yet: the news waits for the start, in
    // whichever lane that is.
    if (await isStartWaiting(deps.pool, row.workflow_id)) return false;
    if (leadId !== null) await deps.onUndeliverable?.(news);
    return true;
  }
}

/** Gives a running process another priority: its tasks no longer wait behind all others. */
async function raise(
  { client }: RelayDeps,
  { workflow_id: workflowId, payload }: WaitingTelling,
  until: number,
): Promise<boolean> {
  try {
    await client.withDeadline(until, () =>
      client.workflowService.updateWorkflowExecutionOptions({
        namespace: client.options.namespace,
        workflowExecution: { workflowId },
        workflowExecutionOptions: { priority: { priorityKey: priorityKey(payload["priority"]) } },
        updateMask: { paths: ["priority"] },
      }),
    );
  } catch (error) {
    // Its process is over, or the next one begins with a priority of its own.
    const code: number | null = isGrpcServiceError(error) ? error.code : null;
    if (code !== notFound) throw error;
  }
  return true;
}

const notFound = 5;

/** Of 1 to 5, where 1 goes first. */
function priorityKey(priority: unknown): number {
  return Math.min(Math.max(Number(priority) || 3, 1), 5);
}

/** Where the subject of a process is shown; null for what is no process of a lead or an account. */
function pageOf(workflowId: string): string | null {
  const leadId = leadOfWorkflowId(workflowId);
  if (leadId !== null) return `/leads/${leadId}`;
  const accountId = accountOfWorkflowId(workflowId);
  return accountId === null ? null : `/accounts/${accountId}`;
}

/** What runs once, whatever comes of a repeat: its input is the payload. */
async function startOther({ client, taskQueue }: RelayDeps, row: WaitingTelling): Promise<void> {
  try {
    await client.workflow.start(row.message, {
      workflowId: row.workflow_id,
      taskQueue,
      args: [row.payload],
      workflowIdConflictPolicy: "USE_EXISTING",
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      staticSummary: `${row.message} ${row.workflow_id}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

async function startProcess(deps: RelayDeps, row: WaitingTelling, page: string): Promise<void> {
  const start = row.payload as unknown as ProcessStart;
  const options = {
    workflowId: row.workflow_id,
    taskQueue: deps.taskQueue,
    args: [start] as [ProcessStart],
    priority: { priorityKey: priorityKey(start.priority) },
    staticSummary: `${row.workflow_id}, cycle ${start.cycle}`,
    ...(deps.publicUrl === undefined ? {} : { memo: { [pageMemo]: `${deps.publicUrl}${page}` } }),
    typedSearchAttributes: [
      { key: searchAttributes.stage, value: "new" },
      { key: searchAttributes.waitingOn, value: "assessment" },
      { key: searchAttributes.cycle, value: start.cycle },
    ],
  };
  if (start.at) {
    // The earlier process may still be carrying out its last effects. The same call signals it
    // that the lead goes on, so that it cannot end in between.
    const notice: Told = { id: `reopened/${start.cycle}`, standing: start.at };
    await deps.client.workflow.signalWithStart(row.message, {
      ...options,
      workflowIdReusePolicy: "ALLOW_DUPLICATE",
      signal: told.reopened,
      signalArgs: [notice],
    });
    return;
  }
  try {
    await deps.client.workflow.start(row.message, {
      ...options,
      workflowIdConflictPolicy: "USE_EXISTING",
      // A repeat of an intake must not begin a life that has ended; resuming means to.
      workflowIdReusePolicy: start.from === "intake" ? "REJECT_DUPLICATE" : "ALLOW_DUPLICATE",
      requestEagerStart: (deps.ownWork ?? allOwnWork).mayStartEagerly(),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** For logs and the outbox row: what failed, never what was sent. */
function describe(error: unknown): string {
  if (isGrpcServiceError(error)) return `${error.code}: ${error.details}`.slice(0, 300);
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}
