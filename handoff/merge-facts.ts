import type { FactSource, FactValue, FieldPath } from "./facts.ts";
import { firstValueStands } from "./facts.ts";

/** A fact with where it came from and when it was true (ISO 8601). */
export interface DatedFact {
  readonly value: FactValue;
  readonly from: FactSource;
  readonly at: string;
}
export type DatedFacts = Readonly<Record<FieldPath, DatedFact>>;

/** Among facts of one instant the better witness is believed, so that the order of arrival does not matter. */
const witness: readonly FactSource[] = ["tracking", "import", "form", "crm", "person"];

/**
 * Puts news beside what is known. Newer beats older by `at`, whatever order they arrive in; where a lead came from
 * and its first touch never change (agreement.md, "Facts"). `changed` lists the fields whose value is another now;
 * `facts` is the same object when nothing has to be written.
 */
export function mergeFacts(
  known: DatedFacts,
  incoming: DatedFacts,
): { facts: DatedFacts; changed: FieldPath[] } {
  const merged: Record<FieldPath, DatedFact> = { ...known };
  const changed: FieldPath[] = [];
  let touched = false;
  for (const [field, fact] of Object.entries(incoming)) {
    const before = Object.hasOwn(merged, field) ? merged[field] : undefined;
    if (before && (firstValueStands.includes(field) || !isNewer(fact, before))) continue;
    if (!before || !sameValue(before.value, fact.value)) changed.push(field);
    merged[field] = fact;
    touched = true;
  }
  return { facts: touched ? merged : known, changed };
}

function isNewer(fact: DatedFact, before: DatedFact): boolean {
  const [at, was] = [Date.parse(fact.at), Date.parse(before.at)];
  if (at !== was) return at > was;
  const rank = witness.indexOf(fact.from) - witness.indexOf(before.from);
  return rank !== 0 ? rank > 0 : JSON.stringify(fact.value) > JSON.stringify(before.value);
}

export function sameValue(a: FactValue, b: FactValue): boolean {
  return typeof a === "object" || typeof b === "object"
    ? JSON.stringify(a) === JSON.stringify(b)
    : a === b;
}
