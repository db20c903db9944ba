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
  leadTypes: (name) =>
    `the lead type ${name.replaceAll("-", " ").replace(/\b[ms]ql\b/g, (one) => one.toUpperCase())}`,
  checklist: (name) => `the checklist's ${name.replaceAll("-", " ")}`,
  suppress: (reason) => `the suppression of ${reason.replaceAll("-", " ")}`,
  band: (name) => `band ${name}`,
  signals: (name) => `the signal ${name.replaceAll("_", " ")}`,
  routing: (name) => `the routing of ${name}`,
  fit: (condition) =>
    `the points for ${condition === "icp" ? "the ICP" : withFieldNames(condition)}`,
};

/** The same in a cell or beside a line: "required field role", "points for the ICP". */
export function ruleLabel(rule: string): string {
  return ruleWords(rule).replace(/^the /, "");
}

/** The columns of reports whose cells hold rules or codes, and how a person says them. */
const said: Readonly<Record<string, (cell: string) => string>> = {
  accused: ruleLabel,
  rule: ruleLabel,
  field: fieldInFull,
  reason: codeWords,
  reasonGroup: codeWords,
  signal: codeWords,
  timeline: codeWords,
  step: (step) => stages[step] ?? codeWords(step),
  // Those of a CRM have names of their own.
  stage: (stage) => stages[stage] ?? stage,
};

/** The columns whose cells stand in sentences as they are kept. */
const spokenOf: readonly string[] = ["accused", "rule", "field", "reason", "signal"];

const stages: Readonly<Record<string, string>> = {
  mql: "MQL",
  sal: "SAL",
  sql: "SQL",
  renurture: "re-nurture",
};

/** "below-company-size" as "below company size". */
function codeWords(code: string): string {
  return isCode.test(code) ? code.replaceAll(/[-_]/g, " ") : code;
}

const isCode = /^[a-z\d]+(?:[-_][a-z\d]+)+$/;

/** The rules and codes that stand in the rows of a report, each once. */
export function rulesIn(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const cells = rows.flatMap((row) => spokenOf.flatMap((name) => row[name] ?? []));
  return [...new Set(cells.filter((cell) => typeof cell === "string"))];
}

/** The rules and codes that stand in the sentences of a proposal. */
export function rulesOfProposal(proposal: {
  readonly kind: string;
  readonly about: string;
  readonly rules: readonly string[];
}): readonly string[] {
  const { kind, about, rules } = proposal;
  return kind === "recurring-reason" || kind === "weak-signal" ? [...rules, about] : rules;
}

/** A sentence in which these rules stand as the agreement has them, with their words instead. */
export function withRuleWords(text: string, rules: readonly string[]): string {
  // The longest first: "fit: icp" holds "icp", which is a rule, too.
  const known = [...new Set(rules)].sort((a, b) => b.length - a.length);
  if (known.length === 0) return text;
  const any = known.map((rule) => rule.replaceAll(/[^\w\s]/g, "\\$&")).join("|");
  return text.replaceAll(new RegExp(`(?<![\\w.:-])(?:${any})(?![\\w-]|\\.\\w)`, "g"), (one) =>
    isCode.test(one) ? codeWords(one) : ruleWords(one),
  );
}

/** Rows of figures with words in the place of rules and codes. */
export function rowsWithRuleWords<T extends Readonly<Record<string, unknown>>>(
  rows: readonly T[],
): T[] {
  return rows.map((row) => {
    const cells = Object.entries(said).flatMap(([name, say]) => {
      const cell = row[name];
      const words = (one: unknown) => (typeof one === "string" ? say(one) : one);
      return cell === undefined
        ? []
        : [[name, Array.isArray(cell) ? cell.map(words) : words(cell)]];
    });
    return { ...row, ...Object.fromEntries(cells) } as T;
  });
}
