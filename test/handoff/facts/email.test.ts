import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkEmail, emailKind } from "../../../handoff/facts/email.ts";

describe("an address is deliverable by its form", () => {
  test.each([
    "ada@acme.com",
    "Ada.Lovelace+demo@mail.acme.co.uk",
    "o'brien@acme.ie",
    "a@b.io",
    " ada@acme.com ",
    "josé@xn--mnchen-3ya.de",
    "x@xn--e1afmkfd.xn--80akhbyknj4f",
    `${"a".repeat(64)}@acme.com`,
  ])("%s", (address) => expect(checkEmail(address).ok).toBe(true));

  test.each([
    "",
    "acme.com",
    "@acme.com",
    "ada@",
    "ada@@acme.com",
    "ada@b@acme.com",
    "ada@acme",
    "ada@.com",
    "ada@acme..com",
    "ada@acme.com.",
    "ada@-acme.com",
    "ada@acme-.com",
    ".ada@acme.com",
    "ada.@acme.com",
    "a..da@acme.com",
    "ada love@acme.com",
    "ada@ac me.com",
    "ada@acme.com\nbcc: x@y.com",
    "ada@acme.com,eve@evil.com",
    "<ada@acme.com>",
    '"ada"@acme.com',
    "ada(x)@acme.com",
    "ada@[127.0.0.1]",
    "ada@127.0.0.1",
    "ada@acme.c",
    "ada@acme.123",
    `${"a".repeat(65)}@acme.com`,
    `a@${"b".repeat(64)}.com`,
    `a@${"b.".repeat(130)}com`,
    "ada@acme_x.com",
    // A domain of other letters comes in ASCII; one that is left has no form in ASCII.
    "ada@münchen.de",
    "ada@אa.com",
    "ada@xn--.com",
    "ada@xn--a.acme.com",
    "ada@xn--acme-.com",
    "ada@xn--9999999999999999.com",
    "ada;x@acme.com",
    "ada\u0000@acme.com",
    "ada@acme.com\u202e",
  ])("not %j", (address) => expect(checkEmail(address).ok).toBe(false));

  test("the reason never quotes the address", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (text) => {
        const checked = checkEmail(text);
        if (!checked.ok) expect(checked.because).not.toContain(text.trim() || "\u0000");
      }),
    );
  });
});

describe("kinds of addresses", () => {
  test.each([
    ["ada@acme.com", "business"],
    ["ada@gmail.com", "free"],
    ["ADA@GMail.COM", "free"],
    ["ada@yahoo.co.uk", "free"],
    ["ada@hotmail.fr", "free"],
    ["ada@mail.gmail.com", "free"],
    ["ada@mailinator.com", "disposable"],
    ["ada@inbox.mailinator.com", "disposable"],
    ["ada@notgmail.com", "business"],
    ["ada@gmail.com.acme.com", "business"],
    ["nonsense", "invalid"],
  ])("%s is %s", (address, kind) => expect(emailKind(address)).toBe(kind));

  test("an agreement adds to the lists, and disposable is asked before free", () => {
    const added = { free: ["club.example", "both.example"], disposable: ["both.example"] };
    expect(
      ["a@club.example", "a@x.club.example", "a@both.example", "a@other.example"].map((address) =>
        emailKind(address, added),
      ),
    ).toEqual(["free", "free", "disposable", "business"]);
  });
});
