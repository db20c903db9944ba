import { randomBytes } from "node:crypto";
import type { Client } from "@temporalio/client";
import type { Instant } from "../../handoff/time/calendar.ts";

/** The two calls that the TypeScript client has no types for yet. */
interface TimeSkipping {
  updateWorkflowExecutionOptions(request: object): Promise<unknown>;
  pollWorkflowExecutionTimeSkipping(
    request: object,
  ): Promise<{ fastForwardPollingResult?: number }>;
}
/** FAST_FORWARD_POLLING_RESULT_POLL_TIMEOUT: not there yet, ask again. */
const notYet = 1;

/**
 * Moves one execution's clock on by `ms`; its timers on the way fire.
 *
 * Server 1.32.0 measures the way by the wall clock too: where a timer fires, and its task ends,
 * later than the place that was asked for, the clock goes on to the next timer instead. So leave
 * some seconds between a timer and the place.
 */
export async function moveClock(client: Client, workflowId: string, ms: number): Promise<void> {
  const id = randomBytes(6).toString("hex");
  const place = { namespace: client.options.namespace, workflowExecution: { workflowId } };
  const service = client.connection.workflowService as unknown as TimeSkipping;
  await client.withDeadline(Date.now() + 60_000, async () => {
    await service.updateWorkflowExecutionOptions({
      ...place,
      updateMask: { paths: ["time_skipping_config"] },
      // Children begin at their parent's time and are moved by themselves.
      workflowExecutionOptions: {
        timeSkippingConfig: {
          enabled: true,
          disablePropagation: true,
          fastForwardConfig: {
            id,
            duration: {
              seconds: Math.floor(ms / 1_000),
              nanos: Math.round(ms % 1_000) * 1_000_000,
            },
          },
        },
      },
    });
    while (
      (await service.pollWorkflowExecutionTimeSkipping({ ...place, fastForwardId: id }))
        .fastForwardPollingResult === notYet
    );
  });
}

/**
 * Where the server says that the execution's clock stands, as the difference to today's; 0 when it
 * was never moved.
 */
export async function clockOffset(client: Client, workflowId: string): Promise<number> {
  const { workflowExtendedInfo } =
    await client.connection.workflowService.describeWorkflowExecution({
      namespace: client.options.namespace,
      execution: { workflowId },
    });
  const at = workflowExtendedInfo?.timeSkippingInfo?.currentTime;
  return at ? toInstant(at) - Date.now() : 0;
}

function toInstant(at: { seconds?: unknown; nanos?: number | null }): Instant {
  return Number(at.seconds) * 1_000 + (at.nanos ?? 0) / 1_000_000;
}
