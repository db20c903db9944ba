import { domainToASCII } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkEmail } from "../../handoff/facts/email.ts";
import { normalEmail } from "../../spellings/email.ts";

describe("one address has one form", () => {
  test.each([
    "info@bücher.de",
    "info@bücher.de".normalize("NFD"),
    "info@xn--bcher-kva.de",
    "INFO@BÜCHER.DE",
    "Info@XN--BCHER-KVA.DE",
    " info@bücher。de ",
    "Info, Büro <info@bücher.de>",
    '"Info" < INFO@bücher.de >',
    "<info@bücher.de>",
    "mailto:info@bücher.de",
    "Info <mailto:info@bücher.de>",
    "info@bücher.de <INFO@bücher.de>",
    "'info@bücher.de' <info@bücher.de>",
    "\u2066info@bücher.de\u2069\u3164",
  ])("%j", (address) => {
    expect(normalEmail(address)).toBe("info@xn--bcher-kva.de");
    expect(checkEmail(normalEmail(address))).toEqual({ ok: true, domain: "xn--bcher-kva.de" });
  });

  test.each(["mailto:", "MAILTO: ", "<>", "< >", "Ada <>", "<mailto:>"])(
    "%j is what is left of an address, and not nothing",
    (text) => expect(normalEmail(text)).toBe(text.trim().toLowerCase()),
  );

  test("names of people in NFC and lower case", () => {
    expect(normalEmail("JOSÉ@x.de".normalize("NFD"))).toBe("josé@x.de");
    expect(normalEmail("İz@x.de")).toBe(normalEmail(normalEmail("İz@x.de")));
  });

  test.each([
    "a@bücher.de/x",
    "a@bü\ncher.de",
    "a@bü%63her.de",
    "a@bü.de,b@c.de",
    "a@bü.de <b@c.de>",
    '"a@c.de" <b@c.de>',
    "a <a@bü.de> b <b@c.de>",
    "a <a@bü.de>, b@c.de",
    "a <b",
    "mailto:",
    "mailto:a@bü.de?cc=b@c.de",
    "a b",
    "",
    "@",
    "bü",
    // Right to left and left to right in one label; a label that is too long in ASCII; no script.
    "a@אa.com",
    `a@${"ü".repeat(63)}.de`,
    "a@\u{1f600}.com",
    "a@\u00ad.com",
  ])("%j is not made an address", (text) => expect(checkEmail(normalEmail(text)).ok).toBe(false));

  test("whatever the letters, an address that is one has a domain that Node can make ASCII", () => {
    const letter = fc.oneof(
      fc.constantFrom(...Array.from("aZ09-ßüéßﬁİ\u0301\u200d\u05d0\u0661\u0905१")),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    );
    const label = fc
      .array(letter, { minLength: 1, maxLength: 4 })
      .map((letters) => letters.join(""));
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 3 }), (labels) => {
        const checked = checkEmail(normalEmail(`a@${labels.join(".")}.com`));
        if (checked.ok) expect(domainToASCII(checked.domain)).toBe(checked.domain);
      }),
      { numRuns: 5_000 },
    );
  });
});
