import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { createServer, request, type OutgoingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readSettings } from "../../../cli/env.ts";
import { testPort } from "../../support/ports.ts";
import { temporalChild } from "../../../cli/servers/temporal-server.ts";
import {
  blockedPort,
  openTemporalProxy,
  type BlockedPort,
} from "../../../cli/servers/temporal-ui.ts";
import { getTemporal } from "../../../cli/servers/temporal.ts";
import { launch, type Child } from "../../../cli/stack/child.ts";
import { temporalConnection } from "../../../temporal/connection.ts";

let folder: string;
let child: Child;
let port: number;
let uiPort: number;
let ui: BlockedPort;
let proxy: { close(): void };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-test-http-"));
  [port, uiPort, ui] = [await testPort(), await testPort(), await blockedPort()];
  const path = process.env["PATH"] ?? "";
  const cli = await getTemporal({ ...readSettings(), path, progress: () => undefined });
  child = await launch(
    temporalChild(cli, {
      port,
      uiPort: ui.port,
      namespace: "default",
      databaseFile: join(folder, "temporal.db"),
      logFile: join(folder, "temporal.log"),
    }),
  );
  await child.ready;
  proxy = await openTemporalProxy({
    port: uiPort,
    uiPort: ui.port,
    publicUrl: "https://temporal.example",
  });
  // The UI begins before the server listens, and looks for it again after a second.
  const named = { host: `localhost:${uiPort}` };
  await vi.waitFor(
    async () =>
      expect(await ask(uiPort, "/api/v1/namespaces", named, "GET")).toHaveProperty("status", 200),
    { timeout: 30_000, interval: 100 },
  );
}, 120_000);
afterAll(async () => {
  proxy?.close();
  await child?.stop();
  ui?.release();
  rmSync(folder, { recursive: true });
}, 60_000);

/** The TCP ports on which this process listens, as Linux lists them. */
function portsOf(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  const listening = "0A";
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === listening && sockets.has(inode ?? ""))
      .map(([, local]) => Number.parseInt(local?.split(":").at(-1) ?? "", 16)),
  );
}

type Heard = { readonly status: number; readonly body: string };

