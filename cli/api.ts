import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Problem, type Command } from "./command.ts";
import { readSettings } from "./env.ts";

const SERVER = fileURLToPath(new URL(join("..", "api", "server.ts"), import.meta.url));

export const command: Command = {
  name: "api",
  summary: "run the HTTP API alone, beside Postgres and Temporal that run already",
  usage: `baton api

Serves the HTTP API on PORT (default 3000). DATABASE_URL and TEMPORAL_ADDRESS name the servers to use;
HOST is the address to listen on (default 127.0.0.1), PUBLIC_URL the one people reach it at.
Several may run side by side. "baton start" runs one with everything it needs.`,
  async run(args) {
    parseArgs({ args, options: {} });
    const { databaseUrl, temporalAddress } = readSettings();
    if (!databaseUrl)
      throw new Problem(
        "DATABASE_URL is not set; name the database, or use `baton start`, which brings its own.",
      );
    if (!temporalAddress)
      throw new Problem(
        "TEMPORAL_ADDRESS is not set; name the Temporal server, or use `baton start`, which brings its own.",
      );
    const child = spawn(process.execPath, ["--enable-source-maps", "--import", "tsx", SERVER], {
      stdio: "inherit",
    });
    const pass = (signal: NodeJS.Signals) => {
      child.kill(signal);
    };
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, pass);
    return await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code) => resolve(code ?? 1));
    });
  },
};
