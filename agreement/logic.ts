import type { Agreement, Condition, Matcher } from "../handoff/agreement.ts";
import type { FieldType } from "../handoff/facts/facts.ts";
import { derivedTypes, fieldType } from "../handoff/qualify/condition.ts";
import { matchAll } from "../handoff/qualify/matcher.ts";
import { fold } from "../handoff/facts/text.ts";

/**
 * What can be proved about conditions without leads. Every answer of "yes" is certain; "no" only
 * means that no proof was found. Used for rules that can never apply and territories that overlap.
 */
export interface Logic {
  /** Whenever the first is true, so is the second. */
  readonly implies: (a: Condition, b: Condition) => boolean;
  readonly neverTrue: (condition: Condition) => boolean;
  /** A lead for which both are true exists; tells one value it would have, when a list names it. */
  readonly bothPossible: (a: Condition, b: Condition) => { readonly example: string | null } | null;
}

type Leaf = Extract<Condition, { matchers: unknown }>;
type SignalRef = Extract<Condition, { kind: "signal" }>["signal"];

/** Names must not form a circle. */
export function logicOf(
  agreement: Pick<Agreement, "named" | "signals" | "fields" | "bands">,
): Logic {
  const proved = new Map<Condition, Map<Condition, boolean>>();
  // Far more than any real agreement takes; beyond it nothing more is claimed.
  let steps = 200_000;

  function implies(a: Condition, b: Condition): boolean {
    const [left, right] = [unfold(a), unfold(b)];
    const known = proved.get(left)?.get(right);
    if (known !== undefined) return known;
    if (--steps <= 0) return false;
    const result = proveImplies(left, right);
    proved.set(left, (proved.get(left) ?? new Map<Condition, boolean>()).set(right, result));
    return result;
  }

  function proveImplies(a: Condition, b: Condition): boolean {
    if (b.kind === "all") return b.of.every((part) => implies(a, part));
    if (a.kind === "any") return a.of.every((part) => implies(part, b));
    if (b.kind === "any" && b.of.some((part) => implies(a, part))) return true;
    if (a.kind === "all") return a.of.some((part) => implies(part, b));
    if (a.kind === "none" && b.kind === "none")
      return b.of.every((part) => a.of.some((whole) => implies(part, whole) && decided(part)));
    return leafImplies(a, b);
  }

  /**
   * `none` must be false, not unknown, on every part: only an equal part or a count guarantees
   * that.
   */
  function decided(part: Condition): boolean {
    return ["signal", "meaningful"].includes(unfold(part).kind);
  }

  function leafImplies(a: Condition, b: Condition): boolean {
    if (a.kind === "named" && b.kind === "named") return a.name === b.name;
    if (a.kind === "signal" && b.kind === "signal")
      return isSignalOf(a.signal, b.signal) && a.atLeast >= b.atLeast && window(a) <= window(b);
    if (a.kind === "meaningful" && b.kind === "meaningful")
      return a.count >= b.count && window(a) <= window(b);
    if (a.kind === "signal" && b.kind === "meaningful")
      return (
        b.count === 1 &&
        window(a) <= window(b) &&
        ["mid", "high"].includes(depthOf(a.signal) ?? "low")
      );
    if (!isLeaf(a) || !isLeaf(b) || subject(a) !== subject(b)) return false;
    const type = typeOf(a);
    return b.matchers.every((wanted) =>
      a.matchers.some((given) => matcherImplies(given, wanted, type)),
    );
  }

  function neverTrue(condition: Condition): boolean {
    const whole = unfold(condition);
    if (whole.kind === "any") return whole.of.every(neverTrue);
    if (whole.kind === "none") return false;
    const parts = conjuncts(whole);
    if (parts.some((part) => part !== whole && neverTrue(part))) return true;
    if (parts.some((part) => part.kind === "none" && part.of.some((not) => implies(whole, not))))
      return true;
    return [...bySubject(parts.filter(isLeaf)).values()].some((leaves) => contradictory(leaves));
  }

  function contradictory(leaves: readonly Leaf[]): boolean {
    const type = typeOf(leaves[0]!);
    const matchers = leaves.flatMap((leaf) => leaf.matchers);
    if (
      matchers.some((one) => one.op === "exists" && !one.value) &&
      matchers.some((one) => one.op !== "exists" || one.value)
    )
      return true;
    if (type === "list") return false;
    return values(leaves[0]!, matchers)?.length === 0 || !rangeOpen(matchers);
  }

  function bothPossible(a: Condition, b: Condition): { example: string | null } | null {
    for (const [left, right] of pairs(alternatives(a), alternatives(b))) {
      const parts = [...left, ...right];
      // Scores follow from the facts, so they cannot be chosen freely beside them.
      if (parts.some((part) => ["none", "named", "derived"].includes(part.kind))) continue;
      const subjects = [...bySubject(parts.filter(isLeaf)).values()];
      if (!subjects.every(satisfiable)) continue;
      const told = subjects
        .map((leaves) => ({
          field: subject(leaves[0]!),
          first: values(
            leaves[0]!,
            leaves.flatMap((leaf) => leaf.matchers),
          )?.[0],
        }))
        .find((one) => one.first !== undefined);
      return { example: told ? `${told.field} ${String(told.first)}` : null };
    }
    return null;
  }

  /** Certain that some value passes all the matchers. */
  function satisfiable(leaves: readonly Leaf[]): boolean {
    const matchers = leaves.flatMap((leaf) => leaf.matchers);
    if (matchers.length === 1) return true;
    if (
      contradictory(leaves) ||
      matchers.some((one) => one.op === "contains" || one.op === "matches")
    )
      return false;
    const known = values(leaves[0]!, matchers);
    if (typeOf(leaves[0]!) === "list") return matchers.every((one) => one.op !== "notIn");
    if (known) return known.length > 0;
    return (
      matchers.every((one) => one.op !== "notIn") || matchers.every((one) => one.op === "notIn")
    );
  }

  /**
   * The conditions all of which must hold, for each way the condition can be true; at most 50 ways
   * are looked at.
   */
  function alternatives(condition: Condition): Condition[][] {
    const whole = unfold(condition);
    if (whole.kind === "any") return whole.of.flatMap(alternatives).slice(0, 50);
    if (whole.kind !== "all") return [[whole]];
    return whole.of.reduce<Condition[][]>(
      (ways, part) =>
        pairs(ways, alternatives(part))
          .map(([one, other]) => [...one, ...other])
          .slice(0, 50),
      [[]],
    );
  }

  function conjuncts(condition: Condition): Condition[] {
    const whole = unfold(condition);
    return whole.kind === "all" ? whole.of.flatMap(conjuncts) : [whole];
  }

  function unfold(condition: Condition): Condition {
    if (condition.kind !== "named" || !Object.hasOwn(agreement.named, condition.name))
      return condition;
    return unfold(agreement.named[condition.name]!);
  }

  /**
   * The values a list in the rules leaves possible, null when no list names them. Bands are always
   * a list.
   */
  function values(leaf: Leaf, matchers: readonly Matcher[]): (string | number | boolean)[] | null {
    const type = typeOf(leaf);
    if (type === "list") return null;
    const lists = matchers.flatMap((one) =>
      one.op === "is" ? [[one.value]] : one.op === "in" ? [one.values] : [],
    );
    const first = subject(leaf) === "band" ? agreement.bands.map((row) => row.band) : lists[0];
    if (!first) return null;
    return first.filter(
      (value): value is string | number | boolean =>
        typeof value !== "object" && matchAll(matchers, value, type) === true,
    );
  }

  function typeOf(leaf: Leaf): FieldType {
    return leaf.kind === "derived"
      ? derivedTypes[leaf.of]
      : (fieldType(agreement, leaf.field) ?? "text");
  }

  /** Every signal that counts for the first counts for the second. */
  function isSignalOf(a: SignalRef, b: SignalRef): boolean {
    return typeof b === "string" ? a === b : depthOf(a) === b.depth;
  }

  function depthOf(signal: SignalRef): string | undefined {
    return typeof signal === "string" ? agreement.signals[signal]?.depth : signal.depth;
  }

  return { implies, neverTrue, bothPossible };
}

