import type { Agreement, Condition } from "../agreement.ts";
import type { Engagement, FactValue } from "../facts/facts.ts";
import type { Known, Scores } from "./condition.ts";
import type { Truth } from "./truth.ts";
import { definitionOf, derivedTypes, derivedValue, fieldType } from "./condition.ts";
import { countMeaningful, countSignal } from "./engagements.ts";
import { matching } from "./matcher.ts";

/**
 * Conditions as functions: each is read once for an agreement and asked for a million leads. The
 * same three values as `evaluator` gives, which also says why; a generated test holds them together.
 */

/** What conditions are asked about at one moment. */
export interface Ground extends Known {
  /** What had happened by then (`happenedBy`). */
  readonly happened: readonly Engagement[];
  /** Absent: conditions on scores and band are unknown. */
  readonly scores?: Scores;
}

type Rules = Pick<Agreement, "fields" | "named" | "signals">;
/** The truths of named conditions, each found out once. */
type Asked = Ground & { readonly found: (Truth | undefined)[] };
type Test = (asked: Asked) => Truth;

/** Asks several conditions about the same ground. */
export function truths(agreement: Rules, ground: Ground): (condition: Condition) => Truth {
  const compiled = compiledOf(agreement);
  const asked: Asked = { ...ground, found: [] };
  return (condition) => compiled.test(condition)(asked);
}

/** Agreements are never changed in place. */
const known = new WeakMap<Rules, Compiled>();

function compiledOf(agreement: Rules): Compiled {
  const before = known.get(agreement);
  if (before) return before;
  const compiled = new Compiled(agreement);
  known.set(agreement, compiled);
  return compiled;
}

class Compiled {
  private readonly rules: Rules;
  private readonly tests = new WeakMap<Condition, Test>();
  private readonly names = new Map<string, Test>();
  private slots = 0;

  constructor(rules: Rules) {
    this.rules = rules;
  }

  test(condition: Condition): Test {
    const before = this.tests.get(condition);
    if (before) return before;
    const test = this.compile(condition);
    this.tests.set(condition, test);
    return test;
  }

  private compile(condition: Condition): Test {
    const { signals } = this.rules;
    switch (condition.kind) {
      case "all":
        return until(false, this.parts(condition.of));
      case "any":
        return until(true, this.parts(condition.of));
      case "none":
        return not(until(true, this.parts(condition.of)));
      case "named":
        return this.named(condition.name, condition.at);
      case "fact": {
        const { field } = condition;
        const holds = matching(condition.matchers, fieldType(this.rules, field) ?? "text");
        return ({ facts }) => holds(valueOf(facts, field));
      }
      case "derived": {
        const holds = matching(condition.matchers, derivedTypes[condition.of]);
        return ({ happened, scores }) => holds(derivedValue(condition.of, happened, scores));
      }
      case "signal":
        return ({ happened, now }) =>
          countSignal(signals, happened, condition, now) >= condition.atLeast;
      case "meaningful":
        return ({ happened, now }) =>
          countMeaningful(signals, happened, condition, now) >= condition.count;
    }
  }

  private parts(of: readonly Condition[]): readonly Test[] {
    return of.map((part) => this.test(part));
  }

  private named(name: string, at: string): Test {
    const definition = definitionOf(this.rules, name, at);
    if (definition === "engaged") return ({ engaged }) => engaged ?? "unknown";
    const before = this.names.get(name);
    if (before) return before;
    // The definition may use names of its own: each has its place before the next one is read.
    const slot = this.slots++;
    const test = this.test(definition);
    const once: Test = (asked) => (asked.found[slot] ??= test(asked));
    this.names.set(name, once);
    return once;
  }
}

/** The truth that decides a group as soon as a part has it; else unknown, or the other one. */
function until(decides: boolean, parts: readonly Test[]): Test {
  return (asked) => {
    let isOpen = false;
    for (const part of parts) {
      const truth = part(asked);
      if (truth === decides) return decides;
      if (truth === "unknown") isOpen = true;
    }
    return isOpen ? "unknown" : !decides;
  };
}

function not(test: Test): Test {
  return (asked) => {
    const truth = test(asked);
    return truth === "unknown" ? truth : !truth;
  };
}

function valueOf(facts: Known["facts"], field: string): FactValue | undefined {
  return Object.hasOwn(facts, field) ? facts[field] : undefined;
}
