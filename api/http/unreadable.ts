import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import { Problem, problemResponse } from "./errors.ts";

/**
 * What never becomes a request (headers without end, no HTTP at all, a body that stalls) is
 * answered with a problem like everything else, and the connection is closed. Node alone would
 * answer without a body.
 */
export function answerUnreadable(server: Pick<Server, "on">): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else void answer(socket, problemResponse(problemOf(error.code)));
  });
  server.on("connect", (_, socket: Duplex) => {
    void answer(socket, problemResponse(noTunnel));
  });
}

async function answer(socket: Duplex, response: Response): Promise<void> {
  const body = await response.text();
  const headers = [
    ...response.headers,
    ["content-length", String(Buffer.byteLength(body))],
    ["connection", "close"],
  ].map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${response.status} Refused\r\n${headers.join("\r\n")}\r\n\r\n${body}`);
}

const noTunnel = new Problem("method-not-allowed", { detail: "there is no way through here" });

function problemOf(code: string | undefined): Problem {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new Problem("too-large", {
        field: "headers",
        detail: "address and headers may have 16 KiB together",
        status: 431,
      });
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new Problem("too-large", {
        field: "body",
        detail: "the body's chunks carry too much besides it",
      });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Problem("malformed", {
        field: "body",
        detail: "the request did not come to its end in time",
        status: 408,
      });
    default:
      return new Problem("malformed", {
        field: "headers",
        detail: "this is not HTTP as it is spoken here",
      });
  }
}
