import type { Agreement, Condition, RulePath } from "../agreement.ts";
import { meaningOf, sayCondition, type Declared } from "../governance/say-condition.ts";
import { truths } from "../qualify/compiled.ts";
import type { Known } from "../qualify/condition.ts";
import { happenedBy } from "../qualify/engagements.ts";
import { scoresOn } from "../qualify/score.ts";

/** What a rule does: lets leads through, keeps them out, or says how well they fit. */
export type RuleKind =
  | "suppression"
  | "required field"
  | "condition"
  | "checklist"
  | "fit points"
  | "band"
  | "lead type";

export interface Rule {
  readonly kind: RuleKind;
  /** Where it stands in the document: `leadTypes: demo-request`, `fit[1]`. */
  readonly at: RulePath;
  /** What must hold; null for required fields and bands, which are no conditions. */
  readonly when: Condition | null;
}

/** Every rule that decides whether a lead is handed off, in the order of the document. */
export function rulesOf(agreement: Agreement): readonly Rule[] {
  const { requiredFields, suppress, named, checklist, fit, bands, leadTypes } = agreement;
  const rule = (kind: RuleKind, at: RulePath, when: Condition | null): Rule => ({ kind, at, when });
  return [
    ...requiredFields.map((field) => rule("required field", `requiredFields: ${field}`, null)),
    ...suppress.map(({ reason, when }) => rule("suppression", `suppress: ${reason}`, when)),
    ...Object.entries(named).map(([name, when]) => rule("condition", name, when)),
    ...checklist.map(({ name, when }) => rule("checklist", `checklist: ${name}`, when)),
    ...fit.map(({ when }, i) => rule("fit points", `fit[${i}]`, when)),
    ...bands.map(({ band }) => rule("band", `band: ${band}`, null)),
    ...leadTypes.map(({ name, when }) => rule("lead type", `leadTypes: ${name}`, when)),
  ];
}

/**
 * What people call a rule: where it stands, if it has a name there. A row of `fit` has none and is
 * called by what it asks: `fit: lead.emailKind is free`.
 */
export function ruleName({ kind, at, when }: Rule, declared: Declared): string {
  return kind === "fit points" && when !== null ? `fit: ${sayCondition(when, declared)}` : at;
}

/**
 * Equal in two versions of the agreement for the same rule. A row of `fit` is the same wherever it
 * stands, for a row above it moves it.
 */
export function ruleKey({ kind, at, when }: Rule): string {
  return kind === "fit points" && when !== null ? `fit: ${meaningOf(when)}` : at;
}

/** Where each rule stands in a version, by `ruleKey`; a row of `fit` may stand there twice. */
export function placesByKey(agreement: Agreement): ReadonlyMap<string, readonly RulePath[]> {
  const places = new Map<string, RulePath[]>();
  for (const rule of rulesOf(agreement)) {
    const key = ruleKey(rule);
    places.set(key, [...(places.get(key) ?? []), rule.at]);
  }
  return places;
}

/** The others: band and lead type stand on the handoff, and nobody who is suppressed has one. */
const asked: readonly RuleKind[] = ["condition", "checklist", "fit points"];

/**
 * The named conditions, checklist items and fit rules that are true of a lead at one moment. Pass
 * facts with what follows from them.
 */
export function heldRules(agreement: Agreement, known: Known): readonly RulePath[] {
  const ground = { ...known, happened: happenedBy(known.engagements, known.now) };
  const ask = truths(agreement, { ...ground, scores: scoresOn(agreement, ground) });
  return rulesOf(agreement).flatMap(({ kind, at, when }) =>
    when !== null && asked.includes(kind) && ask(when) === true ? [at] : [],
  );
}

/**
 * What people call the rules that another version has otherwise, or not at all, in the order of the
 * document.
 */
export function changedRules(before: Agreement, after: Agreement): readonly string[] {
  const [old, now] = [saidRules(before), saidRules(after)];
  return [...new Map([...old, ...now])].flatMap(([key, { name }]) =>
    old.get(key)?.says === now.get(key)?.says ? [] : [name],
  );
}

/** What each rule says, by its key. */
function saidRules(
  agreement: Agreement,
): ReadonlyMap<string, { readonly name: string; readonly says: string }> {
  const { bands, fit } = agreement;
  const said = new Map<string, { name: string; says: string }>();
  for (const rule of rulesOf(agreement)) {
    const { kind, at, when } = rule;
    const says = JSON.stringify([
      when === null ? null : meaningOf(when),
      kind === "band" ? bands.find(({ band }) => at === `band: ${band}`) : null,
      kind === "fit points" ? fit.find((_, i) => at === `fit[${i}]`)?.points : null,
    ]);
    const key = ruleKey(rule);
    // Several rows of `fit` may ask the same: together they are one rule.
    const before = said.get(key)?.says ?? "";
    said.set(key, { name: ruleName(rule, agreement), says: before + says });
  }
  return said;
}
