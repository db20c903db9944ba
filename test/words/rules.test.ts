import { expect, test } from "vitest";
import { ruleWords } from "../../words/rules.ts";

test.each([
  ["requiredFields: lead.role", "the required field role"],
  ["requiredFields: account.employees", "the required field employees of the company"],
  ["requiredFields", "the required fields"],
  ["leadTypes: demo-request", "the lead type demo request"],
  ["checklist: role-fit", "the checklist's role fit"],
  ["fit: lead.emailKind is free", "the points for kind of e-mail is free"],
  ["icp", "the ICP"],
  ["fit: icp", "the points for the ICP"],
  ["something: else", "something: else"],
])("the rule %j is said as %j", (path, words) => {
  expect(ruleWords(path)).toBe(words);
});
