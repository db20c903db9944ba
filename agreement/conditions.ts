import type { Condition, Depth } from "../handoff/agreement.ts";
import type { SourcePlace } from "./place.ts";
import type { Shape } from "./shape.ts";
import type { YamlNode } from "./source.ts";
import type { Vocabulary } from "./vocabulary.ts";
import type { Pair } from "yaml";
import { isMap, isScalar, isSeq } from "yaml";
import { derivedTypes } from "../handoff/qualify/condition.ts";
import { closedValues } from "../handoff/facts/facts.ts";
import { elapsedMs } from "./durations.ts";
import { readMatchers } from "./matchers.ts";
import { number, oneOf, scalarText, unreadWord } from "./shape.ts";
import { keyText } from "./source.ts";
import { didYouMean, listed, nearest } from "./words.ts";

/** Bounds that keep a rule readable by people (docs/agreement.md, "Names and limits"). */
export const deepestCondition = 16;
export const mostConditions = 500;

export const depths = ["high", "mid", "low"] as const satisfies readonly Depth[];
const groups = ["all", "any", "none"] as const;
const derived = Object.keys(derivedTypes) as (keyof typeof derivedTypes)[];
const closed: Readonly<Record<string, readonly string[]>> = {
  ...closedValues,
  band: ["A", "B", "C", "D"],
};

/**
 * The shape of a condition over the words this agreement defines. `counter` is shared by all
 * conditions of a file; `mayBeEngaged` admits `engaged`, which only the account rules know.
 */
export function conditionShape(
  words: Vocabulary,
  counter: { count: number },
  mayBeEngaged = false,
): Shape<Condition> {
  const names = mayBeEngaged ? [...words.names, "engaged"] : words.names;

  function read(node: YamlNode, place: SourcePlace, depth: number): Condition | undefined {
    if (++counter.count > mostConditions)
      return counter.count === mostConditions + 1
        ? place.wrong(`expected at most ${mostConditions} conditions in an agreement`, node)
        : undefined;
    if (depth > deepestCondition)
      return place.wrong(`expected at most ${deepestCondition} conditions inside each other`, node);
    const name = scalarText(node);
    if (name !== null) {
      if (names.includes(name)) return { kind: "named", name, at: place.path };
      const meant = nearest(name, names);
      if (meant !== undefined) place.reading.meant.add(meant);
      return place.unknown(unknownName(name), node);
    }
    if (!isMap(node))
      return place.expected("a condition: a name, all, any, none, a field, or a signal", node);
    const keys = node.items.map((pair) => keyText(pair.key) ?? "");
    const [key, first] = [keys[0], node.items[0]];
    if (key === undefined || !first)
      return place.wrong("expected a condition, found an empty mapping", node);
    if (keys.some((one) => ["signal", "meaningful", "depth"].includes(one)))
      return engagement(node, place);
    if (keys.length > 1)
      return place.wrong(
        `expected one condition, found ${keys.length} (${keys.join(", ")}); put them under ` +
          `\`all:\` as a list`,
        first.key,
      );
    return one(key, first, place, depth);
  }

  function one(key: string, pair: Pair, place: SourcePlace, depth: number): Condition | undefined {
    const value = pair.value as YamlNode;
    const group = groups.find((word) => word === key);
    if (group) return grouped(group, value, place, depth);
    const known = derived.find((word) => word === key);
    if (known) {
      const matchers = readMatchers(value, place.child(key, pair.key), {
        field: key,
        type: derivedTypes[known],
        words: closed[key],
      });
      return matchers && { kind: "derived", of: known, matchers, at: place.path };
    }
    const type = Object.hasOwn(words.fields, key) ? words.fields[key] : undefined;
    if (!type) return place.unknown(unknownKey(key), pair.key);
    const matchers = readMatchers(value, place.child(key, pair.key), {
      field: key,
      type,
      words: closed[key],
      readBy: words,
    });
    return matchers && { kind: "fact", field: key, matchers, at: place.path };
  }

  function grouped(
    kind: (typeof groups)[number],
    node: YamlNode,
    place: SourcePlace,
    depth: number,
  ): Condition | undefined {
    if (!isSeq(node) || node.items.length === 0)
      return place.expected(`a list of conditions after \`${kind}:\``, node);
    const inner = place.child(kind, node);
    const of = node.items.map((item, i) => read(item as YamlNode, inner.child(i, item), depth + 1));
    return {
      kind,
      of: of.map((part, i) => part ?? unreadCondition(inner.child(i, null).path)),
      at: place.path,
    };
  }

  function engagement(node: YamlNode, place: SourcePlace): Condition | undefined {
    const parts = readEngagement(node, place, words.signals, ["within"]);
    if (!parts) return undefined;
    const window = parts.withinMs === undefined ? {} : { withinMs: parts.withinMs };
    if (parts.meaningful !== undefined)
      return { kind: "meaningful", count: parts.meaningful, ...window, at: place.path };
    return {
      kind: "signal",
      signal: parts.signal,
      ...window,
      atLeast: parts.atLeast,
      at: place.path,
    };
  }

  function unknownName(name: string): string {
    if (name === "engaged")
      return "expected another condition: `engaged` is known only to `accounts.when`";
    return (
      `expected the name of a condition (${listed(names)}), found ` +
      `"${name}"${didYouMean(name, names)}`
    );
  }

  function unknownKey(key: string): string {
    const known = [
      ...groups,
      "signal",
      "meaningful",
      "depth",
      ...derived,
      ...Object.keys(words.fields),
    ];
    const hint = didYouMean(key, known);
    if (/^(lead|account)\./.test(key))
      return `expected a built-in field or one declared under \`fields:\`, found "${key}"${hint}`;
    return (
      "expected all, any, none, signal, meaningful, depth, band or a field such as " +
      `account.employees, found "${key}"${hint}`
    );
  }

  return {
    schema: { $ref: "#/$defs/condition" },
    read: (node, place) => read(node, place, 1) ?? unreadCondition(place.path),
    standIn: unreadCondition,
  };
}

