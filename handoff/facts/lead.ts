import type { Agreement } from "../agreement.ts";
import type { EmailDomains } from "./email.ts";
import type { Facts, FactValue, FieldPath, FieldType } from "./facts.ts";
import { fieldType } from "../qualify/condition.ts";
import { instantOf, isBareDate, isoOf } from "../time/dates.ts";
import { checkEmail, emailKind } from "./email.ts";
import { closedValues } from "./facts.ts";
import { seniorityOf } from "./seniority.ts";
import { fold, isStorable, withoutEdges, wordOf } from "./text.ts";

export type NormalFact =
  { readonly value: FactValue } | { readonly missing: true } | { readonly problem: string };

/** Numbers of people and things: never negative, never a part of one. */
const counts: readonly FieldPath[] = ["account.employees", "account.openOpportunities"];

/** Longer text is a document, not a fact; the bound also keeps comparing cheap. */
const longestText = 10_000;

/**
 * One fact as it arrives (a form, a CSV cell, JSON) to its typed value. Null words and nothing at
 * all are a missing fact. The problem says what was expected and never quotes what came: it may be
 * personal.
 */
export function normalizeFact(
  field: FieldPath,
  sent: unknown,
  agreement: Pick<Agreement, "fields" | "nullWords">,
): NormalFact {
  const type = fieldType(agreement, field);
  if (!type)
    return { problem: `${field}: expected a built-in field or one declared under \`fields\`` };
  if (sent === null || sent === undefined) return { missing: true };
  const raw = typeof sent === "string" ? withoutEdges(sent) : sent;
  if (typeof raw === "string") {
    if (!isStorable(raw))
      return { problem: `${field}: expected text without NUL characters or broken surrogates` };
    if (raw.length > longestText)
      return { problem: `${field}: expected at most ${longestText} characters` };
    if (isNullWord(raw, agreement.nullWords)) return { missing: true };
  }
  // Of people there is no part: the point of `5.000` parts thousands, or what sent it is broken.
  if (counts.includes(field) && typeof raw === "string" && /\.\d{3}$/.test(raw))
    return { problem: `${field}: expected a number that can be read in one way, such as 5000` };
  const read = readers[type](raw, agreement.nullWords);
  if (read === null) return { problem: `${field}: expected ${expectations[type]}` };
  if (counts.includes(field) && !(Number.isInteger(read) && Number(read) >= 0))
    return { problem: `${field}: expected a whole number, 0 or more` };
  return inClosedSet(field, special(field, read));
}

/**
 * The facts that follow from given ones: a name from its parts and the parts from a name, the kind
 * of an e-mail address, seniority from the title. A given value always stands. Store what was given
 * and derive when judging; a derived value that is stored outlives its source. Which company an
 * address belongs to is not derived here: it takes the public suffix list (`spellings/domain.ts`).
 */
export function deriveFacts(facts: Facts, domains?: EmailDomains): Facts {
  const known = derivedBefore.get(facts);
  if (known && known.domains === domains) return known.derived;
  const derived = derivedNow(facts, domains);
  derivedBefore.set(facts, { domains, derived });
  return derived;
}

/** Facts are never changed in place; one lead's are asked about several times, by two versions. */
const derivedBefore = new WeakMap<
  Facts,
  { readonly domains: EmailDomains | undefined; readonly derived: Facts }
>();

function derivedNow(facts: Facts, domains: EmailDomains | undefined): Facts {
  const derived: Record<FieldPath, FactValue> = {};
  const text = (field: FieldPath) => (typeof facts[field] === "string" ? facts[field].trim() : "");

  const [first, last, name] = [text("lead.firstName"), text("lead.lastName"), text("lead.name")];
  if (!name && (first || last)) derived["lead.name"] = [first, last].filter(Boolean).join(" ");
  if (name && !first && !last) {
    const [given, ...family] = name.split(/\s+/);
    if (given && family.length > 0)
      Object.assign(derived, { "lead.firstName": given, "lead.lastName": family.join(" ") });
  }

  const email = text("lead.email");
  const kind = text("lead.emailKind") || (email ? emailKind(email, domains) : "");
  if (kind) derived["lead.emailKind"] = kind;

  const seniority = seniorityOf(text("lead.title"));
  if (seniority) derived["lead.seniority"] = seniority;
  // Copied first and added to: copied onto others they take fifteen times as long.
  const whole: Record<FieldPath, FactValue> = { ...facts };
  for (const field of Object.keys(derived))
    if (!Object.hasOwn(facts, field)) whole[field] = derived[field]!;
  return whole;
}

