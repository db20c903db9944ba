import type { HonoRequest, MiddlewareHandler } from "hono";
import type { AppEnv } from "../deps.ts";
import { isConsole } from "../console/paths.ts";
import { bounded } from "./bounded.ts";
import { Problem } from "./errors.ts";
import { checkJson, type JsonLimits } from "./json.ts";
import { outsideDeadline } from "./timeout.ts";

/**
 * How a route takes its body. `json` is checked here; `text` routes have it read in a thread, JSON
 * or, where `yaml` says so, YAML; `raw` routes read it themselves, within the bound.
 */
interface BodyRule {
  readonly kind: "json" | "text" | "form" | "raw" | "stream";
  readonly maxBytes: number;
  readonly limits?: JsonLimits;
  readonly yaml?: true;
}

const usual: BodyRule = { kind: "json", maxBytes: 64 * 1024 };

/** Forms of the console. */
const usualForm: BodyRule = { kind: "form", maxBytes: 64 * 1024 };

/** The routes that differ. `stream`: the route reads and bounds the body itself. */
const rules: Readonly<Record<string, BodyRule>> = {
  "POST /agreement/versions": { kind: "json", maxBytes: 512 * 1024 },
  "POST /agreement/versions/propose": { kind: "json", maxBytes: 512 * 1024 },
  "POST /simulate": { kind: "json", maxBytes: 512 * 1024 },
  // 500 messages, each with the context that trackers add.
  "POST /v1/batch": {
    kind: "json",
    maxBytes: 512 * 1024,
    limits: { names: 25_000, values: 50_000 },
  },
  "POST /roster/preview": { kind: "text", maxBytes: 4 * 1024 * 1024, yaml: true },
  "PUT /roster": { kind: "text", maxBytes: 4 * 1024 * 1024, yaml: true },
  "PUT /roster/reps": { kind: "text", maxBytes: 4 * 1024 * 1024 },
  "PUT /roster/pools": { kind: "text", maxBytes: 4 * 1024 * 1024 },
  "PUT /roster/absences": { kind: "text", maxBytes: 4 * 1024 * 1024 },
  "POST /webhooks/{source}": { kind: "raw", maxBytes: 256 * 1024 },
  "POST /console/offer/{token}": { kind: "form", maxBytes: 32 * 1024 },
  "POST /console/agreement/draft": { kind: "stream", maxBytes: 0 },
  "POST /imports": { kind: "stream", maxBytes: 0 },
  "POST /console/imports": { kind: "stream", maxBytes: 0 },
  // A draft as a form writes it: each line end six bytes.
  "POST /console/simulate": { kind: "form", maxBytes: 1024 * 1024 },
};

/**
 * Reads a body once, bounded, and refuses what no route wants: other media types, compressed
 * bodies, hostile JSON.
 */
export function readBody(timeoutMs: number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    // With a length the body is read as it comes; to look at `raw.body` makes a web stream of it, a
    // tenth of the time of an intake.
    if (
      c.req.method === "GET" ||
      c.req.method === "HEAD" ||
      (c.req.header("content-length") === undefined && c.req.raw.body === null)
    )
      return next();
    const rule = rules[c.get("route")] ?? (isConsole(c.req.path) ? usualForm : usual);
    if (!/^(identity)?$/i.test(c.req.header("content-encoding") ?? ""))
      throw new Problem("unsupported-media-type", {
        detail: "send the body uncompressed",
        field: "content-encoding",
      });
    if (rule.kind === "stream") return next();
    const bytes = await readBounded(c.req.raw, rule.maxBytes, timeoutMs);
    if (rule.kind === "raw") {
      keep(c.req, "arrayBuffer", bytes.buffer);
      return next();
    }
    if (bytes.length === 0 && !c.req.header("content-type")) return next();
    const type = c.req.header("content-type") ?? "";
    if (rule.kind === "form") {
      if (!/^application\/x-www-form-urlencoded(;|$)/i.test(type))
        throw new Problem("unsupported-media-type", {
          detail: "send application/x-www-form-urlencoded",
          field: "content-type",
        });
      keep(c.req, "text", textOfBody(bytes));
      return next();
    }
    if (!/^application\/json(;|$)/i.test(type) && !(rule.yaml && isYaml(type)))
      throw new Problem("unsupported-media-type", {
        detail: rule.yaml ? "send application/yaml or JSON" : "send application/json",
        field: "content-type",
      });
    const text = textOfBody(bytes);
    const wrong = rule.kind === "text" ? undefined : checkJson(text, rule.limits);
    if (wrong)
      throw new Problem(wrong.code, {
        detail: wrong.detail,
        ...(wrong.field === undefined ? {} : { field: wrong.field }),
      });
    keep(c.req, "text", text);
    return next();
  };
}

