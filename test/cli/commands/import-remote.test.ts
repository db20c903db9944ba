import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { importThroughApi } from "../../../cli/commands/import-remote.ts";

let folder: string;
let server: Server;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-test-import-"));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status?: number;
  readonly state?: "running" | "done";
  /** The connection ends before the answer. */
  readonly isCut?: boolean;
  /** After the answer nobody is there for so long. */
  readonly awayMs?: number;
}

/** Imports a file through an API that gives these answers in turn; gives what it was asked. */
async function importing(...answers: readonly Answer[]) {
  const asked: string[] = [];
  const counts = { rows: 1, created: 1, merged: 0, unchanged: 0, refused: 0, notUnderstood: {} };
  let at = 0;
  const listen = (port: number): Server =>
    (server = createServer((request, response) => {
      const { status = 200, state, isCut, awayMs } = answers[asked.length] ?? { isCut: true };
      asked.push(`${request.method} ${request.url}`);
      request.resume().on("end", () => {
        if (isCut) return request.socket.destroy();
        response.writeHead(status, { "retry-after": "0.01", connection: "close" });
        response.end(JSON.stringify({ id: "im_1", state, ...counts }));
        if (awayMs !== undefined) server.close(() => setTimeout(() => listen(at), awayMs));
      });
    }).listen(port, "127.0.0.1"));
  await once(listen(0), "listening");
  at = (server.address() as AddressInfo).port;
  const path = join(folder, "leads.csv");
  writeFileSync(path, "email\na@acme.com\n");
  const url = `http://127.0.0.1:${at}`;
  const lines: string[] = [];
  const code = await importThroughApi(
    { path, mapText: "", dryRun: false, json: true, url, token: "any" },
    { out: (line) => void lines.push(line), err: () => undefined },
  );
  expect([code, JSON.parse(lines[0] ?? "")]).toMatchObject([0, { state: "done", created: 1 }]);
  return asked;
}

test("an import outlasts a busy API and connections that end before the answer", async () => {
  const asked = await importing(
    { isCut: true },
    { status: 503 },
    { state: "running" },
    { isCut: true },
    { state: "done" },
  );
  expect(asked).toEqual([
    "POST /imports",
    "POST /imports",
    "POST /imports",
    "GET /imports/im_1",
    "GET /imports/im_1",
  ]);
});

test.each([
  ["under a question", [{ state: "running" }, { isCut: true }]],
  ["between two questions", [{ state: "running", awayMs: 1_000 }]],
] as const)("an API that was away %s is sent the file again, to go on", async (_, before) => {
  const asked = await importing(
    ...before,
    { state: "running" },
    { state: "running" },
    { state: "done" },
  );
  expect(asked.slice(before.length)).toEqual([
    "GET /imports/im_1",
    "POST /imports",
    "GET /imports/im_1",
  ]);
});