/** A name that nothing can have stands for a condition that could not be read. */
function unreadCondition(path: string): Condition {
  return { kind: "named", name: unreadWord(path), at: path };
}

export type EngagementParts =
  | { readonly meaningful: number; readonly withinMs?: number }
  | {
      readonly meaningful?: undefined;
      readonly signal: string | { readonly depth: Depth };
      readonly atLeast: number;
      readonly withinMs?: number;
    };

/**
 * `{ signal: demo_request, within: 30 days }`, `{ signal: { depth: high } }`, `{ depth: mid,
 * atLeast: 2 }`, `{ meaningful: 2, within: 30 days }`. `extra` names the further keys that may
 * stand beside them.
 */
export function readEngagement(
  node: YamlNode,
  place: SourcePlace,
  signals: readonly string[],
  extra: readonly string[],
): EngagementParts | undefined {
  if (!isMap(node)) return place.expected("a signal", node);
  const subjects = ["signal", "depth", "meaningful"];
  const given = new Map(node.items.map((pair) => [keyText(pair.key) ?? "", pair]));
  const chosen = subjects.filter((key) => given.has(key));
  if (chosen.length !== 1)
    return place.wrong(
      `expected one of ${listed(subjects)}, found ${chosen.join(" and ") || "none"}`,
      node,
    );
  const allowed = [...chosen, ...(chosen[0] === "meaningful" ? [] : ["atLeast"]), ...extra];
  const strange = [...given.keys()].find((key) => !allowed.includes(key));
  if (strange !== undefined)
    return place.wrong(
      `expected ${listed(allowed)}, found "${strange}"${didYouMean(strange, allowed)}`,
      given.get(strange)?.key,
    );

  const at = <T>(key: string, shape: Shape<T>) => {
    const pair = given.get(key);
    return pair && shape.read(pair.value as YamlNode, place.child(key, pair.key));
  };
  const withinMs = extra.includes("within") ? at("within", elapsedMs) : undefined;
  const atLeast = given.has("atLeast") ? at("atLeast", count) : 1;
  if (
    (given.has("within") && extra.includes("within") && withinMs === undefined) ||
    atLeast === undefined
  )
    return undefined;
  const window = withinMs === undefined ? {} : { withinMs };
  if (chosen[0] === "meaningful") {
    const meaningful = at("meaningful", count);
    return meaningful === undefined ? undefined : { meaningful, ...window };
  }
  const depth = chosen[0] === "depth" ? at("depth", oneOf(depths)) : undefined;
  const signal = depth ? { depth } : at("signal", signalRef(signals));
  return signal === undefined ? undefined : { signal, atLeast, ...window };
}

const count = number("a count", { min: 1, max: 1000, whole: true });

/** The name of a signal, or `{ depth: high }` for any signal of that depth. */
function signalRef(signals: readonly string[]): Shape<string | { readonly depth: Depth }> {
  return {
    schema: {},
    read(node, place) {
      if (isMap(node)) {
        const pair = node.items[0];
        if (node.items.length !== 1 || keyText(pair?.key) !== "depth")
          return place.expected("the name of a signal or `{ depth: high }`", node);
        const depth = oneOf(depths).read(pair?.value as YamlNode, place.child("depth", pair?.key));
        return depth && { depth };
      }
      const name = isScalar(node) ? scalarText(node) : null;
      if (name !== null && signals.includes(name)) return name;
      return place.unknown(
        `expected a signal defined under \`signals:\`, found ` +
          `${name === null ? "none" : `"${name}"`}${didYouMean(name ?? "", signals)}`,
        node,
      );
    },
  };
}
