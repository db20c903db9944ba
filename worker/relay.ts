import { isGrpcServiceError, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from "@temporalio/client";
import type { Logger } from "pino";
import type { CrashHook } from "../store/crash-point.ts";
import { inTransaction, rows, sql, type Pool } from "../store/db.ts";
import { listen } from "../store/listen.ts";
import { inboxChannel } from "../store/inbox.ts";
import { outboxChannel } from "../store/outbox.ts";
import { searchAttributes, type LeadStart } from "../workflows/contract.ts";

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
  /** When each of its loops last came round, in epoch milliseconds. */
  readonly lastRound: () => number;
  stop(): Promise<void>;
}

interface Row { id: number; kind: "start" | "signal"; workflow_id: string; message: string; payload: Record<string, unknown>; attempts: number }

/** The urgent lane takes what there is; the import lane goes in small helpings, so that a demo request never waits behind a file. */
const lanes = [{ lane: 1, batch: 32 }, { lane: 2, batch: 8 }] as const;
const idleMs = 1_000;
const callMs = 5_000;

/**
 * Tells Temporal what the outbox holds (starts and signals) and processes the inbox. Woken by NOTIFY, and by itself once
 * a second. Rows are taken with SKIP LOCKED, so several relays share the work. A telling may be repeated after a crash:
 * starts use the existing run, and signals are hints.
 */
export function startRelay(deps: RelayDeps): Relay {
  const stopping = new AbortController();
  const bells = new Map<string, () => void>();
  const rounds = new Map<string, number>();
  const listening = listen(deps.databaseUrl, [outboxChannel, inboxChannel], () => { for (const ring of bells.values()) ring(); });

  const loops = [
    ...lanes.map(({ lane, batch }) => loop(`lane ${lane}`, () => drainOutbox(deps, lane, batch))),
    loop("inbox", () => deps.processInbox(50)),
  ];

  async function loop(name: string, round: () => Promise<number>): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      let done = 0;
      try {
        done = await round();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1 || failures % 60 === 0) deps.log.warn({ loop: name, failures, error: describe(error) }, "relay round failed; it is tried again");
      }
      rounds.set(name, deps.clock());
      if (done === 0) await pause(name, failures === 0 ? idleMs : Math.min(idleMs * failures, 5_000));
    }
  }

  /** Sleeps until the bell rings or the time is over. */
  function pause(name: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => { clearTimeout(timer); bells.delete(name); resolve(); };
      const timer = setTimeout(finish, ms);
      bells.set(name, finish);
      if (stopping.signal.aborted) finish();
    });
  }

  return {
    lastRound: () => Math.min(deps.clock(), ...rounds.values()),
    async stop() {
      stopping.abort();
      for (const ring of bells.values()) ring();
      await Promise.all(loops);
      await listening.close();
    },
  };
}

/** One helping of a lane, in order; different workflows go in parallel, one workflow's tellings one after the other. */
async function drainOutbox(deps: RelayDeps, lane: 1 | 2, batch: number): Promise<number> {
  return inTransaction(deps.pool, async (tx) => {
    const waiting = await rows<Row>(tx, sql`
      select id, kind, workflow_id, message, payload, attempts from outbox
      where done_at is null and lane = ${lane} and next_at <= ${new Date(deps.clock())} order by id limit ${batch} for update skip locked`);
    if (waiting.length === 0) return 0;
    const byWorkflow = new Map<string, Row[]>();
    for (const row of waiting) byWorkflow.set(row.workflow_id, [...(byWorkflow.get(row.workflow_id) ?? []), row]);
    const told: number[] = [];
    const failed: { row: Row; error: unknown }[] = [];
    await Promise.all([...byWorkflow.values()].map(async (own) => {
      for (const row of own) {
        try {
          if (await tellTemporal(deps, row)) told.push(row.id);
          else failed.push({ row, error: "its process has not started yet" });
        } catch (error) {
          failed.push({ row, error });
          return; // what follows for this workflow waits behind it
        }
      }
    }));
    if (told.length > 0) deps.crashPoint?.("outbox-told");
    if (told.length > 0) await tx.query(sql`update outbox set done_at = ${new Date(deps.clock())} where id = any(${told})`);
    for (const { row, error } of failed) {
      const waitMs = Math.min(1_000 * 2 ** Math.min(row.attempts, 5), 30_000);
      await tx.query(sql`update outbox set attempts = attempts + 1, next_at = ${new Date(deps.clock() + waitMs)}, error = ${describe(error)} where id = ${row.id}`);
    }
    if (told.length === 0) throw failed[0]?.error ?? new Error("nothing was told");
    return told.length;
  });
}

/** Says whether Temporal knows it now; false when a signal came before its start. */
async function tellTemporal(deps: RelayDeps, row: Row): Promise<boolean> {
  const until = Date.now() + callMs;
  if (row.kind === "start") {
    await deps.client.withDeadline(until, () => startLead(deps, row));
    return true;
  }
  try {
    await deps.client.withDeadline(until, () => deps.client.workflow.getHandle(row.workflow_id).signal(row.message, row.payload));
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // Ended: nobody needs the news. Not started yet: the news waits for the start, in whichever lane that is.
    const starts = await rows(deps.pool, sql`select 1 from outbox where workflow_id = ${row.workflow_id} and kind = 'start' and done_at is null limit 1`);
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
