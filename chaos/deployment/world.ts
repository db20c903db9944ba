import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSettings } from "../../cli/env.ts";
import { freePort } from "../../cli/servers/ports.ts";
import { findPostgres } from "../../cli/servers/postgres.ts";
import { postgresUser } from "../../cli/servers/system-user.ts";
import { getTemporal } from "../../cli/servers/temporal.ts";
import type { ChildSpec } from "../../cli/stack/child.ts";
import { serverVersion } from "../../store/postgres/probe.ts";
import { openPool } from "../../store/postgres/db.ts";
import { testPort } from "../../test/support/ports.ts";
import { smtpSink } from "../../test/support/smtp-sink.ts";
import { keep, type Kept } from "../keeper.ts";
import { answersWell, firstData, type Rehearsed } from "../world.ts";
import {
  buildServer,
  namedPrograms,
  readCompose,
  run,
  scriptOf,
  serverVersionOf,
  type Compose,
} from "./compose.ts";
import { batonPools, temporalPools } from "./pools.ts";
import { watchConnections, type WatchedServer } from "./watch.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const baton = join(root, "cli/baton.mjs");

/** Baton on engines that are not its own: as in production, on one machine. */
export interface Deployment extends Rehearsed {
  readonly processes: Record<string, Kept>;
  readonly logs: string;
  readonly connections: WatchedServer;
  /** Runs `baton` with these arguments, as an operator would; gives what it printed. */
  command(...args: string[]): Promise<string>;
  /** Temporal's own command line, against this server. */
  temporal(...args: string[]): Promise<string>;
  /** Starts a worker of a build, or an API, and waits until it is ready. */
  startWorker(name: string, buildId: string): Promise<Kept>;
  startApi(name: string): Promise<Kept>;
  /** Ends one in order. */
  retire(name: string): Promise<void>;
  keepLogs(): void;
  close(): Promise<void>;
}

