import { msToTs } from "@temporalio/common/lib/time.js";
import type { ChildSpec } from "../stack/child.ts";
import { temporalConnection, temporalTrouble } from "../../temporal/connection.ts";
import type { TemporalProfile } from "../../temporal/profile.ts";
import type { TemporalCli } from "./temporal.ts";

export type TemporalServerPlace = {
  readonly port: number;
  /** Undefined: no web interface. */
  readonly uiPort: number | undefined;
  readonly namespace: string;
  /** The file that keeps workflows between starts. */
  readonly databaseFile: string;
  readonly logFile: string;
  /** For tests only: lets a single workflow skip its waiting. */
  readonly timeSkipping?: boolean;
};

/** The development server as a child: on 127.0.0.1, with its state in a file. */
export function temporalChild(cli: TemporalCli, place: TemporalServerPlace): ChildSpec {
  const options: [string, string][] = [
    ["--ip", "127.0.0.1"],
    ["--port", String(place.port)],
    ["--namespace", place.namespace],
    ["--db-filename", place.databaseFile],
    // Together twice the throughput; a power cut can cost the last moments, which the outbox
    // repeats.
    ["--sqlite-pragma", "journal_mode=WAL"],
    ["--sqlite-pragma", "synchronous=NORMAL"],
    // One machine needs no spread of its queues; fewer partitions are faster.
    ["--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"],
    ["--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"],
    // Timers are looked for 20 times a second unless told otherwise; above that each waits up to
    // three seconds.
    ["--dynamic-config-value", "history.timerProcessorMaxPollRPS=1000"],
    // Its HTTP API asks for no token and reads any body: a page in a browser could end every
    // process. It always listens, so it is told to answer only to a name that no address has.
    ["--dynamic-config-value", 'frontend.httpAllowedHosts=["nobody.invalid"]'],
    ["--log-level", "warn"],
    ["--log-format", "json"],
  ];
  if (place.uiPort !== undefined) options.push(["--ui-port", String(place.uiPort)]);
  if (place.timeSkipping) {
    options.push(["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]);
    // A process counts as broken after two failed tasks in a row instead of five, which take a
    // minute.
    options.push([
      "--dynamic-config-value",
      "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
    ]);
    // A skipped timer is due at once, and the server looks a second ahead unless told otherwise: 60
    // ms a skip instead of 1 s.
    options.push(["--dynamic-config-value", `history.timerProcessorMaxTimeShift="20ms"`]);
  }
  const { namespace } = place;
  const own = { address: `127.0.0.1:${place.port}`, namespace };
  return {
    name: "Temporal",
    command: cli.path,
    args: [
      "server",
      "start-dev",
      ...options.flat(),
      ...(place.uiPort === undefined ? ["--headless"] : ["--ui-disable-news-fetch"]),
    ],
    // A collector that runs less often: 10-15 % more workflows for some more memory.
    env: { PATH: "/usr/bin:/bin", HOME: "/", GOGC: "800", TZ: "UTC" },
    logFile: place.logFile,
    stopSignal: "SIGTERM",
    graceMs: 15_000,
    readyWithinMs: 60_000,
    ready: async () => (await temporalTrouble(own, 3_000)) === null,
  };
}

/**
 * How long a finished workflow can still be looked at. The development server's own answer is one
 * day, which is too short to ask on Monday what happened on Friday.
 */
export async function setRetention(profile: TemporalProfile, days = 30): Promise<void> {
  const connection = temporalConnection(profile, { connectTimeoutMs: 10_000 });
  const { namespace } = profile;
  try {
    const config = { workflowExecutionRetentionTtl: msToTs(days * 86_400_000) };
    await connection.withDeadline(Date.now() + 10_000, () =>
      connection.workflowService.updateNamespace({ namespace, config }),
    );
  } finally {
    await connection.close();
  }
}
