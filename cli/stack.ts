import { migrate } from "../store/migrate.ts";
import type { Pool } from "../store/db.ts";
import type { ChildSpec } from "./child.ts";
import { Problem, type Io } from "./command.ts";
import type { Settings } from "./env.ts";
import { openHome, operatorToken, type Home } from "./home.ts";
import { requirePort } from "./ports.ts";
import { claimHome } from "./run-file.ts";
import { ensureSearchAttributes } from "./search-attributes.ts";
import { resolvePostgres, resolveTemporal, withPool } from "./servers.ts";
import { supervise } from "./supervisor.ts";
import { keepFinished } from "./temporal-server.ts";

/** Where the started servers are: what worker and API have to know. */
export type Reach = { readonly databaseUrl: string; readonly temporalAddress: string };

/** What runs on top of the two servers. */
export type Applications = {
  /** First data into the migrated database: agreement, roster, the operator's token. */
  readonly firstData: (pool: Pool, token: string) => Promise<void>;
  /** Worker, then API, in the order they start. */
  readonly children: (reach: Reach, home: Home) => readonly ChildSpec[];
};

/**
 * Brings everything up in order (Postgres, schema, first data, Temporal, worker, API), says where
 * things are, and keeps it up until a signal or a failure. Resolves to the exit code.
 */
export async function runStack(
  settings: Settings,
  path: string,
  io: Io,
  applications: Applications,
): Promise<number> {
  const home = openHome(settings.home);
  const claim = await claimHome(home.folder, io.out);
  try {
    await requirePort(settings.port, "PORT", "the API");
    const temporal = await resolveTemporal(settings, home, path, io.out);
    const postgres = await resolvePostgres(settings, home, path);
    return await supervise(
      io,
      (children) => claim.record(children),
      async (stack) => {
        if (postgres.own) {
          await stack.start(postgres.own.child);
          await postgres.own.prepare();
        }
        io.out(postgres.label);
        await applyMigrations(postgres.url, io);
        const token = operatorToken(home);
        await withPool(postgres.url, (pool) => applications.firstData(pool, token));

        if (temporal.own) {
          await stack.start(temporal.own);
          await keepFinished(temporal.address, settings.temporalNamespace);
        }
        await ensureSearchAttributes(temporal.address, settings.temporalNamespace);
        io.out(temporal.label);

        const reach = { databaseUrl: postgres.url, temporalAddress: temporal.address };
        for (const child of applications.children(reach, home)) await stack.start(child);

        io.out(`API            http://127.0.0.1:${settings.port}`);
        if (temporal.own) io.out(`Temporal UI    http://127.0.0.1:${settings.temporalUiPort}`);
        io.out(`Operator token ${home.operatorToken}`);
        io.out("baton is ready");
      },
    );
  } finally {
    claim.release();
  }
}

async function applyMigrations(url: string, io: Io): Promise<void> {
  try {
    await migrate(url, io.out);
  } catch (error) {
    throw new Problem(
      `The database could not be brought up to date: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}
