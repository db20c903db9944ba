import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@temporalio/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { testPort } from "../../support/ports.ts";
import { identityOf } from "../../../cli/stack/identity.ts";
import { temporalConnection } from "../../../temporal/connection.ts";
import { eventually } from "../../support/eventually.ts";
import { run, type Program } from "../../support/program.ts";
import { freshDatabase, temporalServer, type FreshDatabase } from "../../support/world.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

let database: FreshDatabase;
let server: { address: string; namespace: string };
let env: Record<string, string>;
const programs: Program[] = [];

beforeAll(async () => {
  [database, server] = await Promise.all([freshDatabase(), temporalServer()]);
  env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "/",
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: server.namespace,
    PORT: String(await testPort()),
    BATON_TASK_QUEUE: `programs-${randomBytes(4).toString("hex")}`,
  };
});
afterEach(async () => {
  for (const program of programs) program.signal("SIGKILL");
  await Promise.all(programs.splice(0).map(({ exit }) => exit));
});
afterAll(async () => {
  const connection = temporalConnection(server, { connectTimeoutMs: 5_000 });
  const { schedule } = new Client({ connection, namespace: server.namespace });
  // The worker's own Schedules stand on the server that other tests use too.
  for (const id of ["reconcile", "review-monthly", "review-quarterly"])
    await schedule
      .getHandle(id)
      .delete()
      .catch(() => undefined);
  await connection.close();
  await database.drop();
});

function baton(command: string, more: Record<string, string> = {}): Program {
  const program = run(process.execPath, ["cli/baton.mjs", command], {
    cwd: root,
    env: { ...env, ...more },
  });
  programs.push(program);
  return program;
}

/** Every process whose parents lead to this one, as Linux lists them. */
function below(pid: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return [[Number(name), Number(parent)] as const];
      } catch {
        return [];
      }
    });
  const children = parents.filter(([, parent]) => parent === pid).map(([child]) => child);
  return [...children, ...children.flatMap(below)];
}

describe.each(["worker", "api"])("baton %s", (name) => {
  test(
    "runs in its own process: a kill -9 leaves nothing behind",
    { timeout: 60_000 },
    async () => {
      const program = baton(name);
      await program.until('"ready":true');
      const left = process.platform === "linux" ? below(program.pid) : [];
      program.signal("SIGKILL");
      await program.exit;
      await eventually(5, () =>
        Promise.resolve([program.pid, ...left].every((pid) => identityOf(pid) === undefined)),
      );
      if (name === "api")
        await expect(fetch(`http://127.0.0.1:${env["PORT"]}/healthz`)).rejects.toThrow();
    },
  );

  test("ends in order on SIGTERM", { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "baton-ready-"));
    const file = join(folder, "worker-ready");
    const program = baton(name, { WORKER_READY_FILE: file });
    await program.until('"ready":true');
    if (name === "worker") await eventually(30, () => Promise.resolve(existsSync(file)));
    program.signal("SIGTERM");
    expect(await program.exit).toBe(0);
    expect(existsSync(file)).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test("ends on SIGTERM while it waits for its database", { timeout: 60_000 }, async () => {
    const program = baton(name, { DATABASE_URL: "postgres://u:p@127.0.0.1:1/x" });
    await program.until(name === "api" ? '"ready":true' : "Work begins when");
    program.signal("SIGTERM");
    expect(await program.exit).toBe(0);
  });

  test("says in one sentence what it cannot start without", async () => {
    const program = baton(name, { DATABASE_URL: "", LOG_LEVEL: "", TEMPORAL_NAMESPACE: " " });
    expect(await program.exit).toBe(1);
    expect(program.lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({
        level: 60,
        msg:
          `the ${name === "api" ? "API" : "worker"} cannot start: DATABASE_URL is not set; ` +
          "give the address of a Postgres database.",
      }),
    ]);
  });
});

test("a worker says JSON lines alone, also of what the SDK's core finds wrong", async () => {
  const worker = baton("worker", { TEMPORAL_NAMESPACE: "nowhere" });
  expect(await worker.exit).toBe(1);
  for (const line of worker.lines) expect(JSON.parse(line)).toHaveProperty("level");
}, 60_000);

describe("on a database that a newer version has migrated", () => {
  let newer: FreshDatabase;
  beforeAll(async () => {
    newer = await freshDatabase();
  });
  afterAll(() => newer.drop());
  const noted = (name: string, from: string) =>
    newer.pool.query(
      "insert into schema_migration (name, sha256, serves_from) values ($1, '', $2)",
      [name, from],
    );

  test("every program goes on while that version allows it, and says so", async () => {
    await noted("9998_more.sql", "0001");
    const migrate = baton("migrate", { DATABASE_URL: newer.url });
    expect([await migrate.exit, migrate.lines]).toEqual([
      0,
      expect.arrayContaining([
        expect.stringContaining("from 9998_more.sql on; they let it go on"),
        "nothing to apply",
      ]),
    ]);
    for (const name of ["worker", "api"]) {
      const program = baton(name, { DATABASE_URL: newer.url });
      await program.until('"ready":true');
      expect(program.lines.join()).toContain("from 9998_more.sql on; they let it go on");
      program.signal("SIGKILL");
      await program.exit;
    }
  }, 120_000);

  test(
    "a worker at work and every command end with a sentence, and the API serves nobody, once " +
      "it closes",
    async () => {
      const [worker, api] = ["worker", "api"].map((name) =>
        baton(name, { DATABASE_URL: newer.url }),
      ) as [Program, Program];
      await Promise.all([worker.until('"ready":true'), api.until('"ready":true')]);
      await noted("9999_less.sql", "9999");
      const sentence =
        /9999_less\.sql is for versions that know migration 9999, .*Start the version/;
      expect(await worker.exit).toBe(1);
      expect(JSON.parse(worker.lines.at(-1) ?? "")).toMatchObject({
        level: 60,
        msg: expect.stringMatching(sentence),
      });
      const ask = (path: string) => fetch(`http://127.0.0.1:${env["PORT"]}${path}`);
      await eventually(15, async () => (await ask("/leads")).status === 503);
      expect((await ask("/healthz")).status).toBe(200);
      const ready = (await (await ask("/readyz")).json()) as { parts: { postgres: object } };
      expect(ready.parts.postgres).toEqual({ ok: false, detail: expect.stringMatching(sentence) });
      const home = mkdtempSync(join(tmpdir(), "baton-newer-"));
      for (const command of ["migrate", "start", "verify"]) {
        const program = baton(command, {
          DATABASE_URL: newer.url,
          BATON_HOME: home,
          PORT: String(await testPort()),
        });
        expect([command, await program.exit]).toEqual([command, 1]);
        expect(program.lines.join("\n")).toMatch(sentence);
      }
      rmSync(home, { recursive: true });
    },
    180_000,
  );
});
