import { iso31662 } from "iso-3166";
import { countryCode } from "./country.ts";
import { CodeIndex, saidTwice, writtenOut } from "./names.ts";

/**
 * Countries whose states are known by name without the country being said. Elsewhere the same
 * words name many places (`Central`, `Limburg`).
 */
const wellKnown = ["US", "CA", "AU", "DE", "AT", "CH", "IN", "BR"];

const byCountry = new Map<string, CodeIndex>();
let anywhere: CodeIndex | undefined;

/**
 * The ISO 3166-2 code of a state or province: `US-CA` for `California`, or for `CA` of the United
 * States. Without a country, two letters are a state of the United States and names are those of
 * well-known federal states. Undefined when it is none: regions are also free words (`EMEA`).
 */
export function regionCode(text: string, country?: string): string | undefined {
  const whole = codeOfName(text, country);
  if (whole !== undefined) return whole;
  const name = writtenOut(text.trim())
    .replace(formBefore, "")
    .replace(/ (?:state|province)$/i, "");
  const [, place, where = ""] = /^([^,()]+)[,(]\s*([^,()]+)\)?$/.exec(name) ?? [];
  return (
    codeOfName(name, country) ??
    saidTwice(name, (part) => codeOfName(part.trim(), country)) ??
    (place === undefined ? undefined : codeWithin(place, countryCode(where), country))
  );
}

/** What stands before the name of a part of a country, in the languages of those that have many. */
const formBefore =
  /^(?:(?:free )?(?:state|province|commonwealth|canton|county) of|kanton|canton d[eu]|provinc(?:e|ia|ie) d[ei]|estado de|county|co\.?) /i;

/** `California, USA`, where the country beside it, if it is known, is no other one. */
function codeWithin(place: string, where?: string, country?: string): string | undefined {
  if (where === undefined || (country !== undefined && country !== where)) return undefined;
  return codeOfName(place, where);
}

function codeOfName(text: string, country?: string): string | undefined {
  const full = text.trim().toUpperCase();
  if (codes.has(full) && (country === undefined || full.startsWith(`${country}-`))) return full;
  if (country !== undefined) return indexOf(country).codeOf(text);
  anywhere ??= new CodeIndex()
    .add(entriesOf("US"))
    .add(wellKnown.flatMap((one) => entriesOf(one).filter(([name]) => !isBareCode(name))));
  return anywhere.codeOf(text);
}

/**
 * What facts may hold when a rule says this region: the word itself, and the code that it stands
 * for; a word that only a known country explains (`Madrid`, `NSW`) stands for its code in each.
 */
export function regionsMeant(text: string): readonly string[] {
  const code = regionCode(text);
  const meant =
    code === undefined ? countries.flatMap((one) => regionCode(text, one) ?? []) : [code];
  return [...new Set([text, ...meant])];
}

const countries = [...new Set(iso31662.map(({ code }) => code.slice(0, 2)))];

const codes = new Set(iso31662.map(({ code }) => code));

function indexOf(country: string): CodeIndex {
  const known = byCountry.get(country) ?? new CodeIndex().add(entriesOf(country));
  byCountry.set(country, known);
  return known;
}

/** Names and bare codes of a country's states. */
function entriesOf(country: string): (readonly [string, string])[] {
  return iso31662
    .filter(({ code }) => code.startsWith(`${country}-`))
    .flatMap(({ code, name }) => [
      [code.slice(3), code] as const,
      [name, code] as const,
      ...(english[code] === undefined ? [] : [[english[code], code] as const]),
      ...(others[code] ?? []).map((other) => [other, code] as const),
    ]);
}

function isBareCode(name: string): boolean {
  return /^[A-Z0-9]{1,3}$/.test(name);
}

