import { readFileSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChildSpec } from "../cli/stack/child.ts";
import { openCluster } from "../cli/servers/cluster.ts";
import { readSettings } from "../cli/env.ts";
import { openHome } from "../cli/home.ts";
import { nodeChild } from "../cli/stack/node-child.ts";
import { freePort } from "../cli/servers/ports.ts";
import { findPostgres } from "../cli/servers/postgres.ts";
import { clearStalePostmaster } from "../cli/servers/postmaster.ts";
import { claimHome } from "../cli/stack/run-file.ts";
import { ensureSearchAttributes } from "../cli/servers/search-attributes.ts";
import { postgresUser } from "../cli/servers/system-user.ts";
import { temporalChild } from "../cli/servers/temporal-server.ts";
import { getTemporal } from "../cli/servers/temporal.ts";
import { activate } from "../store/process/agreements.ts";
import { inTransaction, openPool, type Pool } from "../store/postgres/db.ts";
import { migrate } from "../store/postgres/migrate.ts";
import { putPools, putReps } from "../store/routing/roster-edit.ts";
import type { RepRecord } from "../store/routing/roster.ts";
import { createToken } from "../store/access/tokens.ts";
import { smtpSink, type SmtpSink } from "../test/support/smtp-sink.ts";
import { keep, type Kept } from "./keeper.ts";
import { openLink, type Link } from "./proxy.ts";

export const linkNames = [
  "people-api",
  "api-postgres",
  "worker-postgres",
  "api-temporal",
  "worker-temporal",
  "worker-smtp",
] as const;
export type LinkName = (typeof linkNames)[number];
export const processNames = ["postgres", "temporal", "worker", "api"] as const;
export type ProcessName = (typeof processNames)[number];

/**
 * Everything as in production, each process on its own, with a link that can be troubled between
 * any two.
 */
export interface ChaosWorld {
  /** Straight to Postgres, for setting up and checking. */
  readonly pool: Pool;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly taskQueue: string;
  readonly smtp: SmtpSink;
  readonly links: Readonly<Record<LinkName, Link>>;
  readonly processes: Readonly<Record<ProcessName, Kept>>;
  /** Through `people-api`. */
  readonly url: string;
  readonly tokens: {
    readonly operator: string;
    readonly crm: string;
    readonly reps: Readonly<Record<string, string>>;
  };
  /** Where all of it lies; it goes with `close`. */
  readonly folder: string;
  /** What is found in `histories` then stays, and where the programs logged. */
  keepHistories(): void;
  close(): Promise<void>;
}

/** What people work with and the checks look at, whatever the processes are. */
export type Rehearsed = Pick<
  ChaosWorld,
  | "pool"
  | "temporalAddress"
  | "temporalNamespace"
  | "taskQueue"
  | "smtp"
  | "url"
  | "tokens"
  | "folder"
> & { readonly processes: Readonly<Record<string, Kept>> };

const root = fileURLToPath(new URL("..", import.meta.url));
const example = readFileSync(new URL("../agreement/example.yaml", import.meta.url), "utf8");
const reps = ["rp_ann", "rp_ben", "rp_cem", "rp_dan", "rp_eva", "rp_fay"] as const;

/**
 * Starts it all in a new folder under the system's temporary one; `environment` is the caller's
 * own.
 */