function matcherImplies(given: Matcher, wanted: Matcher, type: FieldType): boolean {
  if (wanted.op === "exists")
    return wanted.value
      ? given.op !== "exists" || given.value
      : given.op === "exists" && !given.value;
  const listed = given.op === "is" ? [given.value] : given.op === "in" ? given.values : null;
  // A list fact holds other entries too, so what is true of one entry excludes nothing.
  if (listed && type === "list")
    return (
      wanted.op !== "notIn" &&
      listed.every((value) => matchAll([wanted], [String(value)], type) === true)
    );
  if (listed) return listed.every((value) => matchAll([wanted], value, type) === true);
  if (given.op === "notIn" && wanted.op === "notIn")
    return wanted.values.every(
      (value) => matchAll([{ op: "in", values: given.values }], value, type) === true,
    );
  if (isLower(given) && isLower(wanted))
    return (
      given.value > wanted.value ||
      (given.value === wanted.value && (given.op === "above" || wanted.op === "atLeast"))
    );
  if (isUpper(given) && isUpper(wanted))
    return (
      given.value < wanted.value ||
      (given.value === wanted.value && (given.op === "below" || wanted.op === "atMost"))
    );
  if (given.op === "contains" && wanted.op === "contains")
    return type === "list"
      ? fold(given.value) === fold(wanted.value)
      : fold(given.value).includes(fold(wanted.value));
  return (
    given.op === "matches" && wanted.op === "matches" && fold(given.glob) === fold(wanted.glob)
  );
}

function isLower(matcher: Matcher): matcher is Extract<Matcher, { value: number }> {
  return matcher.op === "atLeast" || matcher.op === "above";
}

function isUpper(matcher: Matcher): matcher is Extract<Matcher, { value: number }> {
  return matcher.op === "atMost" || matcher.op === "below";
}

function rangeOpen(matchers: readonly Matcher[]): boolean {
  const lows = matchers.filter(isLower);
  const highs = matchers.filter(isUpper);
  return lows.every((low) =>
    highs.every(
      (high) =>
        low.value < high.value ||
        (low.value === high.value && low.op === "atLeast" && high.op === "atMost"),
    ),
  );
}

function bySubject(leaves: readonly Leaf[]): Map<string, Leaf[]> {
  const groups = new Map<string, Leaf[]>();
  for (const leaf of leaves)
    groups.set(subject(leaf), [...(groups.get(subject(leaf)) ?? []), leaf]);
  return groups;
}

function subject(leaf: Leaf): string {
  return leaf.kind === "fact" ? leaf.field : leaf.of;
}

function isLeaf(condition: Condition): condition is Leaf {
  return condition.kind === "fact" || condition.kind === "derived";
}

function window(condition: { readonly withinMs?: number }): number {
  return condition.withinMs ?? Infinity;
}

function pairs<A, B>(left: readonly A[], right: readonly B[]): [A, B][] {
  return left.flatMap((one) => right.map((other): [A, B] => [one, other]));
}
