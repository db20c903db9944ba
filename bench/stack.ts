import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { readSettings } from "../cli/env.ts";
import { freePort } from "../cli/servers/ports.ts";
import { databaseUrlOf } from "../cli/servers/running-database.ts";

/** A whole Baton as `npm start` runs it, in a data folder of its own. */
export interface BenchStack {
  readonly url: string;
  readonly token: string;
  /** As the owner, who may make databases beside it. */
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** The data folder; its `logs` say what the processes said. */
  readonly home: string;
  /** Process ids by name: `worker`, `api`, `Temporal`, `Postgres`. They change with every start. */
  pids(): Readonly<Record<string, number>>;
  /** Starts it again on the same data; call it when the supervisor has ended. */
  start(): Promise<void>;
  /** Stops it in order; the data stays. */
  stop(): Promise<void>;
  /** Stops it and removes the data. */
  close(): Promise<void>;
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** Starts Postgres, Temporal, worker and API on free ports and resolves when they are ready. */
export async function startStack(): Promise<BenchStack> {
  const folder = mkdtempSync(join(tmpdir(), "baton-bench-"));
  // As root, Postgres runs as another user, who may pass through here.
  chmodSync(folder, 0o755);
  const home = join(folder, "home");
  const [port, temporalPort, uiPort] = [await freePort(), await freePort(), await freePort()];
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "/",
    BATON_CACHE: readSettings().cache,
    BATON_HOME: home,
    LOG_LEVEL: "info",
    PORT: String(port),
    TEMPORAL_PORT: String(temporalPort),
    TEMPORAL_UI_PORT: String(uiPort),
    ...(process.env["TEMPORAL_CLI"] ? { TEMPORAL_CLI: process.env["TEMPORAL_CLI"] } : {}),
  };
  let running: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    const child = running;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await ended;
  };
  const stack: BenchStack = {
    url: `http://127.0.0.1:${port}`,
    temporalAddress: `127.0.0.1:${temporalPort}`,
    home,
    get token() {
      return readFileSync(join(home, "operator-token"), "utf8").trim();
    },
    get databaseUrl() {
      return databaseUrlOf({ home, databaseUrl: undefined }, "owner");
    },
    pids: () =>
      Object.fromEntries(
        (
          JSON.parse(readFileSync(join(home, "run.json"), "utf8")) as {
            children: { name: string; pid: number }[];
          }
        ).children.map(({ name, pid }) => [name, pid]),
      ),
    async start() {
      running = spawn(process.execPath, [join(root, "cli", "baton.mjs"), "start"], {
        cwd: root,
        env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      await ready(running, join(folder, "start.log"));
    },
    stop,
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await stack.start();
  } catch (error) {
    await stack.close();
    throw error;
  }
  return stack;
}

/** Resolves at the line that says so; rejects with what was printed when it ends before. */
function ready(child: ChildProcess, log: string): Promise<void> {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("the stack was started without its output");
  const keep = createWriteStream(log, { flags: "a" });
  stderr.pipe(keep);
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: stdout }).on("line", (line) => {
      keep.write(`${line}\n`);
      said.push(line);
      if (line === "baton is ready") resolve();
    });
    child.once("exit", () =>
      reject(new Error(`baton start ended before it was ready:\n${said.slice(-10).join("\n")}`)),
    );
  });
}
