import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";

Runtime.install({ logger: new DefaultLogger("ERROR") });
const root = fileURLToPath(new URL("../../", import.meta.url));
const histories = join(root, "test/histories");

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), "baton-broken-")); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The committed histories that today's leads would fail on if `change` were released. */
async function brokenBy(name: string, change: (text: string) => string): Promise<string[]> {
  const copy = join(folder, name);
  mkdirSync(copy);
  for (const part of ["workflows", "handoff"]) cpSync(join(root, part), join(copy, part), { recursive: true });
  writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const file = join(copy, "workflows/lead-process.ts");
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error(`the change "${name}" found nothing to change`);
  writeFileSync(file, after);
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: join(copy, "workflows/index.ts"), logger: silent });

  const kept = readdirSync(histories).filter((one) => one.endsWith(".json")).sort();
  const broken: string[] = [];
  // One after the other, each under its own name: a history that fails says which.
  for (const one of kept) {
    const history: unknown = JSON.parse(readFileSync(join(histories, one), "utf8"));
    await Worker.runReplayHistory({ workflowBundle, replayName: `${name} ${one}` }, history, "lead/replayed").catch((error: unknown) => {
      expect((error as Error).name, `${name}: ${one}`).toBe("DeterminismViolationError");
      broken.push(one);
    });
  }
  return broken;
}

test.each<[string, (text: string) => string, (broken: string[]) => boolean]>([
  ["another decision in the place of routing", (text) => text.replace('"route", (key, by) => by.route(key)', '"route", (key, by) => by.checkClocks(key)'), (broken) => broken.includes("standard-path.json")],
  ["no timer where there was one", (text) => text.replace(/sleep\(at - Date\.now\(\), [^)]*\) \}\)/, "new Promise<void>(() => undefined)"), (broken) => broken.includes("breached-and-reassigned.json")],
  ["one more decision at the beginning", (text) => text.replace("return this.assess();", '{ await this.decide("hear", (key, by) => by.hear(key, [])); return this.assess(); }'), (broken) => broken.includes("suppressed-at-intake.json")],
])("%s is caught by the committed histories", async (name, change, includesWhatItBreaks) => {
  const broken = await brokenBy(name.replaceAll(" ", "-"), change);
  expect(broken.length).toBeGreaterThan(0);
  expect(includesWhatItBreaks(broken), broken.join(" ")).toBe(true);
}, 180_000);

test("a timer of another length, and other words, break nobody", async () => {
  expect(await brokenBy("harmless", (text) => text.replace("sleep(at - Date.now(),", "sleep(at - Date.now() + 1_000,").replace("rep ${this.at.owner}", "with ${this.at.owner}"))).toEqual([]);
}, 180_000);
