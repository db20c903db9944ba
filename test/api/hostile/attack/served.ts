import { once } from "node:events";
import { request, type ClientRequest } from "node:http";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { run, type Program } from "../../../support/program.ts";

/** What came back; status 0: the connection ended without an answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array | (() => Iterable<string | Uint8Array>);
}

/** An API process as `npm start` starts it, with its threads. */
export interface Served {
  readonly port: number;
  readonly program: Program;
  /** One request on a connection of its own. A body that is not wanted to its end is given up. */
  send(method: string, path: string, sending?: Sending): Promise<Reply>;
  /** Bytes as they are; gives the first answer, or what there was when the connection ended. */
  say(bytes: string, waitMs?: number): Promise<Reply>;
  stop(): Promise<void>;
}

const root = new URL("../../../../", import.meta.url);

/** Starts an API on a database; `env` is added to what it needs. */
export async function serveApart(
  databaseUrl: string,
  env: Readonly<Record<string, string>>,
): Promise<Served> {
  const program = run(
    process.execPath,
    [
      "--enable-source-maps",
      "--import",
      "tsx",
      "--import",
      new URL("watch.mjs", import.meta.url).href,
      fileURLToPath(new URL("api/server.ts", root)),
    ],
    {
      env: {
        PATH: process.env["PATH"] ?? "",
        DATABASE_URL: databaseUrl,
        // Nothing listens there: no answer may depend on Temporal.
        TEMPORAL_ADDRESS: "127.0.0.1:1",
        PORT: "0",
        ...env,
      },
      cwd: fileURLToPath(root),
    },
  );
  await program.until('"ready":true');
  const ready = program.lines.find((line) => line.includes('"ready":true')) ?? "{}";
  const { port } = JSON.parse(ready) as { port: number };
  return {
    port,
    program,
    send: (method, path, sending = {}) => sendTo(port, method, path, sending),
    say: (bytes, waitMs = 4_000) => sayTo(port, bytes, waitMs),
    async stop() {
      program.signal("SIGTERM");
      await program.exit;
    },
  };
}

function sendTo(
  port: number,
  method: string,
  path: string,
  { headers = {}, body }: Sending,
): Promise<Reply> {
  return new Promise((resolve) => {
    const isPieces = typeof body === "function";
    const bytes = body === undefined || isPieces ? undefined : Buffer.from(body as Uint8Array);
    const given = Object.keys(headers).map((name) => name.toLowerCase());
    const asked = request({
      host: "127.0.0.1",
      port,
      method,
      path,
      agent: false,
      headers: {
        ...(headers as Record<string, string>),
        ...(bytes === undefined || given.includes("content-length")
          ? {}
          : { "content-length": bytes.length }),
      },
    });
    let answered = false;
    asked.on("response", (response) => {
      answered = true;
      const parts: Buffer[] = [];
      const end = () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(parts).toString("utf8"),
        });
      response.on("data", (part: Buffer) => parts.push(part));
      response.once("close", () => {
        asked.destroy();
        end();
      });
    });
    const broken = (error: Error) => {
      // An answer may have come before the connection was cut.
      setTimeout(() => {
        if (!answered) resolve({ status: 0, headers: {}, text: error.message });
      }, 500);
    };
    asked.on("error", broken);
    if (!isPieces) return void asked.end(bytes);
    void (async () => {
      for (const piece of body()) {
        if (answered || asked.destroyed) return;
        if (!asked.write(piece)) await drained(asked);
      }
      asked.end();
    })();
  });
}

/** Resolves when more can be written, or nothing any more. */
function drained(asked: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      for (const name of ["drain", "close"]) asked.off(name, end);
      resolve();
    };
    for (const name of ["drain", "close"]) asked.once(name, end);
  });
}

function sayTo(port: number, bytes: string, waitMs: number): Promise<Reply> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    let said = "";
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      const [head = "", ...rest] = said.split("\r\n\r\n");
      const [first = "", ...lines] = head.split("\r\n");
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0),
        headers: Object.fromEntries(
          lines.map((line) => {
            const at = line.indexOf(":");
            return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
          }),
        ),
        text: rest.join("\r\n\r\n"),
      });
    };
    const timer = setTimeout(end, waitMs);
    socket.on("data", (data) => {
      said += data.toString("utf8");
      const [head = "", ...rest] = said.split("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (Buffer.byteLength(rest.join("\r\n\r\n")) >= length) end();
    });
    socket.on("close", end);
    socket.on("error", end);
  });
}

/** How /healthz answered meanwhile, in milliseconds. */
export interface Health {
  readonly asked: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** Between two answers; it is asked every 20 ms. */
  readonly silence: number;
}

/** Asks for health from now on; the function that is given ends it. */
export function probeHealth(port: number): () => Promise<Health> {
  const worker = new Worker(new URL("probe.mjs", import.meta.url), { workerData: { port } });
  return async () => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
    worker.postMessage("end");
    const [{ took, failed, silence }] = (await once(worker, "message")) as [
      { took: number[]; failed: number; silence: number },
    ];
    await worker.terminate();
    took.sort((a, b) => a - b);
    const at = (share: number) =>
      Math.round((took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0) * 10) / 10;
    return {
      asked: took.length + failed,
      failed,
      p50: at(0.5),
      p99: at(0.99),
      longest: at(1),
      silence: Math.round(silence),
    };
  };
}

/** A time at which the API's loop was held for more than 60 ms, as `watch.mjs` says it. */
export interface Held {
  readonly held: number;
  /** Processor time that the loop itself took meanwhile. */
  readonly cpu: number;
  readonly at: number;
}

export function heldTimes({ lines }: Program): Held[] {
  return lines.filter((line) => line.startsWith('{"held"')).map((line) => JSON.parse(line) as Held);
}
