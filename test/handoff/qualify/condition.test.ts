import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Condition, Matcher } from "../../../handoff/agreement.ts";
import type { Known, Truth } from "../../../handoff/qualify/condition.ts";
import { evaluate } from "../../../handoff/qualify/condition.ts";
import type { Engagement, Facts, FactValue } from "../../../handoff/facts/facts.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const now = Date.UTC(2026, 10, 20, 15);
const day = 86_400_000;
const known = (facts: Facts, engagements: readonly Engagement[] = []): Known => ({
  facts,
  engagements,
  now,
});
const fact = (field: string, ...matchers: Matcher[]): Condition => ({
  kind: "fact",
  field,
  matchers,
  at: "here",
});
const judge = (
  condition: Condition,
  facts: Facts,
  engagements: readonly Engagement[] = [],
): Truth => evaluate(condition, known(facts, engagements), agreement).result;

describe("a fact condition has three values", () => {
  const rows: [string, Condition, Facts, Truth][] = [
    [
      "text equals whatever its case",
      fact("account.country", { op: "is", value: "us" }),
      { "account.country": " US " },
      true,
    ],
    [
      "a list of values",
      fact("account.country", { op: "in", values: ["US", "CA"] }),
      { "account.country": "ca" },
      true,
    ],
    [
      "not in the list",
      fact("account.country", { op: "in", values: ["US", "CA"] }),
      { "account.country": "DE" },
      false,
    ],
    [
      "none of the list",
      fact("account.country", { op: "notIn", values: ["US"] }),
      { "account.country": "DE" },
      true,
    ],
    [
      "a missing fact is unknown",
      fact("account.country", { op: "in", values: ["US"] }),
      {},
      "unknown",
    ],
    [
      "a missing fact is unknown to notIn too",
      fact("account.country", { op: "notIn", values: ["US"] }),
      {},
      "unknown",
    ],
    ["exists is never unknown", fact("account.country", { op: "exists", value: true }), {}, false],
    ["absence can be asked for", fact("account.country", { op: "exists", value: false }), {}, true],
    [
      "both ends of a range belong to it",
      fact("account.employees", { op: "atLeast", value: 50 }, { op: "atMost", value: 5000 }),
      { "account.employees": 50 },
      true,
    ],
    [
      "above excludes its bound",
      fact("account.employees", { op: "above", value: 50 }),
      { "account.employees": 50 },
      false,
    ],
    [
      "below excludes its bound",
      fact("account.employees", { op: "below", value: 50 }),
      { "account.employees": 49.9 },
      true,
    ],
    [
      "a number kept as text says nothing",
      fact("account.employees", { op: "atLeast", value: 50 }),
      { "account.employees": "200" },
      "unknown",
    ],
    [
      "a value of another type says nothing to notIn either",
      fact("account.employees", { op: "notIn", values: [50] }),
      { "account.employees": "50" },
      "unknown",
    ],
    [
      "false is a value, not missing",
      fact("account.customer", { op: "is", value: false }),
      { "account.customer": false },
      true,
    ],
    [
      "part of a text",
      fact("lead.title", { op: "contains", value: "OPS" }),
      { "lead.title": "Head of RevOps" },
      true,
    ],
    [
      "an entry of a list, whole",
      fact("account.techStack", { op: "contains", value: "salesforce" }),
      { "account.techStack": ["HubSpot", "Salesforce"] },
      true,
    ],
    [
      "part of an entry is not the entry",
      fact("account.techStack", { op: "contains", value: "sales" }),
      { "account.techStack": ["Salesforce"] },
      false,
    ],
    [
      "a list holds one of several",
      fact("account.techStack", { op: "in", values: ["Slack", "HubSpot"] }),
      { "account.techStack": ["HubSpot"] },
      true,
    ],
    [
      "an empty list is known",
      fact("account.techStack", { op: "in", values: ["Slack"] }),
      { "account.techStack": [] },
      false,
    ],
    [
      "a pattern",
      fact("lead.title", { op: "matches", glob: "*revenue*" }),
      { "lead.title": "VP Revenue" },
      true,
    ],
    [
      "a date from a day on",
      fact("lead.firstTouchAt", { op: "atLeast", value: Date.UTC(2026, 0, 1) }),
      { "lead.firstTouchAt": "2026-01-01T00:00:00.000Z" },
      true,
    ],
    [
      "a date before it",
      fact("lead.firstTouchAt", { op: "atLeast", value: Date.UTC(2026, 0, 1) }),
      { "lead.firstTouchAt": "2025-12-31" },
      false,
    ],
  ];
  test.each(rows)("%s", (_, condition, facts, result) =>
    expect(judge(condition, facts)).toBe(result),
  );

  test("a fact named like a method of every object is missing, not found", () => {
    const facts = JSON.parse('{"__proto__": {"account.country": "US"}}') as Facts;
    expect(judge(fact("constructor", { op: "exists", value: true }), facts)).toBe(false);
    expect(judge(fact("account.country", { op: "exists", value: true }), facts)).toBe(false);
    expect(judge(fact("__proto__", { op: "is", value: "x" }), {})).toBe("unknown");
  });
});

