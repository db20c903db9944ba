import countries from "i18n-iso-countries";
import { CodeIndex, saidTwice, writtenOut } from "./names.ts";

/** What people write that no list of official names has. */
const others: readonly (readonly [string, string])[] = [
  ["UK", "GB"],
  ["Great Britain", "GB"],
  ["Britain", "GB"],
  ["England", "GB"],
  ["Scotland", "GB"],
  ["Wales", "GB"],
  ["Northern Ireland", "GB"],
  ["N. Ireland", "GB"],
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
  ["US of A", "US"],
  ["U S A", "US"],
  ["VAE", "AE"],
  ["Méjico", "MX"],
  ["Slovak Republic", "SK"],
  ["Kyrgyz Republic", "KG"],
  ["Hellenic Republic", "GR"],
  ["Swiss Confederation", "CH"],
  ["East Timor", "TL"],
  ["FYROM", "MK"],
  ["Bosnien", "BA"],
  ["Angleterre", "GB"],
  ["Inglaterra", "GB"],
  ["UnitedStates", "US"],
  ["U S", "US"],
  ["UnitedKingdom", "GB"],
  ["U K", "GB"],
  ["Korea Rep", "KR"],
  ["Korea South", "KR"],
  ["Korea North", "KP"],
  ["한국", "KR"],
  ["DR Congo", "CD"],
  ["Dem Rep Congo", "CD"],
  ["Zaire", "CD"],
  ["Cote dIvoire", "CI"],
  ["Palestinian Territory", "PS"],
  ["Rep Dominicana", "DO"],
  ["Congo (Kinshasa)", "CD"],
  ["Dom Rep", "DO"],
  ["São Tomé", "ST"],
  ["Malvinas", "FK"],
  ["Weißrussland", "BY"],
  ["Byelorussia", "BY"],
  ["Taiwan ROC", "TW"],
  ["Hong Kong SAR, China", "HK"],
  ["Hong Kong, China", "HK"],
  ["Hong Kong (China)", "HK"],
  ["Congo (DRC)", "CD"],
  ["DPRK", "KP"],
  ["ROK", "KR"],
  ["DPR Korea", "KP"],
  ["BVI", "VG"],
  ["USVI", "VI"],
  ["Turks and Caicos", "TC"],
  ["St. Kitts", "KN"],
  ["アメリカ", "US"],
  ["日本国", "JP"],
  ["中华人民共和国", "CN"],
  ["대한민국", "KR"],
  ["ประเทศไทย", "TH"],
  // The codes of the European Union and of the World Bank where they are not ISO's.
  ["EL", "GR"],
  ["XKX", "XK"],
  ["Macao SAR, China", "MO"],
  ["West Bank and Gaza", "PS"],
  ["Micronesia, Fed. Sts.", "FM"],
  ["Federated States of Micronesia", "FM"],
  ["former Yugoslav Republic of Macedonia", "MK"],
  ["Taiwan (Province of China)", "TW"],
  ["Venezuela, RB", "VE"],
  ["United Kingdom of Great Britain and Northern Ireland", "GB"],
  ["Great Britain and Northern Ireland", "GB"],
  // Codes of the Olympic games that are no code of ISO's, and would be a word somewhere.
  ["BUL", "BG"],
  ["CHI", "CL"],
  ["CRO", "HR"],
  ["DEN", "DK"],
  ["GRE", "GR"],
  ["INA", "ID"],
  ["LAT", "LV"],
  ["MAS", "MY"],
  ["MON", "MC"],
  ["PHI", "PH"],
  ["POR", "PT"],
  ["SIN", "SG"],
  ["SLO", "SI"],
  ["URU", "UY"],
  ["VIE", "VN"],
  // "State of Georgia" is no country.
  ["State of Israel", "IL"],
  ["State of Kuwait", "KW"],
  ["State of Libya", "LY"],
  ["State of Qatar", "QA"],
];

/** What official names say about the form of a state, before its name or behind a comma. */
const form =
  /(?:(?:federal|federative|islamic|arab|democratic|people['’]s|plurinational|bolivarian|united|socialist|hashemite|co-?operative|eastern|oriental) )*(?:republic|kingdom|commonwealth|sultanate|principality|union|grand duchy|plurinational state) of(?: the)?/i;
const formBefore = new RegExp(`^${form.source} `, "i");

let english: CodeIndex | undefined;
let index: CodeIndex | undefined;

/**
 * The ISO 3166-1 code of a country by its code (two or three letters, or the number), its flag, or
 * its name in any of some seventy languages, with the form of the state or without, also behind a
 * comma or in brackets; undefined when it is none.
 */
export function countryCode(text: string): string | undefined {
  const said = text.replaceAll(/\(the\)/gi, "").trim();
  const flag = codeOfFlag(said);
  if (flag !== undefined) return flag;
  // A flag beside a name says no more than the name.
  const name = said.replaceAll(/\p{RI}{2}/gu, "").trim();
  const whole = codeOfName(name);
  if (whole !== undefined) return whole;
  const words = writtenOut(name);
  return codeOfForm(words) ?? codeOfForm(turned(words)) ?? saidTwice(name, codeOfForm);
}

function codeOfForm(words: string): string | undefined {
  const name = words.trim().replace(/^the /i, "");
  return codeOfName(name) ?? codeOfName(name.replace(formBefore, "").replace(/^the /i, ""));
}

/** `Korea (the Republic of)` and `Congo, Dem. Rep.` as they are said. */
function turned(words: string): string {
  const [, name = "", before = ""] =
    /^([^,()[\]{}]+)[,([{]\s*([^,()[\]{}]+)[)\]}]?$/.exec(words) ?? [];
  const first = before.trim();
  return `${first}${/(?:republic|kingdom)$/i.test(first) ? " of " : " "}${name.trim()}`;
}

/** A flag is its code in letters of their own. */
function codeOfFlag(text: string): string | undefined {
  if (!/^\p{RI}{2}$/u.test(text)) return undefined;
  const letter = (at: number) => String.fromCharCode((text.codePointAt(at) ?? 0) - 0x1f1e6 + 65);
  return codeOfName(letter(0) + letter(2));
}

function codeOfName(name: string): string | undefined {
  english ??= new CodeIndex().add(codes()).add(others).add(namesIn("en")).add(shownIn("en"));
  // Most people write a code or English; the other languages take a while to gather.
  const common = english.codeOf(name);
  if (common !== undefined) return common;
  index ??= new CodeIndex()
    .add(countries.langs().flatMap(namesIn))
    .add([...countries.langs(), "zh-Hant"].flatMap(shownIn));
  return index.codeOf(name);
}

/** All codes, as facts hold them. */
export function countryCodes(): readonly string[] {
  return Object.keys(countries.getAlpha2Codes());
}

function codes(): (readonly [string, string])[] {
  return [
    ...Object.entries(countries.getAlpha2Codes()).flatMap(([two, three]) => [
      [two, two] as const,
      [three, two] as const,
    ]),
    ...Object.entries(countries.getNumericCodes()),
  ];
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
