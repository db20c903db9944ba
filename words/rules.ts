import { fieldInFull } from "./trace.ts";

/**
 * A rule of the agreement as a person says it: "requiredFields: lead.role" is "the required field
 * role", "fit[1]" "line 2 of fit". What it does not know stays as the agreement has it.
 */
export function ruleWords(path: string): string {
  const [, kind = path, name = ""] = /^(\w+): (.+)$/.exec(path) ?? [];
  if (name !== "") {
    const said = named[kind]?.(name);
    return said ?? path;
  }
  const [, list = "", place = ""] = /^(\w+)\[(\d+)\]$/.exec(path) ?? [];
  if (list !== "") return `line ${Number(place) + 1} of ${list}`;
  return path === "requiredFields" ? "the required fields" : path;
}

const named: Readonly<Record<string, (name: string) => string>> = {
  requiredFields: (field) => `the required field ${fieldInFull(field)}`,
  leadTypes: (name) => `the lead type ${name.replaceAll("-", " ")}`,
  checklist: (name) => `the checklist's ${name.replaceAll("-", " ")}`,
};
