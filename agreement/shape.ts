import type { SourcePlace } from "./place.ts";
import type { YamlNode } from "./source.ts";
import { isMap, isScalar, isSeq } from "yaml";
import { joinPath, keyText } from "./source.ts";
import { didYouMean, listed, nearest } from "./words.ts";

export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * A part of the file: how it is read, and how an editor may check it. Reading gives the typed
 * value, or undefined after noting at the place what was expected; one pass finds all mistakes.
 */
export interface Shape<T> {
  readonly schema: JsonSchema;
  readonly read: (node: YamlNode, place: SourcePlace) => T | undefined;
  /**
   * What stands for a value that could not be read, so that what is around it is checked as well:
   * nothing can be proved of it. Without one, what contains the value could not be read either.
   */
  readonly standIn?: (path: string) => T;
}

export interface Need<T> {
  readonly presence: "need";
  readonly shape: Shape<T>;
  readonly about: string;
}
export interface May<T> {
  readonly presence: "may";
  readonly shape: Shape<T>;
  readonly about: string;
}
export interface Else<T> {
  readonly presence: "else";
  readonly shape: Shape<T>;
  readonly about: string;
  readonly fallback: T;
}
type Field = Need<unknown> | May<unknown> | Else<unknown>;
type Fields = Readonly<Record<string, Field>>;

/** What an object of these fields reads to. */
export type Values<F extends Fields> = {
  readonly [K in keyof F as F[K] extends May<unknown> ? never : K]: F[K] extends {
    shape: Shape<infer T>;
  }
    ? T
    : never;
} & {
  readonly [K in keyof F as F[K] extends May<unknown> ? K : never]?: F[K] extends {
    shape: Shape<infer T>;
  }
    ? T
    : never;
};

/** A field that must be there. `about` tells editors and the error for its absence what it is. */
export function need<T>(shape: Shape<T>, about: string): Need<T> {
  return { presence: "need", shape, about };
}

/** A field that may be absent. */
export function may<T>(shape: Shape<T>, about: string): May<T> {
  return { presence: "may", shape, about };
}

/** A field with a value for when it is absent. */
export function orElse<T>(shape: Shape<T>, fallback: T, about: string): Else<T> {
  return { presence: "else", shape, about, fallback };
}

/** The same shape with something that stands for a value that could not be read. */
export function standingIn<T>(shape: Shape<T>, standIn: (path: string) => T): Shape<T> {
  return { ...shape, standIn };
}

/** Stands for a word that could not be read: no word of a file begins with a space. */
export function unreadWord(path: string): string {
  return ` ${path}`;
}

/** Whether a word is one of the file, and not what stands for one that could not be read. */
export function isReadWord(word: string): boolean {
  return !word.startsWith(" ");
}

/** A name of the file in quotes, or the place where one should stand. */
export function quotedName(word: string): string {
  return isReadWord(word) ? `"${word}"` : word.trim();
}

/** An object of named fields, each read by a shape of its own. */
export function object<F extends Fields>(fields: F): Shape<Values<F>> {
  const names = Object.keys(fields);
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(
        names.map((name) => [
          name,
          { description: fields[name]!.about, ...fields[name]!.shape.schema },
        ]),
      ),
      required: names.filter((name) => fields[name]!.presence === "need"),
      additionalProperties: false,
    },
    read(node, place) {
      if (!isMap(node))
        return place.expected(
          `a mapping with ${listed(names.map((name) => `\`${name}:\``))}`,
          node,
        );
      const given = new Map(node.items.map((pair) => [keyText(pair.key) ?? "", pair]));
      // Twenty strange words say as much as a thousand.
      const strange = [...given].filter(([key]) => !Object.hasOwn(fields, key)).slice(0, 20);
      for (const [key, pair] of strange)
        place.wrong(`expected ${listed(names)}, found "${key}"${didYouMean(key, names)}`, pair.key);
      const meant = meantNames([...given.keys()], names);
      let whole = true;
      const values: [string, unknown][] = [];
      for (const [name, field] of Object.entries(fields)) {
        const pair = given.get(name);
        if (pair) {
          const value = readOrStandIn(field.shape, pair.value, place.child(name, pair.key));
          if (value === undefined) whole = false;
          else values.push([name, value]);
        } else if (field.presence === "need" || meant.has(name)) {
          if (!meant.has(name))
            place.wrong(`expected \`${name}:\` here (${field.about}); it is missing`, node);
          const value = field.shape.standIn?.(joinPath(place.path, name));
          if (value === undefined) whole = false;
          else values.push([name, value]);
        } else if (field.presence === "else") {
          values.push([name, field.fallback]);
        }
      }
      // Each value was read by the shape of its own field, which is what the type says.
      return whole ? (Object.fromEntries(values) as Values<F>) : undefined;
    },
  };
}

/** The names that strange keys stand for: a misspelt name is one mistake, not also a missing one. */
export function meantNames(keys: readonly string[], names: readonly string[]): ReadonlySet<string> {
  const strange = keys.filter((key) => !names.includes(key)).slice(0, 20);
  return new Set(strange.flatMap((key) => nearest(key, names) ?? []));
}

