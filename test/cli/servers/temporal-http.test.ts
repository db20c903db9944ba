import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "../../../cli/env.ts";
import { freePort } from "../../../cli/servers/ports.ts";
import { temporalChild } from "../../../cli/servers/temporal-server.ts";
import { getTemporal } from "../../../cli/servers/temporal.ts";
import { launch, type Child } from "../../../cli/stack/child.ts";
import { temporalConnection } from "../../../temporal/connection.ts";

let folder: string;
let child: Child;
let port: number;
let uiPort: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-test-http-"));
  [port, uiPort] = [await freePort(), await freePort()];
  const path = process.env["PATH"] ?? "";
  const cli = await getTemporal({ ...readSettings(), path, progress: () => undefined });
  child = await launch(
    temporalChild(cli, {
      port,
      uiPort,
      namespace: "default",
      databaseFile: join(folder, "temporal.db"),
      logFile: join(folder, "temporal.log"),
    }),
  );
  await child.ready;
}, 120_000);
afterAll(async () => {
  await child?.stop();
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

/** What a page of another site can have a browser send: no question is asked before it. */
function fromForeignPage(to: number, path: string): Promise<number> {
  return new Promise((done) => {
    const sent = request(
      {
        port: to,
        host: "127.0.0.1",
        path,
        method: "POST",
        headers: { "content-type": "text/plain", origin: "http://elsewhere.example" },
      },
      (response) => {
        response.resume();
        done(response.statusCode ?? 0);
      },
    );
    // A port that speaks something else, or hangs up.
    sent.on("error", () => done(0));
    sent.setTimeout(3_000, () => sent.destroy());
    sent.end(JSON.stringify({ reason: "from another site" }));
  });
}

test.runIf(process.platform === "linux")(
  "no port of the embedded server ends a process for a page of another site",
  async () => {
    const own = { address: `127.0.0.1:${port}`, namespace: "default" };
    const connection = temporalConnection(own, { connectTimeoutMs: 5_000 });
    const client = new Client({ connection });
    const workflowId = "ld_http";
    const handle = await client.workflow.start("waits", { workflowId, taskQueue: "nobody" });
    const ports = portsOf(child.pid);
    expect(ports).toEqual(expect.arrayContaining([port, uiPort]));
    const place = `/namespaces/default/workflows/${workflowId}/terminate`;
    for (const one of ports)
      for (const path of [`/api/v1${place}`, place]) {
        const status = await fromForeignPage(one, path);
        expect([one, path, status >= 200 && status < 300]).toEqual([one, path, false]);
      }
    expect((await handle.describe()).status.name).toBe("RUNNING");
    await connection.close();
  },
);

test("its files are for this user's eyes only", () => {
  const files = readdirSync(folder).map((name) => join(folder, name));
  expect(files.length).toBeGreaterThanOrEqual(2);
  expect(files.filter((file) => (statSync(file).mode & 0o077) !== 0)).toEqual([]);
});
