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

/** The columns of reports whose cells hold rules. */
const rulesColumns: readonly string[] = ["accused", "rule"];

/** The rules that stand in the rows of a report, each once. */
export function rulesIn(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const cells = rows.flatMap((row) => rulesColumns.flatMap((name) => row[name] ?? []));
  return [...new Set(cells.filter((cell) => typeof cell === "string"))];
}

/** A sentence in which these rules stand as the agreement has them, with their words instead. */
export function withRuleWords(text: string, rules: readonly string[]): string {
  // The longest first: "fit: icp" holds "icp", which is a rule, too.
  const known = [...new Set(rules)].sort((a, b) => b.length - a.length);
  if (known.length === 0) return text;
  const any = known.map((rule) => rule.replaceAll(/[^\w\s]/g, "\\$&")).join("|");
  return text.replaceAll(new RegExp(`(?<![\\w.:-])(?:${any})(?![\\w-]|\\.\\w)`, "g"), ruleWords);
}

/** Rows of figures with words in the place of rules. */
export function rowsWithRuleWords<T extends Readonly<Record<string, unknown>>>(
  rows: readonly T[],
): T[] {
  const said = (cell: unknown) => (typeof cell === "string" ? ruleLabel(cell) : cell);
  return rows.map((row) => {
    const cells = rulesColumns.flatMap((name) => {
      const cell = row[name];
      return cell === undefined ? [] : [[name, Array.isArray(cell) ? cell.map(said) : said(cell)]];
    });
    return { ...row, ...Object.fromEntries(cells) } as T;
  });
}
