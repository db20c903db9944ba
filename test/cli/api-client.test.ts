import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { apiClient, askPatiently } from "../../cli/api-client.ts";
import { readSettings } from "../../cli/env.ts";

let server: Server;
afterEach(() => new Promise((done) => server.close(done)));

/** An API that gives these answers in turn, and tells what it was asked. */
async function answering(...answers: [status: number, body: object][]) {
  const keys: unknown[] = [];
  server = createServer((request, response) => {
    keys.push(request.headers["idempotency-key"]);
    const [status, body] = answers[keys.length - 1] ?? [500, {}];
    response.writeHead(status, { "content-type": "application/json", "retry-after": "0.01" });
    response.end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return { api: await apiClient(readSettings(), { url, token: "any" }), keys };
}

test("what was begun before a busy server gave up is asked for again under its key", async () => {
  const { api, keys } = await answering(
    [503, { code: "unavailable" }],
    [409, { code: "still-running" }],
    [201, { id: "ld_1" }],
  );
  expect(await api("POST", "/leads", {}, "key")).toEqual({ status: 201, body: { id: "ld_1" } });
  expect(keys).toEqual(["key", "key", "key"]);
});

test("a request that a slow machine carries out for long is waited for", async () => {
  const running = Array.from({ length: 30 }, (): [number, object] => [
    409,
    { code: "still-running" },
  ]);
  const { api, keys } = await answering(...running, [201, { id: "ld_1" }]);
  expect((await api("POST", "/leads", {}, "key")).status).toBe(201);
  expect(keys.length).toBe(31);
});

test("a conflict of another kind is an answer, and so is a busy server without a key", async () => {
  const refused = await answering([409, { code: "not-possible-now" }]);
  expect((await refused.api("POST", "/leads", {}, "key")).status).toBe(409);
  server.close();
  const keyless = await answering([503, {}]);
  expect((await keyless.api("POST", "/leads", {})).status).toBe(503);
  expect([refused.keys.length, keyless.keys.length]).toEqual([1, 1]);
});

test("a refusal names the command, and not the route that it is for programs", async () => {
  const { api } = await answering([
    409,
    {
      code: "conflict",
      detail: "it has no plan yet: make one at POST /agreement/versions/ag_1/plan",
    },
  ]);
  const { body } = await api<{ detail: string }>("POST", "/agreement/versions/ag_1/activate", {});
  expect(body.detail).toBe("it has no plan yet: make one at npx baton agreement plan ag_1");
});

test("a connection that breaks off is asked again where a repeat does nothing twice", async () => {
  let asked = 0;
  server = createServer((request, response) => {
    if (++asked % 2 === 1) request.socket.destroy();
    else response.end(JSON.stringify({ asked }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = await apiClient(readSettings(), { url, token: "any" });
  expect((await api("POST", "/leads", {}, "key")).body).toEqual({ asked: 2 });
  expect((await api("GET", "/leads")).body).toEqual({ asked: 4 });
  await expect(api("POST", "/leads", {})).rejects.toThrow(
    /ended before the answer; what was asked for may have been done/,
  );
  expect(asked).toBe(5);
});

test("an API that ends under a request is waited for until it is there again", async () => {
  let asked = 0;
  const listen = (port: number) =>
    (server = createServer((request, response) => {
      if (++asked === 1) {
        request.socket.destroy();
        server.close();
      } else response.end(JSON.stringify({ asked }));
    }).listen(port, "127.0.0.1"));
  listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const api = await apiClient(readSettings(), { url: `http://127.0.0.1:${port}`, token: "any" });
  server.once("close", () => setTimeout(() => listen(port), 1_200));
  expect((await api("POST", "/leads", {}, "key")).body).toEqual({ asked: 2 });
});

test("one that does not come back may have done it; one that never was there has not", async () => {
  server = createServer((request) => {
    request.socket.destroy();
    server.close();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const patience = { timeoutMs: 5_000, patienceMs: 1_200 };
  await expect(askPatiently(url, {}, patience)).rejects.toThrow(/may have been done/);
  await expect(askPatiently(url, {}, patience)).rejects.toThrow(/Nothing answers at/);
});

test("a busy server's answers are no cuts", async () => {
  let asked = 0;
  server = createServer((request, response) => {
    asked += 1;
    if (asked === 5) request.socket.destroy();
    else if (asked > 5) response.end("{}");
    else response.writeHead(503, { "retry-after": "0.01" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = await apiClient(readSettings(), { url, token: "any" });
  expect((await api("POST", "/leads", {}, "key")).status).toBe(200);
  expect(asked).toBe(6);
});

test("where no connection comes about nothing was asked for, and it is not asked again", async () => {
  server = createServer();
  const cause = Object.assign(new Error("Connect Timeout"), { code: "UND_ERR_CONNECT_TIMEOUT" });
  const asked = vi.fn(() => Promise.reject(new TypeError("fetch failed", { cause })));
  vi.stubGlobal("fetch", asked);
  try {
    const api = await apiClient(readSettings(), { url: "http://10.0.0.1", token: "any" });
    await expect(api("GET", "/leads")).rejects.toThrow(/Nothing answers at/);
    expect(asked).toHaveBeenCalledTimes(1);
  } finally {
    vi.unstubAllGlobals();
  }
});

test.each(["ftp://127.0.0.1", "nonsense", "http://"])("%s is no address of an API", async (url) => {
  await expect(apiClient(readSettings(), { url, token: "any" })).rejects.toThrow(
    /--url is .*; give/,
  );
});

test("what something else than Baton answers, or nobody in time, is a sentence", async () => {
  const html = { "content-type": "text/html" };
  server = createServer((request, response) => {
    if (request.url === "/text") response.end("hello");
    if (request.url === "/page") response.writeHead(502, html).end("<h1>Bad gateway</h1>");
    if (request.url === "/half") response.writeHead(200, { "content-length": "9" }).write("{");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = await apiClient(readSettings(), { url, token: "any" }, 300);
  await expect(api("GET", "/text")).rejects.toThrow(/answered 200 and no JSON.*--url/);
  await expect(api("GET", "/page")).rejects.toThrow(/answered 502 and no JSON/);
  await expect(api("GET", "/half")).rejects.toThrow(/does not answer within 0.3 seconds/);
  await expect(api("GET", "/never")).rejects.toThrow(/does not answer within 0.3 seconds/);
  const odd = await apiClient(readSettings(), { url, token: "a\nb" });
  await expect(odd("GET", "/text")).rejects.toThrow(/--token is no token/);
  server.closeAllConnections();
});
