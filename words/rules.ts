import { fieldInFull, withFieldNames } from "./trace.ts";

/**
 * A rule of the agreement as a person says it: "requiredFields: lead.role" is "the required field
 * role", "fit: icp" "the points for the ICP". What it does not know stays as the agreement has it.
 */
export function ruleWords(rule: string): string {
  const [, kind = "", name = ""] = /^(\w+): (.+)$/.exec(rule) ?? [];
  if (rule === "requiredFields") return "the required fields";
  if (rule === "icp") return "the ICP";
  return named[kind]?.(name) ?? withFieldNames(rule);
}

const named: Readonly<Record<string, (name: string) => string>> = {
  requiredFields: (field) => `the required field ${fieldInFull(field)}`,
  leadTypes: (name) => `the lead type ${name.replaceAll("-", " ")}`,
  checklist: (name) => `the checklist's ${name.replaceAll("-", " ")}`,
  fit: (condition) =>
    `the points for ${condition === "icp" ? "the ICP" : withFieldNames(condition)}`,
};
