import type { Agreement } from "../agreement.ts";
import type { Known } from "./condition.ts";
import type { FieldPath } from "../facts/facts.ts";
import type { Truth } from "./truth.ts";
import { checkEmail, type EmailCheck } from "../facts/email.ts";

/** A condition on data before any handoff, and whether it held. */
export interface Gate {
  readonly name: "suppression" | "required-fields" | "email-format" | "email-kind" | "unique-match";
  readonly held: Truth;
  readonly why: string;
}

/** A fact a person must supply or correct, and what was expected of it. */
export interface MissingFact {
  readonly field: FieldPath;
  readonly expected: string;
}

/**
 * All gates in order, and what is missing to pass them (docs/agreement.md, "The order of
 * decisions"). A lead without an address passes the e-mail gates when the agreement does not
 * require one; an address that is there must be right.
 */
export function checkGates(
  agreement: Agreement,
  known: Matched,
  suppression: Gate,
): { gates: Gate[]; missing: MissingFact[] } {
  const checks = dataChecks(agreement, known);
  return {
    gates: [suppression, ...checks.map((check) => check.gate)],
    missing: checks.flatMap((check) => check.missing),
  };
}

type Matched = Known & { readonly matches?: number };

/** Whether a person must supply or correct something before the lead can be handed off. */
export function lacksData(agreement: Agreement, known: Matched): boolean {
  return dataChecks(agreement, known).some(({ missing }) => missing.length > 0);
}

function dataChecks(agreement: Agreement, known: Matched): readonly Check[] {
  const email = known.facts["lead.email"];
  const form = email === undefined ? undefined : checkEmail(String(email));
  return [
    requiredFields(agreement, known),
    emailFormat(form),
    usableEmail(known, form?.ok === true),
    uniqueMatch(known),
  ];
}

type Check = { readonly gate: Gate; readonly missing: readonly MissingFact[] };

function requiredFields(agreement: Agreement, known: Known): Check {
  const absent = agreement.requiredFields.filter(
    (field) => !Object.hasOwn(known.facts, field) || known.facts[field] === "",
  );
  if (absent.length === 0) return passed("required-fields", "all required fields are known");
  return {
    gate: { name: "required-fields", held: false, why: `missing: ${absent.join(", ")}` },
    missing: absent.map((field) => ({ field, expected: "a value; the agreement requires it" })),
  };
}

function emailFormat(checked: EmailCheck | undefined): Check {
  if (checked === undefined) return notAsked("email-format", "no address given");
  if (checked.ok) return passed("email-format", "can be delivered to by its form");
  return failed("email-format", checked.because, {
    field: "lead.email",
    expected: `a deliverable address such as name@company.com (${checked.because})`,
  });
}

function usableEmail(known: Known, isWellFormed: boolean): Check {
  const kind = known.facts["lead.emailKind"];
  if (kind === undefined || !isWellFormed) return notAsked("email-kind", "no usable address");
  if (kind === "invalid")
    return failed("email-kind", "marked invalid", {
      field: "lead.email",
      expected: "an address that works; this one is marked invalid",
    });
  if (kind !== "disposable") return passed("email-kind", `${String(kind)} address`);
  return failed("email-kind", "disposable address", {
    field: "lead.email",
    expected: "an address that lasts; this one is of a disposable provider",
  });
}

function uniqueMatch(known: { readonly matches?: number }): Check {
  if (known.matches === undefined) return notAsked("unique-match", "not looked up");
  if (known.matches <= 1)
    return passed(
      "unique-match",
      known.matches === 1 ? "one contact matches" : "no other contact matches",
    );
  const expected = `one contact for this person; ${known.matches} match, merge them or correct the address`;
  return failed("unique-match", `${known.matches} contacts match`, {
    field: "lead.email",
    expected,
  });
}

function passed(name: Gate["name"], why: string): Check {
  return { gate: { name, held: true, why }, missing: [] };
}

/** There was nothing to look at: the gate does not hold the lead back. */
function notAsked(name: Gate["name"], why: string): Check {
  return { gate: { name, held: "unknown", why }, missing: [] };
}

function failed(name: Gate["name"], why: string, missing: MissingFact): Check {
  return { gate: { name, held: false, why }, missing: [missing] };
}
