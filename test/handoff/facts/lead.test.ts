import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { instantOf, isoOf } from "../../../handoff/time/dates.ts";
import { deriveFacts, normalizeFact } from "../../../handoff/facts/lead.ts";
import { seniorityOf } from "../../../handoff/facts/seniority.ts";

const agreement = {
  fields: { "lead.score": "number", "lead.tags": "list", "lead.course": "text" },
  nullWords: ["", "-", "n/a", "Select", "unknown"],
} as const;
const normal = (field: string, raw: unknown) => normalizeFact(field, raw, agreement);

describe("a fact as it arrives", () => {
  test.each([null, undefined, "", "  ", "Select", " SELECT ", "N/A", "-", "Unknown"])(
    "%j is a missing fact",
    (raw) => expect(normal("lead.course", raw)).toEqual({ missing: true }),
  );

  test.each([
    ["lead.role", "  Buyer ", "Buyer"],
    ["lead.phone", 4915112345, "4915112345"],
    ["account.employees", "1,250", 1250],
    ["account.employees", " 42 ", 42],
    ["lead.score", -3.5, -3.5],
    ["lead.score", "0", 0],
    ["account.customer", "Yes", true],
    ["account.customer", 0, false],
    ["lead.doNotContact", "no", false],
    ["lead.firstTouchAt", "2026-11-23", "2026-11-23"],
    ["lead.firstTouchAt", "2026-11-23T16:30:00-05:00", "2026-11-23T21:30:00.000Z"],
    ["lead.firstTouchAt", "2015-07-14 09:00:00", "2015-07-14T09:00:00.000Z"],
    ["lead.tags", "a; b;;n/a", ["a", "b"]],
    ["lead.tags", "a, b", ["a", "b"]],
    ["lead.tags", ["x ", "-"], ["x"]],
    ["account.domain", "Acme.co.uk", "acme.co.uk"],
    ["lead.motion", "Self-Serve", "self-serve"],
  ] as const)("%s %j becomes %j", (field, raw, value) =>
    expect(normal(field, raw)).toEqual({ value }),
  );

  test.each([
    ["account.employees", "50-200"],
    ["account.employees", "1.250,5"],
    ["account.employees", "many"],
    ["account.employees", Number.NaN],
    ["account.employees", "1e999"],
    ["account.employees", "0x10"],
    ["account.customer", "maybe"],
    ["lead.firstTouchAt", "2026-02-30"],
    ["lead.firstTouchAt", "23.11.2026"],
    ["lead.firstTouchAt", "2026-11-23T25:00:00Z"],
    ["lead.firstTouchAt", "2026-11-23T10:00:00+15:00"],
    ["lead.firstTouchAt", 1_700_000_000],
    ["lead.role", { name: "x" }],
    ["lead.role", ["x"]],
    ["lead.role", "a\u0000b"],
    ["lead.role", "\ud800"],
    ["lead.role", "x".repeat(10_001)],
    ["lead.tags", [1]],
    ["account.domain", "not a domain"],
    ["lead.motion", "sideways"],
    ["lead.nope", "x"],
    ["__proto__", "x"],
    ["constructor", "x"],
  ] as const)("%s refuses %j and names the field and the expectation", (field, raw) => {
    const fact = normal(field, raw);
    expect(fact).toHaveProperty("problem");
    expect("problem" in fact && fact.problem).toMatch(
      new RegExp(`^${field.replaceAll(".", "\\.")}: expected `),
    );
  });

  test("a problem never quotes what came", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          "account.employees",
          "account.customer",
          "lead.firstTouchAt",
          "account.domain",
          "lead.motion",
        ),
        fc.string({ minLength: 4 }).map((text) => `qz${text}qz`),
        (field, raw) => {
          const fact = normal(field, raw);
          if ("problem" in fact) expect(fact.problem).not.toContain(raw);
        },
      ),
    );
  });

  test("reading a value again changes nothing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          "lead.role",
          "account.employees",
          "account.customer",
          "lead.firstTouchAt",
          "account.domain",
          "lead.tags",
        ),
        fc.oneof(
          fc.string(),
          fc.integer(),
          fc.boolean(),
          fc
            .date({ noInvalidDate: true, min: new Date("1950-01-01"), max: new Date("2090-01-01") })
            .map((date) => date.toISOString()),
        ),
        (field, raw) => {
          const once = normal(field, raw);
          if ("value" in once) expect(normal(field, once.value)).toEqual(once);
        },
      ),
    );
  });
});

test("instants survive being written and read", () => {
  fc.assert(
    fc.property(fc.integer({ min: -2e12, max: 4e12 }), (at) => {
      expect(isoOf(at)).toBe(new Date(at).toISOString());
      expect(instantOf(isoOf(at))).toBe(at);
    }),
  );
});

describe("derived facts", () => {
  test("parts make a name, a name makes parts", () => {
    expect(deriveFacts({ "lead.firstName": "Ada", "lead.lastName": "Lovelace" })["lead.name"]).toBe(
      "Ada Lovelace",
    );
    expect(deriveFacts({ "lead.name": "Ludwig van Beethoven" })).toMatchObject({
      "lead.firstName": "Ludwig",
      "lead.lastName": "van Beethoven",
    });
    expect(deriveFacts({ "lead.name": "Cher" })).toEqual({ "lead.name": "Cher" });
  });

  test("an address has its kind; the company takes the public suffix list", () => {
    expect(deriveFacts({ "lead.email": "ada@mail.acme.com" })).toEqual({
      "lead.email": "ada@mail.acme.com",
      "lead.emailKind": "business",
    });
    expect(deriveFacts({ "lead.email": "ada@gmail.com" })).toEqual({
      "lead.email": "ada@gmail.com",
      "lead.emailKind": "free",
    });
    expect(deriveFacts({ "lead.email": "nonsense" })["lead.emailKind"]).toBe("invalid");
  });

  test("a given value always stands", () => {
    const given = {
      "lead.email": "ada@gmail.com",
      "lead.emailKind": "business",
      "account.domain": "acme.com",
      "lead.title": "CEO",
      "lead.seniority": "manager",
      "lead.name": "A. L.",
      "lead.firstName": "Ada",
    };
    expect(deriveFacts(given)).toEqual(given);
  });

  test("deriving twice changes nothing", () => {
    const once = deriveFacts({
      "lead.name": "Ada Lovelace",
      "lead.email": "ada@acme.com",
      "lead.title": "VP",
    });
    expect(deriveFacts(once)).toEqual(once);
  });
});

test.each([
  ["CEO", "c-level"],
  ["Chief Revenue Officer", "c-level"],
  ["Co-Founder & CTO", "c-level"],
  ["President", "c-level"],
  ["Geschäftsführerin", "c-level"],
  ["Managing Director", "c-level"],
  ["Vice President, Sales", "vp"],
  ["SVP Marketing", "vp"],
  ["VP of Ops", "vp"],
  ["Director of Demand Gen", "director"],
  ["Head of RevOps", "director"],
  ["Vertriebsleiter", "director"],
  ["Sales Manager", "manager"],
  ["Team Lead", "manager"],
  ["Analyst", "staff"],
  ["Executive Assistant to the CEO", "staff"],
  ["Marketing Intern", "staff"],
  ["Headhunter", "staff"],
  ["Leadership coach", "staff"],
])("the title %s is of seniority %s", (title, seniority) =>
  expect(seniorityOf(title)).toBe(seniority),
);

test("no title, no seniority", () =>
  expect([seniorityOf(""), seniorityOf(" - ")]).toEqual([undefined, undefined]));
