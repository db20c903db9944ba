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
  // What takes the word "Republic" away would make it another country.
  ["Republic of China", "TW"],
  ["ROC", "TW"],
  ["PRC", "CN"],
  ["PR China", "CN"],
  ["Mainland China", "CN"],
  ["DRC", "CD"],
  ["Democratic Republic of the Congo", "CD"],
  ["Democratic Republic of Congo", "CD"],
  ["Republic of the Congo", "CG"],
  ["Republic of Congo", "CG"],
  ["Democratic People's Republic of Korea", "KP"],
  ["People's Republic of Korea", "KP"],
  ["RSA", "ZA"],
  ["EEUU", "US"],
  ["EE UU", "US"],
  ["Vatican", "VA"],
  ["Bosnia", "BA"],
  ["Trinidad", "TT"],
  ["Lao PDR", "LA"],
  ["Bharat", "IN"],
  // "State of Georgia" is no country.
  ["State of Israel", "IL"],
  ["State of Kuwait", "KW"],
  ["State of Libya", "LY"],
  ["State of Qatar", "QA"],
];

/** What official names say about the form of a state, before its name or behind a comma. */
const form =
  /(?:(?:federal|federative|islamic|arab|democratic|people['’]s|plurinational|bolivarian|united|socialist) )*(?:republic|kingdom|commonwealth|sultanate|principality|union|grand duchy) of(?: the)?/i;
const formBefore = new RegExp(`^${form.source} `, "i");
const formBehind = new RegExp(`, ${form.source}$`, "i");

let english: CodeIndex | undefined;
let index: CodeIndex | undefined;

/**
 * The ISO 3166-1 code of a country by its code (two or three letters), or its name in any of some
 * seventy languages, with the form of the state or without; undefined when it is none.
 */
export function countryCode(text: string): string | undefined {
  const name = text.trim().replace(/\s*\(the\)$/i, "");
  const whole = codeOfName(name);
  if (whole !== undefined) return whole;
  const bare = name.replace(formBehind, "").replace(formBefore, "");
  return bare === name ? undefined : codeOfName(bare);
}

function codeOfName(name: string): string | undefined {
  english ??= new CodeIndex().add(codes()).add(others).add(namesIn("en")).add(shownIn("en"));
  // Most people write a code or English; the other languages take a while to gather.
  const common = english.codeOf(name);
  if (common !== undefined) return common;
  index ??= new CodeIndex()
    .add(countries.langs().flatMap(namesIn))
    .add(countries.langs().flatMap(shownIn));
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

/** The names that software shows to people (CLDR): shorter than the official ones. */
function shownIn(language: string): (readonly [string, string])[] {
  const names = new Intl.DisplayNames([language], { type: "region", fallback: "none" });
  return countryCodes().flatMap((code) => {
    const name = names.of(code);
    return name === undefined ? [] : [[name, code] as const];
  });
}
