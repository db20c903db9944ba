import {
  cpSync,
  mkdirSync,
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
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";

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
  const copy = join(folder, name);
  mkdirSync(copy);
  for (const part of ["workflows", "handoff"])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const file = join(copy, "workflows/lead-process.ts");
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error(`the change "${name}" found nothing to change`);
  writeFileSync(file, after);
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(copy, "workflows/index.ts"),
    logger: silent,
  });

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
    "another decision in the place of routing",
    "standard-path.json",
    (text) =>
      text.replace(
        '"route", (key, by) => by.route(key)',
        '"route", (key, by) => by.checkClocks(key)',
      ),
  ],
  [
    "no timer where there was one",
    "breached-and-reassigned.json",
    (text) =>
      text.replace(/sleep\(at - Date\.now\(\), [^)]*\) \}\)/, "new Promise<void>(() => undefined)"),
  ],
  [
    "one more decision at the beginning",
    "suppressed-at-intake.json",
    (text) =>
      text.replace(
        "return this.assess();",
        '{ await this.decide("hear", (key, by) => by.hear(key, [])); return this.assess(); }',
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
          .replace("sleep(at - Date.now(),", "sleep(at - Date.now() + 1_000,")
          .replace("rep ${this.at.owner}", "with ${this.at.owner}"),
      all,
    ),
  ).toEqual([]);
}, 300_000);
