import { Connection } from "@temporalio/client";
import { msToTs } from "@temporalio/common/lib/time.js";
import type { ChildSpec } from "./child.ts";
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
    // Together twice the throughput; a power cut can cost the last moments, which the outbox repeats.
    ["--sqlite-pragma", "journal_mode=WAL"],
    ["--sqlite-pragma", "synchronous=NORMAL"],
    // One machine needs no spread of its queues; fewer partitions are faster.
    ["--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"],
    ["--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"],
    // Timers are looked for 20 times a second unless told otherwise; above that each waits up to three seconds.
    ["--dynamic-config-value", "history.timerProcessorMaxPollRPS=1000"],
    ["--log-level", "warn"],
    ["--log-format", "json"],
  ];
  if (place.uiPort !== undefined) options.push(["--ui-port", String(place.uiPort)]);
  if (place.timeSkipping) {
    options.push(["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]);
    // A skipped timer is due at once, and the server looks a second ahead unless told otherwise: 60 ms a skip instead of 1 s.
    options.push(["--dynamic-config-value", `history.timerProcessorMaxTimeShift="20ms"`]);
  }
  const address = `127.0.0.1:${place.port}`;
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
    ready: () => namespaceAnswers(address, place.namespace),
  };
}

/**
 * How long a finished workflow can still be looked at. The development server's own answer is one
 * day, which is too short to ask on Monday what happened on Friday.
 */
export async function keepFinished(address: string, namespace: string, days = 30): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 10_000 });
  try {
    const config = { workflowExecutionRetentionTtl: msToTs(days * 86_400_000) };
    await connection.withDeadline(Date.now() + 10_000, () =>
      connection.workflowService.updateNamespace({ namespace, config }),
    );
  } finally {
    await connection.close();
  }
}

/** Does a Temporal server answer at this address and know the namespace? Never throws. */
export async function namespaceAnswers(
  address: string,
  namespace: string,
  withinMs = 3000,
): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: withinMs });
    const open = connection;
    await open.withDeadline(Date.now() + withinMs, () =>
      open.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close().catch(() => undefined);
  }
}
