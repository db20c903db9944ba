import { describe, expect, test } from "vitest";
import { domainIn, domainOfEmail, registrableDomain, withCompany } from "../../spellings/domain.ts";
import { readFact } from "../../spellings/fact.ts";

describe("a company is known by the domain that it can register", () => {
  test.each([
    ["mail.acme.com", "acme.com"],
    ["acme.co.uk", "acme.co.uk"],
    ["a.b.acme.com.au", "acme.com.au"],
    ["ACME.IO.", "acme.io"],
    ["www.gov.uk", "www.gov.uk"],
    ["shop.foo.k12.ca.us", "foo.k12.ca.us"],
    ["city.kawasaki.jp", "city.kawasaki.jp"],
    ["www.city.kawasaki.jp", "city.kawasaki.jp"],
    ["bücher.de", "xn--bcher-kva.de"],
    ["x.中国.中国", "xn--fiqs8s.xn--fiqs8s"],
    ["company-77.example", "company-77.example"],
    // Whoever registers under a suffix of a company is somebody else than the company.
    ["acme.github.io", "acme.github.io"],
    ["docs.acme.github.io", "acme.github.io"],
    ["github.io", "github.io"],
    ["co.uk", null],
    ["com", null],
    ["localhost", null],
    ["127.0.0.1", null],
    ["[::1]", null],
    ["not a domain", null],
    ["", null],
  ])("%s: %s", (host, domain) => expect(registrableDomain(host)).toBe(domain));

  test("in a web address, a host or an address of a person", () => {
    expect(domainIn("https://www.Acme.co.uk/about?x=1")).toBe("acme.co.uk");
    expect(domainIn("jo@mail.acme.com")).toBe("acme.com");
    expect(domainIn("//acme.com")).toBe("acme.com");
    expect(domainIn("acme.com:8080")).toBe("acme.com");
    expect(domainIn("acme.com (main)")).toBe("acme.com");
    expect(domainOfEmail("jo@mail.acme.com")).toBe("acme.com");
    expect(domainOfEmail("jo@localhost")).toBeNull();
  });

  test("a fact that nobody can register is refused, without quoting it", () => {
    const agreement = { fields: {}, nullWords: ["-"] };
    const read = (raw: unknown) => readFact("account.domain", raw, agreement);
    expect(read("https://www.Acme.co.uk/about?x=1")).toEqual({ value: "acme.co.uk" });
    expect(read("-")).toEqual({ missing: true });
    const several = ["acme.com acme.de", "acme.com\nacme.de", "acme.com, acme.de"];
    for (const raw of ["co.uk", "https://co.uk/x", "10.0.0.1", "acme", ...several])
      expect(read(raw)).toEqual({
        problem: "account.domain: expected a domain such as company.com",
      });
  });

  test("free and disposable addresses, and those that agreements add, name no company", () => {
    const company = (email: string) => withCompany({ "lead.email": email })["account.domain"];
    expect(company("jo@mail.acme.co.uk")).toBe("acme.co.uk");
    expect(company("jo@gmail.com")).toBeUndefined();
    expect(company("jo@mailinator.com")).toBeUndefined();
    expect(company("nonsense")).toBeUndefined();
    const added = { free: ["club.example"], disposable: [] };
    expect(withCompany({ "lead.email": "jo@club.example" }, added)).toEqual({
      "lead.email": "jo@club.example",
    });
    const told = { "lead.email": "jo@acme.com", "account.domain": "other.com" };
    expect(withCompany(told)).toBe(told);
  });
});
