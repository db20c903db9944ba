import { describe, expect, test } from "vitest";
import { readFact } from "../../spellings/fact.ts";

const agreement = { fields: {}, nullWords: ["-", "Select"] };
const read = (field: string, raw: unknown, beside = {}) => readFact(field, raw, agreement, beside);

describe("what people send is kept in one form", () => {
  test.each([
    ["account.country", "USA", "US"],
    ["account.country", "u.s.a.", "US"],
    ["account.country", "United States", "US"],
    ["lead.country", "Deutschland", "DE"],
    ["lead.country", "UK", "GB"],
    ["lead.country", "Türkiye", "TR"],
    ["lead.country", "日本", "JP"],
    ["lead.language", "German", "de"],
    ["lead.language", "de-AT", "de"],
    ["lead.language", "Français", "fr"],
    ["lead.region", "California", "US-CA"],
    ["lead.region", "Bayern", "DE-BY"],
    ["lead.region", "EMEA", "EMEA"],
    ["account.employees", "51-200", 51],
    ["account.employees", "10,001+", 10001],
    ["account.employees", "1k – 5k employees", 1000],
    ["account.employees", "1\u202f250", 1250],
    ["account.employees", "<10", 1],
    ["account.employees", "250", 250],
    ["account.domain", "https://www.Bücher.de/impressum", "xn--bcher-kva.de"],
    ["lead.email", "Info@Bücher.de", "info@xn--bcher-kva.de"],
    // What is copied along from a page, or from the end of a sentence.
    ["lead.email", "\ufeffjo@acme.com\u200b", "jo@acme.com"],
    ["lead.email", "\u202ajo@acme.com\u202c\r\n", "jo@acme.com"],
    ["lead.email", "Info@Bücher.de.", "info@xn--bcher-kva.de"],
    ["lead.country", "United States of America (the)", "US"],
    // Numbers of countries come as numbers from systems that have them.
    ["account.country", 276, "DE"],
    // What nobody sees is no part of any fact.
    ["lead.motion", "inbound\u200b", "inbound"],
    ["account.industry", "\u2066Software\u2069", "Software"],
    ["lead.name", "\u200fJo\u3164", "Jo"],
    ["lead.doNotContact", "yes\u200b", true],
    ["account.domain", "\u200eacme.com\u200b", "acme.com"],
    ["account.employees", "\u200e51-200", 51],
    ["lead.firstTouchAt", "2026-11-23\u00a016:30\u200b", "2026-11-23T16:30:00.000Z"],
    ["lead.country", "Bundesrepublik Deutschland", "DE"],
    ["lead.language", "Français (France)", "fr"],
    ["lead.language", "zh-Hans", "zh"],
    ["lead.language", "sr-Latn-RS", "sr"],
    ["lead.language", "Mandarin", "zh"],
    ["lead.language", "Türkçe", "tr"],
    ["lead.language", "Hebrew", "he"],
    ["lead.language", "de-CH-1901", "de"],
    ["lead.language", "en_US.UTF-8", "en"],
    ["lead.language", "Spanish; Castilian", "es"],
    ["lead.language", "German / Deutsch", "de"],
    ["lead.region", "NRW", "NRW"],
    ["lead.region", "California (CA)", "US-CA"],
    ["lead.region", "California, USA", "US-CA"],
    ["lead.region", "N. Carolina", "US-NC"],
    ["lead.region", "State of New York", "US-NY"],
    ["account.employees", "ca. 200", 200],
    ["account.employees", "~ 1,500 staff", 1500],
    ["account.employees", "between 50 and 100", 50],
    ["account.employees", "de 50 à 100", 50],
    ["account.employees", "10,001 and above", 10001],
    ["account.employees", "1000 plus", 1000],
    ["account.employees", "1.5k", 1500],
    ["account.employees", "2,5 M", 2500000],
    ["account.employees", "Self-employed", 1],
    ["account.employees", "200 MA", 200],
    ["account.employees", "50‑100", 50],
    ["account.employees", "50~100 人", 50],
    ["account.employees", "10-50k", 10000],
    ["account.employees", "500-1k", 500],
    ["account.employees", "≤50", 1],
    ["account.employees", "fewer than 20", 1],
    ["account.employees", "plus de 500 salariés", 501],
    ["account.employees", "mind. 50 Mitarbeiter", 50],
    ["account.employees", "20-49 medewerkers", 20],
    ["account.employees", "Enterprise (1000+)", 1000],
    ["account.employees", "51-200 (LinkedIn)", 51],
    ["account.employees", "[51-200]", 51],
    ["account.employees", "Enterprise: 1,000+", 1000],
    ["account.employees", "1,001-5,000_employees", 1001],
    ["account.employees", "11_to_50", 11],
    ["account.employees", "200 Angestellte", 200],
    ["account.employees", "+ de 500 salariés", 501],
    ["account.employees", "11 até 50", 11],
    ["account.employees", "５１－２００", 51],
    ["account.employees", "200.00", 200],
  ])("%s: %s is %s", (field, raw, value) => expect(read(field, raw)).toEqual({ value }));

  test("a state is read by the country that came with it", () => {
    expect(read("lead.region", "CA", { "lead.country": "USA" })).toEqual({ value: "US-CA" });
    expect(read("account.region", "Ontario", { "account.country": "Canada" })).toEqual({
      value: "CA-ON",
    });
    expect(read("lead.region", "CA", { "lead.country": "Germany" })).toEqual({ value: "CA" });
    expect(read("lead.region", "NRW", { "lead.country": "DE" })).toEqual({ value: "DE-NW" });
    expect(read("lead.region", "Freistaat Bayern", { "lead.country": "Germany" })).toEqual({
      value: "DE-BY",
    });
    // Of the company, or of the person, when their own is not told.
    expect(read("lead.region", "WA", { "account.country": "Australia" })).toEqual({
      value: "AU-WA",
    });
    expect(read("account.region", "BW", { "lead.country": 276 })).toEqual({ value: "DE-BW" });
    expect(read("lead.region", "WA", { "lead.country": "US", "account.country": "AU" })).toEqual({
      value: "US-WA",
    });
    expect(read("lead.region", "California", { "account.country": "DE" })).toEqual({
      value: "US-CA",
    });
  });

  test("a country that is said with a state contradicts no other", () => {
    expect(read("lead.region", "Ontario, Canada")).toEqual({ value: "CA-ON" });
    const beside = { "lead.country": "US" };
    expect(read("lead.region", "Ontario, Canada", beside)).toEqual({ value: "Ontario, Canada" });
  });

  test("a word that no list knows is kept and said, without quoting it", () => {
    for (const [field, raw] of [
      ["lead.country", "Atlantis"],
      ["lead.language", "Klingon"],
      ["lead.language", "English, German"],
    ] as const) {
      const fact = read(field, raw);
      expect(fact).toMatchObject({ value: raw });
      expect(fact.notUnderstood).toMatch(/expected a (country|language) by its name/);
      expect(fact.notUnderstood).not.toContain(raw);
    }
    expect(read("lead.country", "Select")).toEqual({ missing: true });
    expect(read("lead.name", "\u200b-\u2060")).toEqual({ missing: true });
    expect(read("lead.name", "\u200b")).toEqual({ missing: true });
    const several = read("lead.email", "jo@acme.com, al@acme.com");
    expect(several.notUnderstood).toMatch(/^lead.email: expected exactly one @; it is kept/);
  });

  test.each([
    "-5",
    "2.5",
    "200-51",
    "many",
    "1.250",
    "1.250-1.500",
    "100s",
    "k",
    "ca.",
    "between 5",
    "~",
    "Founded (2010)",
    "5 offices",
    "1.5",
    // Whole, and not five.
    "5.000",
    "10.000",
    "1.000.000",
    // A footnote.
    "200¹",
    "200²",
    "51_200",
    "10-Nov",
    "4.6E+04",
    -5,
    2.5,
  ])("%j is no number of people", (raw) =>
    expect(read("account.employees", raw)).toHaveProperty("problem"),
  );
});
