import { describe, expect, test } from "vitest";
import {
  changedRules,
  heldRules,
  placesByKey,
  rulesOf,
  ruleName,
} from "../../../handoff/reviews/rules.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const now = Date.parse("2026-11-20T10:00:00Z");
const fits = {
  "account.employees": 200,
  "account.industry": "Software",
  "account.country": "US",
};

test("every rule of the document is listed once, by where it stands", () => {
  const paths = rulesOf(agreement).map(({ at }) => at);
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths).toEqual(
    expect.arrayContaining([
      "requiredFields: lead.role",
      "suppress: competitor",
      "icp",
      "checklist: role fit",
      "fit[2]",
      "band: D",
      "leadTypes: standard-mql",
    ]),
  );
});

test.each([
  [
    "who fits",
    { ...fits, "lead.seniority": "vp" },
    ["icp", "checklist: role fit", "checklist: account fit", "fit[0]", "fit[1]"],
  ],
  ["who fits by the account alone", fits, ["icp", "checklist: account fit", "fit[0]"]],
  ["of whom nothing is known: unknown is not held", {}, []],
  ["too small an account", { ...fits, "account.employees": 3 }, []],
])("rules that hold for %s", (_who, facts, held) => {
  expect(heldRules(agreement, { facts, engagements: [], now })).toEqual(held);
});

test("what somebody does after the moment does not count", () => {
  const topic = (occurredAt: number) =>
    heldRules(agreement, {
      facts: {},
      engagements: [{ id: "1", type: "pricing_page", occurredAt, topic: "sla" }],
      now,
    });
  expect(topic(now - 1)).toEqual(["checklist: use case fit"]);
  expect(topic(now + 1)).toEqual([]);
});

describe("a row of `fit`, which has no name,", () => {
  const [icp, seniority, free] = agreement.fit;
  const moved = { ...agreement, fit: [{ points: -5, when: free!.when }, icp!, seniority!] };

  test("is called by what it asks", () => {
    const names = rulesOf(agreement)
      .filter(({ kind }) => kind === "fit points")
      .map((one) => ruleName(one, agreement));
    expect(names).toEqual([
      "fit: icp",
      "fit: lead.seniority one of director, vp, c-level",
      "fit: lead.emailKind is free",
    ]);
  });

  test("is the same rule wherever it stands in another version", () => {
    const places = (version: typeof agreement) =>
      [...placesByKey(version)].filter(([key]) => key.startsWith("fit: "));
    expect(places(agreement).map(([, at]) => at)).toEqual([["fit[0]"], ["fit[1]"], ["fit[2]"]]);
    const key = places(agreement)[2]![0];
    expect(placesByKey(moved).get(key)).toEqual(["fit[0]"]);
  });

  test("is changed by its points, and not by a row above it", () => {
    expect(changedRules(agreement, moved)).toEqual(["fit: lead.emailKind is free"]);
  });

  test("is one rule with another row that asks the same", () => {
    const twice = { ...agreement, fit: [...agreement.fit, { points: 3, when: free!.when }] };
    const [, places] = [...placesByKey(twice)].find(([, at]) => at.includes("fit[2]"))!;
    expect(places).toEqual(["fit[2]", "fit[3]"]);
    expect(changedRules(agreement, twice)).toEqual(["fit: lead.emailKind is free"]);
  });
});

test("a list in another order changes no rule", () => {
  const turned = agreement.fit.map((row) =>
    row.when.kind === "fact"
      ? {
          ...row,
          when: {
            ...row.when,
            matchers: row.when.matchers.map((one) =>
              "values" in one ? { ...one, values: one.values.toReversed() } : one,
            ),
          },
        }
      : row,
  );
  expect(changedRules(agreement, { ...agreement, fit: turned })).toEqual([]);
});
