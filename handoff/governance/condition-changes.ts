import type { Condition, Matcher } from "../agreement.ts";
import type { FieldType } from "../facts/facts.ts";
import { derivedTypes, fieldType } from "../qualify/condition.ts";
import { describeMatchers } from "../qualify/matcher.ts";
import { lacking, moved, wordsAddedAndRemoved, type RuleChange } from "./rule-change.ts";
import {
  flatParts,
  meaningOf,
  sayCondition,
  signalName,
  type Declared,
  type Group,
} from "./say-condition.ts";

type Compared = Extract<Condition, { readonly matchers: readonly Matcher[] }>;

/** The types that facts had before and have now. */
export interface Types {
  readonly before: Declared;
  readonly after: Declared;
}

/**
 * What changed between two conditions, part by part. Parts in another order, and a single part
 * with or without `all` around it, are no change.
 */
export function conditionChanges(
  about: string,
  before: Condition,
  after: Condition,
  types: Types,
): RuleChange[] {
  if (meaningOf(before) === meaningOf(after)) return [];
  const [was, now] = [single(before), single(after)];
  if (meaningOf(was) === meaningOf(now)) return [];
  if (isGroup(was) || isGroup(now)) {
    const kind = kindOf(was, now);
    if (kind === null)
      return moved(about, sayCondition(was, types.before), sayCondition(now, types.after));
    return partChanges(about, kind, partsOf(was), partsOf(now), types);
  }
  return leafChanges(about, was, now, types);
}

/** What the group of both sides is; null when one asks for all and the other for any. */
function kindOf(was: Condition, now: Condition): Group["kind"] | null {
  if (isGroup(was) && isGroup(now)) return was.kind === now.kind ? was.kind : null;
  const group = isGroup(was) ? was : now;
  return isGroup(group) && group.kind !== "none" ? group.kind : null;
}

const words: Readonly<Record<Group["kind"], string>> = {
  all: "",
  any: "alternative ",
  none: "exception ",
};

function partChanges(
  about: string,
  kind: Group["kind"],
  before: readonly Condition[],
  after: readonly Condition[],
  types: Types,
): RuleChange[] {
  const gone = lacking(before, after, meaningOf);
  const come = lacking(after, before, meaningOf);
  const found: RuleChange[] = [];
  for (const part of gone) {
    const twin = come.findIndex((one) => subjectOf(one) === subjectOf(part));
    const [now] = twin < 0 ? [] : come.splice(twin, 1);
    if (now) found.push(...conditionChanges(about, part, now, types));
    else found.push({ about, change: `${words[kind]}${sayCondition(part, types.before)} removed` });
  }
  return [
    ...found,
    ...come.map((part) => ({
      about,
      change: `${words[kind]}${sayCondition(part, types.after)} added`,
    })),
  ];
}

function leafChanges(about: string, was: Condition, now: Condition, types: Types): RuleChange[] {
  if (isCompared(was) && isCompared(now) && subjectOf(was) === subjectOf(now))
    return matcherChanges(about, was, now, types);
  return moved(about, sayCondition(was, types.before), sayCondition(now, types.after));
}

/** `band C added`, `account.employees at least 50 -> at least 100` */
function matcherChanges(about: string, was: Compared, now: Compared, types: Types): RuleChange[] {
  const name = was.kind === "derived" ? was.of : was.field;
  const [one, other] = [was.matchers, now.matchers];
  const [only, alone] = [one[0], other[0]];
  if (
    only &&
    alone &&
    one.length === 1 &&
    other.length === 1 &&
    "values" in only &&
    "values" in alone &&
    only.op === alone.op
  )
    return wordsAddedAndRemoved(
      about,
      only.values.map(String),
      alone.values.map(String),
      String,
      only.op === "notIn" ? `${name} excluded` : name,
    );
  const say = (matchers: readonly Matcher[], among: readonly Matcher[], type: FieldType) => {
    const keys = among.map((matcher) => JSON.stringify(matcher));
    const changed = matchers.filter((matcher) => !keys.includes(JSON.stringify(matcher)));
    return changed.length === 0 ? "no other bound" : describeMatchers(changed, type);
  };
  return moved(
    about,
    say(one, other, typeOf(was, types.before)),
    say(other, one, typeOf(now, types.after)),
    name,
  );
}

function typeOf(condition: Compared, declared: Declared): FieldType {
  if (condition.kind === "derived") return derivedTypes[condition.of];
  return fieldType(declared, condition.field) ?? "text";
}

/** What a part asks about; parts that ask about the same thing are compared with each other. */
function subjectOf(condition: Condition): string {
  switch (condition.kind) {
    case "fact":
      return `fact ${condition.field}`;
    case "derived":
      return `fact ${condition.of}`;
    case "signal":
      return `signal ${signalName(condition.signal)}`;
    case "named":
      return `named ${condition.name}`;
    default:
      return condition.kind;
  }
}

function isGroup(condition: Condition): condition is Group {
  return condition.kind === "all" || condition.kind === "any" || condition.kind === "none";
}

function isCompared(condition: Condition): condition is Compared {
  return condition.kind === "fact" || condition.kind === "derived";
}

/** `all: [x]` asks for what `x` asks for. */
function single(condition: Condition): Condition {
  if (!isGroup(condition) || condition.kind === "none" || condition.of.length !== 1)
    return condition;
  const [only] = condition.of;
  return only ? single(only) : condition;
}

function partsOf(condition: Condition): readonly Condition[] {
  return isGroup(condition) ? flatParts(condition) : [condition];
}
