import { randomBytes } from "node:crypto";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@temporalio/client";
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
} from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { replayEverything } from "../support/replay.ts";
import { temporalServer } from "../support/world.ts";

Runtime.install({ logger: new DefaultLogger("ERROR") });
const root = fileURLToPath(new URL("../../", import.meta.url));
const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
const taskQueue = `replay-${randomBytes(4).toString("hex")}`;

let folder: string;
let connection: NativeConnection;
let client: Client;
let server: { address: string; namespace: string };
let written: string;
let changed: string;

/** A workflow of three runs, bundled; `again` is how often each sleeps. */
async function bundle(name: string, again: number): Promise<string> {
  const workflowsPath = join(folder, `${name}.ts`);
  writeFileSync(
    workflowsPath,
    `
    import { continueAsNew, sleep } from "@temporalio/workflow";
    export async function threeRuns(left: number): Promise<void> {
      for (let n = 0; n < ${again}; n++) await sleep(1);
      if (left > 1) await continueAsNew<typeof threeRuns>(left - 1);
    }`,
  );
  const codePath = join(folder, `${name}.cjs`);
  writeFileSync(codePath, (await bundleWorkflowCode({ workflowsPath, logger: silent })).code);
  return codePath;
}

beforeAll(async () => {
  server = await temporalServer();
  folder = mkdtempSync(join(tmpdir(), "baton-replay-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  [written, changed] = [await bundle("written", 1), await bundle("changed", 2)];
  connection = await NativeConnection.connect({ address: server.address });
  client = new Client({ connection, namespace: server.namespace });
  const worker = await Worker.create({
    connection,
    namespace: server.namespace,
    taskQueue,
    workflowBundle: { codePath: written },
  });
  await worker.runUntil(async () => {
    for (const n of [1, 2])
      await client.workflow.execute("threeRuns", {
        workflowId: `${taskQueue}/${n}`,
        taskQueue,
        args: [3],
      });
  });
}, 120_000);
afterAll(async () => {
  await connection?.close();
  rmSync(folder, { recursive: true, force: true });
});

const query = `TaskQueue = "${taskQueue}"`;
const expected = [`${taskQueue}/1`, `${taskQueue}/2`];

test(
  "every run of every workflow is replayed with the code that wrote it, though the list has " +
    "none of them",
  async () => {
    const keepIn = join(folder, "none");
    const all = { runs: { threeRuns: 6 }, broken: null };
    await expect(
      replayEverything(server, {
        codePath: written,
        keepIn,
        expected,
        query: 'TaskQueue = "nobody"',
      }),
    ).resolves.toEqual(all);
    await expect(
      replayEverything(server, { codePath: written, keepIn, expected, query }),
    ).resolves.toEqual(all);
  },
);

test("the first history that does not replay is named and kept, and nothing after it is tried", async () => {
  const keepIn = join(folder, "kept");
  const { runs, broken } = await replayEverything(server, {
    codePath: changed,
    keepIn,
    expected,
    query,
  });
  expect(runs).toEqual({});
  expect(broken?.why).toContain("Nondeterminism");
  expect(expected).toContain(broken?.workflowId);
  expect(readdirSync(keepIn).map((name) => join(keepIn, name))).toEqual([broken?.file]);
  const kept: unknown = JSON.parse(readFileSync(broken?.file ?? "", "utf8"));
  await expect(
    Worker.runReplayHistory({ workflowBundle: { codePath: written } }, kept, broken?.workflowId),
  ).resolves.toBeUndefined();
});

test("a workflow that must be there and is not is no success", async () => {
  const missing = { codePath: written, keepIn: folder, expected: [`${taskQueue}/3`], query };
  await expect(replayEverything(server, missing)).rejects.toThrow(/not found/);
});
