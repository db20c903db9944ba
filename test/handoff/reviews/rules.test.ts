import { expect, test } from "vitest";
import { heldRules, rulesOf } from "../../../handoff/reviews/rules.ts";
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
