import type { Client } from "@temporalio/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { pino } from "pino";
import { followCurrentVersion } from "../../worker/current-version.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const version = { deploymentName: "baton", buildId: "2" };
const build = (buildId: string) => ({ deploymentName: "baton", buildId });

type Line = { readonly msg: string };

/** A server whose answer the test sets; null: it does not answer. */
function serverSaying(first: object | null) {
  let routingConfig = first;
  const said: string[] = [];
  const log = pino({}, { write: (line) => void said.push((JSON.parse(line) as Line).msg) });
  const client = {
    options: { namespace: "default" },
    withDeadline: (_: number, ask: () => Promise<unknown>) => ask(),
    workflowService: {
      describeWorkerDeployment: () =>
        routingConfig === null
          ? Promise.reject(new Error("away"))
          : Promise.resolve({ workerDeploymentInfo: { routingConfig } }),
    },
  } as unknown as Client;
  return {
    said,
    says: (routing: object | null) => {
      routingConfig = routing;
    },
    follow: () => followCurrentVersion({ client, version, clock: Date.now, log }),
  };
}

test("own work begins when this version is made current, and ends when another one is", async () => {
  const server = serverSaying({ currentDeploymentVersion: build("1") });
  const own = await server.follow();
  expect([own.isCurrent(), own.mayStartEagerly()]).toEqual([false, false]);
  server.says({ currentDeploymentVersion: build("2") });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([own.isCurrent(), own.mayStartEagerly()]).toEqual([true, true]);
  server.says({ currentDeploymentVersion: build("1") });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([own.isCurrent(), own.mayStartEagerly()]).toEqual([false, false]);
  await own.stop();
  expect(server.said).toEqual([
    "this version is not current and rests",
    "this version is current and does its work",
    "this version is not current and rests",
  ]);
});

test.each([
  ["another version ramps", { rampingDeploymentVersion: build("3") }],
  ["workers without a version ramp", { rampingVersionPercentage: 10 }],
])("while %s the current one works and starts nothing eagerly", async (_, ramping) => {
  const server = serverSaying({ currentDeploymentVersion: build("2"), ...ramping });
  const own = await server.follow();
  expect([own.isCurrent(), own.mayStartEagerly()]).toEqual([true, false]);
  await own.stop();
});

test("while Temporal is away work goes on by its last answer, eager starts do not", async () => {
  const server = serverSaying({ currentDeploymentVersion: build("2") });
  const own = await server.follow();
  server.says(null);
  await vi.advanceTimersByTimeAsync(3_000);
  expect([own.isCurrent(), own.mayStartEagerly()]).toEqual([true, true]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([own.isCurrent(), own.mayStartEagerly()]).toEqual([true, false]);
  server.says({ currentDeploymentVersion: build("2") });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(own.mayStartEagerly()).toBe(true);
  await own.stop();
});

test("before the first answer a version is not current", async () => {
  const server = serverSaying(null);
  const own = await server.follow();
  expect([own.isCurrent(), own.mayStartEagerly()]).toEqual([false, false]);
  await own.stop();
});
