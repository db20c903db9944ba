import type { Matcher } from "../agreement.ts";
import type { FactValue, FieldType } from "../facts/facts.ts";
import type { Truth } from "./truth.ts";
import { instantOf, isoOf } from "../time/dates.ts";
import { fold, matchesGlob, sameText } from "../facts/text.ts";
import { allOf } from "./truth.ts";

/** Whether a fact's value (undefined when missing) satisfies every matcher of a condition. */
export function matchAll(
  matchers: readonly Matcher[],
  value: FactValue | undefined,
  type: FieldType,
): Truth {
  return allOf(matchers.map((matcher) => match(matcher, value, type)));
}

/** What the matchers ask for, in words: "at least 50 and at most 5000". */
export function describeMatchers(matchers: readonly Matcher[], type: FieldType): string {
  return matchers.map((matcher) => describeOne(matcher, type)).join(" and ");
}

/**
 * A missing fact leaves everything but `exists` unknown, and so does a value of another type than
 * the rule compares with: it was stored when the field meant something else, and says nothing about
 * the rule.
 */
function match(matcher: Matcher, value: FactValue | undefined, type: FieldType): Truth {
  if (matcher.op === "exists") return (value !== undefined) === matcher.value;
  if (value === undefined) return "unknown";
  switch (matcher.op) {
    case "is":
      return isAny(value, wantedOf(scalars(matcher.value), type), type);
    case "in":
      return isAny(value, listWanted(matcher.values, type), type);
    case "notIn": {
      const found = isAny(value, listWanted(matcher.values, type), type);
      return found === "unknown" ? found : !found;
    }
    case "contains":
      return contains(value, matcher.value);
    case "matches":
      return texts(value)?.some((text) => matchesGlob(text, matcher.glob)) ?? "unknown";
    case "atLeast":
    case "atMost":
    case "above":
    case "below": {
      const amount = amountOf(value, type);
      return amount === null ? "unknown" : compare(matcher.op, amount, matcher.value);
    }
  }
}

type Scalar = string | number | boolean;

/** What a rule compares with: kinds of values, and the values as they are compared. */
interface Wanted {
  readonly kinds: ReadonlySet<string>;
  readonly keys: ReadonlySet<Scalar | undefined>;
}

/** Whether the value, or for a list any of its entries, equals one of these. */
function isAny(value: FactValue, { kinds, keys }: Wanted, type: FieldType): Truth {
  const given = scalars(value);
  if (typeof value !== "object" && !given.some((one) => kinds.has(typeof one))) return "unknown";
  return given.some((one) => keys.has(keyOf(one, type)));
}

/** A list can have thousands of words, and is asked about for every lead. */
const lists = new WeakMap<readonly FactValue[], Map<boolean, Wanted>>();

function listWanted(values: readonly FactValue[], type: FieldType): Wanted {
  const kept = lists.get(values) ?? new Map<boolean, Wanted>();
  lists.set(values, kept);
  const isDate = type === "date";
  const wanted = kept.get(isDate) ?? wantedOf(values.flatMap(scalars), type);
  kept.set(isDate, wanted);
  return wanted;
}

function wantedOf(values: readonly Scalar[], type: FieldType): Wanted {
  const keys = new Set(values.map((one) => keyOf(one, type)));
  // A text that is no date equals none.
  keys.delete(undefined);
  return { kinds: new Set(values.map((one) => typeof one)), keys };
}

/** Equal for values that count as the same. */
function keyOf(value: Scalar, type: FieldType): Scalar | undefined {
  if (typeof value !== "string") return value;
  if (type !== "date") return fold(value);
  const instant = instantOf(value);
  return instant === null ? undefined : `at ${instant}`;
}

/** Part of a text, or an entry of a list. */
function contains(value: FactValue, part: string): Truth {
  if (typeof value === "string") return fold(value).includes(fold(part));
  if (typeof value === "object") return value.some((entry) => sameText(entry, part));
  return "unknown";
}

function compare(
  op: "atLeast" | "atMost" | "above" | "below",
  amount: number,
  bound: number,
): boolean {
  switch (op) {
    case "atLeast":
      return amount >= bound;
    case "atMost":
      return amount <= bound;
    case "above":
      return amount > bound;
    case "below":
      return amount < bound;
  }
}

/** A number as it is; a date as epoch milliseconds. */
function amountOf(value: FactValue, type: FieldType): number | null {
  if (typeof value === "number") return value;
  return type === "date" && typeof value === "string" ? instantOf(value) : null;
}

function scalars(value: FactValue): readonly Scalar[] {
  return typeof value === "object" ? value : [value];
}

function texts(value: FactValue): readonly string[] | null {
  if (typeof value === "string") return [value];
  return typeof value === "object" ? value : null;
}

function describeOne(matcher: Matcher, type: FieldType): string {
  switch (matcher.op) {
    case "is":
      return `is ${String(matcher.value)}`;
    case "in":
      return `one of ${matcher.values.map(String).join(", ")}`;
    case "notIn":
      return `none of ${matcher.values.map(String).join(", ")}`;
    case "atLeast":
      return `at least ${amountText(matcher.value, type)}`;
    case "atMost":
      return `at most ${amountText(matcher.value, type)}`;
    case "above":
      return `above ${amountText(matcher.value, type)}`;
    case "below":
      return `below ${amountText(matcher.value, type)}`;
    case "contains":
      return `contains ${matcher.value}`;
    case "exists":
      return matcher.value ? "known" : "not known";
    case "matches":
      return `like ${matcher.glob}`;
  }
}

function amountText(amount: number, type: FieldType): string {
  return type === "date" ? isoOf(amount).replace("T00:00:00.000Z", "") : String(amount);
}
