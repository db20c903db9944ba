import countries from "i18n-iso-countries";
import { CodeIndex } from "./names.ts";

/** What people write that no list of official names has. */
const others: readonly (readonly [string, string])[] = [
  ["UK", "GB"],
  ["Great Britain", "GB"],
  ["Britain", "GB"],
  ["England", "GB"],
  ["Scotland", "GB"],
  ["Wales", "GB"],
  ["Northern Ireland", "GB"],
  ["America", "US"],
  ["United States of America (USA)", "US"],
  ["The United States", "US"],
  ["Holland", "NL"],
  ["The Netherlands", "NL"],
  ["UAE", "AE"],
  ["Emirates", "AE"],
  ["Republic of Korea", "KR"],
  ["Korea", "KR"],
  ["BRD", "DE"],
  ["Bundesrepublik Deutschland", "DE"],
  ["GER", "DE"],
  ["SUI", "CH"],
  ["NED", "NL"],
  ["Federal Republic of Germany", "DE"],
  ["Czech Republic", "CZ"],
  ["KSA", "SA"],
  ["Brasil", "BR"],
  ["Hong Kong SAR", "HK"],
];

let english: CodeIndex | undefined;
let index: CodeIndex | undefined;

/**
 * The ISO 3166-1 code of a country by its code (two or three letters) or its name in any of some
 * seventy languages; undefined when it is none.
 */
export function countryCode(text: string): string | undefined {
  english ??= new CodeIndex().add(codes()).add(others).add(namesIn("en"));
  // Most people write a code or English; the other languages take a while to gather.
  const name = text.replace(/\s*\(the\)\s*$/i, "");
  const common = english.codeOf(name);
  if (common !== undefined) return common;
  index ??= new CodeIndex().add(countries.langs().flatMap(namesIn));
  return index.codeOf(name);
}

/** All codes, as facts hold them. */
export function countryCodes(): readonly string[] {
  return Object.keys(countries.getAlpha2Codes());
}

function codes(): (readonly [string, string])[] {
  return Object.entries(countries.getAlpha2Codes()).flatMap(([two, three]) => [
    [two, two] as const,
    [three, two] as const,
  ]);
}

function namesIn(language: string): (readonly [string, string])[] {
  return Object.entries(countries.getNames(language, { select: "all" })).flatMap(([code, names]) =>
    names.map((name) => [name, code] as const),
  );
}
