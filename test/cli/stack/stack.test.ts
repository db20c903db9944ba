import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readSettings } from "../../../cli/env.ts";
import { testPort } from "../../support/ports.ts";
import { commandLineOf, identityOf } from "../../../cli/stack/identity.ts";
import { getTemporal } from "../../../cli/servers/temporal.ts";
import { eventually, run, type Program } from "../../support/program.ts";

// Whole servers start and stop in here, possibly on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const STACK = fileURLToPath(new URL("../fixtures/stack.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

type Place = Readonly<
  Record<"BATON_HOME" | "PORT" | "TEMPORAL_PORT" | "TEMPORAL_UI_PORT" | "DIARY", string>
>;

let folder: string;
let programs: Program[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-stack-"));
  chmodSync(folder, 0o755);
  programs = [];
});
afterEach(async () => {
  for (const program of programs) program.signal("SIGTERM");
  await Promise.all(programs.map((program) => program.exit));
  rmSync(folder, { recursive: true, force: true });
});

async function place(name = "home"): Promise<Place> {
  const [PORT, TEMPORAL_PORT, TEMPORAL_UI_PORT] = (
    await Promise.all([testPort(), testPort(), testPort()])
  ).map(String) as [string, string, string];
  return {
    BATON_HOME: join(folder, name),
    PORT,
    TEMPORAL_PORT,
    TEMPORAL_UI_PORT,
    DIARY: join(folder, `${name}.diary`),
  };
}

function start(
  where: Place,
  more: Record<string, string> = {},
  user: { uid?: number; gid?: number } = {},
): Program {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "/",
    BATON_CACHE: readSettings().cache,
    ...where,
    ...more,
  };
  const program = run(process.execPath, ["--import", TSX, STACK], { env, ...user });
  programs.push(program);
  return program;
}

const diary = (where: Place) => readFileSync(where.DIARY, "utf8").trim().split("\n");
const children = (where: Place) =>
  (
    JSON.parse(readFileSync(join(where.BATON_HOME, "run.json"), "utf8")) as {
      children: { name: string; pid: number }[];
    }
  ).children;