/** Carries docker-compose.yml out, one process for each container. */
export async function deploy(
  environment: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<Deployment> {
  const compose = readCompose();
  const { cache, temporalCli } = readSettings(environment, root);
  const path = environment["PATH"] ?? "";
  const postgres = findPostgres(path).find((one) => one.major === 15);
  if (!postgres)
    throw new Error("the rehearsal needs PostgreSQL 15 (apt-get install postgresql-15)");
  const server = await buildServer(serverVersionOf(compose), cache, environment, say);
  const cli = await getTemporal({ temporalCli, cache, path, progress: say });

  const folder = await mkdtemp(join(tmpdir(), "baton-deployment-"));
  // Postgres runs as another user, who must be able to pass through.
  chmodSync(folder, 0o711);
  const logs = join(folder, "logs");
  const programs = namedPrograms(join(folder, "bin"), {
    "temporal-sql-tool": join(server.programs, "sql"),
    temporal: cli.path,
  });
  const home = environment["HOME"] ?? folder;
  const plain = { PATH: `${programs}:${dirname(postgres.postgres)}:${path}`, HOME: home };
  const kept: Record<string, Kept> = {};
  const start = async (name: string, spec: Omit<ChildSpec, "name" | "logFile">): Promise<Kept> => {
    const one = keep(
      name,
      (n) => Promise.resolve({ ...spec, name, logFile: join(logs, `${name}-${n}.log`) }),
      () => undefined,
    );
    kept[name] = one;
    await one.up(180_000);
    return one;
  };

  const secret = () => randomBytes(18).toString("base64url");
  const passwords = { postgres: secret(), baton: secret(), temporal: secret() };
  const port = await freePort();
  const address = (user: keyof typeof passwords, database: string) =>
    `postgres://${user}:${passwords[user]}@127.0.0.1:${port}/${database}`;
  await start("postgres", postgresOf(postgres, join(folder, "postgres"), passwords.postgres, port));
  const version = await serverVersion(address("postgres", "postgres"));
  const connections = await watchConnections(address("postgres", "postgres"));
  say(`PostgreSQL ${version}, max_connections ${connections.allowed}`);
  await sh(scriptOf(compose.configs["database-users"]?.content), {
    ...plain,
    PGHOST: "127.0.0.1",
    PGPORT: String(port),
    PGPASSWORD: passwords.postgres,
    POSTGRES_USER: "postgres",
    BATON_PASSWORD: passwords.baton,
    TEMPORAL_PASSWORD: passwords.temporal,
  });

  const temporalPort = await testPort();
  const temporalAddress = `127.0.0.1:${temporalPort}`;
  const near = { ...plain, TEMPORAL_ADDRESS: temporalAddress };
  const schema = scriptOf(compose.services["temporal-schema"]?.command?.[0]);
  await sh(schema.replaceAll("/etc/temporal/schema", join(server.sources, "schema")), {
    ...plain,
    ...compose.services["temporal-schema"]?.environment,
    SQL_HOST: "127.0.0.1",
    SQL_PORT: String(port),
    SQL_PASSWORD: passwords.temporal,
  });
  await start("temporal", {
    command: join(server.programs, "server"),
    args: ["--allow-no-auth", "start"],
    env: {
      ...plain,
      ...(await serverEnvironment(compose, folder, temporalPort)),
      DB_PORT: String(port),
      POSTGRES_PWD: passwords.temporal,
      ...temporalPools,
    },
    cwd: folder,
    stopSignal: "SIGTERM",
    graceMs: 20_000,
    readyWithinMs: 120_000,
    ready: () => run("temporal", ["operator", "cluster", "health"], near).then(yes, no),
  });
  const makeNamespace = scriptOf(compose.services["temporal-namespace"]?.command?.[0]);
  await eventually(60_000, () => sh(makeNamespace, near));
  say(`Temporal server ${serverVersionOf(compose)} on PostgreSQL`);

  const smtp = await smtpSink();
  const ours = {
    ...plain,
    ...batonPools,
    DATABASE_URL: address("baton", "baton"),
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: "baton",
    BATON_TASK_QUEUE: "baton",
    BATON_DEPLOYMENT: "baton",
    SMTP_URL: smtp.url,
    MAIL_FROM: "baton@example.com",
    AUDIT_ANCHORS: join(folder, "audit-anchors.jsonl"),
    LOG_LEVEL: "info",
  };
  const command = async (...args: string[]) =>
    (await run(process.execPath, [baton, ...args], ours)).stdout.trim();
  const temporal = async (...args: string[]) =>
    (await run("temporal", [...args, "--namespace", "baton"], near)).stdout.trim();
  say(`baton migrate: ${(await command("migrate")).split("\n").at(-1)}`);
  // Two: one for the checks, one for who works in the CRM.
  const pool = openPool(ours.DATABASE_URL, { max: 2 });
  const tokens = await firstData(pool);

  const program = (args: string[], extra: Readonly<Record<string, string>>) => ({
    command: process.execPath,
    args: [baton, ...args],
    env: { ...ours, ...extra },
    cwd: root,
    stopSignal: "SIGTERM" as const,
    graceMs: 30_000,
    readyWithinMs: 120_000,
  });
  const apis = new Map<string, string>();
  let asked = 0;
  let isKept = false;
  return {
    pool,
    temporalAddress,
    temporalNamespace: "baton",
    taskQueue: "baton",
    smtp,
    tokens,
    folder,
    logs,
    connections,
    processes: kept,
    /** Each request goes to the next API, as behind a balancer; a repeat goes to another one. */
    get url() {
      const urls = [...apis.values()];
      return urls[asked++ % urls.length] ?? "";
    },
    command,
    temporal,
    startWorker: (name, buildId) =>
      start(name, {
        ...program(["worker"], { BATON_BUILD_ID: buildId }),
        ready: (log) => Promise.resolve(log().includes('"ready":true')),
      }),
    async startApi(name) {
      const apiPort = await freePort();
      const url = `http://127.0.0.1:${apiPort}`;
      const one = await start(name, {
        ...program(["api"], { PORT: String(apiPort) }),
        ready: () => answersWell(`${url}/readyz`),
      });
      apis.set(name, url);
      return one;
    },
    async retire(name) {
      // The balancer lets go of it first; what is under way is answered.
      apis.delete(name);
      await kept[name]?.stop();
    },
    keepLogs() {
      isKept = true;
    },
    async close() {
      const [engines, others] = [["temporal", "postgres"], Object.keys(kept)];
      for (const name of others.filter((one) => !engines.includes(one))) await kept[name]?.stop();
      await pool.end();
      await connections.stop();
      for (const name of engines) await kept[name]?.stop();
      await smtp.close();
      if (isKept) await rm(join(folder, "postgres"), { recursive: true, force: true });
      else await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A new server of its own, with all that Postgres sets by default. */
function postgresOf(
  { initdb, postgres }: { readonly initdb: string; readonly postgres: string },
  data: string,
  password: string,
  port: number,
): Omit<ChildSpec, "name" | "logFile"> {
  const user = postgresUser();
  const as = user ? { uid: user.uid, gid: user.gid } : {};
  mkdirSync(data, { mode: 0o700 });
  const file = `${data}.password`;
  writeFileSync(file, password, { mode: 0o600 });
  if (user) for (const one of [data, file]) chownSync(one, user.uid, user.gid);
  const made = [
    "-D",
    data,
    "-U",
    "postgres",
    "--pwfile",
    file,
    "-A",
    "scram-sha-256",
    "-E",
    "UTF8",
  ];
  execFileSync(initdb, made, { ...as, cwd: "/", stdio: "pipe", env: { LC_ALL: "C.UTF-8" } });
  const settings = ["listen_addresses=127.0.0.1", `port=${port}`, "unix_socket_directories="];
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  return {
    command: postgres,
    args: ["-D", data, ...settings.flatMap((one) => ["-c", one])],
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    cwd: "/",
    user,
    stopSignal: "SIGINT",
    graceMs: 20_000,
    readyWithinMs: 60_000,
    ready: () => serverVersion(url).then(yes, no),
  };
}

/** What the file says of the server, on ports of its own. */
async function serverEnvironment(
  { services, configs }: Compose,
  folder: string,
  port: number,
): Promise<Record<string, string>> {
  const dynamic = join(folder, "dynamic.yaml");
  writeFileSync(dynamic, configs["temporal-dynamic-config"]?.content ?? "");
  const ports: Record<string, string> = { FRONTEND_GRPC_PORT: String(port) };
  for (const name of [
    "FRONTEND_MEMBERSHIP",
    "FRONTEND_HTTP",
    ...["MATCHING", "HISTORY", "WORKER"].flatMap((one) => [`${one}_GRPC`, `${one}_MEMBERSHIP`]),
  ])
    ports[`${name}_PORT`] = String(await testPort());
  return {
    ...services["temporal"]?.environment,
    ...ports,
    POSTGRES_SEEDS: "127.0.0.1",
    BIND_ON_IP: "127.0.0.1",
    DYNAMIC_CONFIG_FILE_PATH: dynamic,
  };
}

const sh = (script: string, env: NodeJS.ProcessEnv) => run("/bin/sh", ["-euc", script], env);
const yes = () => true;
const no = () => false;

/** Tries again until it works, at most so long. */
export async function eventually<T>(withinMs: number, work: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + withinMs; ;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}
