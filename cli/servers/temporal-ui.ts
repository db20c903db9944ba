import { createServer, request, type ClientRequest, type IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { pipeline } from "node:stream";
import { CommandError } from "../command.ts";
import { holdPort } from "./ports.ts";

/**
 * Ports to which no browser connects, whatever a page asks for ("port blocking" of the Fetch
 * standard). Those that systems use for something else (2049, 6000) are left out.
 */
const BLOCKED_PORTS = [
  6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 5060, 5061, 6566, 4190, 4045, 3659, 1719, 1720,
  1723,
];

/** A port of `BLOCKED_PORTS`, kept for us until it is let go. */
export type BlockedPort = { readonly port: number; release(): void };

/**
 * A free port on 127.0.0.1 to which no browser connects, and none of `taken`, on which something
 * will listen soon. Two starts of one moment get two (`holdPort`). Throws a `CommandError` when
 * there is none.
 */
export async function blockedPort(taken: readonly number[] = []): Promise<BlockedPort> {
  for (const port of BLOCKED_PORTS) {
    if (taken.includes(port)) continue;
    const release = await holdPort(port);
    if (release !== undefined) return { port, release };
  }
  throw new CommandError(
    "The Temporal UI has no port of its own: it needs one of " +
      `${BLOCKED_PORTS.join(", ")}, to which no browser connects, and all are taken; stop ` +
      "a program that listens on one of them.",
  );
}

/** Where people open the Temporal UI, and where it is. */
type TemporalProxyPlace = {
  readonly port: number;
  readonly uiPort: number;
  /** TEMPORAL_UI_URL: where people open it, which may be a proxy of the operator's. */
  readonly publicUrl: string | undefined;
};

/** More connections than people with a page open have; further ones are closed at once. */
const mostConnections = 256;

/**
 * A reverse proxy at the address at which people open the Temporal UI. The UI asks nobody who he is, and takes a page
 * under any name for its own: one whose name its owner lets stand for 127.0.0.1 could end every
 * process. Here only this machine's names are answered, and what pages of others send is refused.
 */
export async function openTemporalProxy(place: TemporalProxyPlace): Promise<{ close(): void }> {
  const ours = place.publicUrl === undefined ? undefined : new URL(place.publicUrl);
  const server = createServer((asked, answer) => {
    const say = (status: number, sentence: string): void => {
      asked.resume();
      answer.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
      answer.end(`${sentence}\n`);
    };
    const refused = refusal(asked, place.port, ours);
    if (refused !== null) return say(403, refused);
    let passed: ClientRequest;
    try {
      passed = request({
        host: "127.0.0.1",
        port: place.uiPort,
        method: asked.method,
        path: asked.url,
        headers: { ...endToEnd(asked), ...framing(asked) },
        // A connection of its own: nothing left on it can be taken for another request.
        agent: false,
      });
    } catch {
      // What Node reads but would not send. Whatever is asked here must not end the supervisor.
      return say(400, "This is no request for the Temporal UI.");
    }
    passed.on("response", (given) => {
      try {
        answer.writeHead(given.statusCode ?? 502, endToEnd(given));
      } catch {
        passed.destroy();
        return say(502, "The Temporal UI gave no answer that can be handed on.");
      }
      pipeline(given, answer, () => undefined);
    });
    passed.on("error", () => {
      if (answer.headersSent) answer.destroy();
      else say(502, "The Temporal UI does not answer.");
    });
    answer.on("close", () => passed.destroy());
    pipeline(asked, passed, () => undefined);
  });
  await new Promise<void>((open, fail) => {
    server.once("error", () =>
      fail(
        new CommandError(
          `Port ${place.port} for the Temporal UI is taken by another program; stop that program ` +
            "or set TEMPORAL_UI_PORT to a free port.",
        ),
      ),
    );
    server.listen({ port: place.port, host: "127.0.0.1", exclusive: true }, open);
  });
  // A connection that cannot be taken in must not end the supervisor.
  server.on("error", () => undefined);
  server.maxConnections = mostConnections;
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Why a request is not handed on; null when it is. */
function refusal(
  { method, url, headers }: IncomingMessage,
  port: number,
  ours: URL | undefined,
): string | null {
  const { host = "", origin } = headers;
  if (url?.startsWith("/") !== true || !isOurName(host, ours?.hostname))
    return (
      `This is the Temporal UI of this machine: open it as http://localhost:${port}. Where a ` +
      "proxy gives it another name, set TEMPORAL_UI_URL to that address."
    );
  const site = headers["sec-fetch-site"];
  const opens = method === "GET" && headers["sec-fetch-mode"] === "navigate";
  const isForeign =
    (site !== undefined && site !== "same-origin" && site !== "none") ||
    // A proxy of the operator's may send its own name for the host, and the page's origin as it is.
    (origin !== undefined && hostOf(origin) !== host.toLowerCase() && origin !== ours?.origin);
  return isForeign && !opens ? "This was sent by a page of another site." : null;
}

/** A name that nobody can let stand for this machine: an address, or one that needs no look-up. */
function isOurName(host: string, name: string | undefined): boolean {
  const { hostname = "" } = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : {};
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, "")) !== 0;
  return isAddress || hostname === "localhost" || hostname === name;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

const BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The headers that are for whoever stands at the other end, each as often as it came. */
function endToEnd({ headersDistinct }: IncomingMessage): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headersDistinct).flatMap(([header, values = []]) => {
      if (BY_HOP.has(header)) return [];
      return [[header, values.length === 1 ? (values[0] ?? "") : values]];
    }),
  );
}

/**
 * How the body of a request is framed where its length is not told. Node frames it by itself for
 * POST, PUT and PATCH alone; of any other it would send the bytes as they are, and the server would
 * read them as the next request.
 */
function framing({ headers }: IncomingMessage): Record<string, string> {
  return headers["transfer-encoding"] === undefined ? {} : { "transfer-encoding": "chunked" };
}