export function isYaml(mediaType: string | undefined): boolean {
  return /^(application|text)\/(x-)?yaml([;,]|$)/i.test(mediaType ?? "");
}

/**
 * Routes and validators read the body through this cache; its declared type forgets that the
 * entries are promises.
 */
function keep(request: HonoRequest, as: "text" | "arrayBuffer", value: unknown): void {
  (request.bodyCache as Record<string, unknown>)[as] = Promise.resolve(value);
}

async function readBounded(
  request: Request,
  maxBytes: number,
  timeoutMs: number,
): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > maxBytes) throw tooLarge(maxBytes);
  const mostMs = longestBodyMs(timeoutMs, announced === null ? maxBytes : Number(announced));
  const read = () =>
    announced === null
      ? readCounted(request, maxBytes, { pieceMs: timeoutMs, wholeMs: mostMs })
      : request.arrayBuffer().then((bytes) => new Uint8Array(bytes));
  return outsideDeadline(request, () =>
    bounded(mostMs, read(), () => {
      throw bodyStalled();
    }),
  );
}

/** Without a length a body can be endless: it is counted as it comes, each piece in time. */
async function readCounted(
  request: Request,
  maxBytes: number,
  times: BodyTimes,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of piecesInTime(request.body, times)) {
    size += part.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** How long a body of so many bytes may take. */
export function longestBodyMs(timeoutMs: number, bytes: number): number {
  return timeoutMs + (bytes / 65_536) * 1000;
}

interface BodyTimes {
  /** Each piece must follow the one before within so long. */
  readonly pieceMs: number;
  /** All of it must have come within so long, however steadily it comes. */
  readonly wholeMs: number;
}

/** The pieces of a body, as long as they come in time. */
export async function* piecesInTime(
  body: ReadableStream<Uint8Array> | null,
  { pieceMs, wholeMs }: BodyTimes,
): AsyncGenerator<Uint8Array> {
  const began = performance.now();
  const reader = body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const leftMs = Math.max(0, wholeMs - (performance.now() - began));
      const { value } = await bounded(Math.min(pieceMs, leftMs), reader.read(), () => {
        throw bodyStalled();
      });
      if (value === undefined) return;
      yield value;
    }
  } finally {
    // Its sender is not to go on for nobody; what is broken already cannot be given up.
    void reader.cancel().catch(() => undefined);
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem("too-large", {
    detail: `the body may have ${maxBytes} bytes at most`,
    field: "body",
  });
}

/**
 * How long a body may take to begin; it gets a second more for each 64 KiB that it says it has, or
 * without that may have.
 */
export const usualTimeoutMs = 10_000;

/** The body stopped coming: a 408, after which the connection is of no use. */
export function bodyStalled(): Problem {
  return new Problem("malformed", {
    field: "body",
    detail: "the body did not come to its end in time",
    status: 408,
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The text of a body; bytes that are none are refused, for a guess would change what was said. */
export function textOfBody(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem("malformed", { detail: "the body is not UTF-8", field: "body" });
  }
}
