import type { Agreement, Matcher } from "../handoff/agreement.ts";
import type { FactValue, FieldType } from "../handoff/facts/facts.ts";
import type { SourcePlace } from "./place.ts";
import type { YamlNode } from "./source.ts";
import { isMap, isScalar, isSeq } from "yaml";
import { instantOf } from "../handoff/time/dates.ts";
import { matchesGlob } from "../handoff/facts/text.ts";
import { codedFields, readFact } from "../spellings/fact.ts";
import { regionsMeant } from "../spellings/region.ts";
import { keyText } from "./source.ts";
import { readsOneWay, scalarText } from "./shape.ts";
import { didYouMean, listed } from "./words.ts";

/** Which matchers a type of fact understands, besides a plain value. */
const matchersOf: Readonly<Record<FieldType, readonly Exclude<Matcher["op"], "is">[]>> = {
  text: ["in", "notIn", "contains", "matches", "exists"],
  number: ["in", "notIn", "atLeast", "atMost", "above", "below", "exists"],
  boolean: ["exists"],
  date: ["in", "notIn", "atLeast", "atMost", "above", "below", "exists"],
  list: ["in", "notIn", "contains", "matches", "exists"],
};

export const allMatchers: readonly Matcher["op"][] = [...new Set(Object.values(matchersOf).flat())];

/**
 * What a matcher compares with: the field's type, and the words it may hold when they are a closed
 * list.
 */
export interface MatcherSubject {
  readonly field: string;
  readonly type: FieldType;
  readonly words?: readonly string[] | undefined;
  /** By what facts of the field are read; absent for what is worked out. */
  readonly readBy?: Pick<Agreement, "fields" | "nullWords">;
}

/**
 * Reads the right-hand side of a fact condition: `US`, `{ in: [US, CA] }`, `{ atLeast: 50, atMost:
 * 5000 }`.
 */
export function readMatchers(
  node: YamlNode,
  place: SourcePlace,
  subject: MatcherSubject,
): readonly Matcher[] | undefined {
  const known = matchersOf[subject.type];
  if (isSeq(node))
    return place.wrong(
      `expected one value or \`in:\` before the list of values for ${subject.field}`,
      node,
    );
  if (!isMap(node)) {
    const value = readValue(node, place, subject);
    if (value === undefined) return undefined;
    const values = valuesMeant(value, subject);
    return values.length === 1 ? [{ op: "is", value }] : [{ op: "in", values }];
  }
  if (node.items.length === 0)
    return place.wrong(`expected ${listed(known)}, found an empty mapping`, node);
  const matchers = node.items.map((pair) => {
    const key = keyText(pair.key) ?? "";
    const op = known.find((one) => one === key);
    const inner = place.child(key, pair.key);
    if (op) return readMatcher(op, pair.value as YamlNode, inner, subject);
    if (["is", "eq", "equals", "=", "=="].includes(key))
      return inner.wrong(
        `expected the value itself, as in \`${subject.field}: value\`, found "${key}"`,
        pair.key,
      );
    return inner.wrong(
      `expected ${listed(known)} for ${subject.field} (${subject.type}), found ` +
        `"${key}"${didYouMean(key, known)}`,
      pair.key,
    );
  });
  const whole = matchers.filter((matcher) => matcher !== undefined);
  if (whole.length < matchers.length) return undefined;
  if (emptyRange(whole))
    return place.wrong(`expected a range that some value can lie in for ${subject.field}`, node);
  warnOfLow(whole, place, subject, node);
  return whole;
}

/** A count that is at most less than none is no fact's. */
function warnOfLow(
  matchers: readonly Matcher[],
  place: SourcePlace,
  { field, type, readBy }: MatcherSubject,
  node: YamlNode,
): void {
  if (type !== "number" || !readBy) return;
  for (const matcher of matchers) {
    if (matcher.op !== "atMost" && matcher.op !== "below") continue;
    const most = matcher.op === "atMost" ? Math.floor(matcher.value) : Math.ceil(matcher.value) - 1;
    if ("problem" in readFact(field, most, readBy))
      place.warn(`no fact of ${field} can be as low as ${matcher.op}: ${matcher.value}`, node);
  }
}

function readMatcher(
  op: Exclude<Matcher["op"], "is">,
  node: YamlNode,
  place: SourcePlace,
  subject: MatcherSubject,
): Matcher | undefined {
  switch (op) {
    case "in":
    case "notIn": {
      if (!isSeq(node)) return place.expected(`a list of values after \`${op}:\``, node);
      if (
        node.items.length === 0 &&
        !place.letsPass(`expected at least one value after \`${op}:\``, node)
      )
        return undefined;
      const values = node.items.map((item, i) =>
        readValue(item as YamlNode, place.child(i, item), subject),
      );
      const whole = values.filter((value) => value !== undefined);
      return whole.length === values.length
        ? { op, values: whole.flatMap((value) => valuesMeant(value, subject)) }
        : undefined;
    }
    case "exists": {
      const value = isScalar(node) ? node.value : null;
      return typeof value === "boolean" ? { op, value } : place.expected("true or false", node);
    }
    case "contains": {
      const value = scalarText(node)?.trim();
      if (!value) return place.expected("the text to look for", node);
      warnOfCodes(`*${value}*`, place, subject, node);
      return { op, value };
    }
    case "matches": {
      const glob = scalarText(node)?.trim();
      if (!glob) return place.expected("a pattern such as `*engineer*`", node);
      if (glob.length > 200)
        return place.wrong("expected a pattern of at most 200 characters", node);
      if (/^\/.*\/$|^\^|\$$|\\/.test(glob))
        return place.wrong(
          `expected a pattern in which * stands for any text, not a regular expression, found "${glob}"`,
          node,
        );
      warnOfCodes(glob, place, subject, node);
      return { op, glob };
    }
    case "atLeast":
    case "atMost":
    case "above":
    case "below": {
      const value = readBound(node, place, subject.type);
      return value === undefined ? undefined : { op, value };
    }
  }
}

