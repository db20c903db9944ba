import { Connection, Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { leadWorkflowId, updates, type ActionNotice, type ActionResult, type Refusal } from "../workflows/contract.ts";

/** What came of asking a lead's process. Only `unknown` leaves it open whether the action was carried out. */
export type UpdateAnswer =
  | { readonly kind: "answered"; readonly result: ActionResult }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "no-process" }
  | { readonly kind: "unknown" };

/** The API's half of Temporal: people's actions and whether it answers at all. Both are bounded in time and never throw. */
export interface TemporalPort {
  /** Sends the action as an update whose id is the action's id, so that a repeat gives the first answer. */
  update(leadId: string, notice: ActionNotice): Promise<UpdateAnswer>;
  reachable(): Promise<boolean>;
  close(): Promise<void>;
}

export interface TemporalOptions {
  readonly address: string;
  readonly namespace: string;
  /** Bound of one update; the whole request has three seconds. */
  readonly updateMs?: number;
  readonly reachableMs?: number;
}

/** Connects when first used, so that the API starts and takes leads in while Temporal is away. */
export function connectTemporal(options: TemporalOptions): TemporalPort {
  const connection = Connection.lazy({ address: options.address, connectTimeout: 2_000 });
  const client = new Client({ connection, namespace: options.namespace });
  const updateMs = options.updateMs ?? 2_600;
  const reachableMs = options.reachableMs ?? 900;

  return {
    update: (leadId, notice) => bounded(updateMs + 100, async () => {
      const handle = client.workflow.getHandle(leadWorkflowId(leadId));
      try {
        const result = await client.withDeadline(Date.now() + updateMs, () =>
          handle.executeUpdate(updates[notice.name], { updateId: notice.id, args: [notice] }));
        return { kind: "answered" as const, result };
      } catch (error) {
        return answerOf(error);
      }
    }, { kind: "unknown" }),
    reachable: () => bounded(reachableMs + 100, async () => {
      try {
        await connection.withDeadline(Date.now() + reachableMs, () => connection.workflowService.getSystemInfo({}));
        return true;
      } catch {
        return false;
      }
    }, false),
    close: () => connection.close(),
  };
}

/** Everything but a refusal and a missing process leaves the outcome open: the same id asks again later. */
function answerOf(error: unknown): UpdateAnswer {
  if (error instanceof WorkflowNotFoundError) return { kind: "no-process" };
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure && error.cause.type === "Refused") {
    const refusal = error.cause.details?.[0] as Refusal | undefined;
    if (refusal) return { kind: "refused", refusal };
  }
  return { kind: "unknown" };
}

/** The client's own deadline does not cover connecting to a black hole; this one covers everything. */
async function bounded<T>(ms: number, work: () => Promise<T>, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const running = work();
  running.catch(() => undefined);
  try {
    return await Promise.race([running, new Promise<T>((resolve) => { timer = setTimeout(() => resolve(late), ms); })]);
  } finally {
    clearTimeout(timer);
  }
}
