import { describe, expect, test } from "vitest";
import type { Facts } from "../../../handoff/facts/facts.ts";
import { placeOf, routingEvidence } from "../../../handoff/routing/territory.ts";
import { edited, exampleAgreement } from "../../support/example-agreement.ts";
import { parseAgreement } from "../../../agreement/parse.ts";
import { wednesdayMorning as now } from "../../support/members.ts";

const tree = `    - name: emea
      when: { account.country: { in: [DE, AT, CH, FR] } }
      pool: emea-sdr
      within:
        - { name: dach, when: { account.country: { in: [DE, AT, CH] } }, pool: dach-sdr, language: de, within: [{ name: south, when: { account.region: Bavaria }, within: [{ name: munich, when: { account.segment: media }, pool: munich-sdr }] }] }
        - { name: france, when: { account.country: FR }, pool: france-sdr, language: fr }
    - { name: rest, pool: americas-sdr }
`;
const flat = /    - \{ name: americas[\s\S]*?pool: emea-sdr \}\n/.exec(edited())![0];
const nested = exampleAgreement([flat, tree]);
const place = (facts: Facts, agreement = nested) =>
  placeOf(agreement, routingEvidence(agreement, { facts, engagements: [], now }));
const pools = (facts: Facts) => place(facts).steps.map((step) => `${step.via} ${step.pool}`);

describe("the territory of a lead", () => {
  test("is the most specific that holds; pools of the territories around it follow", () => {
    expect(place({ "account.country": "AT" }).territory).toBe("dach");
    expect(pools({ "account.country": "AT" })).toEqual(["territory dach-sdr", "parent emea-sdr"]);
  });

  test("without a pool of its own uses its parent's, language included", () => {
    const found = place({ "account.country": "DE", "account.region": "Bavaria" });
    expect(found).toMatchObject({
      territory: "south",
      steps: [
        { pool: "dach-sdr", via: "territory", language: "de" },
        { pool: "emea-sdr", via: "parent" },
      ],
    });
    expect(
      pools({ "account.country": "DE", "account.region": "Bavaria", "account.segment": "media" }),
    ).toEqual(["territory munich-sdr", "parent dach-sdr", "parent emea-sdr"]);
  });

  test("is what the others left when no condition holds, also when the fact is missing", () => {
    expect(place({ "account.country": "US" })).toMatchObject({
      territory: "rest",
      steps: [{ pool: "americas-sdr", via: "territory" }],
    });
    const unknown = place({});
    expect(unknown.territory).toBe("rest");
    expect(unknown.trace).toContainEqual(
      expect.objectContaining({
        field: "account.country",
        result: "unknown",
        missing: ["account.country"],
      }),
    );
  });

  test("does not depend on where the catch-all stands", () => {
    const turned = exampleAgreement([
      flat,
      "    - { name: rest, pool: americas-sdr }\n    - { name: dach, when: { account.country: " +
        "DE }, pool: dach-sdr }\n",
    ]);
    expect(place({ "account.country": "DE" }, turned).territory).toBe("dach");
  });

  test("knows its siblings, for agreements that follow the sun", () => {
    expect(place({ "account.country": "FR" }).steps[0]?.siblings).toEqual(["dach-sdr"]);
    expect(place({ "account.country": "US" }).steps[0]?.siblings).toEqual(["emea-sdr"]);
  });
});

describe("the segment", () => {
  test("goes before the territory, which stays the way out", () => {
    expect(place({ "account.country": "DE", "account.employees": 1000 })).toMatchObject({
      segment: "enterprise",
      territory: "dach",
      steps: [
        { pool: "enterprise-ae", via: "segment", language: null },
        { pool: "dach-sdr", via: "territory" },
        { pool: "emea-sdr", via: "parent" },
      ],
    });
  });
  test("one employee less is no enterprise, and an unknown size is not either", () => {
    expect(place({ "account.country": "DE", "account.employees": 999 }).segment).toBeNull();
    expect(place({ "account.country": "DE" }).segment).toBeNull();
  });
});

describe("what is kept with the decision", () => {
  const person: Facts = {
    "lead.name": "Somebody",
    "lead.email": "somebody@example.com",
    "account.country": "DE",
    "account.employees": 5,
  };
  const done = [{ id: "m1", type: "demo_request", occurredAt: now }];

  test("only the facts that routing rules ask about, so nobody's name", () => {
    expect(routingEvidence(nested, { facts: person, engagements: done, now })).toEqual({
      known: { facts: { "account.country": "DE", "account.employees": 5 }, engagements: [], now },
    });
  });

  test("scores instead of the facts behind them, engagements only when a rule counts them", () => {
    const banded = exampleAgreement([
      "- { name: enterprise, when: { account.employees: { atLeast: 1000 } }",
      "- { name: enterprise, when: { band: A }",
    ]);
    expect(routingEvidence(banded, { facts: person, engagements: done, now })).toMatchObject({
      known: { facts: { "account.country": "DE" }, engagements: [] },
      scores: { intent: 40 },
    });
    const counted = exampleAgreement([
      "- { name: enterprise, when: { account.employees: { atLeast: 1000 } }",
      "- { name: enterprise, when: { signal: demo_request }",
    ]);
    expect(place({}, counted).segment).toBeNull();
    expect(
      placeOf(counted, routingEvidence(counted, { facts: {}, engagements: done, now })).segment,
    ).toBe("enterprise");
  });

  test("named conditions are followed to their facts", () => {
    const icp = exampleAgreement([
      "- { name: enterprise, when: { account.employees: { atLeast: 1000 } }",
      "- { name: enterprise, when: icp",
    ]);
    expect(
      Object.keys(
        routingEvidence(icp, {
          facts: { ...person, "account.industry": "Software" },
          engagements: [],
          now,
        }).known.facts,
      ),
    ).toEqual(["account.country", "account.employees", "account.industry"]);
  });
});

test("the example agreement's own territories parse and cover every lead", () => {
  const parsed = parseAgreement(edited());
  expect(parsed.ok).toBe(true);
  const agreement = exampleAgreement();
  for (const [country, territory, pool] of [
    ["CA", "americas", "americas-sdr"],
    ["CH", "dach", "dach-sdr"],
    ["JP", "rest", "emea-sdr"],
  ] as const) {
    expect(place({ "account.country": country }, agreement)).toMatchObject({
      territory,
      steps: [{ pool }],
    });
  }
});
