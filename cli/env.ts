import { homedir, platform } from "node:os";
import { join, resolve } from "node:path";
import { Problem } from "./command.ts";

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
  /** Set: Postgres is somebody else's, Baton only connects. */
  readonly databaseUrl: string | undefined;
  /** Set: Temporal is somebody else's, Baton only connects. */
  readonly temporalAddress: string | undefined;
  readonly temporalNamespace: string;
  /** Set: this Temporal CLI and no other. */
  readonly temporalCli: string | undefined;
  readonly taskQueue: string;
  /** For deployments: a secret to make an operator's token; `baton start` makes its own. */
  readonly operatorToken: string | undefined;
  /** Absolute path where a downloaded or built Temporal CLI is kept between checkouts. */
  readonly cache: string;
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string | undefined;
  /** The address people reach the API at; used for links in mail. */
  readonly publicUrl: string;
  readonly logLevel: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks the settings. Throws a `SettingError` that names the variable, what it held and
 * what was expected.
 */
export function readSettings(
  env: Environment = process.env,
  cwd: string = process.cwd(),
): Settings {
  const port = portOf(env, "PORT", 3000);
  const settings: Settings = {
    home: resolve(cwd, text(env, "BATON_HOME") ?? ".baton"),
    port,
    temporalPort: portOf(env, "TEMPORAL_PORT", 7233),
    temporalUiPort: portOf(env, "TEMPORAL_UI_PORT", 8233),
    databaseUrl: text(env, "DATABASE_URL"),
    temporalAddress: text(env, "TEMPORAL_ADDRESS"),
    temporalNamespace: text(env, "TEMPORAL_NAMESPACE") ?? "default",
    temporalCli: text(env, "TEMPORAL_CLI"),
    taskQueue: text(env, "BATON_TASK_QUEUE") ?? "baton",
    operatorToken: tokenOf(env),
    cache: resolve(cwd, text(env, "BATON_CACHE") ?? cacheFolder(env)),
    smtpUrl: text(env, "SMTP_URL"),
    mailFrom: text(env, "MAIL_FROM"),
    publicUrl: text(env, "PUBLIC_URL") ?? `http://127.0.0.1:${port}`,
    logLevel: text(env, "LOG_LEVEL") ?? "info",
  };
  refuseSharedPorts(settings);
  return settings;
}

/** A setting cannot be used; the message names it and says what was expected. */
export class SettingError extends Problem {}

/** A set but empty variable means "not set": that is how compose files and CI blank one out. */
function text(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value ? value : undefined;
}

function portOf(env: Environment, name: string, fallback: number): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535)
    throw new SettingError(`${name} is "${value}"; give a port number from 1 to 65535.`);
  return port;
}

function tokenOf(env: Environment): string | undefined {
  const token = text(env, "OPERATOR_TOKEN");
  if (token === undefined || /^bt_\S{20,}$/.test(token)) return token;
  throw new SettingError(
    "OPERATOR_TOKEN is not a token; write bt_ and at least 20 random characters.",
  );
}

function refuseSharedPorts(settings: Settings): void {
  const used = new Map<number, string>([[settings.port, "PORT"]]);
  if (settings.temporalAddress) return;
  for (const [name, port] of [
    ["TEMPORAL_PORT", settings.temporalPort],
    ["TEMPORAL_UI_PORT", settings.temporalUiPort],
  ] as const) {
    const other = used.get(port);
    if (other)
      throw new SettingError(`${other} and ${name} are both ${port}; give each its own port.`);
    used.set(port, name);
  }
}

function cacheFolder(env: Environment): string {
  if (platform() === "darwin") return join(homedir(), "Library", "Caches", "baton");
  return join(text(env, "XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "baton");
}
