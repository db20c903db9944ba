import { isStorable } from "../../handoff/facts/text.ts";

/**
 * Why a body is refused before any route sees it; the field is named with dots where there is one.
 */
export interface JsonFault {
  readonly code: "malformed" | "invalid";
  readonly field?: string;
  readonly detail: string;
}

const maxDepth = 16;

/** How much one body may hold. */
export interface JsonLimits {
  readonly names: number;
  /** Texts, numbers, lists and objects. */
  readonly values: number;
}

const usualLimits: JsonLimits = { names: 2_000, values: 20_000 };

/**
 * Undefined when `text` is one JSON value that is safe to keep: at most 16 levels, no more names
 * and values than `limits`, no name twice, no `__proto__` or its kin, no NUL or lone surrogate, no number that a double
 * cannot hold. Postgres refuses NUL, lone surrogates collapse to equal bytes, and of two equal
 * names JSON.parse silently takes the last.
 */
export function checkJson(text: string, limits: JsonLimits = usualLimits): JsonFault | undefined {
  // Counted before anything is made of it: a million empty lists are two megabytes.
  const crowded = overfull(text, limits);
  if (crowded) return crowded;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { code: "malformed", field: "body", detail: "the body is not JSON" };
  }
  const seen = { names: 0, unsafeNumber: false };
  const fault = checkValue(value, [], seen);
  if (fault) return fault;
  if (signsIn(text).names !== seen.names)
    return {
      code: "malformed",
      field: twiceIn(text) ?? "body",
      detail: "a name stands twice in one object",
    };
  const number = seen.unsafeNumber ? unsafeNumber(text) : undefined;
  return number === undefined
    ? undefined
    : {
        code: "invalid",
        field: "body",
        detail: `the number ${number.slice(0, 40)} cannot be kept exactly; send it as text`,
      };
}

/** `path` is where `value` stands; it is the same array all the way down. */
function checkValue(
  value: unknown,
  path: string[],
  seen: { names: number; unsafeNumber: boolean },
): JsonFault | undefined {
  if (path.length > maxDepth)
    return {
      code: "invalid",
      field: path.slice(0, 3).join("."),
      detail: `nested deeper than ${maxDepth} levels`,
    };
  if (typeof value === "string") return checkText(value, path);
  if (typeof value === "number") seen.unsafeNumber ||= isUnsafe(value);
  if (typeof value !== "object" || value === null) return undefined;
  const isList = Array.isArray(value);
  for (const key of Object.keys(value)) {
    if (!isList) {
      seen.names++;
      if (key === "__proto__" || key === "constructor" || key === "prototype")
        return {
          code: "invalid",
          field: [...path, key].join("."),
          detail: "this name is not allowed",
        };
      if (checkText(key, path))
        return {
          code: "invalid",
          field: path.join(".") || "body",
          detail: "a name holds a character that cannot be stored",
        };
    }
    path.push(key);
    const fault = checkValue((value as Readonly<Record<string, unknown>>)[key], path, seen);
    if (fault) return fault;
    path.pop();
  }
  return undefined;
}

function checkText(text: string, path: readonly string[]): JsonFault | undefined {
  if (isStorable(text)) return undefined;
  return {
    code: "invalid",
    field: path.join(".") || "body",
    detail: text.includes("\u0000")
      ? "the NUL character is not allowed"
      : "half of a surrogate pair is no character",
  };
}

function overfull(text: string, limits: JsonLimits): JsonFault | undefined {
  if (text.length <= Math.min(limits.names, limits.values)) return undefined;
  const { names, values } = signsIn(text);
  const [found, most, what] =
    names > limits.names ? [names, limits.names, "names"] : [values, limits.values, "values"];
  return found > most
    ? { code: "invalid", field: "body", detail: `expected at most ${most} ${what}, found ${found}` }
    : undefined;
}

/**
 * How many names and values a JSON text has: outside of strings a colon is a name, and every value
 * but the first follows a comma or is the first of its list or object.
 */
function signsIn(text: string): { readonly names: number; readonly values: number } {
  let [names, values] = [0, 1];
  let isInString = false;
  for (let n = 0; n < text.length; n++) {
    const sign = text.charCodeAt(n);
    if (sign === backslash) n++;
    else if (sign === quote) isInString = !isInString;
    else if (isInString) continue;
    else if (sign === colon) names++;
    else if (sign === comma || sign === bracket || sign === brace) values++;
  }
  return { names, values };
}

const [quote, comma, colon, bracket, backslash, brace] = [34, 44, 58, 91, 92, 123];

/** The first name that stands twice in its object; the text is known to be JSON. */
function twiceIn(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [found] of text.matchAll(
    /"[^"\\]*(?:\\.[^"\\]*)*"\s*:|"[^"\\]*(?:\\.[^"\\]*)*"|[{}]/g,
  )) {
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
    if (found.startsWith('"')) continue;
    if (isUnsafe(Number(found))) return found;
  }
  return undefined;
}

function isUnsafe(value: number): boolean {
  return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
}
