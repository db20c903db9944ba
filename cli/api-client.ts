import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as pause } from "node:timers/promises";
import { CommandError } from "./command.ts";
import type { Settings } from "./env.ts";

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
): Promise<ApiClient> {
  const token = given.token ?? (await operatorTokenIn(settings.home));
  const url = (given.url ?? `http://127.0.0.1:${settings.port}`).replace(/\/+$/, "");
  if (!URL.canParse(url))
    throw new CommandError(`--url is "${url}"; give an address such as http://127.0.0.1:3000.`);
  return async (method, path, body, key) => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    };
    // Under its key a repeat takes effect once; without one, only reading is repeated.
    const mayRepeat = method === "GET" || key !== undefined;
    for (let tries = 1; ; tries++) {
      const answer = await send(`${url}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const isPage = /^text\/html\b/.test(answer.headers.get("content-type") ?? "");
      const reply: unknown = isPage ? await answer.text() : await answer.json();
      if (!mayRepeat || tries >= mostTries || !isNotYet(answer.status, reply))
        return { status: answer.status, body: reply as never };
      const seconds = Number(answer.headers.get("retry-after")) || 1;
      await pause(Math.min(seconds, 10) * 1000);
    }
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

const mostTries = 12;

/** A busy server says 503 and when to come again; what it began before that may still be under way. */
function isNotYet(status: number, reply: unknown): boolean {
  const { code } = (reply ?? {}) as { readonly code?: unknown };
  return status === 503 || (status === 409 && code === "still-running");
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch {
    throw new CommandError(
      `Nothing answers at ${new URL(url).origin}; start Baton with \`baton start\`, or give --url.`,
    );
  }
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
