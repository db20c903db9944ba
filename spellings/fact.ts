import type { Agreement } from "../handoff/agreement.ts";
import type { FieldPath } from "../handoff/facts/facts.ts";
import { checkEmail } from "../handoff/facts/email.ts";
import { withoutEdges } from "../handoff/facts/text.ts";
import { normalizeFact, type NormalFact } from "../handoff/facts/lead.ts";
import { countryCode, countryCodes } from "./country.ts";
import { domainIn, registrableDomain } from "./domain.ts";
import { normalEmail } from "./email.ts";
import { fewestPeople } from "./employees.ts";
import { languageCode, languageCodes } from "./language.ts";
import { regionCode } from "./region.ts";

/** A fact as it was read; `notUnderstood` says what was expected of a value kept as it came. */
export type ReadFact = NormalFact & { readonly notUnderstood?: string };

/**
 * One fact as people send it: `normalizeFact`, after addresses, domains, countries, states,
 * languages and sizes of companies were brought into the form in which they are compared.
 * `beside` is what came with it: a state is read by its country.
 */
export function readFact(
  field: FieldPath,
  raw: unknown,
  agreement: Pick<Agreement, "fields" | "nullWords">,
  beside: Readonly<Record<FieldPath, unknown>> = {},
): ReadFact {
  const normal = normalizeFact(field, respelled(field, raw, beside), agreement);
  if (!("value" in normal) || typeof normal.value !== "string") return normal;
  // What nobody can register (`co.uk`) is not the domain of a company.
  if (field === "account.domain" && registrableDomain(normal.value) === null)
    return { problem: `${field}: expected a domain such as company.com` };
  const expected = expectation(field, normal.value);
  return expected === null ? normal : { ...normal, notUnderstood: expected };
}

/**
 * Gathers the names of countries and languages, a tenth of a second's work, so that nobody who
 * comes first waits for it.
 */
export function loadNames(): void {
  for (const { codeOf } of Object.values(codedFields)) codeOf("none");
}

interface Coded {
  readonly codeOf: (text: string) => string | undefined;
  readonly codes: () => readonly string[];
  /** What a value is expected to be. */
  readonly what: string;
}

const country: Coded = {
  codeOf: countryCode,
  codes: countryCodes,
  what: "a country by its name or ISO 3166 code",
};
const language: Coded = {
  codeOf: languageCode,
  codes: languageCodes,
  what: "a language by its name or ISO 639 code",
};

/** Fields that hold codes. */
export const codedFields: Readonly<Record<FieldPath, Coded>> = {
  "lead.country": country,
  "account.country": country,
  "lead.language": language,
};

function expectation(field: FieldPath, value: string): string | null {
  if (field === "lead.email") {
    const checked = checkEmail(value);
    return checked.ok ? null : `${field}: ${checked.because}; it is kept as it came`;
  }
  const coded = Object.hasOwn(codedFields, field) ? codedFields[field] : undefined;
  return coded && coded.codeOf(value) === undefined
    ? `${field}: expected ${coded.what}; it is kept as it came`
    : null;
}

function respelled(
  field: FieldPath,
  sent: unknown,
  beside: Readonly<Record<FieldPath, unknown>>,
): unknown {
  const coded = Object.hasOwn(codedFields, field) ? codedFields[field] : undefined;
  // Countries have numbers too.
  const raw = coded && typeof sent === "number" ? String(sent) : sent;
  // A text that is too long for a fact is refused; to look for names in it would be wasted.
  if (typeof raw !== "string" || raw.length > 300) return raw;
  if (coded) return coded.codeOf(withoutEdges(raw)) ?? raw;
  switch (field) {
    case "lead.email":
      return normalEmail(raw);
    case "account.domain":
      return domainIn(raw) ?? raw;
    case "account.employees":
      return fewestPeople(withoutEdges(raw)) ?? raw;
    case "lead.region":
    case "account.region":
      return regionBeside(withoutEdges(raw), field, beside) ?? raw;
    default:
      return raw;
  }
}

/**
 * A state is read by the country of the same, else by that of the other of person and company: `WA`
 * of somebody at an Australian company is no state of the United States.
 */
function regionBeside(
  text: string,
  field: FieldPath,
  beside: Readonly<Record<FieldPath, unknown>>,
): string | undefined {
  const [person, company] = [
    countrySaid(beside["lead.country"]),
    countrySaid(beside["account.country"]),
  ];
  const [own, other] = field === "lead.region" ? [person, company] : [company, person];
  if (own !== undefined || other === undefined) return regionCode(text, own);
  return regionCode(text, other) ?? regionCode(text);
}

function countrySaid(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number"
    ? countryCode(withoutEdges(String(value)))
    : undefined;
}
