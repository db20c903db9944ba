import { setTimeout as sleep } from "node:timers/promises";
import {
  Connection,
  Client,
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import {
  leadOfWorkflowId,
  leadWorkflowId,
  updates,
  type ActionNotice,
  type ActionResult,
  type Refusal,
} from "../workflows/contract.ts";

/** What came of asking a lead's process. Only `unknown` leaves it open whether the action was carried out. */
export type UpdateAnswer =
  | { readonly kind: "answered"; readonly result: ActionResult }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "no-process" }
  | { readonly kind: "unknown" };

/** The API's half of Temporal: people's actions and whether it answers at all. All of it is bounded in time. */
export interface TemporalPort {
  /** Sends the action as an update whose id is the action's id, so that a repeat gives the first answer. */
  update(leadId: string, notice: ActionNotice): Promise<UpdateAnswer>;
  reachable(): Promise<boolean>;
  /** The leads whose process runs; null when they could not all be listed in time. */
  runningLeads?(): Promise<ReadonlySet<string> | null>;
  close(): Promise<void>;
}

export interface TemporalOptions {
  readonly address: string;
  readonly namespace: string;
  /** Bound of one update; the whole request has three seconds. */
  readonly updateMs?: number;
  readonly reachableMs?: number;
}

/** Measured: 4,000 running processes are listed in under five seconds on a busy machine. */
const listMs = 20_000;

/** Between two attempts of one update; the update's id makes a repeat harmless. */
const pauseMs = 150;

/** Connects when first used, so that the API starts and takes leads in while Temporal is away. */
export function connectTemporal(options: TemporalOptions): TemporalPort {
  // The client's own retries know no deadline and throw into nobody's hands when the connection is closed; ours do neither.
  const connection = Connection.lazy({
    address: options.address,
    connectTimeout: 2_000,
    interceptors: [],
  });
  const client = new Client({ connection, namespace: options.namespace });
  const updateMs = options.updateMs ?? 2_200;
  const reachableMs = options.reachableMs ?? 900;
  const running = new Set<Promise<unknown>>();
  let closing = false;

  const tracked = async <T>(ms: number, work: () => Promise<T>, late: T): Promise<T> => {
    const one = work();
    running.add(one);
    void one.catch(() => undefined).finally(() => running.delete(one));
    return bounded(ms, one, late);
  };
  const update = async (leadId: string, notice: ActionNotice): Promise<UpdateAnswer> => {
    const handle = client.workflow.getHandle(leadWorkflowId(leadId));
    const deadline = Date.now() + updateMs;
    for (;;) {
      try {
        const result = await client.withDeadline(deadline, () =>
          handle.executeUpdate(updates[notice.name], { updateId: notice.id, args: [notice] }),
        );
        return { kind: "answered", result };
      } catch (error) {
        const answer = answerOf(error);
        if (
          answer.kind !== "unknown" ||
          !isTransient(error) ||
          closing ||
          Date.now() + pauseMs >= deadline
        )
          return answer;
        await sleep(pauseMs);
      }
    }
  };

  return {
    update: (leadId, notice) =>
      tracked(updateMs + 100, () => update(leadId, notice), { kind: "unknown" }),
    reachable: () =>
      tracked(
        reachableMs + 100,
        () =>
          connection
            .withDeadline(Date.now() + reachableMs, () =>
              connection.workflowService.getSystemInfo({}),
            )
            .then(
              () => true,
              () => false,
            ),
        false,
      ),
    runningLeads: () =>
      tracked<ReadonlySet<string> | null>(
        listMs + 100,
        async () => {
          const found = new Set<string>();
          try {
            await client.withDeadline(Date.now() + listMs, async () => {
              for await (const one of client.workflow.list({
                query: "WorkflowType = 'leadHandoff' AND ExecutionStatus = 'Running'",
                pageSize: 1_000,
              })) {
                const leadId = leadOfWorkflowId(one.workflowId);
                if (leadId !== null) found.add(leadId);
              }
            });
            return found;
          } catch {
            return null;
          }
        },
        null,
      ),
    async close() {
      closing = true;
      await bounded(updateMs + 500, Promise.allSettled(running), []);
      await connection.close();
    },
  };
}

/** Not reached, or too busy to say: nothing is known about the action, and asking again can help. */
function isTransient(error: unknown): boolean {
  const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
  return isGrpcServiceError(cause) && transientCodes.includes(cause.code);
}

/** gRPC: unknown, resource exhausted, failed precondition (the task that was to take it failed, and is done again), aborted, unavailable. */
const transientCodes = [2, 8, 9, 10, 14];

/** Everything but a refusal and a missing process leaves the outcome open: the same id asks again later. */
function answerOf(error: unknown): UpdateAnswer {
  if (error instanceof WorkflowNotFoundError) return { kind: "no-process" };
  if (
    error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === "Refused"
  ) {
    const refusal = error.cause.details?.[0] as Refusal | undefined;
    if (refusal) return { kind: "refused", refusal };
  }
  return { kind: "unknown" };
}

/** The client's own deadline does not cover connecting to a black hole; this one covers everything. */
async function bounded<T>(ms: number, running: Promise<T>, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      running,
      new Promise<T>((resolve) => {
        timer = setTimeout(() => resolve(late), ms);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