describe("engagement conditions", () => {
  const did = (type: string, daysAgo: number, id = `${type}-${daysAgo}`): Engagement => ({
    id,
    type,
    occurredAt: now - daysAgo * day,
  });
  const demo: Condition = {
    kind: "signal",
    signal: "demo_request",
    withinMs: 30 * day,
    atLeast: 1,
    at: "here",
  };

  test("a demo request exactly 30 days old still counts, a millisecond later it does not", () => {
    expect(judge(demo, {}, [did("demo_request", 30)])).toBe(true);
    expect(
      judge(demo, {}, [{ id: "x", type: "demo_request", occurredAt: now - 30 * day - 1 }]),
    ).toBe(false);
  });

  test("what never happened is false, not unknown", () => expect(judge(demo, {})).toBe(false));

  test("the same message twice counts once", () => {
    const twice: Condition = { ...demo, atLeast: 2 };
    expect(judge(twice, {}, [did("demo_request", 1, "m1"), did("demo_request", 1, "m1")])).toBe(
      false,
    );
    expect(judge(twice, {}, [did("demo_request", 1, "m1"), did("demo_request", 1, "m2")])).toBe(
      true,
    );
  });

  test("what has not happened yet does not count", () =>
    expect(judge(demo, {}, [did("demo_request", -1)])).toBe(false));

  test("depth counts every signal of that depth, and no unknown type", () => {
    const high: Condition = { kind: "signal", signal: { depth: "high" }, atLeast: 2, at: "here" };
    expect(judge(high, {}, [did("pricing_page", 1), did("trial_started", 90)])).toBe(true);
    expect(
      judge(high, {}, [did("pricing_page", 1), did("toString", 1), did("buyers_guide", 1)]),
    ).toBe(false);
  });

  test("meaningful behaviours are distinct and of depth mid or high", () => {
    const two: Condition = { kind: "meaningful", count: 2, withinMs: 30 * day, at: "here" };
    expect(judge(two, {}, [did("pricing_page", 1), did("pricing_page", 2)])).toBe(false);
    expect(judge(two, {}, [did("pricing_page", 1), did("blog_view", 2)])).toBe(false);
    expect(judge(two, {}, [did("pricing_page", 1), did("buyers_guide", 2)])).toBe(true);
  });

  test("topics are a list: one of them is enough, none at all is unknown", () => {
    const topic: Condition = {
      kind: "derived",
      of: "engagement.topic",
      matchers: [{ op: "in", values: ["routing", "sla"] }],
      at: "here",
    };
    expect(
      judge(topic, {}, [
        { ...did("blog_view", 1), topic: "pricing" },
        { ...did("blog_view", 2), topic: "SLA" },
      ]),
    ).toBe(true);
    expect(judge(topic, {}, [{ ...did("blog_view", 1), topic: "pricing" }])).toBe(false);
    expect(judge(topic, {}, [did("blog_view", 1)])).toBe("unknown");
  });
});

