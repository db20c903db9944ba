import type { Pool } from "../store/db.ts";
import { openPool } from "../store/db.ts";
import { serverVersion } from "../store/probe.ts";
import { openCluster, type Cluster } from "./cluster.ts";
import { Problem } from "./command.ts";
import type { Settings } from "./env.ts";
import type { Home } from "./home.ts";
import { requirePort } from "./ports.ts";
import { OLDEST_POSTGRES, findPostgres } from "./postgres.ts";
import type { ChildSpec } from "./child.ts";
import { postgresUser } from "./system-user.ts";
import { namespaceAnswers, temporalChild } from "./temporal-server.ts";
import { getTemporal } from "./temporal.ts";
import { join } from "node:path";

/** A server the stack needs: somebody else's, or ours to start. */
export type PostgresServer = {
  readonly url: string;
  /** For the operator, e.g. "PostgreSQL 18.4 (embedded)". */
  readonly label: string;
  readonly own: Cluster | undefined;
};
export type TemporalServer = {
  readonly address: string;
  readonly label: string;
  readonly own: ChildSpec | undefined;
};

/**
 * `DATABASE_URL`, else a cluster of our own from the embedded or the system's binaries. Throws a
 * `Problem` when the given server does not answer, is too old, or none can be had.
 */
export async function resolvePostgres(
  settings: Settings,
  home: Home,
  path: string,
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
  });
  return {
    url: own.nearUrl,
    label: `PostgreSQL ${own.binaries.version} (${own.binaries.source})`,
    own,
  };
}

/**
 * `TEMPORAL_ADDRESS`, else a development server of our own; getting its program may download or
 * build it. Throws a `Problem` when the given server does not answer or none can be had.
 */
export async function resolveTemporal(
  settings: Settings,
  home: Home,
  path: string,
  progress: (line: string) => void,
): Promise<TemporalServer> {
  const { temporalAddress, temporalNamespace: namespace, temporalPort, temporalUiPort } = settings;
  if (temporalAddress) {
    if (!(await namespaceAnswers(temporalAddress, namespace, 5000))) {
      throw new Problem(
        `TEMPORAL_ADDRESS is ${temporalAddress}, where no Temporal server with namespace ${namespace} answers; start it, create the namespace, or correct TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.`,
      );
    }
    return {
      address: temporalAddress,
      label: `Temporal at ${temporalAddress} (TEMPORAL_ADDRESS)`,
      own: undefined,
    };
  }
  await requirePort(temporalPort, "TEMPORAL_PORT", "the Temporal server");
  await requirePort(temporalUiPort, "TEMPORAL_UI_PORT", "the Temporal UI");
  const cli = await getTemporal({
    temporalCli: settings.temporalCli,
    cache: settings.cache,
    path,
    progress,
  });
  const own = temporalChild(cli, {
    port: temporalPort,
    uiPort: temporalUiPort,
    namespace,
    databaseFile: home.temporalDatabase,
    logFile: join(home.logs, "temporal.log"),
  });
  return {
    address: `127.0.0.1:${temporalPort}`,
    label: `Temporal server ${cli.server} (${cli.source})`,
    own,
  };
}

/** Opens a pool for the length of `work`. */
export async function withPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = openPool(url, { max: 2 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

async function versionOf(url: string): Promise<string> {
  const version = await serverVersion(url).catch((error: unknown) => {
    const code = (error as { code?: string }).code ?? "no answer";
    // The URL holds a password and is not repeated.
    throw new Problem(
      `The server named by DATABASE_URL cannot be used (${code}); start it, correct DATABASE_URL, or unset it to use Baton's own.`,
    );
  });
  if (Number.parseInt(version, 10) >= OLDEST_POSTGRES) return version;
  throw new Problem(
    `The server named by DATABASE_URL is PostgreSQL ${version}; Baton needs ${OLDEST_POSTGRES} or newer.`,
  );
}
