import { describe, expect, test } from "vitest";
import { parseAgreement } from "../../agreement/parse.ts";
import { edited, exampleText, problemsOf } from "../support/example-agreement.ts";

type Edit = readonly [string, string];
const warnings = (...edits: readonly Edit[]) => {
  const parsed = parseAgreement(edited(...edits));
  if (!parsed.ok) throw new Error(parsed.problems.map((one) => one.message).join("\n"));
  return parsed.warnings;
};
const lineOf = (text: string, ...edits: readonly Edit[]) =>
  edited(...edits)
    .split("\n")
    .findIndex((line) => line.includes(text)) + 1;
const when = "when: { all: [icp, engaged] }";

test("the example's account rules have nothing to be warned of", () => {
  expect(parseAgreement(exampleText)).toMatchObject({ ok: true, warnings: [] });
});

describe("account rules that are not as they can be are refused with their line", () => {
  test.each<readonly [string, Edit, string]>([
    ["no people", ["contacts: 3", "contacts: 0"], "a count of people"],
    [
      "a depth of its own",
      ["depth: mid, within: 30 days }", "depth: deep, within: 30 days }"],
      "high",
    ],
    [
      "a window that nobody knows",
      ["within: 30 days }   # distinct", "within: soon }   # distinct"],
      "expected",
    ],
    [
      "a window of business days",
      ["within: 30 days }   # distinct", "within: 5 business days }   # distinct"],
      "expected",
    ],
    ["no cool-down", ["  coolDown: 60 days\n", ""], "coolDown"],
    [
      "a tier beyond nine",
      ["    1: { priority: 1, outreach", "    10: { priority: 1, outreach"],
      "a tier from 1 to 9",
    ],
    [
      "a priority beyond five",
      ["    1: { priority: 1, outreach", "    1: { priority: 6, outreach"],
      "a priority",
    ],
    [
      "a word that no tier knows",
      ["    1: { priority: 1, outreach", "    1: { speed: 1, outreach"],
      "speed",
    ],
    ["a condition that nobody knows", [when, "when: { all: [icp, engagd] }"], "engagd"],
    [
      "the name of a lead type",
      ["leadType: account-flag", "leadType: standard-mql"],
      "standard-mql",
    ],
    [
      "an answer before the outreach",
      ["status: 5 business days\n  coolDown", "status: 24 hours\n  coolDown"],
      "status",
    ],
  ])("%s", (_, edit, named) => {
    const found = problemsOf(edit);
    expect(found.length).toBeGreaterThan(0);
    expect(found.map(({ message }) => message).join("\n")).toContain(named);
    for (const { line } of found) expect(line).toBeGreaterThan(0);
  });
});

describe("what no account can meet is warned of, with its line", () => {
  test("facts of a person, also behind a name, and what somebody did", () => {
    const direct: Edit = [when, "when: { all: [icp, engaged, { lead.seniority: vp }] }"];
    expect(warnings(direct)).toEqual([
      expect.objectContaining({
        line: lineOf("lead.seniority: vp", direct),
        message: expect.stringMatching(
          /^lead.seniority is known of a person and not of an account; /,
        ),
      }),
    ]);
    const named: Edit[] = [
      ["\nchecklist:", "\nconditions:\n  seniors: { lead.seniority: vp }\n\nchecklist:"],
      [when, "when: { all: [icp, engaged, seniors] }"],
    ];
    expect(warnings(...named)).toEqual([
      expect.objectContaining({
        line: lineOf("engaged, seniors", ...named),
        message: expect.stringContaining('("seniors" asks for it)'),
      }),
    ]);
    for (const asked of ["{ signal: demo_request }", "{ meaningful: 2 }", "{ band: A }"])
      expect(warnings([when, `when: { all: [icp, engaged, ${asked}] }`])).toHaveLength(1);
  });

  test("rules that do not ask for engagement, and a depth that no signal has", () => {
    expect(warnings([when, "when: icp"])).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/^`engaged` is not asked for/) }),
    ]);
  });

  test("a condition behind a name that could not be read may ask for engagement", () => {
    const read = parseAgreement(
      edited(
        ["\nchecklist:", "\nconditions: { big: { account.employes: { atLeast: 9 } } }\nchecklist:"],
        ["when: { all: [icp, engaged] }", "when: { all: [icp, big] }"],
      ),
    );
    expect([...(read.ok ? [] : read.problems), ...read.warnings]).toEqual([
      expect.objectContaining({ path: "conditions.big" }),
    ]);
  });

  test("a tier that changes nothing, and one that is due for an answer before its outreach", () => {
    const tiers = "    1: { priority: 1, outreach: 1 business hour }";
    const empty: Edit = [tiers, `${tiers}\n    2: {}`];
    expect(warnings(empty)).toEqual([
      expect.objectContaining({
        line: lineOf("    2: {}", empty),
        message: expect.stringMatching(/this tier changes nothing$/),
      }),
    ]);
    const late: Edit = [tiers, "    1: { outreach: 96 hours }"];
    // Told once, of all lead types; their targets are of several kinds.
    expect(warnings(late).map(({ message }) => message)).toEqual([
      'makes "demo-request" due for an answer ("same day") before its outreach ("4 days"); so too ' +
        '"active-trial", "high-intent-mql", "standard-mql"',
    ]);
  });
});
