import { expect, test } from "vitest";
import { rowsWithRuleWords, rulesIn, ruleWords, withRuleWords } from "../../words/rules.ts";

test.each([
  ["requiredFields: lead.role", "the required field role"],
  ["requiredFields: account.employees", "the required field employees of the company"],
  ["requiredFields", "the required fields"],
  ["leadTypes: demo-request", "the lead type demo request"],
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
