import type { Agreement, Condition, RulePath } from "../agreement.ts";
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
  /** Where it stands in the document: `leadTypes: demo-request`. */
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

/** The rules that another version has otherwise, or not at all, in the order of the document. */
export function changedRules(before: Agreement, after: Agreement): readonly RulePath[] {
  const [old, now] = [textsOf(before), textsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter(
    (path) => old.get(path) !== now.get(path),
  );
}

/** What each rule says, without where its parts stand: a row above it moves them. */
function textsOf(agreement: Agreement): ReadonlyMap<RulePath, string> {
  const { bands, fit } = agreement;
  return new Map(
    rulesOf(agreement).map(({ kind, at, when }) => [
      at,
      JSON.stringify(
        [
          when,
          kind === "band" ? bands.find(({ band }) => at === `band: ${band}`) : null,
          kind === "fit points" ? fit.find((_, i) => at === `fit[${i}]`)?.points : null,
        ],
        (key, value: unknown) => (key === "at" ? undefined : value),
      ),
    ]),
  );
}