/** Sends a request as a browser words it; status 0 where the port speaks something else. */
function ask(
  to: number,
  path: string,
  headers: OutgoingHttpHeaders,
  method: "GET" | "POST" = "POST",
): Promise<Heard> {
  return new Promise((done) => {
    const sent = request({ port: to, host: "127.0.0.1", path, method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => done({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", () => done({ status: 0, body: "" }));
    sent.setTimeout(3_000, () => sent.destroy());
    sent.end(method === "POST" ? JSON.stringify({ reason: "from another site" }) : undefined);
  });
}

/** Whether a browser connects to a port at all, as the Fetch standard has it: so does Node's. */
async function isForBrowsers(to: number): Promise<boolean> {
  const failed = await fetch(`http://127.0.0.1:${to}/`, {
    signal: AbortSignal.timeout(3_000),
  }).then(
    () => null,
    (error: unknown) => (error as Error).cause,
  );
  return !(failed instanceof Error && failed.message === "bad port");
}

/** A page whose name its owner lets stand for 127.0.0.1: to the browser all this is one site. */
const underItsOwnName = (to: number) => ({
  host: `evil.example:${to}`,
  origin: `http://evil.example:${to}`,
  "sec-fetch-site": "same-origin",
  "content-type": "application/json",
  // What the UI wants of its own pages is in a cookie, which such a page can read.
  cookie: "_csrf=known",
  "x-csrf-token": "known",
});

/** What a page of another site can have a browser send: no question is asked before it. */
const fromElsewhere = () => ({
  "content-type": "text/plain",
  origin: "http://elsewhere.example",
});

test.runIf(process.platform === "linux")(
  "no port of the embedded server ends a process, or tells of one, for a page of another site",
  async () => {
    const own = { address: `127.0.0.1:${port}`, namespace: "default" };
    const connection = temporalConnection(own, { connectTimeoutMs: 5_000 });
    const client = new Client({ connection });
    const workflowId = "ld_http";
    const handle = await client.workflow.start("waits", { workflowId, taskQueue: "nobody" });
    const listening = portsOf(child.pid);
    expect(listening).toEqual(expect.arrayContaining([port, ui.port]));
    expect(await isForBrowsers(ui.port)).toBe(false);
    const forBrowsers = [uiPort];
    for (const one of listening) if (await isForBrowsers(one)) forBrowsers.push(one);
    const place = `/namespaces/default/workflows/${workflowId}`;
    for (const one of forBrowsers)
      for (const path of [`/api/v1${place}`, place])
        for (const headers of [underItsOwnName(one), fromElsewhere()]) {
          const ended = await ask(one, `${path}/terminate`, headers);
          const told = await ask(one, path, headers, "GET");
          const said = [one, path, ended.status, told.status];
          expect([...said, ended.status < 300 && ended.status !== 0]).toEqual([...said, false]);
          expect([...said, told.body.includes(workflowId)]).toEqual([...said, false]);
        }
    expect((await handle.describe()).status.name).toBe("RUNNING");
    await connection.close();
  },
);

test.each([
  "localhost:PORT",
  "127.0.0.1:PORT",
  "[::1]:PORT",
  // Through a tunnel, and through a proxy whose name was told.
  "localhost:9000",
  "temporal.example",
])("the Temporal UI is there for people who open it as %s", async (name) => {
  const host = name.replace("PORT", String(uiPort));
  const page = await ask(
    uiPort,
    "/",
    { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
    "GET",
  );
  expect(page).toMatchObject({ status: 200, body: expect.stringContaining("<html") as string });
  const named = { host, "sec-fetch-site": "same-origin" };
  const told = await ask(uiPort, "/api/v1/namespaces", named, "GET");
  expect(told).toMatchObject({ status: 200, body: expect.stringContaining("default") as string });
});

test.each([
  "evil.example",
  "localhost.evil.example",
  "localhost@evil.example",
  "127.0.0.1.evil.example",
])("nobody finds it under the name %j", async (host) => {
  expect((await ask(uiPort, "/", { host }, "GET")).status).toBeGreaterThanOrEqual(400);
});

test("what its own pages send arrives; what is sent from another port of this machine does not", async () => {
  const host = `localhost:${uiPort}`;
  const path = "/api/v1/namespaces/default/workflows/nobody/terminate";
  const sent = { host, "content-type": "application/json", cookie: "_csrf=a", "x-csrf-token": "a" };
  const own = { ...sent, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
  // Nobody has this id, which only the server behind it can know.
  expect(await ask(uiPort, path, own)).toMatchObject({ status: 404 });
  const other = { ...sent, origin: "http://localhost:1", "sec-fetch-site": "same-site" };
  expect(await ask(uiPort, path, other)).toMatchObject({ status: 403 });
});

describe("the ports that no browser connects to", () => {
  test("are given to one start each, and again when it is over", async () => {
    const [one, other] = await Promise.all([blockedPort(), blockedPort()]);
    expect(new Set([one.port, other.port, ui.port]).size).toBe(3);
    one.release();
    other.release();
    const again = await blockedPort();
    expect([one.port, other.port]).toContain(again.port);
    again.release();
  });
});

test("a Temporal UI that does not answer is said to, and a stop waits for nobody", async () => {
  const silent: Server = createServer(() => undefined);
  await new Promise<void>((open) => silent.listen(0, "127.0.0.1", open));
  const [first, second] = [await testPort(), await testPort()];
  const away = await openTemporalProxy({
    port: first,
    uiPort: await testPort(),
    publicUrl: undefined,
  });
  const toSilent = await openTemporalProxy({
    port: second,
    uiPort: (silent.address() as AddressInfo).port,
    publicUrl: undefined,
  });
  expect(await ask(first, "/", {}, "GET")).toMatchObject({ status: 502 });
  const waiting = ask(second, "/", {}, "GET");
  await new Promise((asked) => silent.once("request", asked));
  toSilent.close();
  expect(await waiting).toMatchObject({ status: 0 });
  away.close();
  silent.closeAllConnections();
  silent.close();
});

test("its files are for this user's eyes only", () => {
  const files = readdirSync(folder).map((name) => join(folder, name));
  expect(files.length).toBeGreaterThanOrEqual(2);
  expect(files.filter((file) => (statSync(file).mode & 0o077) !== 0)).toEqual([]);
});
