import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as pause } from "node:timers/promises";
import { CommandError } from "./command.ts";
import type { Settings } from "./env.ts";
import { routesAsCommands } from "./routes-as-commands.ts";

/** What the API answered; a caller looks only at what it knows. */
export interface ApiReply<Body> {
  readonly status: number;
  readonly body: Body;
}

/** Sends JSON to the API of a running Baton; `key` makes a repeat the same request. */
export type ApiClient = <Body>(
  method: string,
  path: string,
  body?: unknown,
  key?: string,
) => Promise<ApiReply<Body>>;

/**
 * The API at `--url` with `--token`; else that of the Baton which runs on BATON_HOME and PORT, as
 * its operator. Throws a `CommandError` when no token is there, and later when nothing answers.
 */
export async function apiClient(
  settings: Settings,
  given: { readonly url?: string | undefined; readonly token?: string | undefined },
  timeoutMs = longestWaitMs,
): Promise<ApiClient> {
  const token = given.token ?? (await operatorTokenIn(settings.home));
  const url = apiAddress(given.url ?? `http://127.0.0.1:${settings.port}`);
  return async (method, path, body, key) => {
    const headers: Record<string, string> = {
      authorization: bearer(token),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    };
    const answer = await askPatiently(
      `${url}${path}`,
      { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
      // Under its key a repeat takes effect once; without one, only reading is repeated.
      { timeoutMs, patienceMs: method === "GET" || key !== undefined ? patienceMs : 0 },
    );
    const isPage = answer.isOk && /^text\/html\b/.test(answer.headers.get("content-type") ?? "");
    const reply = isPage ? answer.text : jsonOf(answer);
    return { status: answer.status, body: reply as never };
  };
}

/** The options by which a command names the API that it asks. */
export const apiOptions = { url: { type: "string" }, token: { type: "string" } } as const;

/**
 * The arguments of a command that prints a list of the API: `--limit` (else `limit`), `--json`, and
 * which API. Throws a `CommandError` for a limit that is none.
 */
export function listArgs(args: string[], limit: number) {
  const { values } = parseArgs({
    args,
    options: {
      limit: { type: "string", default: String(limit) },
      json: { type: "boolean", default: false },
      ...apiOptions,
    },
  });
  const wanted = Number(values.limit);
  if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > 100)
    throw new CommandError(`--limit is "${values.limit}"; give a whole number from 1 to 100.`);
  return { ...values, limit: wanted };
}

/** So long a request is repeated, where the API is busy or is started again. */
const patienceMs = 60_000;
/** How often a connection may end before the answer. */
const mostCut = 4;

/** Nothing was sent: nobody takes the connection. */
class NobodyThere extends CommandError {}
/** Something listened there, and the connection ended before the answer. */
class ConnectionCut extends CommandError {}

/** An answer, read to its end. */
export interface WholeAnswer {
  readonly status: number;
  readonly isOk: boolean;
  readonly headers: Headers;
  readonly text: string;
  readonly origin: string;
}

/** An answer, and whether the API was away before: it may have ended and been started again. */
export type PatientAnswer = WholeAnswer & { readonly wasCut: boolean };

/** How a request is repeated. */
interface Patience {
  /** For one attempt. */
  readonly timeoutMs: number;
  /** So long it is asked again; 0 where a repeat would take effect twice. */
  readonly patienceMs: number;
  /** It answered a moment ago: when nobody is there, it is waited for as after a cut. */
  readonly wasThere?: boolean;
}

/** The API gives every request less than this. */
const longestWaitMs = 60_000;

/** The address of an API, without slashes at its end. Throws a `CommandError` for what is none. */
export function apiAddress(text: string): string {
  const url = text.replace(/\/+$/, "");
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new CommandError(`--url is "${text}"; give an address such as http://127.0.0.1:3000.`);
  return url;
}

/** What says who asks. Throws a `CommandError` for a token that no header can carry. */
export function bearer(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CommandError("--token is no token; give one as `baton token create` prints it.");
  return `Bearer ${token}`;
}

