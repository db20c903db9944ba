import { describe, expect, test } from "vitest";
import { countryCode, countryCodes } from "../../spellings/country.ts";

describe("a country as people write it", () => {
  test.each([
    // The short name that software shows is in no list of official names.
    ["États-Unis", "US"],
    ["Etats Unis", "US"],
    ["Bosnia & Herzegovina", "BA"],
    // A keyboard without umlauts.
    ["Oesterreich", "AT"],
    ["Suedkorea", "KR"],
    // The form of the state, before the name or behind a comma.
    ["Republic of Ireland", "IE"],
    ["Kingdom of the Netherlands", "NL"],
    ["Kingdom of Saudi Arabia", "SA"],
    ["Iran, Islamic Republic of", "IR"],
    ["Commonwealth of Australia", "AU"],
    ["Bolivia (Plurinational State of)", "BO"],
    ["Korea (the Democratic People's Republic of)", "KP"],
    ["United Kingdom of Great Britain and Northern Ireland", "GB"],
    // The last word first, shortened, and articles.
    ["Korea, South", "KR"],
    ["S. Korea", "KR"],
    ["Congo, Dem. Rep.", "CD"],
    ["Egypt, Arab Rep.", "EG"],
    ["Czech Rep.", "CZ"],
    ["Virgin Islands (U.S.)", "VI"],
    ["Gambia, The", "GM"],
    ["The Philippines", "PH"],
    // The same twice.
    ["Germany (DE)", "DE"],
    ["DE - Germany", "DE"],
    ["NL-Nederland", "NL"],
    ["United States (US)", "US"],
    ["England, UK", "GB"],
    ["DE Germany", "DE"],
    ["🇺🇸 United States", "US"],
    // Shortened, or without what keyboards make hard.
    ["St. Vincent and the Grenadines", "VC"],
    ["Dem. Rep. Congo", "CD"],
    ["Korea Rep.", "KR"],
    ["UnitedStates", "US"],
    ["Cote dIvoire", "CI"],
    ["Hong Kong, China", "HK"],
    ["Congo (DRC)", "CD"],
    ["DPRK", "KP"],
    ["EL", "GR"],
    // Copied along from a page.
    ["\u200eGermany\u200b", "DE"],
    ["Ger\u00admany", "DE"],
    // Other letters.
    ["アメリカ", "US"],
    ["Grossbritannien", "GB"],
    ["中國", "CN"],
    ["840", "US"],
    ["🇩🇪", "DE"],
    // Not the word for China in another language.
    ["SIN", "SG"],
    // Without the form it would be another one.
    ["Republic of China", "TW"],
    ["People's Republic of China", "CN"],
    ["Republic of Korea", "KR"],
    ["Democratic People's Republic of Korea", "KP"],
    ["Republic of the Congo", "CG"],
    ["Democratic Republic of the Congo", "CD"],
    ["Dominican Republic", "DO"],
    ["Commonwealth of Dominica", "DM"],
  ])("%s is %s", (text, code) => {
    expect(countryCode(text)).toBe(code);
  });

  test.each([
    "State of Georgia",
    "Republic of",
    "Republic of Atlantis",
    "Congo",
    "Europe",
    "Georgia, US",
    "Jersey, USA",
    "CA - California",
    "US/UK",
    "London, UK",
    "the",
    "S.",
    "(",
    "",
  ])("%s is none that is known for certain", (text) => {
    expect(countryCode(text)).toBeUndefined();
  });

  test("every code, and the English name that software shows for it, means itself", () => {
    const shown = new Intl.DisplayNames(["en"], { type: "region" });
    const wrong = countryCodes().filter(
      (code) => countryCode(code) !== code || countryCode(shown.of(code) ?? code) !== code,
    );
    expect(wrong).toEqual([]);
  });
});
