import type { Agreement, Condition, ReturnCondition } from "../agreement.ts";
import { fold } from "../facts/text.ts";
import { fieldType, windowText, derivedTypes } from "../qualify/condition.ts";
import { describeMatchers } from "../qualify/matcher.ts";

/** What the words of a condition need of the agreement: the types of its declared facts. */
export type Declared = Pick<Agreement, "fields">;

/** A condition in the words of the agreement: `icp and demo_request within 30 days`. */
export function sayCondition(condition: Condition, declared: Declared): string {
  return sayAt(condition, declared, true);
}

/** What brings a lead back, in words. */
export function sayReturn(condition: ReturnCondition): string {
  switch (condition.kind) {
    case "signal":
      return counted(condition.atLeast, signalName(condition.signal));
    case "intent-rises":
      return `intent risen by ${condition.by}`;
    case "date":
      return "the date to come back to";
  }
}

/** A signal by its name, or by its depth: `demo_request`, `high signal`. */
export function signalName(signal: string | { readonly depth: string }): string {
  return typeof signal === "string" ? signal : `${signal.depth} signal`;
}

/**
 * Equal for conditions that mean the same: where they stand in the file does not count, nor the
 * order of parts of `all`, `any` and `none`, nor that of values in a list, nor capitals, nor what
 * stands twice.
 */
export function meaningOf(condition: Condition): string {
  switch (condition.kind) {
    case "all":
    case "any": {
      const parts = onceEach(flatParts(condition).map(meaningOf));
      return parts.length === 1 ? (parts[0] ?? "") : `${condition.kind}(${parts.join(";")})`;
    }
    case "none":
      return `none(${onceEach(condition.of.map(meaningOf)).join(";")})`;
    case "fact":
    case "derived": {
      const { at: _, matchers, ...rest } = condition;
      const asked = matchers.map((one) =>
        JSON.stringify("values" in one ? { ...one, values: texts(one.values) } : one, folded),
      );
      return JSON.stringify([rest, asked.toSorted()]);
    }
    case "named":
    case "signal":
    case "meaningful": {
      const { at: _, ...rest } = condition;
      return JSON.stringify(rest);
    }
  }
}

/** A condition of several parts. */
export type Group = Extract<Condition, { readonly of: readonly Condition[] }>;

/** The parts of `all` or `any`, those of one inside the other of the same kind among them. */
export function flatParts({ kind, of }: Group): readonly Condition[] {
  if (kind === "none") return of;
  return of.flatMap((part) =>
    (part.kind === "all" || part.kind === "any") && (part.kind === kind || part.of.length === 1)
      ? flatParts(part)
      : [part],
  );
}

function texts(values: readonly unknown[]): string[] {
  return onceEach(values.map((one) => JSON.stringify(one, folded)));
}

function onceEach(texts: readonly string[]): string[] {
  return [...new Set(texts)].toSorted();
}

/** Text is compared without regard to capitals. */
function folded(key: string, value: unknown): unknown {
  return typeof value === "string" && key !== "op" ? fold(value) : value;
}

function sayAt(condition: Condition, declared: Declared, isWhole: boolean): string {
  switch (condition.kind) {
    case "all":
    case "any": {
      const [only] = condition.of;
      if (only && condition.of.length === 1) return sayAt(only, declared, isWhole);
      const said = condition.of
        .map((one) => sayAt(one, declared, false))
        .join(condition.kind === "all" ? " and " : " or ");
      return isWhole ? said : `(${said})`;
    }
    case "none":
      return `none of (${condition.of.map((one) => sayAt(one, declared, true)).join("; ")})`;
    case "named":
      return condition.name;
    case "fact": {
      const type = fieldType(declared, condition.field) ?? "text";
      return `${condition.field} ${describeMatchers(condition.matchers, type)}`;
    }
    case "derived":
      return `${condition.of} ${describeMatchers(condition.matchers, derivedTypes[condition.of])}`;
    case "signal":
      return `${counted(condition.atLeast, signalName(condition.signal))}${within(condition)}`;
    case "meaningful":
      return `${condition.count} meaningful behaviours${within(condition)}`;
  }
}

function counted(atLeast: number, what: string): string {
  return atLeast === 1 ? what : `at least ${atLeast} ${what}`;
}

function within({ withinMs }: { readonly withinMs?: number }): string {
  return withinMs === undefined ? "" : ` within ${windowText(withinMs)}`;
}
