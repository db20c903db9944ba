import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import type { Sought } from "../../store/access/denials.ts";

/**
 * The closed list of problem codes: status and title of each. A client may switch on these and on
 * nothing else.
 */
export const problemCodes = {
  malformed: [400, "The request cannot be read"],
  unauthenticated: [401, "No valid token"],
  forbidden: [403, "This role may not do this"],
  "not-found": [404, "There is nothing here that you may see"],
  "method-not-allowed": [405, "The address exists, the method does not"],
  "not-possible-now": [409, "Not possible where the lead stands"],
  "already-answered": [409, "Somebody answered first"],
  "not-yours": [409, "The lead is not yours any more"],
  "still-running": [409, "The same request is still being carried out"],
  conflict: [409, "The request contradicts what is stored"],
  "too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "The media type is not accepted"],
  invalid: [422, "A field is not as expected"],
  refused: [422, "The agreement does not allow this"],
  "key-reused": [422, "The Idempotency-Key belongs to another request"],
  "too-many-requests": [429, "Too many requests"],
  internal: [500, "Something broke on our side"],
  unavailable: [503, "A part that is needed does not answer"],
  "takes-too-long": [503, "It takes too long to answer now"],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof problemCodes;

/** Where a lead stands; part of every 409, so that the caller sees what won. */
export interface LeadState {
  readonly id: string;
  readonly stage: Stage;
  readonly waitingOn: WaitingOn;
  readonly owner: string | null;
}

export interface ProblemParts {
  /** What was wrong and what was expected, in a sentence without personal data. */
  readonly detail: string;
  /** The field that is meant, with dots: `facts.lead.email`. */
  readonly field?: string;
  /** Instead of the code's own status. */
  readonly status?: number;
  readonly state?: LeadState;
  /** Seconds until another attempt makes sense; 503 has 2 when nothing is said. */
  readonly retryAfter?: number;
  /** What was asked for and not given: noted when it exists. */
  readonly sought?: Sought;
  /** More for the caller, for example the list of reasons that would have been accepted. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A request that cannot be answered with a 2xx. Throw it anywhere below a route. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly parts: ProblemParts;
  readonly status: number;

  constructor(code: ProblemCode, parts: ProblemParts) {
    super(`${code}: ${parts.detail}`);
    this.name = "Problem";
    this.code = code;
    this.parts = parts;
    this.status = parts.status ?? problemCodes[code][0];
  }
}

/** The shape of every error body, for the routes' descriptions. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(Object.keys(problemCodes) as [ProblemCode, ...ProblemCode[]]),
    detail: z.string(),
    field: z.string().optional(),
    state: z
      .object({
        id: z.string(),
        stage: z.string(),
        waitingOn: z.string(),
        owner: z.string().nullable(),
      })
      .optional(),
  })
  .openapi("Problem");

/** `responses` of a route that can fail; spread it into `createRoute`. */
export const problemResponses = {
  default: {
    description: "A problem; `code` is from the closed list",
    content: { "application/problem+json": { schema: problemSchema } },
  },
};

/** The headers of every answer: what it says is of people, and is what its type says. */
export const everyAnswer = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/** The answer for a problem: `application/problem+json`, Retry-After where waiting helps. */
export function problemResponse(problem: Problem): Response {
  const { detail, field, state, retryAfter, more } = problem.parts;
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    ...everyAnswer,
  };
  const wait = retryAfter ?? (problem.status === 503 ? 2 : undefined);
  if (wait !== undefined) headers["retry-after"] = String(wait);
  if (problem.status === 401) headers["www-authenticate"] = "Bearer";
  // The rest of what was being sent would be read as the next request.
  if (problem.status === 408) headers["connection"] = "close";
  const body = {
    ...more,
    type: `/docs#${problem.code}`,
    title: problemCodes[problem.code][1],
    status: problem.status,
    code: problem.code,
    detail,
    ...(field === undefined ? {} : { field }),
    ...(state === undefined ? {} : { state }),
  };
  return new Response(JSON.stringify(body), { status: problem.status, headers });
}

/** Missing and forbidden look the same: the same code, the same words. */
export function notFound(sought?: Sought): Problem {
  return new Problem("not-found", {
    detail: "there is no such object, or you may not see it",
    ...(sought === undefined ? {} : { sought }),
  });
}

/**
 * Anything thrown, as a problem; undefined when it is none of ours and must be logged as broken.
 */
export function asProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException)
    return new Problem(error.status === 413 ? "too-large" : "malformed", {
      detail: "the request cannot be read",
    });
  if (isPostgresAway(error))
    return new Problem("unavailable", { detail: "the database does not answer" });
  return undefined;
}

const awayCodes =
  /^(08|53|57P0|57014|0A000|ECONN|ENOENT|ETIMEDOUT|EPIPE|ENOTFOUND|EHOSTUNREACH|40001|40P01|55P03)/;
const awayWords =
  /timeout exceeded when trying to connect|Connection terminated|connection timeout|Query read timeout|not queryable/i;

/**
 * Postgres is down, starting, full or too slow, or gave up a transaction: trying again can help.
 */
function isPostgresAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  return (
    (typeof code === "string" && awayCodes.test(code)) ||
    awayWords.test(error.message) ||
    (error instanceof AggregateError && error.errors.some(isPostgresAway))
  );
}

type HookResult = { success: true } | { success: false; target: string; error: z.ZodError };

/** `defaultHook` of every route module: the first thing wrong, by its field. */
export function defaultHook(result: HookResult, _c: Context): undefined {
  if (result.success) return undefined;
  throw notAsDescribed(result.error, result.target);
}

/**
 * What an address or a form says, as the request of the API takes it; throws a 422 that names the
 * first field that is wrong.
 */
export function asDescribed<S extends z.ZodType>(schema: S, given: unknown): z.output<S> {
  const read = schema.safeParse(given);
  if (!read.success) throw notAsDescribed(read.error, "form");
  return read.data;
}

/** What is wrong first with a part of the request, by its field. */
export function notAsDescribed(error: z.ZodError, target: string): Problem {
  const issue = error.issues[0];
  if (!issue) return new Problem("invalid", { detail: "the request is not as described" });
  const named =
    issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  const field = named.map(String).join(".") || (target === "json" ? "body" : target);
  return new Problem("invalid", {
    field,
    detail:
      issue.code === "unrecognized_keys"
        ? "this field is not known here"
        : `expected ${expectation(issue.message)}`,
  });
}

/** What was expected, in words that follow "expected". */
function expectation(message: string): string {
  return message
    .replace(/^(?:Invalid \w+|Too (?:small|big)): /, "")
    .replace(/^expected:? /i, "")
    .replace(/^must /, "a text that must ")
    .replace(/^Invalid /, "a valid ")
    .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