describe("a start", () => {
  test("says where things are, keeps the token to itself, and stops in reverse order on Ctrl-C", async () => {
    const where = await place();
    const baton = start(where);
    await baton.until("baton is ready");
    await baton.until("Console: ");
    expect(baton.lines.at(-1)).toMatch(
      /^Console: http:\/\/127\.0\.0\.1:\d+\/console\/in\/[\w-]{43}$/,
    );
    expect(baton.lines).toContain(`API            http://127.0.0.1:${where.PORT}`);
    expect(baton.lines).toContain(`Temporal UI    http://127.0.0.1:${where.TEMPORAL_UI_PORT}`);
    const token = join(where.BATON_HOME, "operator-token");
    expect(baton.lines).toContain(`Operator token ${token}`);
    expect(statSync(token).mode & 0o777).toBe(0o600);
    expect(statSync(join(where.BATON_HOME, "postgres.json")).mode & 0o777).toBe(0o600);
    expect((await fetch(`http://127.0.0.1:${where.TEMPORAL_UI_PORT}`)).status).toBe(200);
    const readable = readdirSync(where.BATON_HOME, { recursive: true, encoding: "utf8" })
      .map((name) => join(where.BATON_HOME, name))
      .filter((path) => statSync(path).isFile() && (statSync(path).mode & 0o077) !== 0);
    expect(readable).toEqual([]);

    const pids = children(where);
    expect(pids.map((child) => child.name)).toEqual(["Postgres", "Temporal", "worker", "api"]);
    baton.signal("SIGINT");
    expect(await baton.exit).toBe(0);
    expect(diary(where).slice(-2)).toEqual(["api stopped", "worker stopped"]);
    expect(readFileSync(join(where.BATON_HOME, "logs", "postgres.log"), "utf8")).toContain(
      "database system is shut down",
    );
    expect(pids.filter(({ pid }) => identityOf(pid))).toEqual([]);
    expect(existsSync(join(where.BATON_HOME, "run.json"))).toBe(false);
  });

  test("finds all data of the start before it, in Postgres and in Temporal", async () => {
    const where = await place();
    const address = `127.0.0.1:${where.TEMPORAL_PORT}`;
    const first = start(where);
    await first.until("baton is ready");
    const token = readFileSync(join(where.BATON_HOME, "operator-token"), "utf8");
    let connection = await Connection.connect({ address });
    await new Client({ connection }).workflow.start("waits", {
      workflowId: "lead/1",
      taskQueue: "nobody",
    });
    await connection.close();
    first.signal("SIGTERM");
    expect(await first.exit).toBe(0);

    const second = start(where);
    await second.until("baton is ready");
    expect(diary(where).filter((line) => line.startsWith("visit"))).toEqual(["visit 1", "visit 2"]);
    expect(readFileSync(join(where.BATON_HOME, "operator-token"), "utf8")).toBe(token);
    connection = await Connection.connect({ address });
    expect(
      (await new Client({ connection }).workflow.getHandle("lead/1").describe()).status.name,
    ).toBe("RUNNING");
    await connection.close();
    expect(existsSync(join(where.BATON_HOME, "logs", "worker.log.1"))).toBe(true);
    second.signal("SIGHUP");
    expect(await second.exit).toBe(0);
    expect(diary(where).slice(-2)).toEqual(["api stopped", "worker stopped"]);
  });

  test("after a kill -9 of the supervisor clears what was left and finds the data", async () => {
    const where = await place();
    const killed = start(where);
    await killed.until("baton is ready");
    const left = children(where);
    killed.signal("SIGKILL");
    await killed.exit;
    expect(left.every(({ pid }) => identityOf(pid))).toBe(true);

    const next = start(where);
    await next.until("baton is ready");
    expect(left.filter(({ pid }) => identityOf(pid))).toEqual([]);
    expect(
      next.lines.filter((line) => line.startsWith("Stopping")).map((line) => line.split(" ")[1]),
    ).toEqual(["api", "worker", "Temporal", "Postgres"]);
    expect(diary(where)).toContain("visit 2");
  });

  test("never stops a process that merely has the pid of a child of old", async () => {
    const where = await place();
    mkdirSync(where.BATON_HOME);
    const bystander = run(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { env: {} });
    programs.push(bystander);
    const old = {
      name: "worker",
      pid: bystander.pid,
      identity: "another-boot/1",
      stopSignal: "SIGTERM",
    };
    writeFileSync(
      join(where.BATON_HOME, "run.json"),
      JSON.stringify({ supervisor: { ...old, name: "supervisor" }, children: [old] }),
    );
    const baton = start(where);
    await baton.until("baton is ready");
    expect(identityOf(bystander.pid)).toBeDefined();
  });

  test("takes over the data folder although its postmaster.pid names a living stranger", async () => {
    const where = await place();
    const first = start(where);
    await first.until("baton is ready");
    first.signal("SIGINT");
    await first.exit;
    const { data } = JSON.parse(readFileSync(join(where.BATON_HOME, "postgres.json"), "utf8")) as {
      data: string;
    };
    writeFileSync(join(data, "postmaster.pid"), `${process.pid}\n${data}\n`);
    const second = start(where);
    await second.until("baton is ready");
    expect(commandLineOf(process.pid)).not.toBe("");
  });

  test("on a home that is in use says so and changes nothing", async () => {
    const where = await place();
    const first = start(where);
    await first.until("baton is ready");
    const second = start({ ...(await place()), BATON_HOME: where.BATON_HOME });
    expect(await second.exit).toBe(1);
    expect(second.lines).toEqual([
      expect.stringMatching(
        `^Baton already runs on ${where.BATON_HOME} \\(process ${first.pid}\\); .+BATON_HOME`,
      ),
    ]);
    expect((await fetch(`http://127.0.0.1:${where.PORT}`)).status).toBe(200);
  });

  test("runs beside another one with its own home and ports", async () => {
    const [one, two] = [await place("one"), await place("two")];
    const both = [start(one), start(two)];
    await Promise.all(both.map((baton) => baton.until("baton is ready")));
    expect(diary(one)).toContain("visit 1");
    expect(diary(two)).toContain("visit 1");
  });
});

