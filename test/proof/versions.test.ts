import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import type { ActionName } from "../../handoff/stage.ts";
import type { ActionBodies } from "../../handoff/process/event.ts";
import { noteAction } from "../../store/process/actions.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import {
  firstRow,
  inTransaction,
  openPool,
  rows,
  sql,
  type Pool,
} from "../../store/postgres/db.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { decideAction } from "../../store/process/take-action.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import { putPools, putReps } from "../../store/routing/roster-edit.ts";
import type { LeadRow } from "../../store/process/subject.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { eventually } from "../support/eventually.ts";
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
let server: { address: string; namespace: string };
const workers: ChildProcess[] = [];

beforeAll(async () => {
  [database, server] = await Promise.all([freshDatabase(), temporalServer()]);
  pool = openPool(database.url);
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection, namespace: server.namespace });
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
    const lead = await firstRow<LeadRow>(
      pool,
      sql`select * from lead_standing where id = ${leadId}`,
    );
    if (lead && is(lead)) return lead;
    if (Date.now() > end) throw new Error(`still ${lead?.stage}, waiting on ${lead?.waiting_on}`);
  }
}

const agreements = createAgreements(agreementOf);

/** What the rep does, decided as the API does it. */
async function act<A extends ActionName>(
  leadId: string,
  name: A,
  body: ActionBodies[A],
): Promise<unknown> {
  const id = `ax_${randomBytes(6).toString("hex")}`;
  return decideAction(
    { pool, agreements, dispatcher: routingDispatcher(pool) },
    { kind: "lead", id: leadId },
    async (tx) => {
      await noteAction(tx, {
        id,
        leadId,
        name,
        by: "rp_one",
        role: "rep",
        body,
        via: "api",
        receivedAt: Date.now(),
      });
      return id;
    },
    () => undefined,
    Date.now,
  );
}

/** The process knows what was decided. */
async function knows(leadId: string, stage: string): Promise<void> {
  const standing = () =>
    client.workflow.getHandle(leadWorkflowId(leadId)).query<{ stage: string } | null>("standing");
  await eventually(20, async () => (await standing())?.stage === stage);
}

async function buildsOf(leadId: string): Promise<string[]> {
  const { events } = await client.workflow.getHandle(leadWorkflowId(leadId)).fetchHistory();
  return (events ?? []).flatMap(
    (event) => event.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId ?? [],
  );
}

/** Somebody asks for a demo: a lead is taken in, and its start waits in the outbox. */
async function demoRequest(name: string): Promise<string> {
  const { agreement } = (await agreements.active(pool))!;
  const [taken] = await inTransaction(pool, (tx) =>
    takeIn(
      tx,
      [
        {
          email: `${name}@${name}-customer.com`,
          facts: { ...goodFacts, "account.domain": `${name}-customer.com` },
          engagements: [
            {
              messageId: `versions-${mark}-${name}`,
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
  return taken.leadId;
}

/** Whether the lead's start brought its first task along. */
async function wasEager(leadId: string): Promise<boolean> {
  const { events } = await client.workflow.getHandle(leadWorkflowId(leadId)).fetchHistory();
  return events?.[0]?.workflowExecutionStartedEventAttributes?.eagerExecutionAccepted === true;
}

/** Each of these leads has tasks done, all by this build. A decision is there before its task ends. */
async function ranOnly(buildId: string, leads: readonly string[]): Promise<void> {
  const builds = async () =>
    Promise.all(leads.map(async (id) => [...new Set(await buildsOf(id))].join()));
  await expect.poll(builds, { timeout: 20_000 }).toEqual(leads.map(() => buildId));
}

const heartbeats = async () =>
  (
    await rows<{ process: string }>(
      pool,
      sql`select process from heartbeat where at > ${new Date(Date.now() - 5_000)}`,
    )
  ).map(({ process }) => process.split(":").at(-1));
const untold = async () =>
  (await rows(pool, sql`select 1 from outbox where done_at is null`)).length;

test("a lead that began under version 1 of the worker is finished by version 2, on one history", async () => {
  const first = await deploy("1");
  await setCurrent("1");
  const id = await demoRequest("first");
  await until(id, (lead) => lead.waiting_on === "outreach");
  expect(await act(id, "logOutreach", { channel: "call" })).toMatchObject({ done: true });
  expect(await act(id, "accept", {})).toMatchObject({ done: true, stage: "sal" });
  await knows(id, "sal");
  expect(new Set(await buildsOf(id))).toEqual(new Set(["1"]));

  await deploy("2");
  await setCurrent("2");
  await stop(first);
  expect(await act(id, "advance", { to: "sql" })).toMatchObject({ done: true, stage: "sql" });
  await knows(id, "sql");
  expect(await act(id, "advance", { to: "opportunity" })).toMatchObject({
    done: true,
    stage: "opportunity",
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

test("a version that is not current does nothing: no start, no message, no heartbeat", async () => {
  const second = workers.at(-1)!;
  const third = await deploy("3");
  const leads = await Promise.all(Array.from({ length: 12 }, (_, n) => demoRequest(`beside-${n}`)));
  for (const id of leads) await until(id, (lead) => lead.waiting_on === "outreach");
  await ranOnly("2", leads);
  expect(new Set(await Promise.all(leads.map(wasEager)))).toEqual(new Set([true]));
  expect(await heartbeats()).not.toContain(String(third.pid));

  // Alone it lets the lead wait, whose start nobody else would bring to Temporal.
  await stop(second);
  const waiting = await demoRequest("waiting");
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect([await untold(), await heartbeats()]).toEqual([1, []]);

  await setCurrent("3");
  await until(waiting, (lead) => lead.waiting_on === "outreach");
  await ranOnly("3", [waiting]);
  await eventually(20, async () => (await heartbeats()).includes(String(third.pid)));
}, 180_000);

test("while another version ramps, the server chooses for each lead, so no start is eager", async () => {
  await deploy("4");
  await eventually(30, async () => {
    try {
      await connection.workflowService.setWorkerDeploymentRampingVersion({
        namespace: server.namespace,
        deploymentName,
        buildId: "4",
        percentage: 100,
        identity: "test-deploy",
      });
      return true;
    } catch {
      return false;
    }
  });
  // The current version asks once a second.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const leads = await Promise.all(Array.from({ length: 6 }, (_, n) => demoRequest(`ramp-${n}`)));
  for (const id of leads) await until(id, (lead) => lead.waiting_on === "outreach");
  expect(new Set(await Promise.all(leads.map(wasEager)))).toEqual(new Set([false]));
  await ranOnly("4", leads);
}, 180_000);
