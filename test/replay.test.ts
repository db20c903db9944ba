import { readdirSync, readFileSync } from "node:fs";
import { DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { beforeAll, expect, test } from "vitest";
import { workflowBundle } from "./support/world.ts";

const folder = new URL("./histories/", import.meta.url);
const histories = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .sort();

Runtime.install({ logger: new DefaultLogger("ERROR") });
let codePath: string;
beforeAll(async () => {
  codePath = await workflowBundle();
});

test("there is a history for every path", () => {
  expect(histories.length).toBeGreaterThanOrEqual(20);
});

test.each(histories)("a lead that lives through %s goes on with today's code", async (name) => {
  const history: unknown = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
  await Worker.runReplayHistory(
    { workflowBundle: { codePath }, replayName: name },
    history,
    "lead/replayed",
  );
});
