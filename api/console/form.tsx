import { createHash, randomBytes } from "node:crypto";
import type { Context } from "hono";
import type { FC } from "hono/jsx";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { textOfBody, usualTimeoutMs } from "../http/body.ts";
import { asProblem, Problem } from "../http/errors.ts";
import { readMultipart } from "../http/form.ts";
import { answerOnce } from "../http/idempotency.ts";
import { backTo } from "./paths.ts";

/** A form as it was sent. */
export interface Form {
  /** Each field, trimmed; of one that was sent more than once the last. */
  readonly fields: Readonly<Record<string, string>>;
  /** Every value of a field that can be chosen more than once. */
  all(name: string): readonly string[];
  /** Drawn when the form was made: sent twice, it is one action. */
  readonly key: string;
  /** Where the form stood, or the given page. */
  back(otherwise: string): string;
}

const mostFields = 500;
/** What a request sent, for a problem page that offers to send it again. */
const sent = new WeakMap<Request, Readonly<Record<string, string>>>();

/** The hidden fields of every form; `back` is the address to return to. */
export const Hidden: FC<{ readonly back?: string }> = ({ back }) => (
  <>
    <input type="hidden" name="key" value={randomBytes(16).toString("hex")} />
    {back === undefined ? null : <input type="hidden" name="back" value={back} />}
  </>
);

/** Reads the form that was sent. Throws a problem when it is none of ours. */
export async function readForm(c: Context<AppEnv>): Promise<Form> {
  const fields = await readFields(c);
  const text = await c.req.text();
  return formWith(fields, (name) => new URLSearchParams(text).getAll(name).map(plain));
}

/** A form of these fields; throws a problem when it has no key. */
export function formWith(
  fields: Form["fields"],
  all: Form["all"] = (name) => (fields[name] === undefined ? [] : [fields[name]]),
): Form {
  const key = /^[\da-f]{32}$/.exec(fields["key"] ?? "")?.[0];
  if (key === undefined) throw incomplete();
  return {
    fields,
    key,
    all,
    back: (otherwise) => backTo(fields["back"], otherwise),
  };
}

/** An agreement may be as long as the API takes it. */
const mostUpload = 512 * 1024;

/** The same of a form with files, each as its text. `names`: the fields besides the hidden ones. */
export async function readUpload(c: Context<AppEnv>, names: readonly string[]): Promise<Form> {
  const { texts, files, others } = await readMultipart(c.req.raw, {
    fileBytes: mostUpload,
    textBytes: mostUpload,
    timeoutMs: usualTimeoutMs,
    fields: ["key", "back", ...names],
  });
  if (others.length > 0)
    throw new Problem("invalid", { field: others[0] ?? "body", detail: "expected once, or not" });
  const texted = [...files].map(
    ([name, { pieces }]) => [name, textOfBody(Buffer.concat(pieces))] as const,
  );
  const fields = Object.fromEntries(
    [...texts, ...texted].map(([name, value]) => [name, checked(name, value)]),
  );
  return formWith(fields);
}

/** The fields alone. Throws a problem for what no form of a browser sends. */
export async function readFields(c: Context<AppEnv>): Promise<Form["fields"]> {
  const given = new URLSearchParams(await c.req.text());
  if (given.size > mostFields)
    throw new Problem("too-large", {
      detail: `a form may have ${mostFields} fields`,
      field: "body",
    });
  const fields: Record<string, string> = {};
  for (const [name, value] of given) {
    fields[name] = checked(name, value);
  }
  sent.set(c.req.raw, fields);
  return fields;
}

/** What the form of a request said, where it was read; for sending it again. */
export function sentBy(request: Request): Readonly<Record<string, string>> | undefined {
  return sent.get(request);
}

/**
 * Does `work` once for the key of a form, and leads the browser to the address that it gives. A
 * double click, or the form sent again later, is led there too. An action on a lead needs no such
 * help: `performAction` takes the form's key.
 */
export function once(
  deps: Pick<ApiDeps, "pool" | "crashPoint">,
  c: Context<AppEnv>,
  form: Form,
  work: () => Promise<string>,
): Promise<Response> {
  const bodyHash = createHash("sha256").update(JSON.stringify(form.fields)).digest("hex");
  return answerOnce(deps, c, { key: form.key, bodyHash, otherwise: form.back("/console") }, work);
}

/**
 * What a form was refused for, where its own page says it: message and focus at the field. Undefined
 * for everything else, which is thrown on.
 */
export function refusalOf(error: unknown): Problem | undefined {
  const problem = asProblem(error);
  const isTold = problem?.status === 403 || problem?.status === 409 || problem?.status === 422;
  if (!isTold || problem.code === "key-reused" || problem.parts.field === "key") return undefined;
  return problem;
}

/** Does what a form asks; refused, shows the form's page again with the reason. */
export async function orAgain(
  work: () => Promise<Response>,
  again: (problem: Problem) => Promise<Response>,
): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    const problem = refusalOf(error);
    if (problem === undefined) throw error;
    return again(problem);
  }
}

/** The status of a page that says why its form was refused; 200 for none that was. */
export function statusOf(refused: Pick<Problem, "status"> | null): 200 | 403 | 409 | 422 {
  if (refused === null) return 200;
  return refused.status === 403 || refused.status === 409 ? refused.status : 422;
}

function incomplete(): Problem {
  return new Problem("invalid", {
    field: "key",
    detail: "the form was not complete; open the page again and send it from there",
  });
}

function checked(name: string, value: string): string {
  if (value.includes("\0"))
    throw new Problem("invalid", { field: name, detail: "the NUL character is not allowed" });
  return plain(value);
}

/** Without spaces around it, and with line ends as everything else has them. */
function plain(value: string): string {
  return value.replace(/\r\n?/g, "\n").trim();
}
