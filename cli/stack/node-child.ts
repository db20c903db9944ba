import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChildSpec } from "./child.ts";
import type { Settings } from "../env.ts";
import type { Home } from "../home.ts";
import type { StackAddresses } from "./stack.ts";

/** A TypeScript program of ours as a child of the stack. */
export type NodeProgram = {
  readonly name: string;
  readonly script: string;
  readonly settings: Settings;
  /** Our own environment: proxies, certificates and the like. */
  readonly inherited: Readonly<Record<string, string>>;
  readonly reach: StackAddresses;
  readonly home: Home;
  readonly graceMs: number;
  readonly ready: ChildSpec["ready"];
};

const TSX = import.meta.resolve("tsx");

/**
 * `node --import tsx <script>`: one process, no wrapper in between that would have to pass signals
 * on. The program's settings are handed over in full, so that it never fills in another default
 * than the supervisor did.
 */
export function nodeChild(program: NodeProgram): ChildSpec {
  const { name, script, settings, inherited, reach, home } = program;
  return {
    name,
    command: process.execPath,
    args: ["--enable-source-maps", "--import", TSX, script],
    env: {
      ...inherited,
      API_CONNECTIONS: String(settings.connections.api.pool),
      API_KEY_CONNECTIONS: String(settings.connections.api.keyed),
      AUDIT_ANCHORS: settings.auditAnchors ?? home.auditAnchors,
      BATON_HOME: home.folder,
      BATON_TASK_QUEUE: settings.taskQueue,
      DATABASE_URL: reach.databaseUrl,
      HOST: "127.0.0.1",
      LOG_LEVEL: settings.logLevel,
      PORT: String(settings.port),
      PUBLIC_URL: settings.publicUrl,
      MAIL_LINKS: settings.mailLinks,
      TEMPORAL_ADDRESS: reach.temporalAddress,
      TEMPORAL_NAMESPACE: settings.temporal.namespace,
      ...(settings.temporalUiUrl === undefined ? {} : { TEMPORAL_UI_URL: settings.temporalUiUrl }),
      WORKER_CONNECTIONS: String(settings.connections.worker.pool),
      WORKER_REPEATABLE_CONNECTIONS: String(settings.connections.worker.repeatable),
      ...(settings.smtpUrl ? { SMTP_URL: settings.smtpUrl } : {}),
      ...(settings.mailFrom ? { MAIL_FROM: settings.mailFrom } : {}),
    },
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    logFile: join(home.logs, `${name}.log`),
    stopSignal: "SIGTERM",
    graceMs: program.graceMs,
    readyWithinMs: 120_000,
    restarts: { firstWaitMs: 1_000, most: 5, withinMs: 600_000 },
    ready: program.ready,
  };
}
