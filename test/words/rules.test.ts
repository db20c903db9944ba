import { expect, test } from "vitest";
import {
  rowsWithRuleWords,
  rulesIn,
  rulesOfProposal,
  ruleWords,
  withRuleWords,
} from "../../words/rules.ts";

test.each([
  ["requiredFields: lead.role", "the required field role"],
  ["requiredFields: account.employees", "the required field employees of the company"],
  ["requiredFields", "the required fields"],
  ["leadTypes: demo-request", "the lead type demo request"],
  ["leadTypes: high-intent-mql", "the lead type high intent MQL"],
  ["checklist: role-fit", "the checklist's role fit"],
  ["fit: lead.emailKind is free", "the points for kind of e-mail is free"],
  ["icp", "the ICP"],
  ["fit: icp", "the points for the ICP"],
  ["suppress: active-pipeline", "the suppression of active pipeline"],
  ["band: A", "band A"],
  ["signals: demo_request", "the signal demo request"],
  ["something: else", "something: else"],
])("the rule %j is said as %j", (path, words) => {
  expect(ruleWords(path)).toBe(words);
});

test("a sentence has the words of its rules, the longest first, and leaves other words", () => {
  const rules = ["icp", "fit: icp", "requiredFields: lead.name", "fit: lead.role in [a, b]"];
  expect(
    withRuleWords(
      "Look at requiredFields: lead.name, fit: icp, icp and fit: lead.role in [a, b]; not-icp, " +
        "icp-like and requiredFields: lead.names stay.",
      rules,
    ),
  ).toBe(
    "Look at the required field name, the points for the ICP, the ICP and the points for role in " +
      "[a, b]; not-icp, icp-like and requiredFields: lead.names stay.",
  );
  expect(withRuleWords("icp", [])).toBe("icp");
});

test("a sentence has the words of the codes that its rows hold", () => {
  const rows = [
    { reason: "below-company-size", signal: "demo_request", field: "lead.firstTouchAt" },
    { reason: "other", source: "google-ads", field: "account.segment" },
  ];
  expect(
    withRuleWords(
      "Most: below-company-size (4), demo_request and lead.firstTouchAt; least: account.segment, " +
        "other and google-ads; not below-company-size-too.",
      rulesIn(rows),
    ),
  ).toBe(
    "Most: below company size (4), demo request and first touch; least: segment of the company, " +
      "other and google-ads; not below-company-size-too.",
  );
});

test("a proposal names the reason or the signal that it is about in words, and others as they are", () => {
  const said = (kind: string, about: string) =>
    withRuleWords(`About ${about} by icp`, rulesOfProposal({ kind, about, rules: ["icp"] }));
  expect(said("recurring-reason", "wrong-role")).toBe("About wrong role by the ICP");
  expect(said("weak-signal", "pricing_page")).toBe("About pricing page by the ICP");
  expect(said("empty-campaign", "summer-giveaway")).toBe("About summer-giveaway by the ICP");
});

test("cells of codes are said, and names that people gave are left", () => {
  const rows = [
    { step: "first-outreach", stage: "sal", reason: "wrong-role", reasonGroup: "no-fit" },
    { step: "mql", stage: "Contract-sent", signal: "pricing_page", group: "google-ads" },
    { step: "opportunity", stage: "renurture", timeline: "this-quarter", field: "lead.email" },
  ];
  expect(rowsWithRuleWords(rows)).toEqual([
    { step: "first outreach", stage: "SAL", reason: "wrong role", reasonGroup: "no fit" },
    { step: "MQL", stage: "Contract-sent", signal: "pricing page", group: "google-ads" },
    { step: "opportunity", stage: "re-nurture", timeline: "this quarter", field: "e-mail" },
  ]);
});

test("cells of rules are said, and others left", () => {
  const rows = [
    { reason: "icp", accused: ["requiredFields: lead.name", "icp"], count: 3 },
    { reason: null, accused: [], rule: "leadTypes: demo-request" },
  ];
  expect(rowsWithRuleWords(rows)).toEqual([
    { reason: "icp", accused: ["required field name", "ICP"], count: 3 },
    { reason: null, accused: [], rule: "lead type demo request" },
  ]);
  expect(rulesIn(rows)).toEqual(["requiredFields: lead.name", "icp", "leadTypes: demo-request"]);
});
