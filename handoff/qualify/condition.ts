import type { Agreement, Band, Condition, RulePath } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Engagement, Facts, FactValue, FieldPath, FieldType } from "../facts/facts.ts";
import type { Truth } from "./truth.ts";
import { countMeaningful, countSignal, happenedBy } from "./engagements.ts";
import { builtInFields } from "../facts/facts.ts";
import { describeMatchers, matchAll } from "./matcher.ts";
import { allOf, anyOf, noneOf } from "./truth.ts";

export type { Truth } from "./truth.ts";

/**
 * One condition as it was judged: where it stands in the file, what it looked at, what it wanted,
 * what came out.
 */
export interface TraceLine {
  readonly at: RulePath;
  readonly field?: string;
  readonly value?: FactValue;
  readonly expected: string;
  readonly result: Truth;
  /** The facts whose absence left it unknown. */
  readonly missing?: string[];
}

/** What is known about a lead (or an account) at one moment. */
export interface Known {
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
  readonly now: Instant;
  /**
   * Whether the account is engaged (`accounts.engaged` of the agreement); absent where its people
   * were not counted.
   */
  readonly engaged?: boolean;
  /** The tier under which the handoff stands, for routing; absent: none. */
  readonly tier?: number;
}

/** Scores and band, worked out beforehand; see `scoresOf`. */
export interface Scores {
  readonly fit: number;
  readonly intent: number;
  readonly band: Band;
}

type Judged = { readonly result: Truth; readonly missing: string[]; readonly trace: TraceLine[] };
type Rules = Pick<Agreement, "fields" | "named" | "signals">;

/**
 * Judges one condition with three values and a full trace, each condition above its parts
 * (docs/agreement.md, "Conditions"). Nothing is skipped: what a trace shows does not depend on the
 * order of the rules. A condition used by name is unfolded where it first occurs. Without
 * `derived`, conditions on scores and band are unknown.
 */
export function evaluate(
  condition: Condition,
  known: Known,
  agreement: Rules,
  derived?: Scores,
): { result: Truth; trace: TraceLine[] } {
  return evaluator(known, agreement, derived)(condition);
}

/**
 * The same for several conditions over the same facts. A named condition is judged, and traced in
 * full, once. Wording a trace takes longer than judging: whoever shows none asks `truths`
 * (compiled.ts).
 */
export function evaluator(
  known: Known,
  agreement: Rules,
  derived?: Scores,
): (condition: Condition) => { result: Truth; trace: TraceLine[] } {
  const happened = happenedBy(known.engagements, known.now);
  const byName = new Map<string, Judged>();

  function judge(condition: Condition): Judged {
    switch (condition.kind) {
      case "all":
        return group(condition, "all of these", allOf);
      case "any":
        return group(condition, "at least one of these", anyOf);
      case "none":
        return group(condition, "none of these", noneOf);
      case "named":
        return named(condition.name, condition.at);
      case "fact": {
        const type = fieldType(agreement, condition.field) ?? "text";
        return fact(condition, condition.field, type, own(known.facts, condition.field));
      }
      case "derived":
        return fact(
          condition,
          condition.of,
          derivedTypes[condition.of],
          derivedValue(condition.of, happened, derived),
        );
      case "signal": {
        const count = countSignal(agreement.signals, happened, condition, known.now);
        const what =
          typeof condition.signal === "string"
            ? condition.signal
            : `signal of ${condition.signal.depth} depth`;
        return counted(condition.at, count, condition.atLeast, what, condition.withinMs);
      }
      case "meaningful":
        return counted(
          condition.at,
          countMeaningful(agreement.signals, happened, condition, known.now),
          condition.count,
          "distinct meaningful behaviours",
          condition.withinMs,
        );
    }
  }

  function group(
    condition: Extract<Condition, { of: readonly Condition[] }>,
    expected: string,
    combine: (results: Truth[]) => Truth,
  ): Judged {
    const parts = condition.of.map(judge);
    const result = combine(parts.map((part) => part.result));
    const missing = result === "unknown" ? [...new Set(parts.flatMap((part) => part.missing))] : [];
    return {
      result,
      missing,
      trace: [
        line({ at: condition.at, expected, result }, missing),
        ...parts.flatMap((part) => part.trace),
      ],
    };
  }

  function named(name: string, at: RulePath): Judged {
    const definition = definitionOf(agreement, name, at);
    if (definition === "engaged") {
      const result = known.engaged ?? "unknown";
      return leaf(
        { at, expected: "the account is engaged", result },
        result === "unknown" ? ["account.engaged"] : [],
      );
    }
    const before = byName.get(name);
    const judged = before ?? judge(definition);
    byName.set(name, judged);
    const self = line({ at, expected: name, result: judged.result }, judged.missing);
    return { ...judged, trace: before ? [self] : [self, ...judged.trace] };
  }

  function fact(
    condition: Extract<Condition, { matchers: unknown }>,
    field: string,
    type: FieldType,
    value: FactValue | undefined,
  ): Judged {
    const result = matchAll(condition.matchers, value, type);
    const missing = result === "unknown" ? [field] : [];
    const expected = describeMatchers(condition.matchers, type);
    return leaf(
      { at: condition.at, field, ...(value === undefined ? {} : { value }), expected, result },
      missing,
    );
  }

  return (condition) => {
    const { result, trace } = judge(condition);
    return { result, trace };
  };
}

