import { expect, test } from "vitest";
import { called } from "../../words/called.ts";

test.each([
  [{ name: "Ada Vance", email: "ada@acme.com", company: "Acme" }, "Ada Vance"],
  [{ name: null, email: "ada@acme.com", company: "Acme" }, "ada@acme.com"],
  [{ name: " ", email: null, company: "Acme", domain: "acme.com" }, "Acme"],
  [{ name: null, domain: "acme.com" }, "acme.com"],
  [{ name: null, email: null, company: null }, "ld_1"],
  [{}, "ld_1"],
])("of %j one is called %j", (known, words) => {
  expect(called({ id: "ld_1", ...known })).toBe(words);
});