describe("when a part fails", () => {
  test.each(["worker", "Temporal", "Postgres"])(
    "the death of %s stops everything with exit code 1 and its last lines",
    async (name) => {
      const where = await place();
      const baton = start(where);
      await baton.until("baton is ready");
      const all = children(where);
      process.kill(all.find((child) => child.name === name)!.pid, "SIGKILL");
      expect(await baton.exit).toBe(1);
      expect(baton.lines.join("\n")).toMatch(
        new RegExp(
          `^${name} was ended by SIGKILL, so everything was stopped\\. Its last lines .*:\n.+`,
          "m",
        ),
      );
      await eventually(() => all.every(({ pid }) => !identityOf(pid)), "all children are gone");
    },
  );

  test.each(["PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT"] as const)(
    "a taken %s gives one sentence with the remedy",
    async (variable) => {
      const where = await place();
      const server = createServer().listen(Number(where[variable]), "127.0.0.1");
      const baton = start(where);
      expect(await baton.exit).toBe(1);
      server.close();
      expect(baton.lines).toEqual([
        expect.stringMatching(
          `^Port ${where[variable]} for .+ is taken by another program; .* set ${variable} `,
        ),
      ]);
    },
  );

  test("a home that cannot be made gives one sentence with the remedy", async () => {
    const where = await place();
    writeFileSync(where.BATON_HOME, "a file, not a folder");
    const baton = start(where);
    expect(await baton.exit).toBe(1);
    expect(baton.lines).toEqual([
      expect.stringMatching(
        `^The data folder ${where.BATON_HOME} cannot be used .* set BATON_HOME `,
      ),
    ]);
  });

  test("a missing tool gives one sentence with the remedy", async () => {
    const baton = start(await place(), { TEMPORAL_CLI: "/nowhere/temporal" });
    expect(await baton.exit).toBe(1);
    expect(baton.lines).toEqual([
      expect.stringMatching(
        /^TEMPORAL_CLI names \/nowhere\/temporal, which is not .*; name another one or unset it\.$/,
      ),
    ]);
  });

  test(
    "a database or Temporal of somebody else that does not answer gives one sentence with the " +
      "remedy",
    async () => {
      const silent = await testPort();
      const noDatabase = start(await place(), {
        DATABASE_URL: `postgres://u:secret@127.0.0.1:${silent}/x`,
      });
      expect(await noDatabase.exit).toBe(1);
      expect(noDatabase.lines).toEqual([
        expect.stringMatching(
          /^Postgres does not answer \(ECONNREFUSED\); .*correct DATABASE_URL \(baton start without it/,
        ),
      ]);
      const noTemporal = start(await place("other"), { TEMPORAL_ADDRESS: `127.0.0.1:${silent}` });
      expect(await noTemporal.exit).toBe(1);
      expect(noTemporal.lines).toEqual([
        expect.stringMatching(
          /^TEMPORAL_ADDRESS is 127.0.0.1:\d+, where no Temporal server .* correct TEMPORAL_ADDRESS/,
        ),
      ]);
    },
  );
});

// The rest of this file runs as whoever runs the tests; when that is root, also try a plain user.
test.runIf(process.getuid?.() === 0)("a plain user can start it too", async () => {
  const where = await place();
  const nobody = { uid: 65_534, gid: 65_534 };
  const cli = join(folder, "temporal");
  copyFileSync(
    (await getTemporal({ ...readSettings(), path: process.env["PATH"] ?? "", progress: () => {} }))
      .path,
    cli,
  );
  chmodSync(cli, 0o755);
  chownSync(folder, nobody.uid, nobody.gid);
  const baton = start(
    where,
    { HOME: folder, BATON_CACHE: join(folder, "cache"), TEMPORAL_CLI: cli },
    nobody,
  );
  await baton.until("baton is ready");
  expect(statSync(join(where.BATON_HOME, "postgres")).uid).toBe(nobody.uid);
});