/**
 * What a name stands for. `engaged`, where the agreement does not define it itself, is counted
 * elsewhere.
 */
export function definitionOf(
  agreement: Pick<Agreement, "named">,
  name: string,
  at: RulePath,
): Condition | "engaged" {
  const definition = own(agreement.named, name);
  if (definition) return definition;
  if (name === "engaged") return name;
  throw new Error(`${at} uses the condition "${name}", which this agreement does not define`);
}

/** A fact that is worked out; undefined where nothing is known of it. */
export function derivedValue(
  of: DerivedField,
  happened: readonly Engagement[],
  scores: Scores | undefined,
): FactValue | undefined {
  switch (of) {
    case "score.fit":
      return scores?.fit;
    case "score.intent":
      return scores?.intent;
    case "band":
      return scores?.band;
    case "engagement.count":
      return happened.length;
    case "engagement.topic": {
      const topics = [...new Set(happened.flatMap((one) => one.topic ?? []))];
      return topics.length > 0 ? topics : undefined;
    }
  }
}

/** The single conditions inside a condition, names followed once each. */
export function leaves(
  agreement: Pick<Agreement, "named">,
  condition: Condition,
  followed: Set<string> = new Set(),
): Condition[] {
  switch (condition.kind) {
    case "all":
    case "any":
    case "none":
      return condition.of.flatMap((part) => leaves(agreement, part, followed));
    case "named": {
      const definition = own(agreement.named, condition.name);
      if (!definition || followed.has(condition.name)) return [];
      followed.add(condition.name);
      return leaves(agreement, definition, followed);
    }
    case "fact":
    case "derived":
    case "signal":
    case "meaningful":
      return [condition];
  }
}

/** The declared or built-in type of a field; undefined when there is no such field. */
export function fieldType(
  agreement: Pick<Agreement, "fields">,
  field: FieldPath,
): FieldType | undefined {
  return own(builtInFields, field) ?? own(agreement.fields, field);
}

type DerivedField = Extract<Condition, { kind: "derived" }>["of"];

/**
 * The types of what is worked out; `engagement.topic` is every topic the person showed interest in.
 */
export const derivedTypes: Readonly<Record<DerivedField, FieldType>> = {
  "score.fit": "number",
  "score.intent": "number",
  band: "text",
  "engagement.topic": "list",
  "engagement.count": "number",
};

function counted(
  at: RulePath,
  count: number,
  atLeast: number,
  what: string,
  withinMs: number | undefined,
): Judged {
  const window = withinMs === undefined ? "" : ` within ${windowText(withinMs)}`;
  return leaf(
    {
      at,
      value: count,
      expected: `at least ${atLeast} ${what}${window}`,
      result: count >= atLeast,
    },
    [],
  );
}

function leaf(judged: Omit<TraceLine, "missing">, missing: string[]): Judged {
  return { result: judged.result, missing, trace: [line(judged, missing)] };
}

function line(judged: Omit<TraceLine, "missing">, missing: string[]): TraceLine {
  return missing.length > 0 ? { ...judged, missing } : judged;
}

/** A length of time in its largest whole unit: `14 days`, `90 minutes`. */
export function windowText(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, "day"],
    [3_600_000, "hour"],
    [60_000, "minute"],
  ];
  const [size, unit] = units.find(([one]) => ms % one === 0) ?? [1000, "second"];
  return ms === size ? `1 ${unit}` : `${ms / size} ${unit}s`;
}

/** Only what the record itself holds: a fact named like a method of every object is no fact. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
