import { describe, expect, test } from "vitest";
import { regionCode, regionsMeant } from "../../spellings/region.ts";

describe("a rule about a region holds for whatever a fact of it may be", () => {
  test.each([
    ["California", "US", "US-CA"],
    ["CA", "US", "US-CA"],
    ["Bavaria", "DE", "DE-BY"],
    ["Madrid", "ES", "ES-M"],
    ["NSW", "AU", "AU-NSW"],
    ["Calif.", "US", "US-CA"],
    ["Baden Wuerttemberg", "DE", "DE-BW"],
    ["Lombardy", "IT", "IT-25"],
    ["Greater London", "GB", "GB-LND"],
    ["Kanton Zürich", "CH", "CH-ZH"],
    ["Co. Dublin", "IE", "IE-D"],
    ["North Holland", "NL", "NL-NH"],
    ["CDMX", "MX", "MX-CMX"],
    ["P.E.I.", "CA", "CA-PE"],
    ["Newfoundland", "CA", "CA-NL"],
    ["St. Gallen", "CH", "CH-SG"],
    ["Friesland", "NL", "NL-FR"],
    ["Hawai'i", "US", "US-HI"],
  ])("%s, of %s", (word, country, code) => {
    expect(regionCode(word, country)).toBe(code);
    expect(regionsMeant(word)).toEqual(expect.arrayContaining([word, code]));
    // As it is kept when no country came with it.
    expect(regionsMeant(word)).toContain(regionCode(word) ?? word);
  });

  test("a free word means itself alone", () => {
    expect(regionsMeant("EMEA")).toEqual(["EMEA"]);
    expect(regionsMeant("South")).not.toContain("US-SC");
  });
});
