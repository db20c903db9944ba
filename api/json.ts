/** Why a body is refused before any route sees it; the field is named with dots where there is one. */
export interface JsonFault {
  readonly code: "malformed" | "invalid";
  readonly field?: string;
  readonly detail: string;
}

const maxDepth = 16;
const maxKeys = 2_000;

/**
 * Undefined when `text` is one JSON value that is safe to keep: at most 16 levels and 2,000 names, no name twice,
 * no `__proto__` or its kin, no NUL or lone surrogate, no number that a double cannot hold. Postgres refuses NUL,
 * lone surrogates collapse to equal bytes, and of two equal names JSON.parse silently takes the last.
 */
export function checkJson(text: string): JsonFault | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { code: "malformed", field: "body", detail: "the body is not JSON" };
  }
  const count = { keys: 0 };
  const fault = checkValue(value, [], count);
  if (fault) return fault;
  if (namesIn(text) !== count.keys) return { code: "malformed", field: twiceIn(text) ?? "body", detail: "a name stands twice in one object" };
  const number = unsafeNumber(text);
  return number === undefined ? undefined : { code: "invalid", field: "body", detail: `the number ${number.slice(0, 40)} cannot be kept exactly; send it as text` };
}

function checkValue(value: unknown, path: readonly string[], count: { keys: number }): JsonFault | undefined {
  if (path.length > maxDepth) return { code: "invalid", field: path.slice(0, 3).join("."), detail: `nested deeper than ${maxDepth} levels` };
  if (typeof value === "string") return checkText(value, path);
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, key];
    if (!Array.isArray(value)) {
      if (++count.keys > maxKeys) return { code: "invalid", field: "body", detail: `more than ${maxKeys} names` };
      if (key === "__proto__" || key === "constructor" || key === "prototype") return { code: "invalid", field: at.join("."), detail: "this name is not allowed" };
      if (checkText(key, path)) return { code: "invalid", field: path.join(".") || "body", detail: "a name holds a character that cannot be stored" };
    }
    const fault = checkValue(inner, at, count);
    if (fault) return fault;
  }
  return undefined;
}

function checkText(text: string, path: readonly string[]): JsonFault | undefined {
  const field = path.join(".") || "body";
  if (text.includes("\u0000")) return { code: "invalid", field, detail: "the NUL character is not allowed" };
  if (/\p{Surrogate}/u.test(text)) return { code: "invalid", field, detail: "half of a surrogate pair is no character" };
  return undefined;
}

/** Strings outside of which every brace and colon is structure. The text is known to be JSON. */
const stringOrColon = /"[^"\\]*(?:\\.[^"\\]*)*"|:/g;

function namesIn(text: string): number {
  let names = 0;
  for (const [found] of text.matchAll(stringOrColon)) if (found === ":") names++;
  return names;
}

/** The first name that stands twice in its object; the text is known to be JSON. */
function twiceIn(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [found] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"\s*:|"[^"\\]*(?:\\.[^"\\]*)*"|[{}]/g)) {
    if (found === "{") open.push(new Set());
    else if (found === "}") open.pop();
    else if (found.endsWith(":")) {
      const name = JSON.parse(found.slice(0, -1)) as string;
      if (open.at(-1)?.has(name)) return name;
      open.at(-1)?.add(name);
    }
  }
  return undefined;
}

/** The first integer beyond 2^53 or number beyond a double, as it was written. */
function unsafeNumber(text: string): string | undefined {
  for (const [found] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g)) {
    if (found.startsWith("\"")) continue;
    const value = Number(found);
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return found;
  }
  return undefined;
}
