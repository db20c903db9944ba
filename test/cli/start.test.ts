import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readSettings } from "../../cli/env.ts";
import { identityOf } from "../../cli/identity.ts";
import { freePort } from "../../cli/ports.ts";
import { run, type Program } from "../support/program.ts";

// Whole servers start and stop in here, possibly on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

describe("npm start", () => {
  let folder: string;
  let env: Record<string, string>;
  let baton: Program;
  const api = () => `http://127.0.0.1:${env["PORT"]}`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "baton-start-"));
    // As root, Postgres runs as another user, who may pass through here.
    chmodSync(folder, 0o755);
    const [port, temporal, ui] = await Promise.all([freePort(), freePort(), freePort()]);
    env = {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "/",
      BATON_CACHE: readSettings().cache,
      BATON_HOME: join(folder, "home"),
      PORT: String(port),
      TEMPORAL_PORT: String(temporal),
      TEMPORAL_UI_PORT: String(ui),
    };
    baton = start();
    await baton.until("baton is ready");
  });
  afterAll(async () => {
    baton.signal("SIGTERM");
    await baton.exit;
    rmSync(folder, { recursive: true, force: true });
  });

  const start = () => run("npm", ["start", "--silent"], { cwd: ROOT, env });
  const token = () => readFileSync(join(env["BATON_HOME"] ?? "", "operator-token"), "utf8").trim();
  const get = async (path: string, secret: string) =>
    await fetch(`${api()}${path}`, { headers: { authorization: `Bearer ${secret}` } });

  test("ends its report with one line that says it is ready, and is", async () => {
    expect(baton.lines.at(-1)).toBe("baton is ready");
    expect((await fetch(`${api()}/readyz`)).status).toBe(200);
  });

  test("has loaded the example agreement, and the operator's token opens the API", async () => {
    expect((await get("/agreement", token())).status).toBe(200);
    expect((await get("/agreement", "bt_somebody-elses-token-000")).status).toBe(401);
  });

  test("writes neither the token nor the database password to a log", () => {
    const { password } = JSON.parse(
      readFileSync(join(env["BATON_HOME"] ?? "", "postgres.json"), "utf8"),
    ) as { password: string };
    for (const name of ["postgres", "temporal", "worker", "api"]) {
      const log = readFileSync(join(env["BATON_HOME"] ?? "", "logs", `${name}.log`), "utf8");
      expect([log.includes(token()), log.includes(password)]).toEqual([false, false]);
    }
  });

  test("stops in order when npm is told to, and finds its data at the next start", async () => {
    const before = token();
    const { children } = JSON.parse(
      readFileSync(join(env["BATON_HOME"] ?? "", "run.json"), "utf8"),
    ) as { children: { name: string; pid: number }[] };
    expect(children.map(({ name }) => name)).toEqual(["Postgres", "Temporal", "worker", "api"]);
    baton.signal("SIGINT");
    expect(await baton.exit).toBe(0);
    expect(baton.lines.slice(-2)).toEqual(["Stopping (SIGINT)", "Stopped"]);
    expect(children.filter(({ pid }) => identityOf(pid))).toEqual([]);

    baton = start();
    await baton.until("baton is ready");
    expect(token()).toBe(before);
    expect((await get("/agreement", before)).status).toBe(200);
  });

  test("stops in order although nobody reads its output any more", async () => {
    const { children } = JSON.parse(
      readFileSync(join(env["BATON_HOME"] ?? "", "run.json"), "utf8"),
    ) as { children: { pid: number }[] };
    baton.deafen();
    baton.signal("SIGTERM");
    expect(await baton.exit).toBe(0);
    expect(children.filter(({ pid }) => identityOf(pid))).toEqual([]);
  });
});
