import { connectionBudget } from "../../store/postgres/budget.ts";
import type { Pool } from "../../store/postgres/db.ts";
import type { ChildSpec } from "./child.ts";
import { CommandError, type Io } from "../command.ts";
import { consoleLine } from "./console-link.ts";
import type { Settings } from "../env.ts";
import { openHome, operatorToken, type Home } from "../home.ts";
import { requirePort } from "../servers/ports.ts";
import { keepLogsSmall, shiftLogs } from "./log-files.ts";
import { isElsewhere, nextSteps } from "./next-steps.ts";
import { claimHome } from "./run-file.ts";
import { ensureSearchAttributes } from "../servers/search-attributes.ts";
import {
  migrateDatabase,
  resolvePostgres,
  resolveTemporal,
  withPatientPool,
  withPool,
} from "../servers/servers.ts";
import { supervise } from "./supervisor.ts";
import { setRetention } from "../servers/temporal-server.ts";
import { openTemporalProxy } from "../servers/temporal-ui.ts";

/** Where the started servers are: what worker and API have to know. */
export type StackAddresses = { readonly databaseUrl: string; readonly temporalAddress: string };

/** What runs on top of the two servers. */
export type Applications = {
  /** First data into the migrated database: agreement, roster, the operator's token. */
  readonly firstData: (pool: Pool, token: string) => Promise<boolean>;
  /** What goes on once everything is ready, beside it; nothing waits for it but the end. */
  readonly onReady?: (isOver: () => boolean) => Promise<void>;
  /** Worker, then API, in the order they start. */
  readonly children: (reach: StackAddresses, home: Home) => readonly ChildSpec[];
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
  shiftLogs(home.logs);
  const stopRotating = keepLogsSmall(home.logs);
  const closing: (() => void)[] = [];
  try {
    await requirePort(settings.port, "PORT", "the API");
    const temporal = await resolveTemporal(settings, home, path, io.out);
    const { own } = temporal;
    if (own) closing.push(() => own.ui.release());
    const postgres = await resolvePostgres(settings, home, path, io.out);
    return await supervise(
      io,
      (children) => claim.record(children),
      async (stack) => {
        if (postgres.own) {
          await stack.start(postgres.own.child);
          await postgres.own.prepare();
        }
        io.out(postgres.label);
        await tellConnections(postgres.url, settings, io);
        await applyMigrations(postgres.url, io);
        await postgres.own?.letApp();
        const token = operatorToken(home);
        const isLive = await withPatientPool(postgres.url, (pool) =>
          applications.firstData(pool, token),
        );

        if (temporal.own) {
          await stack.start(temporal.own.child);
          const proxy = await openTemporalProxy({
            port: settings.temporalUiPort,
            uiPort: temporal.own.ui.port,
            publicUrl: settings.temporalUiUrl,
          });
          closing.push(() => proxy.close());
          await setRetention(settings.temporal);
        }
        await ensureSearchAttributes(settings.temporal);
        io.out(temporal.label);

        const databaseUrl = postgres.own?.appUrl ?? postgres.url;
        const reach = { databaseUrl, temporalAddress: settings.temporal.address };
        for (const child of applications.children(reach, home)) await stack.start(child);

        io.out(`API            http://127.0.0.1:${settings.port}`);
        if (temporal.own) io.out(`Temporal UI    http://127.0.0.1:${settings.temporalUiPort}`);
        io.out(`Operator token ${home.operatorToken}`);
        if (!isLive)
          io.out(
            "               was revoked and stays revoked; delete the file and start again for " +
              "a new one",
          );
        for (const line of nextSteps(settings, isElsewhere(settings))) io.out(line);
        const consoleLink = () => withPool(postgres.url, (pool) => consoleLine(pool, settings));
        const link = await consoleLink();
        io.out("baton is ready");
        io.out(link);
        if (!applications.onReady) return;
        await applications.onReady(stack.isOver);
        // What it told stands below the link, which is old by now. Should Postgres be away, that is
        // told elsewhere.
        if (!stack.isOver()) await consoleLink().then(io.out, () => undefined);
      },
    );
  } finally {
    for (const close of closing) close();
    stopRotating();
    claim.release();
  }
}

/** Says what API and worker may open and what Postgres allows; refuses where they cannot work. */
async function tellConnections(url: string, settings: Settings, io: Io): Promise<void> {
  const { state, sentence } = await connectionBudget(url, settings.connections);
  if (state === "refused") throw new CommandError(sentence);
  (state === "fits" ? io.out : io.err)(sentence);
}

async function applyMigrations(url: string, io: Io): Promise<void> {
  const fit = await migrateDatabase(url, io.out);
  if (fit.state === "ahead") io.err(fit.sentence);
}
