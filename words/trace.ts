import type { TraceLine } from "../handoff/qualify/condition.ts";

const marks = new Map<TraceLine["result"], string>([
  [true, "yes"],
  [false, "no "],
]);

/** One condition as it was judged: whether it held, where it stands, what was wanted and found. */
export function sayTraceLine(line: TraceLine): string {
  return `${marks.get(line.result) ?? "?  "} ${line.at}: ${sayFound(line)}`;
}

/** What a condition wanted of which fact, and what was found: "lead.role in [a, b], found "a"". */
export function sayFound({ field, expected, value, missing }: TraceLine): string {
  const found =
    value === undefined
      ? missing?.length
        ? `, missing ${missing.join(", ")}`
        : ""
      : `, found ${JSON.stringify(value)}`;
  return `${field ? `${field} ` : ""}${expected}${found}`;
}

/** What a condition found, where it is a value: "employees is 900"; else what it wanted. */
export function sayFact(line: TraceLine): string {
  const { field, value } = line;
  if (field === undefined || value === undefined) return sayFound(line);
  return `${fieldWords(field)} is ${valueWords(value)}`;
}

const fieldNames: Readonly<Record<string, string>> = {
  "lead.email": "e-mail",
  "lead.phone": "telephone",
  "lead.emailKind": "kind of e-mail",
  "lead.firstTouchAt": "first touch",
  "account.name": "company",
  "account.domain": "web domain",
  "account.techStack": "technology in use",
};

/** "account.annualRevenue" as a person says it: "annual revenue". */
export function fieldWords(path: string): string {
  const known = fieldNames[path];
  if (known !== undefined) return known;
  const name = path.slice(path.indexOf(".") + 1);
  return name.replaceAll(/(?<=[a-z\d])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The same where nothing else says whose it is: "industry of the company". */
export function fieldInFull(path: string): string {
  return `${fieldWords(path)}${ofCompany(path)}`;
}

/** A sentence in which facts stand by their paths, with their names instead. */
export function withFieldNames(text: string): string {
  return text.replaceAll(/\b(?:lead|account)\.[a-z]\w*/g, fieldInFull);
}

/** What is said behind the name of a company's fact, which may be a person's, too. */
export function ofCompany(path: string): "" | " of the company" {
  return path.startsWith("account.") && path !== "account.name" ? " of the company" : "";
}

/** A fact's value as a person reads it. */
export function valueWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueWords).join(", ");
  if (value === true) return "yes";
  if (value === false) return "no";
  return String(value);
}
