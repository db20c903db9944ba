import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode } from "@temporalio/worker";
import { launch, type Child } from "../../cli/stack/child.ts";
import { openCluster } from "../../cli/servers/cluster.ts";
import { readSettings } from "../../cli/env.ts";
import { testPort } from "./ports.ts";
import { findPostgres } from "../../cli/servers/postgres.ts";
import { claimHome, runningOn } from "../../cli/stack/run-file.ts";
import { ensureSearchAttributes } from "../../cli/servers/search-attributes.ts";
import { postgresUser } from "../../cli/servers/system-user.ts";
import { temporalChild } from "../../cli/servers/temporal-server.ts";
import { getTemporal } from "../../cli/servers/temporal.ts";
import { migrate } from "../../store/postgres/migrate.ts";
import { ensureDatabase } from "../../store/postgres/probe.ts";

/** Connection string of the server's `baton` database, and the name of the migrated template. */
export type PostgresAnswer = { readonly url: string; readonly template: string };
export type TemporalAnswer = { readonly address: string; readonly namespace: string };
export type BundleAnswer = { readonly bundlePath: string };

const WORKFLOWS = fileURLToPath(new URL("../../workflows/index.ts", import.meta.url));

/**
 * One Postgres and one Temporal server for a whole test run, found and started by the same code as
 * `npm start`, each only when a test first asks for it: a run of pure tests starts nothing.
 * `BATON_TEST_DATABASE_URL` and `BATON_TEST_TEMPORAL_ADDRESS` use servers that run already.
 */
export async function startStage(
  say: (line: string) => void,
): Promise<{ url: string; close(): Promise<void> }> {
  await clearKilledRuns(say);
  const folder = await mkdtemp(join(tmpdir(), "baton-test-"));
  // Postgres may run as another user, who must be able to pass through.
  await chmod(folder, 0o711);
  const claim = await claimHome(folder, say);
  const children: Child[] = [];
  const run = async (child: Child) => {
    children.push(child);
    claim.record(children);
    await child.ready;
  };
  const path = process.env["PATH"] ?? "";

  const postgres = once(async (): Promise<PostgresAnswer> => {
    const given = process.env["BATON_TEST_DATABASE_URL"];
    let url = given;
    if (!url) {
      const cluster = await openCluster(findPostgres(path), postgresUser(), {
        home: folder,
        logFile: join(folder, "postgres.log"),
        throwAway: true,
      });
      await run(await launch(cluster.child));
      await cluster.prepare();
      url = cluster.nearUrl;
    }
    const template = `baton_template_${process.pid}`;
    await ensureDatabase(url, template);
    await migrate(urlOfDatabase(url, template));
    return { url, template };
  });

  const temporal = once(async (): Promise<TemporalAnswer> => {
    const { cache, temporalCli } = readSettings();
    const given = process.env["BATON_TEST_TEMPORAL_ADDRESS"];
    const answer = { address: given ?? `127.0.0.1:${await testPort()}`, namespace: "default" };
    if (!given) {
      const cli = await getTemporal({ temporalCli, cache, path, progress: say });
      const place = {
        port: Number(answer.address.split(":")[1]),
        uiPort: undefined,
        namespace: answer.namespace,
        databaseFile: join(folder, "temporal.db"),
        logFile: join(folder, "temporal.log"),
        timeSkipping: true,
      };
      await run(await launch(temporalChild(cli, place)));
    }
    await ensureSearchAttributes(answer);
    return answer;
  });

  const bundle = once(async (): Promise<BundleAnswer> => {
    if (!existsSync(WORKFLOWS)) throw new Error("workflows/index.ts does not exist");
    const { code } = await bundleWorkflowCode({
      workflowsPath: WORKFLOWS,
      logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    });
    const bundlePath = join(folder, "workflows.cjs");
    await writeFile(bundlePath, code);
    return { bundlePath };
  });

  const parts: Record<string, () => Promise<object>> = {
    "/postgres": postgres,
    "/temporal": temporal,
    "/bundle": bundle,
  };
  const server = createServer((request, response) => {
    // A kept connection is closed after a while, perhaps just as the next question is sent on it.
    response.setHeader("connection", "close");
    const part = parts[request.url ?? ""];
    const answer = part ? part() : Promise.reject(new Error(`no part ${request.url}`));
    answer.then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) =>
        response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const bound = server.address();
  return {
    url: `http://127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`,
    async close() {
      server.closeAllConnections();
      server.close();
      for (const child of children.toReversed()) await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The same connection string with another database. */
export function urlOfDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/**
 * Servers of a run that was killed would stay for ever: each run first stops those whose own run is
 * gone.
 */
async function clearKilledRuns(say: (line: string) => void): Promise<void> {
  const folders = (await readdir(tmpdir()))
    .filter((name) => name.startsWith("baton-test-"))
    .map((name) => join(tmpdir(), name));
  for (const folder of folders) {
    if (!existsSync(join(folder, "run.json")) || runningOn(folder)) continue;
    await claimHome(folder, say);
    await rm(folder, { recursive: true, force: true });
  }
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= start());
}
