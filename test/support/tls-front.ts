import { once } from "node:events";
import {
  connect,
  constants,
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";

/** A certificate with its key, both in PEM. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of the test's own. */
export async function certificateAuthority(): Promise<Credentials> {
  const made = await generate([{ name: "commonName", value: "test authority" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** A certificate of that authority for 127.0.0.1, good for a server and for a client. */
export async function issuedBy(ca: Credentials, name: string): Promise<Credentials> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ca,
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: name },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** What a Temporal server in front of which TLS ends looks like from outside. */
export interface TlsFront {
  readonly address: string;
  /** Calls that were passed on. */
  calls(): number;
  close(): Promise<void>;
}

/**
 * Ends TLS in front of a Temporal server that speaks none: it shows `own`, takes only clients with
 * a certificate of `clientCa`, and refuses calls without `apiKey` as a Temporal server does.
 */
export async function tlsFront(
  target: string,
  {
    own,
    clientCa,
    apiKey,
  }: { readonly own: Credentials; readonly clientCa?: string; readonly apiKey?: string },
): Promise<TlsFront> {
  let calls = 0;
  const behind = connect(`http://${target}`);
  behind.on("error", () => undefined);
  const pass = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    stream.on("error", () => undefined);
    if (apiKey !== undefined && headers.authorization !== `Bearer ${apiKey}`) {
      stream.respond(
        {
          ":status": 200,
          "content-type": "application/grpc",
          "grpc-status": "16",
          "grpc-message": "Request unauthorized.",
        },
        { endStream: true },
      );
      return;
    }
    calls += 1;
    const { [constants.HTTP2_HEADER_AUTHORITY]: _, ...others } = headers;
    const upstream = behind.request(others);
    upstream.on("error", () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    stream.on("close", () => upstream.close(stream.rstCode));
    upstream.on("response", (answer, flags) => {
      if (stream.destroyed) return;
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0)
        return stream.respond(answer, { endStream: true });
      stream.respond(answer, { waitForTrailers: true });
      upstream.pipe(stream);
    });
    let trailers: IncomingHttpHeaders = {};
    upstream.on("trailers", (last) => {
      trailers = last;
    });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.pipe(upstream);
  };
  const server = createSecureServer({
    ...own,
    ...(clientCa === undefined
      ? {}
      : { requestCert: true, rejectUnauthorized: true, ca: clientCa }),
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session.on("error", () => undefined));
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", pass);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    async close() {
      for (const session of sessions) session.destroy();
      behind.destroy();
      await new Promise<void>((done) => {
        server.close(() => done());
      });
    },
  };
}