function readValue(
  node: YamlNode,
  place: SourcePlace,
  subject: MatcherSubject,
): Exclude<FactValue, readonly string[]> | undefined {
  const value = isScalar(node) ? node.value : null;
  switch (subject.type) {
    case "number":
      if (typeof value !== "number" || !Number.isFinite(value))
        return place.expected(`a number for ${subject.field}`, node);
      return readsOneWay(node, place) ? asFact(value, place, subject, node) : undefined;
    case "boolean":
      return typeof value === "boolean"
        ? value
        : place.expected(`true or false for ${subject.field}`, node);
    case "date": {
      const text = scalarText(node);
      return text !== null && instantOf(text) !== null
        ? text.trim()
        : place.expected(`a date such as 2026-11-23 for ${subject.field}`, node);
    }
    case "text":
    case "list": {
      if (typeof value === "boolean")
        return place.wrong(
          `expected text for ${subject.field}; put quotes around "${String(value)}"`,
          node,
        );
      const text = scalarText(node)?.trim();
      if (!text) return place.expected(`text for ${subject.field}`, node);
      if (text.length > 300) return place.wrong("expected at most 300 characters", node);
      return !subject.words || subject.words.includes(text)
        ? asFact(text, place, subject, node)
        : place.wrong(
            `expected ${listed(subject.words)} for ${subject.field}, found ` +
              `"${text}"${didYouMean(text, subject.words)}`,
            node,
          );
    }
  }
}

/**
 * The value as facts hold it, read as a fact is: countries become codes and addresses and domains
 * have one form, however they are written. What no fact can become is warned of.
 */
function asFact<T extends string | number>(
  written: T,
  place: SourcePlace,
  { field, readBy }: MatcherSubject,
  node: YamlNode,
): T | string {
  if (!readBy) return written;
  const read = readFact(field, written, readBy);
  if ("missing" in read)
    place.warn(`expected no null word, found "${written}"; no fact holds one`, node);
  else if ("problem" in read)
    place.warn(
      `${read.problem.replace(`${field}: `, "")}, found "${written}"; no fact of ${field} can be that`,
      node,
    );
  else if (Object.hasOwn(codedFields, field) && read.notUnderstood !== undefined)
    place.warn(
      `expected ${codedFields[field]?.what}, found "${written}"; facts of ${field} hold codes`,
      node,
    );
  else if (isOfOneForm(field) && typeof read.value === "string") return read.value;
  return written;
}

/** Of a region it depends on the country (`valuesMeant`); other words are compared as they are. */
function isOfOneForm(field: string): boolean {
  return ["lead.email", "account.domain"].includes(field) || Object.hasOwn(codedFields, field);
}

type Single = Exclude<FactValue, readonly string[]>;

/** A fact of a region is a code where the country is known, and the word itself where it is not. */
function valuesMeant(value: Single, { field }: MatcherSubject): readonly Single[] {
  const isRegion = field === "lead.region" || field === "account.region";
  return isRegion && typeof value === "string" ? regionsMeant(value) : [value];
}

/** A pattern that fits no code fits no fact of the field. */
function warnOfCodes(
  glob: string,
  place: SourcePlace,
  { field }: MatcherSubject,
  node: YamlNode,
): void {
  const coded = Object.hasOwn(codedFields, field) ? codedFields[field] : undefined;
  if (coded && !coded.codes().some((code) => matchesGlob(code, glob)))
    place.warn(
      `expected a pattern that some code fits, found "${glob}"; facts of ${field} hold codes ` +
        `such as ${coded.codes()[0]}`,
      node,
    );
}

/** Bounds of dates are kept as epoch milliseconds. */
function readBound(node: YamlNode, place: SourcePlace, type: FieldType): number | undefined {
  if (type === "date")
    return instantOf(scalarText(node) ?? "") ?? place.expected("a date such as 2026-11-23", node);
  const value = isScalar(node) ? node.value : null;
  if (typeof value !== "number" || !Number.isFinite(value)) return place.expected("a number", node);
  return readsOneWay(node, place) ? value : undefined;
}

function emptyRange(matchers: readonly Matcher[]): boolean {
  let [low, high, open] = [-Infinity, Infinity, false];
  for (const matcher of matchers) {
    if (matcher.op === "atLeast" || matcher.op === "above") low = Math.max(low, matcher.value);
    if (matcher.op === "atMost" || matcher.op === "below") high = Math.min(high, matcher.value);
    if (matcher.op === "above" || matcher.op === "below") open = true;
  }
  return low > high || (low === high && open && matchers.length > 1);
}
