import { Client } from "@temporalio/client";
import { expect, test, vi } from "vitest";
import { connectTemporal } from "../../api/temporal.ts";
import type { Stage } from "../../handoff/stage.ts";
import { temporalConnection } from "../../temporal/connection.ts";
import { leadWorkflowId, searchAttributes } from "../../workflows/contract.ts";
import { temporalServer } from "../support/world.ts";

test("a process that only tells the end of a closed lead does not count as of an open one", async () => {
  const server = await temporalServer();
  const connection = temporalConnection(server, { connectTimeoutMs: 5_000 });
  const client = new Client({ connection, namespace: server.namespace });
  const port = connectTemporal({ ...server, reachableMs: 5_000 });
  const stages: readonly (Stage | null)[] = [null, "new", "sal", "opportunity", "disqualified"];
  const ids = stages.map((_, n) => `ld_ending${n}`);
  const handles = await Promise.all(
    stages.map((stage, n) =>
      client.workflow.start("leadHandoff", {
        workflowId: leadWorkflowId(ids[n] ?? ""),
        taskQueue: "nobody",
        ...(stage === null
          ? {}
          : { typedSearchAttributes: [{ key: searchAttributes.stage, value: stage }] }),
      }),
    ),
  );
  try {
    const range = { first: "ld_ending0", last: "ld_ending4" };
    await vi.waitFor(
      async () => expect(await port.runningLeads?.(range)).toEqual(new Set(ids)),
      20_000,
    );
    expect(await port.countOpen?.(range)).toBe(3);
  } finally {
    await Promise.all(handles.map((one) => one.terminate()));
    await port.close();
    await connection.close();
  }
});
