import type { Agreement } from "../agreement.ts";
import { derivedTypes, leaves } from "../qualify/condition.ts";
import { builtInFields, type FactSource, type FactValue, type FieldPath } from "./facts.ts";

/** Whose word a fact is. */
export const tellers = ["office", "crm", "sales", "tracking"] as const;
export type Teller = (typeof tellers)[number];

/** What kind of fact it is, for the question who may set it. */
export const factKinds = [
  "lead",
  "account",
  "placement",
  "owner",
  "suppression",
  "withdrawal",
  "derived",
] as const;
export type FactKind = (typeof factKinds)[number];

/**
 * `any`: every fact of the kind. `listed`: those of `trackedFields`, and those that the agreement
 * declares.
 */
type Right = "any" | "listed";

/**
 * The one table of who may set which fact. A teller without an entry may not.
 *
 * - `lead`: what is known of a person. Whoever has the lead corrects it.
 * - `account`: what is known of a company. It counts for all leads of the company.
 * - `placement`: the company that the lead belongs to. Its facts are shown with the lead.
 * - `owner`: who in sales has the company.
 * - `suppression`: facts that keep leads away from sales, built in or read by `suppress` of the
 *   agreement.
 * - `withdrawal`: "do not contact me". Everybody may pass it on; to take it back is a suppression
 *   fact.
 * - `derived`: worked out from other facts.
 */
export const factRights: Readonly<Record<FactKind, Readonly<Partial<Record<Teller, Right>>>>> = {
  lead: { office: "any", crm: "any", sales: "any", tracking: "listed" },
  account: { office: "any", crm: "any", tracking: "listed" },
  placement: { office: "any", crm: "any" },
  owner: { office: "any", crm: "any" },
  suppression: { office: "any", crm: "any" },
  withdrawal: { office: "any", crm: "any", sales: "any", tracking: "any" },
  derived: {},
};

/**
 * The built-in facts that a tracking key may set. The key is public: they are few, and none of them
 * suppresses a lead, gives it an owner or puts it at a company.
 */
export const trackedFields: readonly FieldPath[] = [
  "lead.name",
  "lead.firstName",
  "lead.lastName",
  "lead.email",
  "lead.phone",
  "lead.title",
  "lead.role",
  "lead.department",
  "lead.country",
  "lead.region",
  "lead.language",
  "lead.product",
  "lead.source",
  "lead.campaign",
  "account.name",
  "account.employees",
  "account.industry",
  "account.country",
  "account.region",
];

/** Suppression facts whatever the agreement says. */
export const suppressionFields: readonly FieldPath[] = [
  "lead.doNotContact",
  "account.customer",
  "account.competitor",
  "account.openOpportunities",
];

/**
 * Facts that are always worked out: the agreement's scores, and the kind of an address, which
 * follows from the address.
 */
export const derivedFields: readonly FieldPath[] = ["lead.emailKind", ...Object.keys(derivedTypes)];

type Rules = Pick<Agreement, "suppress" | "named">;

/**
 * Whose word the facts of a source are. A person's word depends on their role, which only the door
 * knows; without it the lesser right counts.
 */
export const tellerOf: Readonly<Record<FactSource, Teller>> = {
  form: "office",
  import: "office",
  crm: "crm",
  tracking: "tracking",
  person: "sales",
};

/** Why no source may set this field, or null. */
export function derivedProblem(field: FieldPath): string | null {
  return derivedFields.includes(field)
    ? `${field}: it is worked out from other facts; nobody sets it`
    : null;
}

/** Whether this teller may set the field to this value. */
export function maySet(
  teller: Teller,
  field: FieldPath,
  value: FactValue,
  agreement: Rules,
): boolean {
  const right = factRights[factKindOf(field, value, agreement)][teller];
  if (right !== "listed") return right === "any";
  return trackedFields.includes(field) || !Object.hasOwn(builtInFields, field);
}

/** The fields that this teller may give some value: the built-in ones and the agreement's own. */
export function correctableBy(
  teller: Teller,
  agreement: Rules & Pick<Agreement, "fields">,
): FieldPath[] {
  const fields = [...Object.keys(builtInFields), ...Object.keys(agreement.fields)];
  return [...new Set(fields)].filter((field) => maySet(teller, field, "", agreement));
}

/** The sources that may set the field to this value; none when it is derived. */
export function whoMaySet(field: FieldPath, value: FactValue, agreement: Rules): Teller[] {
  return tellers.filter((teller) => maySet(teller, field, value, agreement));
}

/** The row of the table that a fact falls under. */
export function factKindOf(field: FieldPath, value: FactValue, agreement: Rules): FactKind {
  if (derivedFields.includes(field)) return "derived";
  if (isWithdrawal(field, value)) return "withdrawal";
  if (field === "account.owner") return "owner";
  if (field === "account.domain") return "placement";
  if (suppressionFields.includes(field) || readBySuppression(agreement).has(field))
    return "suppression";
  return field.startsWith("account.") ? "account" : "lead";
}

/** A person's consent to be contacted is withdrawn. */
export function isWithdrawal(field: FieldPath, value: FactValue): boolean {
  return field === "lead.doNotContact" && value === true;
}

const readBy = new WeakMap<Rules, ReadonlySet<FieldPath>>();

/**
 * The facts that rules of `suppress` look at. An address stays a lead's own fact: without it
 * nobody can be reached.
 */
function readBySuppression(agreement: Rules): ReadonlySet<FieldPath> {
  const known = readBy.get(agreement);
  if (known) return known;
  const conditions = agreement.suppress.flatMap((rule) => leaves(agreement, rule.when));
  const fields = conditions.flatMap((one) =>
    one.kind === "fact" && one.field !== "lead.email" ? [one.field] : [],
  );
  const read = new Set(fields);
  readBy.set(agreement, read);
  return read;
}
