import { parseArgs } from "node:util";
import type { Command } from "../command.ts";

export const command: Command = {
  name: "worker",
  summary: "run the worker alone, beside Postgres and Temporal that run already",
  usage: `baton worker

Runs the leads' processes, the relay and the upkeep. DATABASE_URL names the database, TEMPORAL_ADDRESS or a
profile the Temporal server. Several may run side by side. BATON_DEPLOYMENT and BATON_BUILD_ID switch
versions on (docs/changing-workflows.md, "Deploying"). "baton start" runs one with everything it needs.`,
  async run(args) {
    parseArgs({ args, options: {} });
    // The program runs in this process and not below it: whatever ends the command ends the worker.
    await import("../../worker/main.ts");
    return 0;
  },
};
