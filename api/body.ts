import type { HonoRequest, MiddlewareHandler } from "hono";
import type { AppEnv } from "./deps.ts";
import { Problem } from "./errors.ts";
import { checkJson } from "./json.ts";

/** How a route takes its body. `json` is checked here; `raw` routes read it themselves, within the bound. */
interface BodyRule {
  readonly kind: "json" | "raw" | "stream";
  readonly maxBytes: number;
}

const usual: BodyRule = { kind: "json", maxBytes: 64 * 1024 };

/** The routes that differ. `stream`: the route reads and bounds the body itself. */
const rules: Readonly<Record<string, BodyRule>> = {
  "POST /agreement/versions": { kind: "json", maxBytes: 512 * 1024 },
  "POST /v1/batch": { kind: "json", maxBytes: 512 * 1024 },
  "PUT /roster/reps": { kind: "json", maxBytes: 1024 * 1024 },
  "PUT /roster/pools": { kind: "json", maxBytes: 512 * 1024 },
  "PUT /roster/absences": { kind: "json", maxBytes: 512 * 1024 },
  "POST /webhooks/{source}": { kind: "raw", maxBytes: 256 * 1024 },
  "POST /imports": { kind: "stream", maxBytes: 0 },
};

/** Reads a body once, bounded, and refuses what no route wants: other media types, compressed bodies, hostile JSON. */
export function readBody(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    // With a length the body is read as it comes; to look at `raw.body` makes a web stream of it, a tenth of the time of an intake.
    if (
      c.req.method === "GET" ||
      c.req.method === "HEAD" ||
      (c.req.header("content-length") === undefined && c.req.raw.body === null)
    )
      return next();
    const rule = rules[c.get("route")] ?? usual;
    if (!/^(identity)?$/i.test(c.req.header("content-encoding") ?? ""))
      throw new Problem("unsupported-media-type", {
        detail: "send the body uncompressed",
        field: "content-encoding",
      });
    if (rule.kind === "stream") return next();
    const bytes = await readBounded(c.req.raw, rule.maxBytes);
    if (rule.kind === "raw") {
      keep(c.req, "arrayBuffer", bytes.buffer);
      return next();
    }
    if (bytes.length === 0 && !c.req.header("content-type")) return next();
    if (!/^application\/json(;|$)/i.test(c.req.header("content-type") ?? ""))
      throw new Problem("unsupported-media-type", {
        detail: "send application/json",
        field: "content-type",
      });
    const text = decode(bytes);
    const wrong = checkJson(text);
    if (wrong)
      throw new Problem(wrong.code, {
        detail: wrong.detail,
        ...(wrong.field === undefined ? {} : { field: wrong.field }),
      });
    keep(c.req, "text", text);
    return next();
  };
}

/** Routes and validators read the body through this cache; its declared type forgets that the entries are promises. */
function keep(request: HonoRequest, as: "text" | "arrayBuffer", value: unknown): void {
  (request.bodyCache as Record<string, unknown>)[as] = Promise.resolve(value);
}

async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new Problem("too-large", {
      detail: `the body may have ${maxBytes} bytes at most`,
      field: "body",
    });
  const announced = request.headers.get("content-length");
  if (announced !== null) {
    if (Number(announced) > maxBytes) throw tooLarge();
    return new Uint8Array(await request.arrayBuffer());
  }
  // Without a length a body can be endless: it is counted as it comes.
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > maxBytes) throw tooLarge();
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem("malformed", { detail: "the body is not UTF-8", field: "body" });
  }
}
