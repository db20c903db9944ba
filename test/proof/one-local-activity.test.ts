import { randomBytes } from "node:crypto";
import { Client, type WorkflowHandle } from "@temporalio/client";
import { Context } from "@temporalio/activity";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Standing } from "../../handoff/process/words.ts";
import { effectsLeft, leadWorkflowId, standing, type LeadStart } from "../../workflows/contract.ts";
import { eventually } from "../support/eventually.ts";
import { temporal } from "../support/world.ts";

/**
 * The first decision was not taken in time and lies with the server; meanwhile the process is told
 * of effects that are left. Found after kills: the effects were tried locally beside the next
 * decision, and the history could not be replayed.
 */
Runtime.install({ logger: new DefaultLogger("ERROR") });

let connection: NativeConnection;
let client: Client;
let bundlePath: string;
let namespace: string;
beforeAll(async () => {
  const server = await temporal();
  ({ bundlePath, namespace } = server);
  connection = await NativeConnection.connect({ address: server.address });
  client = new Client({ connection, namespace });
}, 120_000);
afterAll(() => connection?.close());

const fresh: Standing = {
  cycle: 1,
  step: 1,
  stage: "mql",
  stageSince: Date.now(),
  waitingOn: "assessment",
  handoffId: "ho_1",
  owner: null,
  wakeAt: null,
  wakeFor: "",
  dueAt: null,
  leadType: "demo-request",
  band: "A",
  source: null,
  territory: null,
  details: "",
  effects: false,
};
const offered = (): Standing => ({
  ...fresh,
  step: 2,
  waitingOn: "outreach",
  owner: "rp_one",
  wakeAt: Date.now() + 3_600_000,
  wakeFor: "outreach due",
  effects: true,
});

/** Never ends by itself, as where the database is silent. */
const silence = (): Promise<never> => Context.current().cancelled;

interface Interleaving {
  readonly first: "effectsLeft" | "arrive";
  readonly routeMs: number;
}

/**
 * The interleaving, forced: the worker of the workflow is away while the signal and the answer of
 * `arrive` arrive, and finds both in one task when it is back. Gives the process at rest, its
 * effects carried out.
 */
async function interleaved({ first, routeMs }: Interleaving): Promise<WorkflowHandle> {
  const taskQueue = `one-local-${randomBytes(4).toString("hex")}`;
  const leadId = `ld_${randomBytes(8).toString("hex")}`;
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let [isRemote, isAnswered, carried] = [false, false, 0];
  const local = {
    arrive: silence,
    route: () =>
      new Promise<Standing>((resolve) => {
        setTimeout(() => resolve(offered()), routeMs);
      }),
    carryOut: silence,
  };
  const remote = {
    async arrive() {
      isRemote = true;
      await asked;
      isAnswered = true;
      return fresh;
    },
    carryOut: () =>
      Promise.resolve({ done: 1, left: 0 }).finally(() => {
        carried += 1;
      }),
  };
  const settings = { connection, namespace, taskQueue };
  const flow = () =>
    Worker.create({
      ...settings,
      workflowBundle: { codePath: bundlePath },
      activities: local,
      enableNonLocalActivities: false,
    });
  const outside = await Worker.create({ ...settings, activities: remote });
  const start: LeadStart = { leadId, cycle: 1, from: "intake", priority: 3 };
  const handle = await client.workflow.start("leadHandoff", {
    workflowId: leadWorkflowId(leadId),
    taskQueue,
    args: [start],
  });
  await outside.runUntil(async () => {
    await (await flow()).runUntil(() => eventually(30, async () => isRemote));
    const signal = () => handle.signal(effectsLeft, { id: leadId });
    const arrive = () => {
      answer();
      return eventually(10, async () => isAnswered && (await hasAnswer(handle)));
    };
    for (const arrives of first === "arrive" ? [arrive, signal] : [signal, arrive]) await arrives();
    await (
      await flow()
    ).runUntil(async () => {
      await eventually(30, async () => (await handle.query(standing))?.waitingOn === "outreach");
      await eventually(
        30,
        async () => carried > 0 && !(await handle.describe()).raw.pendingActivities?.length,
      );
    });
  });
  return handle;
}

async function hasAnswer(handle: WorkflowHandle): Promise<boolean> {
  return ((await handle.fetchHistory()).events ?? []).some(
    (event) => event.activityTaskCompletedEventAttributes,
  );
}

test.concurrent.each<Interleaving>([
  { first: "effectsLeft", routeMs: 100 },
  { first: "effectsLeft", routeMs: 2_000 },
  { first: "arrive", routeMs: 100 },
  { first: "arrive", routeMs: 2_000 },
])(
  "effects left while a decision lies with the server do not break the history: $first comes " +
    "first, the next decision takes $routeMs ms",
  async (how) => {
    const handle = await interleaved(how);
    try {
      const history = await handle.fetchHistory();
      await Worker.runReplayHistory(
        { workflowBundle: { codePath: bundlePath }, replayName: `${how.first}-${how.routeMs}` },
        history,
        handle.workflowId,
      );
      // One decision locally, one from the server, and the effects from the server alone.
      const kinds = (history.events ?? []).flatMap(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
      );
      expect(kinds[0]).toBe("arrive");
      expect(kinds.filter((name) => name === "carryOut").length).toBeGreaterThan(0);
      const locals = (history.events ?? []).filter(
        (event) => event.markerRecordedEventAttributes?.markerName === "core_local_activity",
      );
      expect(locals.length).toBe(2);
    } finally {
      await handle.terminate("the test is over");
    }
  },
  90_000,
);
