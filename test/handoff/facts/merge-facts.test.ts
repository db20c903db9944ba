import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FactSource, FactValue, FieldPath } from "../../../handoff/facts/facts.ts";
import {
  factsOfMerged,
  mergeDatedFacts,
  type DatedFact,
  type DatedFacts,
} from "../../../handoff/facts/merge-facts.ts";

const day = (n: number) => new Date(Date.UTC(2026, 10, n)).toISOString();
const fact = (value: FactValue, from: FactSource, n: number): DatedFact => ({
  value,
  from,
  at: day(n),
});
const after = (field: FieldPath, ...told: DatedFact[]) =>
  told.reduce<DatedFacts>((known, one) => mergeDatedFacts(known, { [field]: one }).facts, {})[field]
    ?.value;

describe("tracking is the weakest witness", () => {
  test.each<FactSource>(["form", "import", "crm", "person"])(
    "what a %s told stands, however much later tracking says something else",
    (from) => {
      expect(after("lead.name", fact("Jo", from, 1), fact("Mallory", "tracking", 20))).toBe("Jo");
    },
  );

  test.each<FactSource>(["form", "import", "crm", "person"])(
    "what a %s tells replaces what tracking said, however old it is",
    (from) => {
      expect(after("lead.name", fact("Mallory", "tracking", 20), fact("Jo", from, 1))).toBe("Jo");
    },
  );

  test("fills in what nobody else has told, and newer beats older among its own", () => {
    expect(
      after(
        "lead.phone",
        fact("1", "tracking", 2),
        fact("2", "tracking", 3),
        fact("3", "tracking", 1),
      ),
    ).toBe("2");
  });

  test(
    "a source or first touch that it brought first gives way to the first that somebody else " +
      "tells, which stands",
    () => {
      for (const field of ["lead.source", "lead.firstTouchAt"]) {
        expect(after(field, fact("a", "tracking", 1), fact("b", "tracking", 2))).toBe("a");
        expect(
          after(
            field,
            fact("a", "tracking", 1),
            fact("b", "form", 3),
            fact("c", "person", 2),
            fact("d", "tracking", 9),
          ),
        ).toBe("b");
      }
    },
  );

  test("a value that it only repeats changes nothing", () => {
    const known = { "lead.name": fact("Jo", "crm", 1) };
    const merged = mergeDatedFacts(known, { "lead.name": fact("Jo", "tracking", 2) });
    expect(merged).toEqual({ facts: known, changed: [] });
    expect(merged.facts).toBe(known);
  });
});

describe("consent", () => {
  const field = "lead.doNotContact";
  test("a withdrawal through tracking counts from when it was made", () => {
    expect(after(field, fact(false, "crm", 1), fact(true, "tracking", 2))).toBe(true);
    expect(after(field, fact(true, "tracking", 2), fact(false, "crm", 1))).toBe(true);
  });

  test("tracking never takes a withdrawal back, its own neither", () => {
    for (const from of ["tracking", "crm", "person"] as const)
      expect(after(field, fact(true, from, 1), fact(false, "tracking", 9))).toBe(true);
  });

  test("office and CRM take it back later", () => {
    expect(after(field, fact(true, "tracking", 2), fact(false, "person", 3))).toBe(false);
    expect(after(field, fact(true, "tracking", 2), fact(false, "crm", 3))).toBe(false);
  });
});

describe("among the others", () => {
  test("newer beats older, whatever order they arrive in and whoever tells it", () => {
    expect(after("lead.title", fact("old", "person", 1), fact("new", "import", 2))).toBe("new");
    expect(after("lead.title", fact("new", "import", 2), fact("old", "person", 1))).toBe("new");
  });

  test("of one instant the better witness is believed", () => {
    const order: FactSource[] = ["import", "form", "crm", "person"];
    const told = order.map((from) => fact(from, from, 5));
    expect(after("lead.title", ...told)).toBe("person");
    expect(after("lead.title", ...told.toReversed())).toBe("person");
  });
});

