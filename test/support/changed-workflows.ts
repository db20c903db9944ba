import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode } from "@temporalio/worker";

const root = fileURLToPath(new URL("../../", import.meta.url));
const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/**
 * The path of a bundle of our workflows with a change in `lead-process.ts`, as another version of
 * the code would be. It is made in a new folder `name` inside of `folder`; throws when the change
 * changes nothing.
 */
export async function changedWorkflows(
  folder: string,
  name: string,
  change: (text: string) => string,
): Promise<string> {
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
  const codePath = join(copy, "workflows.cjs");
  writeFileSync(
    codePath,
    (await bundleWorkflowCode({ workflowsPath: join(copy, "workflows/index.ts"), logger: silent }))
      .code,
  );
  return codePath;
}
