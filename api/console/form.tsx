import { createHash, randomBytes } from "node:crypto";
import type { Context } from "hono";
import type { FC } from "hono/jsx";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { textOfBody, usualTimeoutMs } from "../http/body.ts";
import { Problem } from "../http/errors.ts";
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
  const key = /^[\da-f]{32}$/.exec(fields["key"] ?? "")?.[0];
  if (key === undefined) throw incomplete();
  const text = await c.req.text();
  return {
    fields,
    key,
    all: (name) => new URLSearchParams(text).getAll(name).map(plain),
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
  const { key = "" } = fields;
  if (!/^[\da-f]{32}$/.test(key)) throw incomplete();
  return {
    fields,
    key,
    all: (name) => (fields[name] === undefined ? [] : [fields[name]]),
    back: (otherwise) => backTo(fields["back"], otherwise),
  };
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
