import { randomBytes } from "node:crypto";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { expect, test } from "vitest";
import { patience } from "../../worker/patience.ts";
import { temporal } from "../support/world.ts";

test("the SDK gives workflow code the time that a paused process needs", async () => {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const { address, namespace, bundlePath } = await temporal();
  const connection = await NativeConnection.connect({ address });
  const create = (more: object) =>
    Worker.create({
      connection,
      namespace,
      taskQueue: `patience-${randomBytes(4).toString("hex")}`,
      workflowBundle: { codePath: bundlePath },
      ...more,
    });
  const [usual, patient] = [await create({}), await create(patience)];
  expect(usual.options.isolateExecutionTimeoutMs).toBe(5_000);
  expect(patient.options.isolateExecutionTimeoutMs).toBe(600_000);
  for (const worker of [usual, patient]) await worker.runUntil(Promise.resolve());
  await connection.close();
});
