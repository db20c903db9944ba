import { parseArgs } from "node:util";
import type { Command } from "../command.ts";

export const command: Command = {
  name: "api",
  summary: "run the HTTP API alone, beside Postgres and Temporal that run already",
  usage: `baton api

Serves the HTTP API on PORT (default 3000). DATABASE_URL names the database, TEMPORAL_ADDRESS or a profile the
Temporal server; HOST is the address to listen on (default 127.0.0.1), PUBLIC_URL the one people reach it at.
Several may run side by side. "baton start" runs one with everything it needs.`,
  async run(args) {
    parseArgs({ args, options: {} });
    // The program runs in this process and not below it: whatever ends the command ends the API.
    await import("../../api/server.ts");
    // It ends the process itself, once it has answered what is under way.
    return await new Promise<number>(() => undefined);
  },
};
