import { capitalised } from "../handoff/reviews/words.ts";
import { stageLabel } from "./actions.ts";
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
  leadTypes: (name) => `the lead type ${codeWords(name)}`,
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
  step: (step) => stageLabel(step) ?? codeWords(step),
  // Those of a CRM have names of their own.
  stage: (stage) => stageLabel(stage) ?? stage,
};

/** "below-company-size" as "below company size", the lead type "standard-mql" as "standard MQL". */
function codeWords(code: string): string {
  const words = isCode.test(code) ? code.replaceAll(/[-_]/g, " ") : code;
  return words.replaceAll(/\b[ms]ql\b/g, (one) => one.toUpperCase());
}

const isCode = /^[a-z\d]+(?:[-_][a-z\d]+)+$/;

/** The rules and codes that stand in the rows of a report, each once, where words differ from them. */
export function rulesIn(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const columns = Object.entries(said);
  const cells = rows.flatMap((row) =>
    columns.flatMap(([name, say]) =>
      [row[name]].flat().filter((cell) => typeof cell === "string" && say(cell) !== cell),
    ),
  );
  return [...new Set(cells as string[])];
}

/** The rules and codes that stand in the sentences of a proposal. */
export function rulesOfProposal(proposal: {
  readonly kind: string;
  readonly about: string;
  readonly rules: readonly string[];
}): readonly string[] {
  const { kind, about, rules } = proposal;
  const isOfCode = kind === "recurring-reason" || kind === "weak-signal";
  // A clock's time is that of a lead type, which the rule names.
  const types = rules.flatMap((rule) => /^leadTypes: (.+)$/.exec(rule)?.[1] ?? []);
  return [...rules, ...types, ...(isOfCode ? [about] : [])];
}

/** A sentence in which these rules stand as the agreement has them, with their words instead. */
export function withRuleWords(text: string, rules: readonly string[]): string {
  if (rules.length === 0) return text;
  // One that begins a sentence has a capital.
  const words = new Map(
    rules.flatMap((rule) => [
      [capitalised(rule), capitalised(wordsOf(rule))],
      [rule, wordsOf(rule)],
    ]),
  );
  // The longest first: "fit: icp" holds "icp", which is a rule, too.
  const any = [...words.keys()]
    .sort((a, b) => b.length - a.length)
    .map((rule) => rule.replaceAll(/[^\w\s]/g, "\\$&"))
    .join("|");
  return text.replaceAll(
    new RegExp(`(?<![\\w.:-])(?:${any})(?![\\w-]|\\.\\w)`, "g"),
    (one) => words.get(one) ?? one,
  );
}

function wordsOf(rule: string): string {
  return stageLabel(rule) ?? (isCode.test(rule) ? codeWords(rule) : ruleWords(rule));
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