function isNullWord(text: string, words: readonly string[]): boolean {
  return wordOf(text, ["", ...words]) !== undefined;
}

const expectations: Readonly<Record<FieldType, string>> = {
  text: "text",
  number: "a number such as 250 or 1,250.5",
  boolean: "true or false (or yes, no, on, off, 1, 0)",
  date: "a date such as 2026-11-23 or a time such as 2026-11-23T16:30:00-05:00",
  list: "a list of texts, or one text with commas or semicolons between the entries",
};

/** Null when the raw value is not of the type. */
const readers: Readonly<
  Record<FieldType, (raw: unknown, nullWords: readonly string[]) => FactValue | null>
> = {
  text: (raw) =>
    typeof raw === "string"
      ? raw
      : typeof raw === "boolean" || (typeof raw === "number" && Number.isFinite(raw))
        ? String(raw)
        : null,
  number: readNumber,
  boolean: readBoolean,
  date: readDate,
  list: readList,
};

function readNumber(raw: unknown): number | null {
  if (typeof raw === "number") return Number.isFinite(raw) ? raw : null;
  if (typeof raw !== "string") return null;
  // Spaces, also narrow ones, group thousands as commas do.
  const text = raw.replaceAll(/(?<=\d)[\s'’](?=\d{3}(?!\d))/g, ",");
  if (!/^[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?$/.test(text)) return null;
  const value = Number(text.replaceAll(",", ""));
  return Number.isFinite(value) ? value : null;
}

function readBoolean(raw: unknown): boolean | null {
  if (typeof raw === "boolean") return raw;
  const word = typeof raw === "string" || typeof raw === "number" ? fold(String(raw)) : "";
  if (["true", "yes", "y", "on", "1", "t"].includes(word)) return true;
  return ["false", "no", "n", "off", "0", "f"].includes(word) ? false : null;
}

/** A bare date stays one; a time becomes UTC, so that equal times are equal text. */
function readDate(raw: unknown): string | null {
  const at = typeof raw === "string" ? instantOf(raw) : null;
  if (at === null) return null;
  return isBareDate(raw as string) ? (raw as string) : isoOf(at);
}

function readList(raw: unknown, nullWords: readonly string[]): readonly string[] | null {
  const entries = typeof raw === "string" ? raw.split(raw.includes(";") ? ";" : ",") : raw;
  if (!Array.isArray(entries) || entries.length > 1000) return null;
  if (
    !entries.every(
      (entry): entry is string =>
        typeof entry === "string" && entry.length <= longestText && isStorable(entry),
    )
  )
    return null;
  return entries.map(withoutEdges).filter((entry) => !isNullWord(entry, nullWords));
}

/** A company's domain; the doors bring it to the one that can be registered. */
function special(field: FieldPath, value: FactValue): NormalFact {
  if (field !== "account.domain" || typeof value !== "string") return { value };
  const domain = value.toLowerCase();
  return checkEmail(`a@${domain}`).ok
    ? { value: domain }
    : { problem: `${field}: expected a domain such as company.com` };
}

function inClosedSet(field: FieldPath, fact: NormalFact): NormalFact {
  const values = closedValues[field];
  if (!values || !("value" in fact) || typeof fact.value !== "string") return fact;
  const folded = fold(fact.value);
  return values.includes(folded)
    ? { value: folded }
    : { problem: `${field}: expected one of ${values.join(", ")}` };
}
