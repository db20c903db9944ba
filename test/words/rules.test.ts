import { expect, test } from "vitest";
import { rateOf } from "../../handoff/reviews/figures.ts";
import { paragraphOf } from "../../store/reports/paragraph.ts";
import { reports } from "../../store/reports/registry.ts";
import type { ReportFile } from "../../store/reports/report.ts";
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

test("a sentence that begins with a stage or a code begins with its words", () => {
  const rows = [
    { stage: "renurture", reason: "wrong-role" },
    { stage: "sal", reason: null },
    { stage: "Contract-sent", step: "first-outreach" },
  ];
  const told = "Renurture: 3. SAL: 2. Wrong-role: 1. Contract-sent: 1, not after first-outreach.";
  expect(withRuleWords(told, rulesIn(rows))).toBe(
    "Re-nurture: 3. SAL: 2. Wrong role: 1. Contract-sent: 1, not after first outreach.",
  );
});

test("the report of stages says each stage as the pages do", () => {
  const report = reports.find(({ name }) => name === "stages") as ReportFile;
  const rows = ["mql", "sal", "sql", "opportunity", "renurture"].map((stage) => ({
    group: null,
    stage,
    stalledRate: rateOf(1, 4),
  }));
  const shown = ["stalledRate"];
  const told = paragraphOf(report.paragraph, { rows, before: null, groupBy: null, shown, asOf: 0 });
  const said = withRuleWords(told, rulesIn(rows));
  expect(said.match(/[\w-]+(?=: )/g)).toEqual(["MQL", "SAL", "SQL", "Opportunity", "Re-nurture"]);
});

test("a proposal about a clock names its lead type in words", () => {
  const found = {
    kind: "missed-sla",
    about: "standard-mql, outreach",
    rules: ["leadTypes: standard-mql"],
  };
  expect(
    withRuleWords("Nobody keeps the outreach time of standard-mql: agree.", rulesOfProposal(found)),
  ).toBe("Nobody keeps the outreach time of standard MQL: agree.");
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
