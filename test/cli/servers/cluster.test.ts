import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { launch } from "../../../cli/stack/child.ts";
import { openCluster, type Cluster } from "../../../cli/servers/cluster.ts";
import { findPostgres } from "../../../cli/servers/postgres.ts";
import { postgresUser } from "../../../cli/servers/system-user.ts";
import { serverVersion } from "../../../store/postgres/probe.ts";

// Whole servers start and stop in here, possibly on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const all = findPostgres(process.env["PATH"] ?? "");
const user = postgresUser();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-cluster-"));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a cluster, asks it its version, stops it. */
async function visit(cluster: Cluster): Promise<string> {
  const server = await launch(cluster.child);
  try {
    await server.ready;
    await cluster.prepare();
    return await serverVersion(cluster.url);
  } finally {
    await server.stop();
  }
}

const place = (home = folder) => ({
  home,
  logFile: join(folder, "postgres.log"),
  sharedRoot: join(folder, "shared"),
  throwAway: true,
});

test("every PostgreSQL found on this machine can hold the data", async () => {
  expect(all.length).toBeGreaterThan(0);
  for (const binaries of all) {
    const home = join(folder, binaries.version);
    mkdirSync(home);
    const cluster = await openCluster([binaries], user, place(home));
    expect(await visit(cluster)).toBe(binaries.version);
    expect(await visit(await openCluster([binaries], user, place(home)))).toBe(binaries.version);
  }
});

test("no PostgreSQL at all gives one sentence with the remedy", async () => {
  await expect(openCluster([], user, place())).rejects.toThrow(
    /^No PostgreSQL found: .* set DATABASE_URL\.$/,
  );
});

test("the server listens on 127.0.0.1 only and lets nobody in without the password", async () => {
  const cluster = await openCluster(all, user, place());
  const server = await launch(cluster.child);
  await server.ready;
  await cluster.prepare();
  const stranger = new URL(cluster.url);
  stranger.password = "wrong";
  await expect(serverVersion(stranger.href)).rejects.toThrow(/password authentication failed/);
  expect(cluster.child.args.join(" ")).toContain("listen_addresses=127.0.0.1");
  await server.stop();
});

test("data of a major version that is not installed is refused, not damaged", async () => {
  const { data } = await openCluster(all, user, place());
  writeFileSync(join(data, "PG_VERSION"), "12\n");
  await expect(openCluster(all, user, place())).rejects.toThrow(
    /was made by PostgreSQL 12, but only .* is here; install PostgreSQL 12/,
  );
  expect(readFileSync(join(data, "PG_VERSION"), "utf8")).toBe("12\n");
});

test("data without its note, and a note without its data, are refused with the remedy", async () => {
  const { data } = await openCluster(all, user, place());
  unlinkSync(join(folder, "postgres.json"));
  await expect(openCluster(all, user, place())).rejects.toThrow(
    /holds a database, but the postgres\.json .* is missing/,
  );
  writeFileSync(
    join(folder, "postgres.json"),
    JSON.stringify({ port: 1, password: "x", data: join(folder, "gone") }),
  );
  await expect(openCluster(all, user, place())).rejects.toThrow(
    /says the database lies in .*gone, which holds none/,
  );
  expect(existsSync(join(data, "PG_VERSION"))).toBe(true);
});

describe("restored to a moment (docs/backup.md)", () => {
  /** A cluster with two rows, of which the moment knows the first; a backup of before, an archive. */
  async function restored(action: string): Promise<Cluster> {
    const archive = join(folder, "archive");
    const opened = await openCluster(all, user, place());
    await visit(opened);
    own(archive);
    const settings = join(opened.data, "postgresql.auto.conf");
    const archived = "archive_mode = on\nwal_level = replica\n";
    appendFileSync(settings, `${archived}archive_command = 'cp %p ${archive}/%f'\n`);
    cpSync(opened.data, join(folder, "backup"), { recursive: true, preserveTimestamps: true });
    const moment = await launched(opened, async (client) => {
      await client.query("create table note as select 1 as n");
      const { rows } = await client.query<{ now: string }>("select clock_timestamp()::text as now");
      await client.query("insert into note values (2)");
      await client.query("select pg_switch_wal()");
      return rows[0]!.now;
    });
    renameSync(opened.data, join(folder, "lost"));
    renameSync(join(folder, "backup"), opened.data);
    appendFileSync(
      settings,
      `restore_command = 'cp ${archive}/%f %p'\nrecovery_target_time = '${moment}'\n` +
        `recovery_target_action = '${action}'\n`,
    );
    writeFileSync(join(opened.data, "recovery.signal"), "");
    own(opened.data);
    return openCluster(all, user, place());
  }

  /** Gives a folder, and all in it, to whoever runs Postgres. */
  function own(path: string): void {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!user) return;
    for (const name of ["", ...(readdirSync(path, { recursive: true }) as string[])])
      chownSync(join(path, name), user.uid, user.gid);
  }

  async function launched<T>(
    cluster: Cluster,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    const server = await launch(cluster.child);
    try {
      await server.ready;
      const client = new pg.Client({ connectionString: cluster.url });
      await client.connect();
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    } finally {
      await server.stop();
    }
  }

  test("it is ready once it takes writes, with what was there at that moment", async () => {
    const found = await launched(await restored("promote"), async (client) => {
      await client.query("insert into note values (3)");
      return (await client.query<{ n: number }>("select n from note order by n")).rows;
    });
    expect(found).toEqual([{ n: 1 }, { n: 3 }]);
  });

  test("it says what to do where it waits at its moment", async () => {
    const cluster = await restored("pause");
    const server = await launch(cluster.child);
    await expect(server.ready).rejects.toThrow(
      /waits there: set recovery_target_action = 'promote' in .*postgresql\.auto\.conf/,
    );
    await server.stop();
  });
});

test("an interrupted first start leaves nothing in the way", async () => {
  mkdirSync(join(folder, "postgres.new"));
  writeFileSync(join(folder, "postgres.new", "half"), "");
  expect(await visit(await openCluster(all, user, place()))).toMatch(/^\d+\.\d+$/);
});

describe.runIf(user !== undefined)("as root, in a checkout that only root may enter", () => {
  test("data and programs go where the user that runs Postgres can reach them, and are found again", async () => {
    const closed = join(folder, "closed");
    const home = join(closed, "home");
    mkdirSync(home, { recursive: true });
    chmodSync(closed, 0o700);
    const embedded = all.find((one) => one.source === "embedded") ?? all[0]!;
    const root = join(closed, "native");
    cpSync(embedded.root, root, { recursive: true, verbatimSymlinks: true });
    const inside = {
      ...embedded,
      root,
      postgres: join(root, "bin", "postgres"),
      initdb: join(root, "bin", "initdb"),
    };

    const first = await openCluster([inside], user, place(home));
    expect(first.data.startsWith(join(folder, "shared"))).toBe(true);
    expect(statSync(first.data).uid).toBe(user?.uid);
    expect(await visit(first)).toBe(embedded.version);
    const second = await openCluster([inside], user, place(home));
    expect(second.data).toBe(first.data);
    expect(await visit(second)).toBe(embedded.version);
  });
});
