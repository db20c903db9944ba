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
  return matching(matchers, type)(value);
}

type Holds = (value: FactValue | undefined) => Truth;

/** The same as a function of the value: a rule is read once and asked for every lead. */
export function matching(matchers: readonly Matcher[], type: FieldType): Holds {
  const kept = read.get(matchers) ?? new Map<FieldType, Holds>();
  read.set(matchers, kept);
  const before = kept.get(type);
  if (before) return before;
  const each = matchers.map((matcher) => matchingOne(matcher, type));
  const holds: Holds =
    each.length === 1 ? each[0]! : (value) => allOf(each.map((one) => one(value)));
  kept.set(type, holds);
  return holds;
}

/** Conditions are never changed in place. */
const read = new WeakMap<readonly Matcher[], Map<FieldType, Holds>>();

/** What the matchers ask for, in words: "at least 50 and at most 5000". */
export function describeMatchers(matchers: readonly Matcher[], type: FieldType): string {
  return matchers.map((matcher) => describeOne(matcher, type)).join(" and ");
}

/**
 * A missing fact leaves everything but `exists` unknown, and so does a value of another type than
 * the rule compares with: it was stored when the field meant something else, and says nothing about
 * the rule.
 */
function matchingOne(matcher: Matcher, type: FieldType): Holds {
  if (matcher.op === "exists") return (value) => (value !== undefined) === matcher.value;
  const holds = holding(matcher, type);
  return (value) => (value === undefined ? "unknown" : holds(value));
}

function holding(
  matcher: Exclude<Matcher, { readonly op: "exists" }>,
  type: FieldType,
): (value: FactValue) => Truth {
  switch (matcher.op) {
    case "is":
      return isAny(scalars(matcher.value), type);
    case "in":
      return inList(matcher.values, type);
    case "notIn": {
      const found = inList(matcher.values, type);
      return (value) => {
        const truth = found(value);
        return truth === "unknown" ? truth : !truth;
      };
    }
    case "contains":
      return (value) => contains(value, matcher.value);
    case "matches":
      return (value) => texts(value)?.some((text) => matchesGlob(text, matcher.glob)) ?? "unknown";
    case "atLeast":
    case "atMost":
    case "above":
    case "below":
      return (value) => {
        const amount = amountOf(value, type);
        return amount === null ? "unknown" : compare(matcher.op, amount, matcher.value);
      };
  }
}

type Scalar = string | number | boolean;

/** Whether the value, or for a list any of its entries, equals one of these. */
function isAny(wanted: readonly Scalar[], type: FieldType): (value: FactValue) => Truth {
  const kinds = new Set(wanted.map((one) => typeof one));
  const keys = new Set(wanted.map((one) => keyOf(one, type)));
  // A text that is no date equals none.
  keys.delete(undefined);
  return (value) => {
    if (typeof value === "object") return value.some((one) => keys.has(keyOf(one, type)));
    return kinds.has(typeof value) ? keys.has(keyOf(value, type)) : "unknown";
  };
}

/**
 * A list can have thousands of words, and the checks of an agreement put it into many a condition:
 * each list is read once.
 */
function inList(values: readonly FactValue[], type: FieldType): (value: FactValue) => Truth {
  const kept = lists.get(values) ?? new Map<boolean, (value: FactValue) => Truth>();
  lists.set(values, kept);
  const isDate = type === "date";
  const holds = kept.get(isDate) ?? isAny(values.flatMap(scalars), type);
  kept.set(isDate, holds);
  return holds;
}

const lists = new WeakMap<readonly FactValue[], Map<boolean, (value: FactValue) => Truth>>();

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
