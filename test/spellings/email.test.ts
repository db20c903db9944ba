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
  ])("%j", (address) => {
    expect(normalEmail(address)).toBe("info@xn--bcher-kva.de");
    expect(checkEmail(normalEmail(address))).toEqual({ ok: true, domain: "xn--bcher-kva.de" });
  });

  test("names of people in NFC and lower case", () => {
    expect(normalEmail("JOSÉ@x.de".normalize("NFD"))).toBe("josé@x.de");
    expect(normalEmail("İz@x.de")).toBe(normalEmail(normalEmail("İz@x.de")));
  });

  test.each([
    "a@bücher.de/x",
    "a@bü\ncher.de",
    "a@bü%63her.de",
    "a@bü.de,b@c.de",
    "a b",
    "",
    "@",
    "bü",
  ])("%j is not made an address", (text) => expect(checkEmail(normalEmail(text)).ok).toBe(false));
});
