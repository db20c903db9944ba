import type { Instant } from "../time/calendar.ts";
import { isoOf } from "../time/dates.ts";
import type { FactSource, FactValue, FieldPath } from "./facts.ts";
import { isWithdrawal } from "./fact-rights.ts";
import { firstValueStands } from "./facts.ts";

/** A fact with where it came from and when it was true (ISO 8601). */
export interface DatedFact {
  readonly value: FactValue;
  readonly from: FactSource;
  readonly at: string;
}
export type DatedFacts = Readonly<Record<FieldPath, DatedFact>>;

/**
 * Among facts of one instant the more reliable source wins, so that the result does not depend on
 * the order of arrival. In ascending order.
 */
const witness: readonly FactSource[] = ["tracking", "import", "form", "crm", "person"];

/**
 * Puts news beside what is known. Newer beats older by `at`, whatever order they arrive in; where
 * a lead came from and its first touch never change (docs/facts.md). Tracking counts only
 * where nobody else has spoken, except that a withdrawal of consent counts as anybody's. `changed`
 * lists the fields whose value is another now; `facts` is the same object when nothing has to be
 * written.
 */
export function mergeDatedFacts(
  known: DatedFacts,
  incoming: DatedFacts,
): { facts: DatedFacts; changed: FieldPath[] } {
  const merged: Record<FieldPath, DatedFact> = { ...known };
  const changed: FieldPath[] = [];
  let touched = false;
  for (const [field, fact] of Object.entries(incoming)) {
    const before = Object.hasOwn(merged, field) ? merged[field] : undefined;
    if (before && !isBetter(field, fact, before)) continue;
    if (!before || !sameValue(before.value, fact.value)) changed.push(field);
    merged[field] = fact;
    touched = true;
  }
  return { facts: touched ? merged : known, changed };
}

function isBetter(field: FieldPath, fact: DatedFact, before: DatedFact): boolean {
  const [weak, wasWeak] = [isWeak(field, fact), isWeak(field, before)];
  if (weak !== wasWeak) return wasWeak;
  if (firstValueStands.includes(field)) return false;
  const [at, was] = [Date.parse(fact.at), Date.parse(before.at)];
  if (at !== was) return at > was;
  const rank = witness.indexOf(fact.from) - witness.indexOf(before.from);
  return rank !== 0 ? rank > 0 : isGreater(fact.value, before.value);
}

/** Of two values that nothing else tells apart: the larger number, else the later text. */
function isGreater(a: FactValue, b: FactValue): boolean {
  return typeof a === "number" && typeof b === "number"
    ? a > b
    : JSON.stringify(a) > JSON.stringify(b);
}

/**
 * The write key of tracking is public, so its facts give way to those of every other source, also
 * to older ones.
 */
function isWeak(field: FieldPath, { from, value }: DatedFact): boolean {
  return from === "tracking" && !isWithdrawal(field, value);
}

/**
 * Facts that are dated ahead count as of their receipt, for nothing that comes later could beat
 * them; so does a first touch that has not happened yet, which would stand for good.
 */
export function asOfReceipt(facts: DatedFacts, now: Instant): DatedFacts {
  const received = isoOf(now);
  const isAhead = (text: unknown) => typeof text === "string" && Date.parse(text) > now;
  return Object.fromEntries(
    Object.entries(facts).map(([field, fact]) => {
      const isTouch = field === "lead.firstTouchAt" && isAhead(fact.value);
      const at = isAhead(fact.at) ? received : fact.at;
      return [field, { ...fact, at, value: isTouch ? received : fact.value }];
    }),
  );
}

export function sameValue(a: FactValue, b: FactValue): boolean {
  return typeof a === "object" || typeof b === "object"
    ? JSON.stringify(a) === JSON.stringify(b)
    : a === b;
}

/**
 * What the record of a person that is merged away tells about the one that goes on. The address
 * stays with its own record. A wish not to be contacted that either record holds stands against
 * everything newer, except an opt-in that somebody gave by hand.
 */
export function factsOfMerged(survivor: DatedFacts, loser: DatedFacts): DatedFacts {
  const { "lead.email": _, [optOut]: told, ...facts } = loser;
  if (!told) return facts;
  const known = Object.hasOwn(survivor, optOut) ? survivor[optOut] : undefined;
  const isNoOlder = known !== undefined && Date.parse(known.at) >= Date.parse(told.at);
  if (told.value === true && known?.value === false && isNoOlder && !isOptIn(known)) {
    const at = new Date(Date.parse(known.at) + 1).toISOString();
    return { ...facts, [optOut]: { ...told, at } };
  }
  const isDefault = told.value === false && !isOptIn(told);
  return isDefault && known?.value === true ? facts : { ...facts, [optOut]: told };
}

const optOut = "lead.doNotContact";

/** Files and forms bring `false` for everybody; a person or a user of the CRM means it. */
function isOptIn({ value, from }: DatedFact): boolean {
  return value === false && (from === "person" || from === "crm");
}
