import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readSettings } from "../../../cli/env.ts";
import { identityOf } from "../../../cli/stack/identity.ts";
import { testPort } from "../../support/ports.ts";
import { run, type Program } from "../../support/program.ts";

// Whole servers start and stop in here, possibly on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

describe("npm start", () => {
  let folder: string;
  let env: Record<string, string>;
  let baton: Program;
  const api = () => `http://127.0.0.1:${env["PORT"]}`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "baton-start-"));
    // As root, Postgres runs as another user, who may pass through here.
    chmodSync(folder, 0o755);
    const [port, temporal, ui] = await Promise.all([testPort(), testPort(), testPort()]);
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

  test("ends its report with the link of the console, and is ready", async () => {
    await baton.until("Console: ");
    expect(baton.lines.at(-1)).toMatch(
      /^Console: http:\/\/127\.0\.0\.1:\d+\/console\/in\/[\w-]{43}$/,
    );
    const ready = await fetch(`${api()}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { healthy: true }]);
  });

  test("prints a link that signs its operator in", async () => {
    const link = baton.lines.at(-1)?.replace("Console: ", "") ?? "";
    const page = await fetch(link);
    expect([page.status, await page.text()]).toEqual([
      200,
      expect.stringContaining("Sign in as operator"),
    ]);
    const send = (key: string) =>
      fetch(link, {
        method: "POST",
        redirect: "manual",
        headers: { origin: api() },
        body: new URLSearchParams({ key }),
      });
    const signedIn = await send("a".repeat(32));
    expect([signedIn.status, signedIn.headers.get("location")]).toEqual([303, "/console"]);
    const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(cookie).toMatch(new RegExp(`^baton-${env["PORT"]}=`));
    expect((await fetch(`${api()}/console/me`, { headers: { cookie } })).status).toBe(200);
    expect((await send("b".repeat(32))).status).toBe(404);
  });

  test("has loaded the example agreement, and the operator's token opens the API", async () => {
    expect((await get("/agreement", token())).status).toBe(200);
    expect((await get("/agreement", "bt_somebody-elses-token-000")).status).toBe(401);
  });

  test("says how many connections API and worker may open, and what Postgres allows", () => {
    expect(baton.lines).toContainEqual(
      expect.stringMatching(
        /^Connections: the API may open 19 .* the worker may open 20 .*, 39 in/,
      ),
    );
    for (const [name, most] of [
      ["api", 19],
      ["worker", 20],
    ] as const) {
      const log = readFileSync(join(folder, "home", "logs", `${name}.log`), "utf8");
      expect(log).toMatch(new RegExp(`"connections":\\{"most":${most},"allowed":\\d+,"inUse":`));
    }
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

  test("starts a killed worker again while the API goes on taking leads in", async () => {
    const processes = () =>
      (
        JSON.parse(readFileSync(join(env["BATON_HOME"] ?? "", "run.json"), "utf8")) as {
          children: { name: string; pid: number }[];
        }
      ).children;
    const pidOf = (name: string) => processes().find((one) => one.name === name)?.pid ?? 0;
    const send = async (n: number): Promise<{ status: number; id: string }> => {
      const domain = `meanwhile-${n}.com`;
      const response = await fetch(`${api()}/leads`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token()}`,
          "content-type": "application/json",
          "idempotency-key": domain,
        },
        body: JSON.stringify({
          facts: { "lead.email": `kim@${domain}`, "account.domain": domain },
          engagements: [{ id: `meanwhile-${n}`, type: "demo_request" }],
        }),
      });
      const { id } = (await response.json()) as { id: string };
      // A busy machine may ask for a repeat; the key makes it harmless.
      return response.status === 503 ? send(n) : { status: response.status, id };
    };
    const [worker, server] = [pidOf("worker"), pidOf("api")];
    process.kill(worker, "SIGKILL");
    await expect.poll(() => identityOf(worker)).toBeUndefined();
    const taken: { status: number; id: string }[] = [];
    while (!baton.lines.includes("worker is ready again")) {
      taken.push(await send(taken.length));
      const ready = await fetch(`${api()}/readyz`);
      const { parts } = (await ready.json()) as { parts: { postgres: { ok: boolean } } };
      // Ready whenever the database answers in time, whatever the worker does.
      expect(ready.status === 200).toBe(parts.postgres.ok);
      await pause(200);
    }
    expect(taken.length).toBeGreaterThan(2);
    expect(new Set(taken.map(({ status }) => status))).toEqual(new Set([201]));
    expect(baton.lines).toContainEqual(
      expect.stringMatching(/^worker was ended by SIGKILL; it is started again in 1 s, its lines/),
    );
    expect([pidOf("api"), pidOf("worker") !== worker, identityOf(pidOf("worker"))]).toEqual([
      server,
      true,
      expect.any(String),
    ]);
    // What was taken in meanwhile goes its way.
    await expect
      .poll(
        async () =>
          await Promise.all(
            taken.map(async ({ id }) => {
              const found = await get(`/leads/${id}`, token());
              return ((await found.json()) as { waitingOn: string }).waitingOn;
            }),
          ),
        { timeout: 60_000 },
      )
      .not.toContain("assessment");
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
