import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  SEARCH_ATTRIBUTES,
  ensureSearchAttributes,
} from "../../../cli/servers/search-attributes.ts";
import { setRetention } from "../../../cli/servers/temporal-server.ts";
import { temporalTrouble } from "../../../temporal/connection.ts";
import { testPort } from "../../support/ports.ts";
import { temporalServer } from "../../support/world.ts";

let connection: Connection;
let server: { address: string; namespace: string };

beforeAll(async () => {
  server = await temporalServer();
  connection = await Connection.connect({ address: server.address });
});
afterAll(() => connection.close());

test("search attributes exist with their types, and asking for them again changes nothing", async () => {
  await ensureSearchAttributes(server);
  const { customAttributes } = await connection.operatorService.listSearchAttributes({
    namespace: server.namespace,
  });
  expect(customAttributes).toMatchObject(SEARCH_ATTRIBUTES);
});

test("leads can be listed by a search attribute as soon as the server is ready", async () => {
  const { count } = await new Client({ connection, namespace: server.namespace }).workflow.count(
    "LeadStage = 'no-such-stage'",
  );
  expect(count).toBe(0);
});

test("finished workflows can be looked at for thirty days", async () => {
  await setRetention(server);
  const { config } = await connection.workflowService.describeNamespace({
    namespace: server.namespace,
  });
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
});

test("the test server can skip the waiting of one workflow", async () => {
  const workflowId = "time-skipping-probe";
  const client = new Client({ connection, namespace: server.namespace });
  const handle = await client.workflow.start("nobodyRunsThis", { workflowId, taskQueue: "nobody" });
  const { workflowExecutionOptions } =
    await connection.workflowService.updateWorkflowExecutionOptions({
      namespace: server.namespace,
      workflowExecution: { workflowId },
      workflowExecutionOptions: { timeSkippingConfig: { enabled: true } },
      updateMask: { paths: ["time_skipping_config"] },
    });
  expect(workflowExecutionOptions?.timeSkippingConfig?.enabled).toBe(true);
  await handle.terminate();
});

test("an unknown namespace and a silent port do not count as a ready server", async () => {
  expect(await temporalTrouble(server, 3_000)).toBeNull();
  expect(await temporalTrouble({ ...server, namespace: "no-such-namespace" }, 3_000)).toBe(
    'it has no namespace "no-such-namespace"',
  );
  const silent = { ...server, address: `127.0.0.1:${await testPort()}` };
  expect(await temporalTrouble(silent, 500)).toMatch(/^no answer: .*ECONNREFUSED/);
});

test("search attributes of a server that does not answer: what to start or correct", async () => {
  const silent = { ...server, address: `127.0.0.1:${await testPort()}` };
  await expect(ensureSearchAttributes(silent, 500)).rejects.toThrow(
    new RegExp(
      `^TEMPORAL_ADDRESS is ${silent.address}, where no Temporal server with namespace ` +
        `${server.namespace} answers \\(no answer: .*\\); start it, `,
    ),
  );
  const elsewhere = { ...server, namespace: "no-such-namespace" };
  await expect(ensureSearchAttributes(elsewhere, 3_000)).rejects.toThrow(/^TEMPORAL_ADDRESS is /);
});
