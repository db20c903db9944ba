import type { TestProject } from "vitest/node";
import { startStage } from "./stage.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of the process that starts the servers, one of each, when a test first asks. */
    stage: string;
  }
}

/** Runs once per `vitest run`, in its main process; the servers end with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stage = await startStage((line) => process.stderr.write(`${line}\n`));
  project.provide("stage", stage.url);
  return () => stage.close();
}
