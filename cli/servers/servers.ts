import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { Pool, PoolOptions } from "../../store/postgres/db.ts";
import { openPool } from "../../store/postgres/db.ts";
import { schemaFit, SchemaClosed, type SchemaFit } from "../../store/postgres/schema.ts";
import { migrate } from "../../store/postgres/migrate.ts";
import { serverVersion } from "../../store/postgres/probe.ts";
import { databaseTrouble } from "../../store/postgres/trouble.ts";
import { openCluster, type Cluster } from "./cluster.ts";
import { CommandError } from "../command.ts";
import type { Settings } from "../env.ts";
import type { Home } from "../home.ts";
import { requirePort } from "./ports.ts";
import { OLDEST_POSTGRES, findPostgres } from "./postgres.ts";
import type { ChildSpec } from "../stack/child.ts";
import { postgresUser } from "./system-user.ts";
import { temporalTrouble, unansweredBy } from "../../temporal/connection.ts";
import { temporalChild } from "./temporal-server.ts";
import { blockedPort, type BlockedPort } from "./temporal-ui.ts";
import { getTemporal } from "./temporal.ts";

/** A server the stack needs: one that runs elsewhere, or one to start. */
export type PostgresServer = {
  readonly url: string;
  /** For the operator, e.g. "PostgreSQL 18.4 (embedded)". */
  readonly label: string;
  readonly own: Cluster | undefined;
};
export type TemporalServer = {
  readonly label: string;
  /** To start, with the port of its web interface, which is let go of when it has ended. */
  readonly own: { readonly child: ChildSpec; readonly ui: BlockedPort } | undefined;
};

/**
 * `DATABASE_URL`, else a cluster of our own from the embedded or the system's binaries. Throws a
 * `CommandError` when the given server does not answer, is too old, or none can be had.
 */
export async function resolvePostgres(
  settings: Settings,
  home: Home,
  path: string,
  progress: (line: string) => void,
): Promise<PostgresServer> {
  if (settings.databaseUrl) {
    const version = await versionOf(settings.databaseUrl);
    return {
      url: settings.databaseUrl,
      label: `PostgreSQL ${version} (DATABASE_URL)`,
      own: undefined,
    };
  }
  const own = await openCluster(findPostgres(path), postgresUser(), {
    home: home.folder,
    logFile: join(home.logs, "postgres.log"),
    progress,
  });
  return {
    url: own.nearUrl,
    label: `PostgreSQL ${own.binaries.version} (${own.binaries.source})`,
    own,
  };
}

/**
 * `TEMPORAL_ADDRESS`, else a development server of our own; getting its program may download or
 * build it. Throws a `CommandError` when the given server does not answer or none can be had.
 */
export async function resolveTemporal(
  settings: Settings,
  home: Home,
  path: string,
  progress: (line: string) => void,
): Promise<TemporalServer> {
  const { temporal, embedsTemporal, temporalPort, temporalUiPort } = settings;
  const { address, namespace, namedBy = "TEMPORAL_ADDRESS" } = temporal;
  if (!embedsTemporal) {
    const trouble = await temporalTrouble(temporal, 5_000);
    if (trouble !== null) throw new CommandError(unansweredBy(temporal, trouble));
    return { label: `Temporal at ${address} (${namedBy})`, own: undefined };
  }
  await requirePort(temporalPort, "TEMPORAL_PORT", "the Temporal server");
  await requirePort(temporalUiPort, "TEMPORAL_UI_PORT", "the Temporal UI");
  const cli = await getTemporal({
    temporalCli: settings.temporalCli,
    cache: settings.cache,
    path,
    progress,
  });
  // What an earlier version made may be readable for everybody.
  for (const part of ["", "-wal", "-shm"]) {
    const file = `${home.temporalDatabase}${part}`;
    if (existsSync(file)) chmodSync(file, 0o600);
  }
  const ui = await blockedPort([settings.port, temporalPort, temporalUiPort]);
  const child = temporalChild(cli, {
    port: temporalPort,
    uiPort: ui.port,
    namespace,
    databaseFile: home.temporalDatabase,
    logFile: join(home.logs, "temporal.log"),
  });
  return {
    label: `Temporal server ${cli.server} (${cli.source}: ${cli.path})`,
    own: { child, ui },
  };
}

/**
 * Work on all that a database holds, for which somebody waits who can see it go on: what takes long
 * is no sign that anything is wrong, only that the machine is slow or the database is large.
 */
const patient = {
  statementTimeoutMs: 600_000,
  session: ["idle_in_transaction_session_timeout = 600000"],
};

/** `withPool` for work on all that a database holds, on however slow a machine. */
export function withPatientPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  return withPool(url, work, patient);
}

/**
 * Opens a pool for the length of `work`. Throws a `CommandError` when Postgres cannot be used, or
 * was migrated by a version beside which this one may not work, with what to change.
 */
export async function withPool<T>(
  url: string,
  work: (pool: Pool) => Promise<T>,
  options: PoolOptions = {},
): Promise<T> {
  return askingPostgres(async () => {
    const pool = openPool(url, { max: 2, connectTimeoutMs: 5_000, ...options });
    try {
      const fit = await schemaFit(pool);
      if (fit.state === "closed") throw new CommandError(fit.sentence);
      return await work(pool);
    } finally {
      await pool.end();
    }
  });
}

/** Runs what asks Postgres; what the operator can put right about it becomes a `CommandError`. */
export async function askingPostgres<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const sentence = databaseTrouble(error);
    throw sentence === null ? error : new CommandError(sentence);
  }
}

/**
 * Brings the database up to this version; `log` is told each migration applied. Gives how the two go
 * together then. Throws a `CommandError` when it cannot be done, with what to change.
 */
export async function migrateDatabase(
  url: string,
  log: (line: string) => void,
): Promise<SchemaFit> {
  try {
    return await migrate(url, log);
  } catch (error) {
    if (error instanceof SchemaClosed) throw new CommandError(error.message);
    const why =
      databaseTrouble(error) ?? `${error instanceof Error ? error.message : String(error)}.`;
    throw new CommandError(`The database could not be brought up to date: ${why}`);
  }
}

async function versionOf(url: string): Promise<string> {
  const version = await askingPostgres(() => serverVersion(url));
  if (Number.parseInt(version, 10) >= OLDEST_POSTGRES) return version;
  throw new CommandError(
    `The server named by DATABASE_URL is PostgreSQL ${version}; Baton needs ${OLDEST_POSTGRES} ` +
      "or newer.",
  );
}
