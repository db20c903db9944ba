import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort } from "../cli/servers/ports.ts";
import { openPool, type Pool } from "../store/postgres/db.ts";
import { migrate } from "../store/postgres/migrate.ts";
import { ensureDatabase } from "../store/postgres/probe.ts";
import { createToken, type Role } from "../store/access/tokens.ts";
import { openForBusiness } from "./opening.ts";
import type { BenchStack } from "./stack.ts";

/**
 * Worker and API as processes of their own, on the stack's servers and a database of their own;
 * both may be killed.
 */
export interface Application {
  readonly url: string;
  readonly databaseUrl: string;
  readonly pool: Pool;
  token(role: Role, repId?: string): Promise<string>;
  post(
    path: string,
    body: unknown,
    token: string,
  ): Promise<{ status: number; ms: number; body: Record<string, unknown> }>;
  pid(name: "worker" | "api"): number;
  /** Ends a process like a power cut. */
  kill(name: "worker" | "api"): Promise<void>;
  start(name: "worker" | "api"): Promise<void>;
  close(): Promise<void>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const scripts = {
  worker: fileURLToPath(new URL("../worker/main.ts", import.meta.url)),
  api: fileURLToPath(new URL("../api/server.ts", import.meta.url)),
} as const;

/** Starts them with the example agreement, always open, and ten reps. */
export async function startApplication(
  stack: BenchStack,
  names: readonly ("worker" | "api")[] = ["worker", "api"],
): Promise<Application> {
  const tag = randomBytes(4).toString("hex");
  await ensureDatabase(stack.databaseUrl, `bench_${tag}`);
  const address = new URL(stack.databaseUrl);
  address.pathname = `/bench_${tag}`;
  const databaseUrl = address.href;
  await migrate(databaseUrl);
  const pool = openPool(databaseUrl, { max: 8, statementTimeoutMs: 60_000 });
  await openForBusiness(pool);
  const port = await freePort();
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "/",
    LOG_LEVEL: "info",
    // What is measured is what it can take, not what one sender may ask.
    RATE_LIMIT_TOKEN: "0",
    RATE_LIMIT_ADDRESS: "0",
    HOST: "127.0.0.1",
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: stack.temporalAddress,
    TEMPORAL_NAMESPACE: "default",
    BATON_TASK_QUEUE: `bench-${tag}`,
  };
  const running = new Map<string, ChildProcess>();
  const app: Application = {
    url: `http://127.0.0.1:${port}`,
    databaseUrl,
    pool,
    token: async (role, repId) =>
      (
        await createToken(
          pool,
          { role, label: "bench", ...(repId === undefined ? {} : { repId }) },
          Date.now(),
        )
      ).secret,
    async post(path, body, token) {
      const began = performance.now();
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      return { status: response.status, ms: performance.now() - began, body: answer };
    },
    pid: (name) => running.get(name)?.pid ?? 0,
    kill: (name) => end(running.get(name), "SIGKILL"),
    async start(name) {
      const child = spawn(
        process.execPath,
        ["--import", import.meta.resolve("tsx"), scripts[name]],
        { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] },
      );
      running.set(name, child);
      // A bench that is ended by a signal closes its servers, and takes these along.
      process.once("exit", () => child.kill("SIGKILL"));
      await saysReady(child, name);
    },
    async close() {
      for (const name of ["api", "worker"]) await end(running.get(name), "SIGTERM");
      await pool.end();
    },
  };
  try {
    for (const name of names) await app.start(name);
  } catch (error) {
    await app.close();
    throw error;
  }
  return app;
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill(signal);
  await ended;
}

/** Both say `"ready":true` on stdout; what they say later is not kept. */
function saysReady(child: ChildProcess, name: string): Promise<void> {
  const { stdout } = child;
  if (!stdout) throw new Error(`${name} was started without its output`);
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).on("line", (line) => {
      if (line.includes('"ready":true')) resolve();
    });
    child.once("exit", (code) =>
      reject(new Error(`${name} ended with ${code} before it was ready`)),
    );
  });
}
