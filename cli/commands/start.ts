import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { reviewKinds } from "../../handoff/reviews/review.ts";
import type { ChildSpec } from "../stack/child.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { apiClient } from "../api-client.ts";
import { readSettings, type Settings } from "../env.ts";
import type { Home } from "../home.ts";
import { openReviewEarly } from "../open-review-early.ts";
import { loadDemo, playDemo } from "../stack/demo.ts";
import { loadFirstData } from "../stack/first-data.ts";
import { nodeChild } from "../stack/node-child.ts";
import { runStack, type StackAddresses } from "../stack/stack.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export const command: Command = {
  name: "start",
  summary: "start everything and keep it running until Ctrl-C",
  usage: `baton start [--demo]

Finds or gets Postgres and Temporal, brings the database up to date, and runs worker and API.
Data lies in BATON_HOME (default .baton); PORT, TEMPORAL_PORT and TEMPORAL_UI_PORT move the
addresses. docs/running.md lists every setting.
  --demo   on an empty installation: write the sample company of docs/sample.md, and have leads arrive whose clocks run
           now, so that everything can be seen alive within a minute, at any hour`,
  async run(args, io) {
    const { values } = parseArgs({ args, options: { demo: { type: "boolean", default: false } } });
    const settings = readSettings();
    const inherited = Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, isPath(name, value) ? resolve(value) : value]],
      ),
    );
    return await runStack(settings, process.env["PATH"] ?? "", io, {
      firstData: async (pool, token) => {
        const isLive = await loadFirstData(pool, token);
        if (values.demo) await loadDemo(pool, Date.now(), io);
        return isLive;
      },
      ...(values.demo
        ? { onReady: (isOver: () => boolean) => demonstrate(settings, io, isOver) }
        : {}),
      children: (reach, home) => [
        worker(settings, inherited, reach, home),
        api(settings, inherited, reach, home),
      ],
    });
  },
};

/** The programs run in another folder than this command may. */
function isPath(name: string, value: string): boolean {
  return /^TEMPORAL_(CONFIG_FILE|TLS_\w+_PATH)$/.test(name) && value.trim() !== "";
}

/** A demonstration that fails is no reason to stop what was started. */
async function demonstrate(settings: Settings, io: Io, isOver: () => boolean): Promise<void> {
  try {
    await playDemo(await apiClient(settings, {}), Date.now(), io, isOver);
    if (!isOver()) await openReviews(settings, io);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (!isOver()) io.err(`The demonstration stopped: ${why}`);
  }
}

/** The reviews of today's periods, so that there is something to decide and to sign. */
async function openReviews(settings: Settings, io: Io): Promise<void> {
  for (const kind of reviewKinds) {
    try {
      await openReviewEarly(settings, kind);
    } catch (error) {
      // An earlier start may have closed it, and a period is reviewed once.
      if (!(error instanceof CommandError)) throw error;
    }
  }
  io.out(
    "Reviews to decide and sign, by two leaders: npx baton sign-in leader --party marketing, and " +
      "--party sales in another browser",
  );
}

type Environment = Readonly<Record<string, string>>;

function worker(
  settings: Settings,
  inherited: Environment,
  reach: StackAddresses,
  home: Home,
): ChildSpec {
  return nodeChild({
    name: "worker",
    script: join(ROOT, "worker", "main.ts"),
    settings,
    inherited,
    reach,
    home,
    // Activities in flight may finish; Temporal hands on what does not.
    graceMs: 15_000,
    // At a quieter level the line is not printed; then the API's /readyz alone, which looks at
    // worker and relay too, decides.
    ready: (log) => Promise.resolve(!SPEAKS.includes(settings.logLevel) || saidReady(log())),
  });
}

function api(
  settings: Settings,
  inherited: Environment,
  reach: StackAddresses,
  home: Home,
): ChildSpec {
  return nodeChild({
    name: "api",
    script: join(ROOT, "api", "server.ts"),
    settings,
    inherited,
    reach,
    home,
    graceMs: 10_000,
    ready: () => isHealthy(settings.port),
  });
}

const SPEAKS = ["trace", "debug", "info"];

/** The worker logs one line with `"ready":true` once it polls. */
function saidReady(log: string): boolean {
  return log.split("\n").some((line) => line.startsWith("{") && line.includes('"ready":true'));
}

/** An API is ready without a worker; a start is over when everything is well. */
async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
      signal: AbortSignal.timeout(5000),
    });
    return ((await response.json()) as { healthy?: unknown }).healthy === true;
  } catch {
    return false;
  }
}
