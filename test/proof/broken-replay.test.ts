import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changedWorkflows } from "../support/changed-workflows.ts";

Runtime.install({ logger: new DefaultLogger("ERROR") });
const root = fileURLToPath(new URL("../../", import.meta.url));
const histories = join(root, "test/histories");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-broken-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Those of the committed histories that would fail if `change` were released. */
async function brokenBy(
  name: string,
  change: (text: string) => string,
  kept: readonly string[],
): Promise<string[]> {
  const workflowBundle = { codePath: await changedWorkflows(folder, name, change) };

  const broken: string[] = [];
  // One after the other, each under its own name: a history that fails says which.
  for (const one of kept) {
    const history: unknown = JSON.parse(readFileSync(join(histories, one), "utf8"));
    await Worker.runReplayHistory(
      { workflowBundle, replayName: `${name} ${one}` },
      history,
      "lead/replayed",
    ).catch((error: unknown) => {
      expect(
        ["DeterminismViolationError", "ReplayError"],
        `${name}: ${one}: ${String(error)}`,
      ).toContain((error as Error).name);
      broken.push(one);
    });
  }
  return broken;
}

test.each<[string, string, (text: string) => string]>([
  [
    "another decision in the place of the first",
    "standard-path.json",
    (text) =>
      text.replace('"arrive", (ask, by) => by.arrive(ask)', '"look", (ask, by) => by.look(ask)'),
  ],
  [
    "no timer where there was one",
    "breached-and-reassigned.json",
    (text) =>
      text.replace(
        /sleep\(Math\.max\(at - Date\.now\(\), 1\), [^)]*\) \}\)/,
        "new Promise<void>(() => undefined)",
      ),
  ],
  [
    "one more decision at the beginning",
    "suppressed-at-intake.json",
    (text) =>
      text.replace(
        "if (this.start.at) return;",
        'if (this.start.at) return;\n    await this.decide("look", (ask, by) => by.look(ask));',
      ),
  ],
  [
    "a signal that is taken over without being shown",
    "two-cycles-by-date.json",
    (text) =>
      text.replace(
        "    this.at = newest;\n",
        "    this.at = newest;\n    if (Date.now() > 0) return true;\n",
      ),
  ],
])(
  "%s is caught by the committed history %s",
  async (name, history, change) => {
    expect(await brokenBy(name.replaceAll(" ", "-"), change, [history])).toEqual([history]);
  },
  180_000,
);

test("a timer of another length, and other words, break nobody", async () => {
  const all = readdirSync(histories)
    .filter((one) => one.endsWith(".json"))
    .sort();
  expect(
    await brokenBy(
      "harmless",
      (text) =>
        text
          .replace(
            "sleep(Math.max(at - Date.now(), 1),",
            "sleep(Math.max(at - Date.now(), 1) + 1_000,",
          )
          .replace("rep ${this.at.owner}", "with ${this.at.owner}"),
      all,
    ),
  ).toEqual([]);
}, 300_000);