const others = fc.constantFrom<FactSource>("form", "import", "crm", "person");
const fields = fc.constantFrom(
  "lead.name",
  "lead.source",
  "lead.firstTouchAt",
  "lead.doNotContact",
  "account.customer",
);
const telling = (from: fc.Arbitrary<FactSource>) =>
  fc.record({
    field: fields,
    fact: fc.record({
      value: fc.constantFrom<FactValue>("a", "b", false, true),
      from,
      at: fc.integer({ min: 1, max: 9 }).map(day),
    }),
  });
type Telling = { field: FieldPath; fact: DatedFact };
const merge = (told: readonly Telling[]) =>
  told.reduce<DatedFacts>(
    (known, one) => mergeDatedFacts(known, { [one.field]: one.fact }).facts,
    {},
  );
const isWithdrawal = ({ field, fact: { value } }: Telling) =>
  field === "lead.doNotContact" && value === true;

/** What the others tell in their order, with tracking's facts anywhere between them. */
const mixture = fc
  .array(fc.tuple(fc.boolean(), telling(others), telling(fc.constant("tracking"))), {
    maxLength: 24,
  })
  .map((pairs) => pairs.map(([isOther, other, tracked]) => (isOther ? other : tracked)));

test("tracking's facts, anywhere between those of others, never change what the others' come to", () => {
  fc.assert(
    fc.property(mixture, (told) => {
      const mixed = told.filter((one) => !(one.fact.from === "tracking" && isWithdrawal(one)));
      const without = merge(mixed.filter((one) => one.fact.from !== "tracking"));
      const withAll = merge(mixed);
      for (const [field, known] of Object.entries(without)) expect(withAll[field]).toEqual(known);
    }),
    { numRuns: 2_000 },
  );
});

test("a withdrawal through tracking changes no other fact, and its own only to true", () => {
  fc.assert(
    fc.property(mixture, (told) => {
      const without = merge(told.filter((one) => one.fact.from !== "tracking"));
      const withAll = merge(told);
      for (const [field, known] of Object.entries(without)) {
        if (field === "lead.doNotContact")
          expect([known.value, true]).toContain(withAll[field]?.value);
        else expect(withAll[field]).toEqual(known);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("the order of arrival does not matter, first values apart", () => {
  const free = fc.array(
    telling(fc.constantFrom<FactSource>("form", "import", "crm", "person", "tracking")).filter(
      ({ field }) => !["lead.source", "lead.firstTouchAt"].includes(field),
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      free.chain((told) =>
        fc.tuple(
          fc.constant(told),
          fc.shuffledSubarray(told, { minLength: told.length, maxLength: told.length }),
        ),
      ),
      ([told, shuffled]) => {
        expect(merge(shuffled)).toEqual(merge(told));
      },
    ),
    { numRuns: 2_000 },
  );
});

describe("two records of one person", () => {
  const field = "lead.doNotContact";
  const merged = (survivor: DatedFact | null, loser: DatedFact) => {
    const known: DatedFacts = survivor === null ? {} : { [field]: survivor };
    return mergeDatedFacts(known, factsOfMerged(known, { [field]: loser })).facts[field]?.value;
  };
  const sources: readonly FactSource[] = ["form", "import", "crm", "person"];

  test.each(sources)("do-not-contact of a %s stands against newer defaults, either way", (from) => {
    for (const byDefault of ["form", "import"] as const) {
      expect(merged(fact(false, byDefault, 20), fact(true, from, 1))).toBe(true);
      expect(merged(fact(true, from, 1), fact(false, byDefault, 20))).toBe(true);
    }
    // Two rows of one file are of one instant.
    for (const other of ["form", "import"] as const) {
      expect(merged(fact(false, other, 1), fact(true, from, 1))).toBe(true);
      expect(merged(fact(true, from, 1), fact(false, other, 1))).toBe(true);
    }
    expect(merged(null, fact(true, from, 1))).toBe(true);
  });

  test.each<FactSource>(["crm", "person"])("an opt-in that a %s gave later stands", (from) => {
    expect(merged(fact(false, from, 20), fact(true, "form", 1))).toBe(false);
    expect(merged(fact(true, "form", 1), fact(false, from, 20))).toBe(false);
    expect(merged(fact(false, from, 1), fact(true, "form", 20))).toBe(true);
  });

  test("the address stays with its own record", () => {
    expect(factsOfMerged({}, { "lead.email": fact("jo@x.test", "form", 1) })).toEqual({});
  });
});
