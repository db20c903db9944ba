import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cookieName } from "../../api/http/session.ts";
import { ensureLogin } from "../../store/access/logins.ts";
import { startSession } from "../../store/access/sessions.ts";
import { ensureOperatorToken } from "../../store/access/tokens.ts";
import { freshDatabase, temporalServer, type FreshDatabase } from "../support/world.ts";

let db: FreshDatabase;
let temporal: { address: string; namespace: string };
beforeAll(async () => {
  [db, temporal] = await Promise.all([freshDatabase(), temporalServer()]);
});
afterAll(() => db.drop());

const SERVER = fileURLToPath(new URL("../../api/server.ts", import.meta.url));
const start = (env: Record<string, string>) =>
  spawn(process.execPath, ["--import", "tsx", SERVER], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });

test(
  "the API process says when it is ready, answers on this machine only, and ends in order",
  { timeout: 40_000 },
  async () => {
    const token = "bt_a-token-for-the-server-test-only";
    await ensureOperatorToken(db.pool, token);
    const child = start({
      DATABASE_URL: db.url,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      PORT: "0",
      PUBLIC_URL: "http://127.0.0.1:8080",
    });
    let said = "";
    const port = await new Promise<number>((resolve, reject) => {
      child.stdout.on("data", (data: Buffer) => {
        said += data.toString();
        const ready = said.split("\n").find((line) => line.includes('"ready":true'));
        if (ready) resolve((JSON.parse(ready) as { port: number }).port);
      });
      child.on("exit", () => reject(new Error(`ended too early: ${said}`)));
    });
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    expect(
      (
        (await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()) as {
          parts: { temporal: object };
        }
      ).parts.temporal,
    ).toEqual({ ok: true, broken: 0 });
    const leads = await fetch(`http://127.0.0.1:${port}/leads`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([leads.status, await leads.json()]).toEqual([200, { items: [], next: null }]);
    expect(said).not.toContain(token);
    const login = await ensureLogin(db.pool, { role: "operator" }, Date.now());
    const { secret } = await startSession(db.pool, login, "a browser", Date.now());
    const page = await fetch(`http://127.0.0.1:${port}/console/live`, {
      headers: { cookie: `${cookieName("http://127.0.0.1:8080")}=${secret}` },
    });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const heard = page.text();
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    // A page that listens is let go, and its connection not cut.
    expect(await heard).toMatch(/^retry: \d+\n/);
  },
);

test("a wrong setting ends it with the variable's name", { timeout: 30_000 }, async () => {
  const child = start({ TEMPORAL_ADDRESS: "127.0.0.1:1" });
  let said = "";
  child.stdout.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  expect([code, said.includes("DATABASE_URL")]).toEqual([1, true]);
});