/** A mapping whose keys are names of the file's own choosing. */
export function named<T>(
  shape: Shape<T>,
  what: string,
  checkName: (name: string) => string | null = plainName,
): Shape<Readonly<Record<string, T>>> {
  return {
    schema: { type: "object", additionalProperties: shape.schema },
    read(node, place) {
      if (!isMap(node)) return place.expected(`a mapping of ${what}`, node);
      const values: [string, T][] = [];
      for (const pair of node.items) {
        const name = keyText(pair.key) ?? "";
        const problem = checkName(name);
        const child = place.child(name, pair.key);
        if (problem) child.wrong(`expected ${problem}, found "${name}"`, pair.key);
        const value = readOrStandIn(shape, pair.value, child);
        // Under a name that is not allowed nothing finds it, and what it holds is checked.
        if (value !== undefined) values.push([problem ? unreadWord(child.path) : name, value]);
      }
      return values.length === node.items.length ? Object.fromEntries(values) : undefined;
    },
  };
}

export function list<T>(
  shape: Shape<T>,
  what: string,
  bounds: { readonly min?: number; readonly max?: number } = {},
): Shape<readonly T[]> {
  const { min = 0, max = 1000 } = bounds;
  return {
    schema: { type: "array", items: shape.schema, ...(min > 0 ? { minItems: min } : {}) },
    read(node, place) {
      if (!isSeq(node)) return place.expected(`a list of ${what}`, node);
      if (node.items.length < min)
        return place.wrong(`expected at least ${min} ${what}, found ${node.items.length}`, node);
      if (node.items.length > max)
        return place.wrong(`expected at most ${max} ${what}, found ${node.items.length}`, node);
      const values = node.items.map((item, i) => readOrStandIn(shape, item, place.child(i, item)));
      return values.includes(undefined) ? undefined : (values as T[]);
    },
  };
}

function readOrStandIn<T>(shape: Shape<T>, node: unknown, place: SourcePlace): T | undefined {
  const value = shape.read(node as YamlNode, place);
  return value === undefined ? shape.standIn?.(place.path) : value;
}

/** Text; a bare number counts as the text it was written as. */
export function text(what: string, schema: JsonSchema = {}): Shape<string> {
  return {
    schema: { type: ["string", "number"], ...schema },
    read(node, place) {
      const value = scalarText(node);
      if (value === null || value.trim() === "") return place.expected(what, node);
      return value.length > 300
        ? place.wrong(`expected ${what} of at most 300 characters`, node)
        : value.trim();
    },
  };
}

export function number(
  what: string,
  bounds: { readonly min: number; readonly max: number; readonly whole?: boolean },
): Shape<number> {
  return {
    schema: { type: bounds.whole ? "integer" : "number", minimum: bounds.min, maximum: bounds.max },
    read(node, place) {
      const value = isScalar(node) ? node.value : null;
      const fits =
        typeof value === "number" &&
        value >= bounds.min &&
        value <= bounds.max &&
        (!bounds.whole || Number.isInteger(value));
      if (!fits) return place.expected(`${what} from ${bounds.min} to ${bounds.max}`, node);
      return !bounds.whole || readsOneWay(node, place) ? value : undefined;
    },
    standIn: () => NaN,
  };
}

/** Whether a number is not written as `5.000`, which is five here and five thousand to many. */
export function readsOneWay(node: YamlNode, place: SourcePlace): boolean {
  const written = (isScalar(node) ? node.source : undefined) ?? "";
  return (
    !/^[+-]?[1-9]\d{0,2}\.\d{3}$/.test(written) ||
    place.letsPass(
      `expected a number that can be read in one way, such as 5000, found "${written}"`,
      node,
    )
  );
}

export const yesNo: Shape<boolean> = {
  schema: { type: "boolean" },
  read(node, place) {
    const value = isScalar(node) ? node.value : null;
    return typeof value === "boolean" ? value : place.expected("true or false", node);
  },
  standIn: () => true,
};

export function oneOf<const T extends string>(words: readonly T[]): Shape<T> {
  return {
    schema: { enum: words },
    read(node, place) {
      const value = scalarText(node);
      const known = words.find((word) => word === value);
      return (
        known ??
        place.wrong(
          `expected ${listed(words)}, found ` +
            `${value === null ? "no word" : `"${value}"`}${didYouMean(value ?? "", words)}`,
          node,
        )
      );
    },
    // None of the words, so that no comparison with one of them holds.
    standIn: (path) => unreadWord(path) as T,
  };
}

/**
 * A word that another part of the file defines; which words there are is known only once a file is
 * read.
 */
export function reference(words: readonly string[], what: string): Shape<string> {
  const known = from(text(what), (word, place, node) =>
    words.includes(word)
      ? word
      : place.unknown(
          `expected ${what} (${listed(words) || "none is defined"}), found ` +
            `"${word}"${didYouMean(word, words)}`,
          node,
        ),
  );
  return standingIn(known, unreadWord);
}

/**
 * Reads with one shape, then makes something of the value; `make` notes at the place when it
 * cannot.
 */
export function from<A, B>(
  shape: Shape<A>,
  make: (value: A, place: SourcePlace, node: YamlNode) => B | undefined,
  schema: JsonSchema = shape.schema,
): Shape<B> {
  return {
    schema,
    read(node, place) {
      const value = shape.read(node, place);
      return value === undefined ? undefined : make(value, place, node);
    },
  };
}

/**
 * The text of a scalar as it was written; null for anything else, and for true, false and nothing.
 */
export function scalarText(node: YamlNode): string | null {
  if (!isScalar(node)) return null;
  if (typeof node.value === "string") return node.value;
  return typeof node.value === "number" ? (node.source ?? String(node.value)) : null;
}

/** Null when the name will do. */
export function plainName(name: string): string | null {
  return /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,78}[\p{L}\p{N}])?$/u.test(name)
    ? null
    : "a name of letters, digits, spaces, dots and hyphens";
}
