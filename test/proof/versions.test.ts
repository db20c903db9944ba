import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectTemporal, type TemporalPort } from "../../api/temporal.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { ActionName } from "../../handoff/stage.ts";
import { noteAction, type ActionBodies } from "../../store/actions.ts";
import { activate, createAgreements } from "../../store/agreements.ts";
import { firstRow, inTransaction, openPool, sql, type Pool } from "../../store/db.ts";
import { takeIn } from "../../store/intake.ts";
import { putPools, putReps } from "../../store/roster.ts";
import type { LeadRow } from "../../store/subject.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { exampleText } from "../support/example-agreement.ts";
import { alwaysOpen, goodFacts } from "../support/lead-world.ts";
import { freshDatabase, temporalServer, type FreshDatabase } from "../support/world.ts";

const root = new URL("../../", import.meta.url);
const mark = randomBytes(4).toString("hex");
const deploymentName = `baton-${mark}`;

let database: FreshDatabase;
let pool: Pool;
let connection: Connection;
let client: Client;
let api: TemporalPort;
let server: { address: string; namespace: string };
const workers: ChildProcess[] = [];

beforeAll(async () => {
  [database, server] = await Promise.all([freshDatabase(), temporalServer()]);
  pool = openPool(database.url);
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection, namespace: server.namespace });
  api = connectTemporal({ ...server, updateMs: 20_000 });
  const now = Date.now();
  await inTransaction(pool, async (tx) => {
    await activate(tx, alwaysOpen(exampleText), "test", now);
    await putReps(
      tx,
      [
        {
          id: "rp_one",
          name: "Rep One",
          email: "one@example.com",
          role: "rep",
          managerId: null,
          active: true,
          hours: null,
          languages: [],
          products: [],
          motions: [],
          caps: {},
          crmId: null,
        },
      ],
      now,
    );
    await putPools(tx, [{ id: "americas-sdr", hours: null, members: { rp_one: 1 } }], now);
  });
}, 120_000);

afterAll(async () => {
  await Promise.all(workers.map(stop));
  // The worker's own Schedules stand on the server that other tests use too.
  for (const id of ["reconcile", "review-monthly", "review-quarterly"])
    await client.schedule
      .getHandle(id)
      .delete()
      .catch(() => undefined);
  await api?.close();
  await connection?.close();
  await pool?.end();
  await database?.drop();
}, 60_000);

/** The worker as it is deployed, with the two settings that switch versioning on. */
async function deploy(buildId: string): Promise<ChildProcess> {
  const worker = spawn(process.execPath, ["--import", "tsx", "worker/main.ts"], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: server.namespace,
      BATON_TASK_QUEUE: `versions-${mark}`,
      BATON_DEPLOYMENT: deploymentName,
      BATON_BUILD_ID: buildId,
    },
  });
  workers.push(worker);
  let said = "";
  await new Promise<void>((resolve, reject) => {
    worker.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('"ready":true')) resolve();
    });
    worker.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    worker.once("exit", (code) =>
      reject(new Error(`worker ${buildId} ended with ${code}: ${said}`)),
    );
  });
  return worker;
}

async function stop(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, "exit");
  worker.kill("SIGTERM");
  await ended;
}

/** `temporal worker deployment set-current-version`, once the server has heard of the version. */
async function setCurrent(buildId: string): Promise<void> {
  for (
    const end = Date.now() + 30_000;
    ;
    await new Promise((resolve) => setTimeout(resolve, 200))
  ) {
    try {
      await connection.workflowService.setWorkerDeploymentCurrentVersion({
        namespace: server.namespace,
        deploymentName,
        buildId,
        identity: "test-deploy",
      });
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

async function until(leadId: string, is: (lead: LeadRow) => boolean): Promise<LeadRow> {
  for (const end = Date.now() + 40_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const lead = await firstRow<LeadRow>(pool, sql`select * from lead where id = ${leadId}`);
    if (lead && is(lead)) return lead;
    if (Date.now() > end) throw new Error(`still ${lead?.stage}, waiting on ${lead?.waiting_on}`);
  }
}

async function act<A extends ActionName>(
  leadId: string,
  name: A,
  body: ActionBodies[A],
): Promise<unknown> {
  const action = {
    id: `ax_${randomBytes(6).toString("hex")}`,
    name,
    by: "rp_one",
    role: "rep",
    receivedAt: Date.now(),
  };
  await noteAction(pool, { ...action, leadId, body, via: "api" });
  return api.update(leadId, action);
}

async function buildsOf(leadId: string): Promise<string[]> {
  const { events } = await client.workflow.getHandle(leadWorkflowId(leadId)).fetchHistory();
  return (events ?? []).flatMap(
    (event) => event.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId ?? [],
  );
}

test("a lead that began under version 1 of the worker is finished by version 2, on one history", async () => {
  const first = await deploy("1");
  await setCurrent("1");
  const { agreement } = (await createAgreements(agreementOf).active(pool))!;
  const [taken] = await inTransaction(pool, (tx) =>
    takeIn(
      tx,
      [
        {
          email: "kim@example-customer.com",
          facts: { ...goodFacts },
          engagements: [
            {
              messageId: `versions-${mark}`,
              type: "demo_request",
              occurredAt: Date.now() - 60_000,
            },
          ],
        },
      ],
      { now: Date.now(), from: "form", lane: 1, agreement },
    ),
  );
  if (!taken || !("leadId" in taken)) throw new Error("not taken in");
  const id = taken.leadId;
  await until(id, (lead) => lead.waiting_on === "outreach");
  expect(await act(id, "logOutreach", { channel: "call" })).toMatchObject({
    kind: "answered",
    result: { done: true },
  });
  expect(new Set(await buildsOf(id))).toEqual(new Set(["1"]));

  await deploy("2");
  await setCurrent("2");
  await stop(first);
  expect(await act(id, "accept", {})).toMatchObject({
    kind: "answered",
    result: { done: true, stage: "sal" },
  });
  expect(await act(id, "advance", { to: "sql" })).toMatchObject({
    kind: "answered",
    result: { done: true, stage: "sql" },
  });
  expect(await act(id, "advance", { to: "opportunity" })).toMatchObject({
    kind: "answered",
    result: { done: true, stage: "opportunity" },
  });
  await expect(client.workflow.getHandle(leadWorkflowId(id)).result()).resolves.toEqual({
    stage: "opportunity",
    cycle: 1,
  });

  const builds = await buildsOf(id);
  expect(builds[0]).toBe("1");
  expect(builds.at(-1)).toBe("2");
  expect([...builds].sort()).toEqual(builds);
}, 180_000);
