import {
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
} from "@temporalio/client";
import type { Logger } from "pino";
import type { CrashHook } from "../store/crash-point.ts";
import { inTransaction, rows, sql, type Pool, type Tx } from "../store/db.ts";
import { listen } from "../store/listen.ts";
import { inboxChannel } from "../store/inbox.ts";
import { outboxChannel } from "../store/outbox.ts";
import { searchAttributes, type LeadStart } from "../workflows/contract.ts";
import { inRounds, type Rounds } from "./rounds.ts";

export interface RelayDeps {
  readonly pool: Pool;
  readonly databaseUrl: string;
  /** On the worker's own connection, so that a start can be eager: its first task comes back with the answer. */
  readonly client: Client;
  readonly taskQueue: string;
  readonly log: Logger;
  readonly clock: () => number;
  /** Processes up to `limit` inbox rows and says how many it did. */
  readonly processInbox: (limit: number) => Promise<number>;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

export interface Relay {
  /** When each of its loops has come round since, in epoch milliseconds. */
  readonly lastRound: () => number;
  stop(): Promise<void>;
}

interface Row {
  id: number;
  kind: "start" | "signal";
  workflow_id: string;
  message: string;
  payload: Record<string, unknown>;
  attempts: number;
}

/**
 * The urgent lane takes what there is, and goes on while an earlier helping is being told: a demo request waits for
 * nobody else's start. The import lane goes in small helpings, one at a time, so that it never gets in the way.
 */
const lanes = [
  { lane: 1, batch: 32, atOnce: 4 },
  { lane: 2, batch: 8, atOnce: 1 },
] as const;
const inboxBatch = 50;
const idleMs = 1_000;
const callMs = 5_000;

/**
 * Tells Temporal what the outbox holds (starts and signals) and processes the inbox. Woken by NOTIFY, and by itself once
 * a second. Rows are taken with SKIP LOCKED, so several relays share the work. A telling may be repeated after a crash:
 * starts use the existing run, and signals are hints.
 */
export function startRelay(deps: RelayDeps): Relay {
  const keep = (name: string, atOnce: number, round: () => Promise<boolean>): Rounds =>
    inRounds(
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
      round,
    );
  const outbox = lanes.map((one) => ({
    lane: String(one.lane),
    rounds: keep(`lane ${one.lane}`, one.atOnce, laneOf(deps, one)),
  }));
  const inbox = keep("inbox", 1, async () => (await deps.processInbox(inboxBatch)) === inboxBatch);
  const listening = listen(deps.databaseUrl, [outboxChannel, inboxChannel], (channel, what) => {
    if (channel === inboxChannel) return inbox.ring();
    for (const { lane, rounds } of outbox) if (what === "" || what === lane) rounds.ring();
  });
  const all = [...outbox.map(({ rounds }) => rounds), inbox];
  return {
    lastRound: () => Math.min(deps.clock(), ...all.map((rounds) => rounds.lastRound())),
    async stop() {
      await Promise.all(all.map((rounds) => rounds.stop()));
      await listening.close();
    },
  };
}

/** Rounds of one lane: each tells one helping, and says whether more is waiting. */
function laneOf(
  deps: RelayDeps,
  { lane, batch }: { readonly lane: 1 | 2; readonly batch: number },
): () => Promise<boolean> {
  /** Workflows that a round is telling something, and those for which another round has left something behind. */
  const busy = new Set<string>();
  const leftBehind = new Set<string>();
  return () =>
    inTransaction(deps.pool, async (tx) => {
      const waiting = await rows<Row>(
        tx,
        sql`
      select id, kind, workflow_id, message, payload, attempts from outbox
      where done_at is null and lane = ${lane} and next_at <= ${new Date(deps.clock())} order by id limit ${batch} for update skip locked`,
      );
      if (waiting.length === 0) return false;
      const byWorkflow = new Map<string, Row[]>();
      for (const row of waiting) {
        // What is told to one workflow is told in its order: a signal does not overtake its start.
        if (busy.has(row.workflow_id)) leftBehind.add(row.workflow_id);
        else byWorkflow.set(row.workflow_id, [...(byWorkflow.get(row.workflow_id) ?? []), row]);
      }
      for (const id of byWorkflow.keys()) busy.add(id);
      try {
        await tellEach(deps, tx, [...byWorkflow.values()]);
      } finally {
        for (const id of byWorkflow.keys()) busy.delete(id);
      }
      const isWaitedFor = [...byWorkflow.keys()].filter((id) => leftBehind.delete(id)).length > 0;
      return isWaitedFor || (waiting.length === batch && byWorkflow.size > 0);
    });
}

/** Tells each workflow its own, in order; different ones go in parallel. What could not be told stays, for later. Throws when nothing could be told. */
async function tellEach(
  deps: RelayDeps,
  tx: Tx,
  workflows: readonly (readonly Row[])[],
): Promise<void> {
  const told: number[] = [];
  const failed: { row: Row; error: unknown }[] = [];
  await Promise.all(
    workflows.map(async (own) => {
      for (const row of own) {
        try {
          if (await tellTemporal(deps, row)) told.push(row.id);
          else failed.push({ row, error: "its process has not started yet" });
        } catch (error) {
          failed.push({ row, error });
          return; // what follows for this workflow waits behind it
        }
      }
    }),
  );
  if (told.length > 0) deps.crashPoint?.("outbox-told");
  if (told.length > 0)
    await tx.query(
      sql`update outbox set done_at = ${new Date(deps.clock())} where id = any(${told})`,
    );
  for (const { row, error } of failed) {
    const waitMs = Math.min(1_000 * 2 ** Math.min(row.attempts, 5), 30_000);
    await tx.query(
      sql`update outbox set attempts = attempts + 1, next_at = ${new Date(deps.clock() + waitMs)}, error = ${describe(error)} where id = ${row.id}`,
    );
  }
  if (told.length === 0 && failed[0]) throw failed[0].error;
}

/** Says whether Temporal knows it now; false when a signal came before its start. */
async function tellTemporal(deps: RelayDeps, row: Row): Promise<boolean> {
  const until = Date.now() + callMs;
  if (row.kind === "start") {
    await deps.client.withDeadline(until, () => startLead(deps, row));
    return true;
  }
  try {
    await deps.client.withDeadline(until, () =>
      deps.client.workflow.getHandle(row.workflow_id).signal(row.message, row.payload),
    );
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // Ended: nobody needs the news. Not started yet: the news waits for the start, in whichever lane that is.
    const starts = await rows(
      deps.pool,
      sql`select 1 from outbox where workflow_id = ${row.workflow_id} and kind = 'start' and done_at is null limit 1`,
    );
    return starts.length === 0;
  }
}

async function startLead(deps: RelayDeps, row: Row): Promise<void> {
  const start = row.payload as unknown as LeadStart;
  try {
    await deps.client.workflow.start(row.message, {
      workflowId: row.workflow_id,
      taskQueue: deps.taskQueue,
      args: [start],
      workflowIdConflictPolicy: "USE_EXISTING",
      // A repeat of an intake must not begin a life that has ended; reopening and resuming mean to.
      workflowIdReusePolicy: start.from === "intake" ? "REJECT_DUPLICATE" : "ALLOW_DUPLICATE",
      requestEagerStart: true,
      priority: { priorityKey: Math.min(Math.max(start.priority, 1), 5) },
      staticSummary: `${row.workflow_id}, cycle ${start.cycle}`,
      typedSearchAttributes: [
        { key: searchAttributes.stage, value: "new" },
        { key: searchAttributes.waitingOn, value: "assessment" },
        { key: searchAttributes.cycle, value: start.cycle },
      ],
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