describe("the trace", () => {
  test("has one line per condition, each above its parts, with path, value, expectation and result", () => {
    const type = agreement.leadTypes[0]!;
    const { result, trace } = evaluate(
      type.when,
      known({ "account.employees": 200, "account.country": "US" }),
      agreement,
    );
    expect(result).toBe(false); // no demo request, whatever the industry is
    expect(trace).toEqual([
      { at: "leadTypes[0].when", expected: "all of these", result: false },
      {
        at: "leadTypes[0].when.all[0]",
        expected: "icp",
        result: "unknown",
        missing: ["account.industry"],
      },
      { at: "icp", expected: "all of these", result: "unknown", missing: ["account.industry"] },
      {
        at: "icp.all[0]",
        field: "account.employees",
        value: 200,
        expected: "at least 50 and at most 5000",
        result: true,
      },
      {
        at: "icp.all[1]",
        field: "account.industry",
        expected: "one of Software, Financial Services, Healthcare",
        result: "unknown",
        missing: ["account.industry"],
      },
      {
        at: "icp.all[2]",
        field: "account.country",
        value: "US",
        expected: "one of US, CA, GB, DE",
        result: true,
      },
      {
        at: "leadTypes[0].when.all[1]",
        value: 0,
        expected: "at least 1 demo_request within 30 days",
        result: false,
      },
    ]);
  });

  test("unfolds a named condition once", () => {
    const twice: Condition = {
      kind: "any",
      of: [
        { kind: "named", name: "icp", at: "a" },
        { kind: "named", name: "icp", at: "b" },
      ],
      at: "here",
    };
    const { trace } = evaluate(twice, known({}), agreement);
    expect(trace.map((line) => line.at)).toEqual([
      "here",
      "a",
      "icp",
      "icp.all[0]",
      "icp.all[1]",
      "icp.all[2]",
      "b",
    ]);
  });

  test("a name the agreement does not define is a broken agreement and throws", () => {
    expect(() => judge({ kind: "named", name: "nowhere", at: "x" }, {})).toThrow(
      'x uses the condition "nowhere"',
    );
  });

  test("`engaged` is unknown until somebody has counted the account's people", () => {
    const engaged: Condition = { kind: "named", name: "engaged", at: "accounts.when.all[1]" };
    expect(judge(engaged, {})).toBe("unknown");
    expect(evaluate(engaged, { ...known({}), engaged: true }, agreement).result).toBe(true);
  });
});

/**
 * The oracle: a condition is true if it holds however the missing facts are filled in from a few
 * values, false if it holds for none, and otherwise open. Kleene logic is exact on conditions that
 * ask for each fact once.
 */
describe("against trying every value of the missing facts", () => {
  const fields = ["account.country", "account.industry", "account.segment", "account.region"];
  const filled: FactValue[] = ["v0", "v1", "v2"];
  const tree = fc.letrec<{ node: Condition }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc
        .tuple(
          fc.constantFrom(...fields),
          fc.subarray(["v0", "v1", "v2"], { minLength: 1, maxLength: 2 }),
          fc.boolean(),
        )
        .map(([field, values, not]) => fact(field, { op: not ? "notIn" : "in", values })),
      fc
        .tuple(
          fc.constantFrom("all" as const, "any" as const, "none" as const),
          fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
        )
        .map(([kind, of]): Condition => ({ kind, of, at: "group" })),
    ),
  })).node;
  const facts = fc.record(
    Object.fromEntries(fields.map((field) => [field, fc.constantFrom(...(filled as string[]))])),
    { requiredKeys: [] },
  ) as fc.Arbitrary<Facts>;

  function holds(condition: Condition, all: Facts): boolean {
    switch (condition.kind) {
      case "all":
        return condition.of.every((part) => holds(part, all));
      case "any":
        return condition.of.some((part) => holds(part, all));
      case "none":
        return !condition.of.some((part) => holds(part, all));
      case "fact": {
        const matcher = condition.matchers[0] as Extract<Matcher, { values: unknown }>;
        return matcher.values.includes(all[condition.field]!) === (matcher.op === "in");
      }
      default:
        throw new Error("not generated");
    }
  }
  const completions = (some: Facts): Facts[] =>
    fields.reduce<Facts[]>(
      (all, field) =>
        field in some
          ? all
          : all.flatMap((one) => filled.map((value) => ({ ...one, [field]: value }))),
      [some],
    );
  const asked = (condition: Condition): string[] =>
    "of" in condition && typeof condition.of === "object"
      ? condition.of.flatMap(asked)
      : condition.kind === "fact"
        ? [condition.field]
        : [];

  test("true and false are never wrong, and unknown is exact where each fact is asked once", () => {
    fc.assert(
      fc.property(tree, facts, (condition, some) => {
        const outcomes = completions(some).map((all) => holds(condition, all));
        const result = judge(condition, some);
        if (result !== "unknown") expect(outcomes.every((one) => one === result)).toBe(true);
        const fieldsAsked = asked(condition);
        if (new Set(fieldsAsked).size === fieldsAsked.length && result === "unknown")
          expect(new Set(outcomes).size).toBe(2);
      }),
      { numRuns: 3_000 },
    );
  });

  test("the same inputs in another order give the same result and trace", () => {
    fc.assert(
      fc.property(tree, facts, (condition, some) => {
        const reversed = Object.fromEntries(Object.entries(some).toReversed());
        expect(evaluate(condition, known(reversed), agreement)).toEqual(
          evaluate(condition, known(some), agreement),
        );
      }),
      { numRuns: 300 },
    );
  });
});
