import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TypedSearchAttributes } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reconcileLeads, type ProcessList } from "../../activities/reconcile.ts";
import { readSystem } from "../../api/system.ts";
import { connectTemporal, type TemporalPort } from "../../api/temporal.ts";
import { rows, sql } from "../../store/postgres/db.ts";
import { openDeadLetter } from "../../store/inbox/reconcile.ts";
import { conservation } from "../../store/reports/conservation.ts";
import { eventually } from "../support/eventually.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { brokenLead, isBroken, otherWorkflows } from "../support/other-code.ts";
import { peopleWorld } from "../support/people-world.ts";
import { temporalServer } from "../support/world.ts";
import { reportedProblems } from "../../workflows/contract.ts";

let folder: string;
let world: LeadWorld;
let port: TemporalPort;
let other: string;
let lead: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-other-"));
  [world, other] = await Promise.all([leadWorld(), otherWorkflows(folder)]);
  port = connectTemporal(await temporalServer());
  lead = await brokenLead(world, other);
}, 180_000);
afterAll(async () => {
  await port?.close();
  await world?.close();
  rmSync(folder, { recursive: true, force: true });
});

const compare = (now = Date.now() + 180_000) =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") }).run(() =>
    reconcileLeads({ pool: world.pool, client: world.client }, now, ""),
  );
const tasks = () =>
  rows<{ state: string; done_how: string | null; detail: Record<string, string> }>(
    world.pool,
    sql`
  select state, done_how, detail from task where kind = 'dead-letter' and subject_id = ${lead}
    order by since`,
  );

test("a process whose tasks fail is in the report of conservation, by its lead", async () => {
  const broken = (await port.brokenLeads?.()) ?? null;
  const now = Date.now();
  const report = await conservation(
    world.pool,
    { from: now - 86_400_000, to: now, asOf: now },
    (await port.runningLeads?.()) ?? null,
    broken,
  );
  expect(report.broken).toEqual({ count: 1, leads: [lead] });
  expect(report.withoutProcess).toMatchObject({ count: 0, leads: [] });
});

test("GET /system names it, what to do, and its process in the Temporal UI", async () => {
  const { stuck, processes } = await readSystem({
    pool: world.pool,
    temporal: port,
    clock: () => Date.now(),
    publicUrl: "http://baton.test",
    temporalUi: { url: "http://temporal.test", namespace: "default" },
  });
  expect(stuck).toMatchObject({ broken: 1 });
  expect(stuck.leads).toMatchObject([
    {
      id: lead,
      state: "broken",
      url: `http://baton.test/leads/${lead}`,
      remedy: expect.stringContaining(`baton stuck --repair ${lead}`),
      temporalUrl:
        "http://temporal.test/namespaces/default/workflows?query=" +
        encodeURIComponent(`WorkflowId="lead/${lead}"`),
    },
  ]);
  expect(processes.running).toBeGreaterThanOrEqual(1);
  expect(stuck.missing).toBe(0);
  const alone = { first: lead, last: lead };
  expect(await port.countOpen?.(alone)).toBe(1);
  expect(await port.runningLeads?.(alone)).toEqual(new Set([lead]));
  expect(await port.runsFor?.(lead)).toBe(true);
  expect(await port.runsFor?.("ld_nobody")).toBe(false);
});

test("/metrics and /readyz count it, and Baton stays ready", async () => {
  const api = await peopleWorld({ temporal: connectTemporal(await temporalServer()) });
  for (const kind of ["worker", "relay"]) {
    await api.pool.query(
      sql`
        insert into heartbeat (process, kind, at)
          values (${kind}, ${kind}, ${new Date(api.now())})`,
    );
  }
  const ready = await api.ask("GET", "/readyz", { as: null });
  expect(ready).toMatchObject({
    status: 200,
    body: { ready: true, parts: { temporal: { ok: true } } },
  });
  // The namespace is the whole test run's.
  const { broken, detail } = ready.body.parts.temporal;
  expect(broken).toBeGreaterThanOrEqual(1);
  expect(detail).toBe(`${broken} broken; \`baton stuck\` lists them`);
  expect((await api.ask("GET", "/metrics", { as: null })).body).toMatch(
    /^baton_processes_broken [1-9]\d*$/m,
  );
  await api.close();
});

test(
  "the reconciler opens one task, with what the server says; it takes the place of one that " +
    "says late, and of no other",
  async () => {
    await openDeadLetter(
      world.pool,
      { kind: "lead", id: lead },
      { why: "its next step is overdue though its process runs" },
      Date.now(),
    );
    expect(await compare()).toMatchObject({ broken: 1, restarted: 0 });
    expect(await compare()).toMatchObject({ broken: 1 });
    expect(await tasks()).toMatchObject([
      { state: "open", detail: { why: "its process's tasks fail", stage: "mql" } },
    ]);
    expect((await tasks())[0]?.detail["problems"]).toContain("WorkflowTaskFailed");

    await world.pool.query(
      sql`
      update task set detail = '{"why":"the CRM refused it"}' where subject_id = ${lead}
        and state = 'open'`,
    );
    await compare();
    expect(await tasks()).toMatchObject([{ state: "open", detail: { why: "the CRM refused it" } }]);
    await world.pool.query(sql`update task set state = 'done' where subject_id = ${lead}`);
    await compare();
    expect((await tasks()).map((one) => one.state)).toEqual(["done", "open"]);
  },
);

test("when its tasks succeed again the task is withdrawn and nobody counts it any more", async () => {
  await world.restartWorker(other);
  await eventually(90, async () => !(await isBroken(world, lead)));
  expect(await compare()).toMatchObject({ broken: 0 });
  expect((await tasks())[1]).toMatchObject({
    state: "withdrawn",
    done_how: "its process is well again",
  });
  expect((await port.brokenLeads?.())?.has(lead)).toBe(false);
  expect(await world.act(lead, "accept", {})).toMatchObject({ done: true, stage: "sal" });
}, 120_000);

test.each([
  ["was given out a minute ago, its worker died", 60_000, 0],
  ["has been given out again and again for ten minutes", 600_000, 1],
  ["was done meanwhile", null, 0],
])("of a process whose tasks timed out and whose task %s", async (_, waitedMs, broken) => {
  const now = Date.now() + 180_000;
  const listed = {
    workflowId: `lead/${lead}`,
    typedSearchAttributes: new TypedSearchAttributes([
      {
        key: reportedProblems,
        value: ["category=WorkflowTaskTimedOut", "cause=WorkflowTaskTimedOutCauseStartToClose"],
      },
    ]),
  };
  const task =
    waitedMs === null ? null : { originalScheduledTime: { seconds: (now - waitedMs) / 1_000 } };
  const client: ProcessList = {
    withDeadline: (_until, ask) => ask(),
    workflow: {
      // Both lists have it: it runs, and its tasks timed out.
      async *list() {
        yield await Promise.resolve(listed);
      },
      getHandle: () => ({
        describe: () =>
          Promise.resolve({ status: { name: "RUNNING" }, raw: { pendingWorkflowTask: task } }),
      }),
    },
  };
  const found = await new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") }).run(
    () => reconcileLeads({ pool: world.pool, client }, now, ""),
  );
  expect(found).toMatchObject({ broken, restarted: 0 });
  expect((await tasks()).filter((one) => one.state === "open")).toHaveLength(broken);
});
