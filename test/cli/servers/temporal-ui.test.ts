import { once } from "node:events";
import {
  createServer,
  request,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
} from "node:http";
import { connect, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { testPort } from "../../support/ports.ts";
import { blockedPort, openTemporalProxy } from "../../../cli/servers/temporal-ui.ts";

interface Passed {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

let ui: Server;
let passed: Passed[];
let port: number;
let proxy: { close(): void };

/** In place of the Temporal UI a server that notes what reaches it. */
beforeAll(async () => {
  ui = createServer((asked, answer) => {
    void text(asked).then((body) => {
      passed.push({ method: asked.method, url: asked.url, body });
      return answer.end("done");
    });
  }).listen(0, "127.0.0.1");
  await once(ui, "listening");
  port = await testPort();
  proxy = await openTemporalProxy({
    port,
    uiPort: (ui.address() as AddressInfo).port,
    publicUrl: "https://temporal.example/ui",
  });
});
beforeEach(() => {
  passed = [];
});
afterAll(() => {
  proxy.close();
  ui.closeAllConnections();
  ui.close();
});

/** Sends bytes as they are, and gives the answer to the first request among them. */
async function sendRaw(bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  let heard = "";
  for await (const piece of socket.setEncoding("latin1")) {
    heard += String(piece);
    if (heard.includes("done") || heard.includes("sent by")) break;
  }
  socket.destroy();
  return heard;
}

const hidden =
  "POST /api/v1/namespaces/default/workflows/ld_1/terminate HTTP/1.1\r\n" +
  "Host: localhost\r\nContent-Length: 0\r\n\r\n";

test.each(["GET", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "PROPFIND"])(
  "a request in the body of a %s stays a body",
  async (method) => {
    await sendRaw(
      `${method} /own HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
    );
    await sendRaw(
      `${method} /own HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${hidden.length}\r\n\r\n` +
        hidden,
    );
    expect(passed).toEqual([
      { method, url: "/own", body: hidden },
      { method, url: "/own", body: hidden },
    ]);
  },
);

async function statusOf(headers: OutgoingHttpHeaders): Promise<[number | undefined, string]> {
  const sent = request({ port, host: "127.0.0.1", path: "/own", method: "POST", headers }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return [answer.statusCode, await text(answer)];
}

test("behind a proxy that sends a host of its own, a page at TEMPORAL_UI_URL can act", async () => {
  const behind = { host: `127.0.0.1:${port}`, "sec-fetch-site": "same-origin" };
  expect(await statusOf({ ...behind, origin: "https://temporal.example" })).toEqual([200, "done"]);
  const others: readonly OutgoingHttpHeaders[] = [
    { ...behind, origin: "https://evil.example" },
    { ...behind, origin: "http://temporal.example" },
    { ...behind, origin: "https://temporal.example", "sec-fetch-site": "cross-site" },
    { ...behind, origin: "null" },
  ];
  for (const headers of others)
    expect(await statusOf(headers)).toEqual([403, "This was sent by a page of another site.\n"]);
});

test("who asks under another name is told the address", async () => {
  expect(await statusOf({ host: "evil.example" })).toEqual([
    403,
    expect.stringContaining(`open it as http://localhost:${port}. Where a proxy`),
  ]);
});

test("a port on which something else will listen is not taken", async () => {
  const one = await blockedPort();
  one.release();
  const other = await blockedPort([one.port]);
  other.release();
  expect(other.port).not.toBe(one.port);
});
