import { describe, expect, test } from "vitest";
import { parseAgreement } from "../../agreement/parse.ts";
import { agreementChanges } from "../../handoff/governance/agreement-changes.ts";
import { printRuleChange } from "../../handoff/governance/rule-change.ts";
import { edited, exampleAgreement, exampleText, problemsOf } from "../support/example-agreement.ts";

const withRules = (rules: string) =>
  ["\naccounts:", `\nexploration: ${rules}\n\naccounts:`] as const;
const parsed = (rules: string) => {
  const read = parseAgreement(edited(withRules(rules)));
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read;
};

test("an agreement without the key explores nobody and reads as before", () => {
  expect(exampleAgreement()).not.toHaveProperty("exploration");
  expect(exampleText).not.toContain("exploration");
});

test("a share, on whose terms, among whom", () => {
  const { agreement, warnings } = parsed("{ share: 2.5%, leadType: standard-mql, when: icp }");
  expect(warnings).toEqual([]);
  expect(agreement.exploration).toEqual({
    share: 0.025,
    leadType: "standard-mql",
    when: { kind: "named", name: "icp", at: "exploration.when" },
  });
});

describe("what cannot be is refused with its line", () => {
  const line = edited(withRules("{ share: 2%, leadType: standard-mql }"))
    .split("\n")
    .findIndex((one) => one.startsWith("exploration:"));
  test.each([
    ["{ share: 60%, leadType: standard-mql }", "a percentage from 0% to 50%"],
    ["{ share: -1%, leadType: standard-mql }", "a percentage from 0% to 50%"],
    ["{ share: 0.02, leadType: standard-mql }", "a percentage from 0% to 50%"],
    ["{ share: 2% }", "leadType"],
    ["{ leadType: standard-mql }", "share"],
    ["{ share: 2%, leadType: nowhere }", "expected a lead type (demo-request"],
    ["{ share: 2%, leadType: account-flag }", "expected a lead type (demo-request"],
    ["{ share: 2%, leadType: standard-mql, when: engaged }", "engaged"],
    ["{ share: 2%, leadType: standard-mql, seed: 7 }", "seed"],
  ])("%s", (rules, message) => {
    const [problem] = problemsOf(withRules(rules));
    expect(problem?.message).toContain(message);
    expect(problem?.line).toBe(line + 1);
  });

  test("and warned of where nobody would be explored", () => {
    const same = "{ all: [icp, { signal: demo_request, within: 30 days }] }";
    const { warnings } = parsed(`{ share: 2%, leadType: standard-mql, when: ${same} }`);
    expect(warnings.map(({ message }) => message)).toEqual([
      'nobody is explored: whoever meets these conditions is handed off as "demo-request"',
    ]);
  });
});

test("what a version changes about it is said", () => {
  const plain = exampleAgreement();
  const two = parsed("{ share: 2%, leadType: standard-mql }").agreement;
  const five = parsed("{ share: 5%, leadType: demo-request, when: icp }").agreement;
  const none = parsed("{ share: 0%, leadType: standard-mql }").agreement;
  const said = (before: typeof plain, after: typeof plain) =>
    agreementChanges(before, after).map(printRuleChange);
  expect(said(plain, two)).toEqual([
    "exploration: none -> 2 % of the leads in nurture",
    "exploration: lead type standard-mql",
  ]);
  expect(said(two, five)).toEqual([
    "exploration: 2 % of the leads in nurture -> 5 % of the leads in nurture",
    "exploration: lead type standard-mql -> demo-request",
    "exploration among: all -> icp",
  ]);
  expect(said(plain, none)).toEqual([]);
});
