import { Piscina } from "piscina";
import type { Logger } from "pino";
import type { PlanRun } from "../../store/governance/plans.ts";
import type { PlanWork } from "./work.ts";

/** Makes plans of versions beside the API's loop, one after another. */
export interface Planner {
  /** Begins with a run that was written down; where it stands is read from its row. */
  make(run: PlanRun): void;
}

const mostMegabytes = 1_024;
/** A page of leads is read and forgotten: with room for it, little of it grows old. */
const youngMegabytes = 64;

/**
 * A thread of this process, started with the first plan: it opens two connections besides those of
 * the API for as long as it works. A plan whose process ends is begun again by whoever asks next.
 */
export function createPlanner(url: string, log: Pick<Logger, "error">): Planner {
  let thread: Piscina | undefined;
  return {
    make(run) {
      thread ??= new Piscina({
        filename: new URL("./thread.mjs", import.meta.url).href,
        minThreads: 0,
        maxThreads: 1,
        idleTimeout: 5_000,
        resourceLimits: {
          maxOldGenerationSizeMb: mostMegabytes,
          maxYoungGenerationSizeMb: youngMegabytes,
        },
        execArgv: [],
        env: {},
      });
      thread.run({ url, run } satisfies PlanWork).catch((error: unknown) => {
        const { code } = error as { code?: unknown };
        log.error({ version: run.versionId, code }, "the plan of a version could not be made");
      });
    },
  };
}