/**
 * Sends a request, and again while the API is busy or the connection ends before the answer. After
 * that nobody may be there for a while, for an API that ended is started again. Throws a
 * `CommandError` where no answer comes.
 */
export async function askPatiently(
  url: string,
  init: RequestInit,
  { timeoutMs, patienceMs: ms, wasThere = false }: Patience,
): Promise<PatientAnswer> {
  const until = performance.now() + ms;
  let cuts = 0;
  let cut: CommandError | undefined;
  let backBy = until;
  for (;;) {
    try {
      const answer = await askAt(url, init, timeoutMs);
      backBy = until;
      if (performance.now() >= until || !isNotYet(answer))
        return { ...answer, wasCut: cut !== undefined };
      const seconds = Number(answer.headers.get("retry-after")) || 1;
      await pause(Math.min(seconds, 30) * 1000);
    } catch (error) {
      const isGone = error instanceof NobodyThere && (wasThere || cut !== undefined);
      if (!isGone && !(error instanceof ConnectionCut)) throw error;
      if (!isGone) cuts += 1;
      cut ??= error;
      if (cuts >= mostCut || performance.now() >= backBy) throw cut;
      backBy = Math.min(backBy, performance.now() + patienceMs);
      await pause(500);
    }
  }
}

/** A busy server says 503 and when to come again; what it began before that may still be under way. */
function isNotYet({ status, text }: WholeAnswer): boolean {
  return status === 503 || (status === 409 && /"code":\s*"still-running"/.test(text));
}

/** Sends a request once. Throws a `CommandError` where no answer comes, or not in time. */
export async function askAt(
  url: string,
  init: RequestInit,
  timeoutMs: number,
): Promise<WholeAnswer> {
  const { origin } = new URL(url);
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url, { ...init, signal });
    const { status, ok: isOk, headers } = answer;
    return { status, isOk, headers, text: await answer.text(), origin };
  } catch (error) {
    if (signal.aborted)
      throw new CommandError(
        `${origin} does not answer within ${timeoutMs / 1000} seconds; see its log, or give --url.`,
      );
    if (cutCodes.has(codeOf(error)))
      throw new ConnectionCut(
        `The connection to ${origin} ended before the answer; what was asked for may have been ` +
          "done. See its log, and ask again.",
      );
    throw new NobodyThere(
      `Nothing answers at ${origin}; start Baton with \`baton start\`, or give --url.`,
    );
  }
}

const cutCodes: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

function codeOf(error: unknown): unknown {
  const { cause } = (error ?? {}) as { readonly cause?: { readonly code?: unknown } };
  return cause?.code;
}

/**
 * The JSON of an answer; what a refusal says to request is said as a command. Throws a
 * `CommandError` where something else than Baton answered.
 */
export function jsonOf({ text, status, isOk, origin }: WholeAnswer): unknown {
  try {
    const body: unknown = JSON.parse(text);
    return isOk ? body : inCommands(body, origin);
  } catch {
    throw new CommandError(
      `${origin} answered ${status} and no JSON, as something else than Baton's API does; give ` +
        "its address by --url.",
    );
  }
}

function inCommands(body: unknown, origin: string): unknown {
  const { detail } = (body ?? {}) as { readonly detail?: unknown };
  return typeof detail === "string"
    ? { ...(body as object), detail: routesAsCommands(detail, origin) }
    : body;
}

/** The body of a 2xx. Throws a `CommandError` that says what the API refused, and where. */
export function acceptedBody<Body>({ status, body }: ApiReply<Body>): Body {
  if (status >= 200 && status < 300) return body;
  const problem = body as { readonly field?: string; readonly detail?: string };
  const said = [problem.field, problem.detail].filter(Boolean).join(": ");
  const hint = status === 401 ? "; give the token of somebody who may with --token" : "";
  throw new CommandError(`The API refused it (${status}): ${said || "no reason given"}${hint}.`);
}

async function operatorTokenIn(home: string): Promise<string> {
  try {
    return (await readFile(join(home, "operator-token"), "utf8")).trim();
  } catch {
    throw new CommandError(
      `There is no operator token in ${home}; start Baton with \`baton start\`, or give --token.`,
    );
  }
}