export async function openWorld(
  environment: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<ChaosWorld> {
  const kept: ReturnType<typeof keep>[] = [];
  try {
    return await build(kept, environment, say);
  } catch (error) {
    for (const one of kept.toReversed()) await one.stop();
    throw error;
  }
}

async function build(
  kept: ReturnType<typeof keep>[],
  environment: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<ChaosWorld> {
  const folder = await mkdtemp(join(tmpdir(), "baton-test-chaos-"));
  // Postgres may run as another user, who must be able to pass through.
  await chmod(folder, 0o711);
  const claim = await claimHome(folder, say);
  const home = openHome(folder);
  const path = environment["PATH"] ?? "";
  const record = (): void => claim.record(kept.flatMap((one) => one.child() ?? []));
  const start = async (name: ProcessName, spec: Parameters<typeof keep>[1]): Promise<Kept> => {
    const one = keep(
      name,
      async (n, extra) => ({
        ...(await spec(n, extra)),
        logFile: join(home.logs, `${name}-${n}.log`),
      }),
      record,
    );
    kept.push(one);
    await one.up(120_000);
    return one;
  };

  const cluster = await openCluster(findPostgres(path), postgresUser(), {
    home: folder,
    logFile: join(home.logs, "postgres.log"),
  });
  const postgres = await start("postgres", async () => {
    await clearStalePostmaster(cluster.data);
    // What a killed program wrote is with the operating system; only a power cut would lose it, and
    // none is rehearsed.
    return { ...cluster.child, args: [...cluster.child.args, "-c", "fsync=off"] };
  });
  await cluster.prepare();
  const database = new URL(cluster.url);
  await migrate(cluster.url);
  const pool = openPool(cluster.url, { max: 6 });
  const tokens = await firstData(pool);

  const temporalPort = await freePort();
  const temporalAddress = `127.0.0.1:${temporalPort}`;
  const { cache, temporalCli, taskQueue } = readSettings(environment, folder);
  const cli = await getTemporal({ temporalCli, cache, path, progress: say });
  const temporal = await start("temporal", async () =>
    temporalChild(cli, {
      port: temporalPort,
      uiPort: undefined,
      namespace: "default",
      databaseFile: home.temporalDatabase,
      logFile: "",
    }),
  );
  await ensureSearchAttributes({ address: temporalAddress, namespace: "default" });

  const smtp = await smtpSink();
  const apiPort = await freePort();
  const targets: Record<LinkName, number> = {
    "people-api": apiPort,
    "api-postgres": Number(database.port),
    "worker-postgres": Number(database.port),
    "api-temporal": temporalPort,
    "worker-temporal": temporalPort,
    "worker-smtp": Number(new URL(smtp.url).port),
  };
  const opened = await Promise.all(
    linkNames.map(async (name) => [name, await openLink(name, targets[name])] as const),
  );
  const links = Object.fromEntries(opened) as Record<LinkName, Link>;

  const program = (name: "worker" | "api", extra: Readonly<Record<string, string>>): ChildSpec => {
    const settings = readSettings(
      {
        ...environment,
        BATON_HOME: folder,
        PORT: String(apiPort),
        TEMPORAL_ADDRESS: temporalAddress,
        LOG_LEVEL: "info",
        SMTP_URL: `smtp://127.0.0.1:${links["worker-smtp"].port}`,
        MAIL_FROM: "baton@example.com",
      },
      folder,
    );
    const behind = new URL(cluster.url);
    behind.port = String(links[`${name}-postgres`].port);
    return nodeChild({
      name,
      script: join(root, name, name === "api" ? "server.ts" : "main.ts"),
      settings,
      home,
      graceMs: 12_000,
      inherited: { ...environment, ...extra },
      reach: {
        databaseUrl: behind.href,
        temporalAddress: `127.0.0.1:${links[`${name}-temporal`].port}`,
      },
      ready:
        name === "api"
          ? () => answersWell(`http://127.0.0.1:${apiPort}/healthz`)
          : (log) => Promise.resolve(log().includes('"ready":true')),
    });
  };
  const worker = await start("worker", async (_, extra) => program("worker", extra));
  const api = await start("api", async (_, extra) => program("api", extra));

  let isKept = false;
  return {
    pool,
    temporalAddress,
    temporalNamespace: "default",
    taskQueue,
    folder,
    smtp,
    links,
    tokens,
    processes: { postgres, temporal, worker, api },
    url: `http://127.0.0.1:${links["people-api"].port}`,
    keepHistories() {
      isKept = true;
    },
    async close() {
      for (const one of kept.toReversed().slice(0, 2)) await one.stop();
      await pool.end();
      for (const link of Object.values(links)) await link.close();
      for (const one of kept.toReversed().slice(2)) await one.stop();
      await smtp.close();
      const stays = isKept ? ["histories", basename(home.logs)] : [];
      for (const name of (await readdir(folder)).filter((one) => !stays.includes(one))) {
        await rm(join(folder, name), { recursive: true, force: true });
      }
      if (!isKept) await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * The example agreement with hours that are always open, and six reps without caps, so that work
 * never waits for Monday.
 */
export async function firstData(pool: Pool): Promise<ChaosWorld["tokens"]> {
  const now = Date.now();
  const text = example
    .replace(/week: \{ mon-fri: \["09:00-17:00"\] \}/, 'week: { mon-sun: ["00:00-24:00"] }')
    .replace(/exceptions: \{ 2026-11-26[^\n]*\n/, "\n")
    .replace("rejectionsPerRepPerDay: 20", "rejectionsPerRepPerDay: 2000");
  const person = (id: string, role: RepRecord["role"], managerId: string | null): RepRecord => ({
    id,
    name: `Rep ${id}`,
    email: `${id}@example.com`,
    role,
    managerId,
    active: true,
    hours: null,
    languages: ["en"],
    products: [],
    motions: [],
    caps: {},
    crmId: null,
  });
  return inTransaction(pool, async (tx) => {
    await activate(tx, text, "rehearsal", now);
    await putReps(tx, [person("rp_boss", "manager", null)], now);
    await putReps(
      tx,
      reps.map((id) => person(id, "rep", "rp_boss")),
      now,
    );
    const pools = ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"];
    await putPools(
      tx,
      pools.map((id) => ({
        id,
        hours: null,
        members: id === "americas-sdr" ? Object.fromEntries(reps.map((rep) => [rep, 1])) : {},
      })),
      now,
    );
    const token = async (role: "operator" | "crm" | "rep", repId?: string): Promise<string> =>
      (await createToken(tx, { role, repId, label: "rehearsal" }, now)).secret;
    const made: Record<string, string> = {};
    for (const id of reps) made[id] = await token("rep", id);
    return { operator: await token("operator"), crm: await token("crm"), reps: made };
  });
}

/** Whether the address answers with a 2xx; never throws. */
export async function answersWell(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
