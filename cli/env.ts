import { resolve } from "node:path";
import { SettingError, settingsOf, type Environment } from "../settings/settings.ts";
import { temporalProfileOf, type TemporalProfile } from "../temporal/profile.ts";
import { CommandError } from "./command.ts";

/**
 * What the operator chose through environment variables. Read once, in an entry point, and passed
 * on by value: nothing below an entry point looks at `process.env`.
 */
export type Settings = {
  /** Absolute path of the data folder. */
  readonly home: string;
  readonly port: number;
  readonly temporalPort: number;
  readonly temporalUiPort: number;
  /** Where the Temporal UI is opened; undefined where nobody said so and none is embedded. */
  readonly temporalUiUrl: string | undefined;
  /** Set: Baton connects to this Postgres and starts none. */
  readonly databaseUrl: string | undefined;
  /** How many connections the pools of API and worker may open. */
  readonly connections: {
    readonly api: { readonly pool: number; readonly keyed: number };
    readonly worker: { readonly pool: number; readonly repeatable: number };
  };
  /** The Temporal server that was named, else the one that `baton start` embeds. */
  readonly temporal: TemporalProfile;
  /** No Temporal server was named, so `baton start` brings its own. */
  readonly embedsTemporal: boolean;
  /** Set: this Temporal CLI and no other. */
  readonly temporalCli: string | undefined;
  readonly taskQueue: string;
  /** For deployments: a secret to make an operator's token; `baton start` makes its own. */
  readonly operatorToken: string | undefined;
  /** Absolute path where a downloaded or built Temporal CLI is kept between checkouts. */
  readonly cache: string;
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string | undefined;
  /** Absolute path of the audit trail's anchors, where they are not in the data folder. */
  readonly auditAnchors: string | undefined;
  /** The address people reach the API at; used for links in mail. */
  readonly publicUrl: string;
  /** What links in mail do without a sign-in: act, view or off. */
  readonly mailLinks: string;
  readonly logLevel: string;
};

/**
 * Reads and checks the settings of the `baton` command. Throws a `CommandError` that names the
 * variable, what it held and what was expected.
 */
export function readSettings(
  env: Environment = process.env,
  cwd: string = process.cwd(),
): Settings {
  const given = checked(() => settingsOf("baton", env));
  const named = checked(() => temporalProfileOf(env));
  const settings: Settings = {
    home: resolve(cwd, given.BATON_HOME),
    port: given.PORT,
    temporalPort: given.TEMPORAL_PORT,
    temporalUiPort: given.TEMPORAL_UI_PORT,
    temporalUiUrl:
      given.TEMPORAL_UI_URL ??
      (named === null ? `http://127.0.0.1:${given.TEMPORAL_UI_PORT}` : undefined),
    databaseUrl: given.DATABASE_URL,
    connections: {
      api: { pool: given.API_CONNECTIONS, keyed: given.API_KEY_CONNECTIONS },
      worker: {
        pool: given.WORKER_CONNECTIONS,
        repeatable: given.WORKER_REPEATABLE_CONNECTIONS,
      },
    },
    temporal: named ?? {
      address: `127.0.0.1:${given.TEMPORAL_PORT}`,
      namespace: given.TEMPORAL_NAMESPACE,
    },
    embedsTemporal: named === null,
    temporalCli: given.TEMPORAL_CLI,
    taskQueue: given.BATON_TASK_QUEUE,
    operatorToken: given.OPERATOR_TOKEN,
    cache: resolve(cwd, given.BATON_CACHE),
    smtpUrl: given.SMTP_URL,
    mailFrom: given.MAIL_FROM,
    auditAnchors: given.AUDIT_ANCHORS === undefined ? undefined : resolve(cwd, given.AUDIT_ANCHORS),
    publicUrl: given.PUBLIC_URL,
    mailLinks: given.MAIL_LINKS,
    logLevel: given.LOG_LEVEL,
  };
  refuseSharedPorts(settings);
  return settings;
}

function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SettingError) throw new CommandError(error.message);
    throw error;
  }
}

function refuseSharedPorts(settings: Settings): void {
  const used = new Map<number, string>([[settings.port, "PORT"]]);
  if (!settings.embedsTemporal) return;
  for (const [name, port] of [
    ["TEMPORAL_PORT", settings.temporalPort],
    ["TEMPORAL_UI_PORT", settings.temporalUiPort],
  ] as const) {
    const other = used.get(port);
    if (other)
      throw new CommandError(`${other} and ${name} are both ${port}; give each its own port.`);
    used.set(port, name);
  }
}
