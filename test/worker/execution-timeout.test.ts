import { randomBytes } from "node:crypto";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { expect, test } from "vitest";
import { executionTimeout } from "../../worker/execution-timeout.ts";
import { temporal } from "../support/world.ts";

test("the SDK gives workflow code the time that a paused process needs", async () => {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const { address, namespace, bundlePath } = await temporal();
  const connection = await NativeConnection.connect({ address });
  const create = (more: object) =>
    Worker.create({
      connection,
      namespace,
      taskQueue: `executionTimeout-${randomBytes(4).toString("hex")}`,
      workflowBundle: { codePath: bundlePath },
      ...more,
    });
  const [usual, raised] = [await create({}), await create(executionTimeout)];
  expect(usual.options.isolateExecutionTimeoutMs).toBe(5_000);
  expect(raised.options.isolateExecutionTimeoutMs).toBe(600_000);
  for (const worker of [usual, raised]) await worker.runUntil(Promise.resolve());
  await connection.close();
});