/** What people write that is no name in any list. */
const others: Readonly<Record<string, readonly string[]>> = {
  "DE-BW": ["BaWü"],
  "DE-BY": ["Freistaat Bayern", "Free State of Bavaria"],
  "DE-MV": ["Meck-Pomm", "MeckPomm"],
  "DE-NW": ["NRW"],
  "DE-SN": ["Freistaat Sachsen", "Free State of Saxony"],
  "DE-TH": ["Freistaat Thüringen"],
  "US-DC": ["Washington DC", "Washington, DC"],
  "CA-AB": ["Alta"],
  "CA-MB": ["Man"],
  "CA-NL": ["Newfoundland", "Nfld", "NF"],
  "CA-NT": ["NWT"],
  "CA-ON": ["Ont"],
  "CA-PE": ["PEI"],
  "CA-QC": ["Que", "PQ"],
  "CA-SK": ["Sask"],
  "CH-GE": ["Genf"],
  "CH-SG": ["St. Gallen", "Saint Gallen"],
  "CH-TI": ["Tessin"],
  "CH-VD": ["Waadt"],
  "BE-BRU": ["Bruxelles", "Brussel"],
  "BE-VAN": ["Antwerp"],
  "BE-VLG": ["Vlaanderen"],
  "BE-WAL": ["Wallonie"],
  "NL-FR": ["Friesland"],
  "ES-CT": ["Cataluña"],
  "GB-LND": ["London", "Greater London"],
  "MX-CMX": ["CDMX", "Mexico City"],
  // The abbreviations that newspapers use; a dot does not count.
  "US-AL": ["Ala"],
  "US-AR": ["Ark"],
  "US-AZ": ["Ariz"],
  "US-CA": ["Calif"],
  "US-CO": ["Colo"],
  "US-CT": ["Conn"],
  "US-DE": ["Del"],
  "US-FL": ["Fla"],
  "US-HI": ["Hawai'i"],
  "US-IL": ["Ill"],
  "US-IN": ["Ind"],
  "US-KS": ["Kan"],
  "US-MA": ["Mass"],
  "US-MI": ["Mich"],
  "US-MN": ["Minn"],
  "US-MS": ["Miss"],
  "US-MT": ["Mont"],
  "US-ND": ["N. Dak"],
  "US-NE": ["Neb", "Nebr"],
  "US-NV": ["Nev"],
  "US-OK": ["Okla"],
  "US-OR": ["Ore"],
  "US-PA": ["Penn", "Penna"],
  "US-SD": ["S. Dak"],
  "US-TN": ["Tenn"],
  "US-TX": ["Tex"],
  "US-WA": ["Wash"],
  "US-WI": ["Wis", "Wisc"],
  "US-WV": ["W. Va"],
  "US-WY": ["Wyo"],
};

/** English names of states that the list has in their own language only. */
const english: Readonly<Record<string, string>> = {
  "DE-BY": "Bavaria",
  "DE-HE": "Hesse",
  "DE-NI": "Lower Saxony",
  "DE-NW": "North Rhine-Westphalia",
  "DE-RP": "Rhineland-Palatinate",
  "DE-SN": "Saxony",
  "DE-ST": "Saxony-Anhalt",
  "DE-TH": "Thuringia",
  "AT-2": "Carinthia",
  "AT-3": "Lower Austria",
  "AT-4": "Upper Austria",
  "AT-6": "Styria",
  "AT-7": "Tyrol",
  "AT-9": "Vienna",
  "CH-BE": "Berne",
  "CH-GE": "Geneva",
  "CH-LU": "Lucerne",
  "CH-ZH": "Zurich",
  "ES-AN": "Andalusia",
  "ES-CT": "Catalonia",
  "ES-PV": "Basque Country",
  "FR-BRE": "Brittany",
  "FR-20R": "Corsica",
  "FR-NOR": "Normandy",
  "IT-21": "Piedmont",
  "IT-23": "Aosta Valley",
  "IT-25": "Lombardy",
  "IT-52": "Tuscany",
  "IT-75": "Apulia",
  "IT-82": "Sicily",
  "IT-88": "Sardinia",
  "BE-BRU": "Brussels",
  "BE-VLG": "Flanders",
  "BE-WAL": "Wallonia",
  "NL-NB": "North Brabant",
  "NL-NH": "North Holland",
  "NL-ZH": "South Holland",
};
