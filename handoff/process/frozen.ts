import type { Agreement, Condition, RulePath } from "../agreement.ts";
import type { Facts } from "../facts/facts.ts";
import { deriveFacts } from "../facts/lead.ts";
import { evaluate } from "../qualify/condition.ts";
import { heldRules } from "../reviews/rules.ts";
import type { Instant } from "../time/calendar.ts";
import type { Situation } from "./situation.ts";

/** What is known of a subject when its handoff begins, for figures: it never changes afterwards. */
export interface FrozenFacts {
  readonly role: string | null;
  readonly seniority: string | null;
  readonly techStack: readonly string[] | null;
  /**
   * Whether everything that the agreement asks of the tech stack holds. Null: it asks nothing, or
   * the stack is unknown.
   */
  readonly techMatch: boolean | null;
  readonly firstTouchAt: Instant | null;
  /** Which rules of the agreement held (`handoff/reviews/rules.ts`). */
  readonly held: readonly RulePath[];
}

const techField = "account.techStack";

/** What the handoff that begins now freezes beside what its own columns say. */
export function frozenFacts({
  facts: told,
  engagements,
  now,
  agreement,
}: Pick<Situation, "facts" | "engagements" | "now" | "agreement">): FrozenFacts {
  const facts = deriveFacts(told, agreement.emailDomains);
  const stack = facts[techField];
  const asked = conditionsOn(agreement, techField);
  const results = asked.map((one) => evaluate(one, { facts, engagements, now }, agreement).result);
  return {
    role: text(facts, "lead.role"),
    seniority: text(facts, "lead.seniority"),
    techStack: Array.isArray(stack) ? (stack as readonly string[]) : null,
    techMatch: results.includes(false)
      ? false
      : results.length > 0 && results.every((one) => one === true)
        ? true
        : null,
    firstTouchAt: instant(facts, "lead.firstTouchAt"),
    held: heldRules(agreement, { facts, engagements, now }),
  };
}

/** Signals that count as meaningful behaviour: of depth mid or high. */
export function meaningfulSignals({ signals }: Pick<Agreement, "signals">): readonly string[] {
  return Object.keys(signals).filter((type) => signals[type]?.depth !== "low");
}

/** What the agreement asks of a fact, wherever a good fit is described; each condition once. */
function conditionsOn(agreement: Agreement, field: string): readonly Condition[] {
  const roots = [
    ...Object.values(agreement.named),
    ...agreement.checklist.map(({ when }) => when),
    ...agreement.fit.filter(({ points }) => points > 0).map(({ when }) => when),
  ];
  return roots.flatMap((root) => factsIn(root)).filter((one) => one.field === field);
}

type FactCondition = Extract<Condition, { readonly kind: "fact" }>;

/** Facts that are asked for, not against: what stands under `none` is no wish. */
function factsIn(condition: Condition): readonly FactCondition[] {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.of.flatMap(factsIn);
    case "fact":
      return [condition];
    default:
      return [];
  }
}

function text(facts: Facts, path: string): string | null {
  const value = facts[path];
  return typeof value === "string" ? value : null;
}

function instant(facts: Facts, path: string): Instant | null {
  const value = Date.parse(text(facts, path) ?? "");
  return Number.isNaN(value) ? null : value;
}
