import type { Agreement, Condition, RejectionGroup } from "../agreement.ts";
import { ruleName, rulesOf } from "./rules.ts";

/**
 * The rules of the agreement that a recurring reason of rejection points at: those that read what
 * contradicts the reason, else those that its group is about. They let the leads through, or rest
 * on data that cannot be trusted. They are called as people call them (`ruleName`). Empty for a reason that the agreement does not know.
 */
export function accusedRules(agreement: Agreement, reason: string): readonly string[] {
  const rule = agreement.answers.reasons[reason];
  if (!rule) return [];
  const reads = rule.contradictedBy
    ? readIn(rule.contradictedBy).filter((one) => one !== meaningful)
    : [];
  const about = reads.length > 0 ? reads : aboutGroup[rule.group];
  const found = rulesOf(agreement).filter(
    ({ at, when }) =>
      when !== null &&
      (about.includes(`named: ${at}`) || readIn(when).some((one) => about.includes(one))),
  );
  const required = agreement.requiredFields.filter((field) => about.includes(field));
  const names = [
    ...found.map((one) => ruleName(one, agreement)),
    ...required.map((one) => `requiredFields: ${one}`),
  ];
  if (names.length > 0) return [...new Set(names)];
  return rule.group === "data" ? ["requiredFields"] : agreement.leadTypes.map(typeName);
}

/** What a rule reads: facts by their path, signals by name or depth. */
const meaningful = "signal: meaningful";
const aboutGroup: Readonly<Record<RejectionGroup, readonly string[]>> = {
  "no-fit": ["named: icp"],
  "no-intent": [meaningful, "score.intent", "band"],
  "no-access": ["lead.role", "lead.title", "lead.seniority", "lead.department"],
  data: ["lead.email", "lead.phone", "lead.name", "lead.role"],
  "existing-customer": ["account.customer"],
  timing: ["lead.timeline"],
};

const typeName = ({ name }: { readonly name: string }): string => `leadTypes: ${name}`;

function readIn(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case "all":
    case "any":
    case "none":
      return condition.of.flatMap(readIn);
    case "named":
      return [`named: ${condition.name}`];
    case "fact":
      return [condition.field];
    case "derived":
      return [condition.of];
    case "signal": {
      const { signal } = condition;
      return typeof signal === "string"
        ? [`signal: ${signal}`, meaningful]
        : [`signal: depth ${signal.depth}`, meaningful];
    }
    case "meaningful":
      return [meaningful];
    default:
      return condition satisfies never;
  }
}
