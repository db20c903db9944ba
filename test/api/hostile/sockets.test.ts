import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerUnreadable } from "../../../api/http/unreadable.ts";
import { serving, type Serving } from "../../support/serving.ts";
import { clientCodes, hostileWorld, type HostileWorld } from "./world.ts";

/** What only a socket can send: Node's parser judges it before any route does. */
let world: HostileWorld;
let served: Serving;
let port: number;
beforeAll(async () => {
  world = await hostileWorld();
  served = await serving(world.app);
  ({ port } = served);
  answerUnreadable(served.server);
});
afterAll(async () => {
  served.close();
  await world.close();
});

/** Sends bytes and gives all that comes back, up to the first complete answer or three seconds. */
function say(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let said = "";
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(said);
    };
    const timer = setTimeout(end, 3_000);
    socket.on("data", (data) => {
      said += data.toString();
      const [head = "", body] = said.split("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (body !== undefined && Buffer.byteLength(body) >= length) end();
    });
    socket.on("close", end);
    socket.on("error", end);
  });
}

const token = () => `Authorization: Bearer ${world.people.token("operator")}`;
const post = (headers: string, body: string) =>
  `POST /leads HTTP/1.1\r\nHost: x\r\n${token()}\r\nContent-Type: ` +
  `application/json\r\n${headers}\r\n\r\n${body}`;

test.each([
  [
    "an address without end",
    () => `GET /leads?q=${"x".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  ],
  [
    "a header without end",
    () => `GET /leads HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
  ],
  [
    "thousands of headers",
    () =>
      `GET /leads HTTP/1.1\r\nHost: ` +
      `x\r\n${Array.from({ length: 3_000 }, (_, n) => `X-${n}: x`).join("\r\n")}\r\n\r\n`,
  ],
  [
    "a key without end",
    () => post(`Idempotency-Key: ${"x".repeat(20_000)}\r\nContent-Length: 2`, "{}"),
  ],
  ["no HTTP", () => "\u0016\u0003\u0001 hello\r\n\r\n"],
  ["another protocol", () => "GET /leads SPDY/3\r\n\r\n"],
  ["a method that is none", () => "GE T /leads HTTP/1.1\r\nHost: x\r\n\r\n"],
  [
    "a header with a line break inside",
    () => "GET /leads HTTP/1.1\r\nHost: x\r\nX: a\n b\u0000\r\n\r\n",
  ],
  ["two lengths", () => post("Content-Length: 2\r\nContent-Length: 3", "{}")],
  [
    "a length and chunks",
    () => post("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
  ],
  ["a negative length", () => post("Content-Length: -1", "{}")],
  ["a length that is none", () => post("Content-Length: 2e1", "{}")],
  ["a chunk of no size", () => post("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n")],
  [
    "chunks without end",
    () =>
      post("Transfer-Encoding: chunked", "10000\r\n".concat(" ".repeat(65_536), "\r\n").repeat(3)),
  ],
  ["a body announced as huge", () => post("Content-Length: 99999999999", "{}")],
])("%s is refused with a code and the field, and no table changes", async (_, text) => {
  const before = await world.snapshot();
  const said = await say(text());
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(said)?.[1]);
  expect([400, 413, 415, 422, 431], said).toContain(status);
  const body = JSON.parse(/\{[\s\S]*\}/.exec(said)?.[0] ?? "{}") as {
    code: string;
    field?: string;
  };
  expect(clientCodes, said).toContain(body.code);
  expect(body.field, said).toBeTruthy();
  expect(await world.snapshot()).toEqual(before);
});

/** A body of so many bytes in chunks of 64 KiB, without its end. */
const chunks = (bytes: number) =>
  "10000\r\n".concat(" ".repeat(65_536), "\r\n").repeat(Math.ceil(bytes / 65_536) + 1);
const inChunks = (line: string, type: string, body: string) =>
  `${line} HTTP/1.1\r\nHost: x\r\n${token()}\r\nContent-Type: ${type}\r\n` +
  `Transfer-Encoding: chunked\r\n\r\n${body}`;

test.each([
  ["POST /leads", "application/json", 64 * 1024],
  ["PATCH /leads/ld_x", "application/json", 64 * 1024],
  ["POST /tasks/tk_x/done", "application/json", 64 * 1024],
  ["POST /agreement/versions/propose", "application/json", 512 * 1024],
  ["POST /simulate", "application/json", 512 * 1024],
  ["POST /v1/batch", "application/json", 512 * 1024],
  ["PUT /roster", "application/yaml", 4 * 1024 * 1024],
  ["PUT /roster/reps", "application/json", 4 * 1024 * 1024],
  ["POST /webhooks/x", "application/json", 256 * 1024],
])("%s in chunks ends at its bound, as one with a length does", async (line, type, most) => {
  expect(await say(inChunks(line, type, chunks(most)))).toMatch(/^HTTP\/1\.1 413 /);
});

test.each([
  ["a body", () => post("Content-Length: 20", "{")],
  [
    "a roster, which may be large",
    () =>
      `PUT /roster HTTP/1.1\r\nHost: x\r\n${token()}\r\nContent-Type: application/yaml\r\n` +
      "Content-Length: 20\r\n\r\nhours:",
  ],
  [
    "a roster in chunks",
    () =>
      `PUT /roster HTTP/1.1\r\nHost: x\r\n${token()}\r\nContent-Type: application/yaml\r\n` +
      "Transfer-Encoding: chunked\r\n\r\n6\r\nhours:\r\n",
  ],
  ["a body in chunks", () => post("Transfer-Encoding: chunked", "1\r\n{\r\n")],
  ["a webhook in chunks", () => inChunks("POST /webhooks/x", "application/json", "1\r\n{\r\n")],
  [
    "a file in chunks",
    () => inChunks("POST /imports", "multipart/form-data; boundary=x", "5\r\n--x\r\n\r\n"),
  ],
  [
    "a file",
    () =>
      `POST /imports HTTP/1.1\r\nHost: x\r\n${token()}\r\nContent-Type: multipart/form-data; ` +
      `boundary=x\r\nContent-Length: 500\r\n\r\n--x\r\n`,
  ],
])("%s that stalls is 408, and the connection is closed", { timeout: 30_000 }, async (_, text) => {
  const socket = connect(port, "127.0.0.1", () => socket.write(text()));
  let said = "";
  socket.on("data", (data) => {
    said += data.toString();
  });
  await once(socket, "close");
  expect(said).toMatch(/^HTTP\/1\.1 408 /);
  expect(said).toContain('"field":"body"');
  expect(await say("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).toContain(
    "200 OK",
  );
});
