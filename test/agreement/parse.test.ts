import { describe, expect, test } from "vitest";
import { parseAgreement } from "../../agreement/parse.ts";
import { edited, exampleAgreement, exampleText, problemsOf } from "../support/example-agreement.ts";

const lineOf = (part: string, text = exampleText) =>
  text.slice(0, text.indexOf(part)).split("\n").length;
const firstOf = (from: string, to: string) => problemsOf([from, to])[0];

describe("the example agreement", () => {
  const agreement = exampleAgreement();

  test("reads without errors or warnings", () =>
    expect(parseAgreement(exampleText)).toMatchObject({ ok: true, warnings: [] }));

  test("holds the SLA table and the lead types of its source articles", () => {
    expect(
      agreement.leadTypes.map(({ name, path, priority, outreach, status }) => ({
        name,
        path,
        priority,
        outreach,
        status,
      })),
    ).toEqual([
      {
        name: "demo-request",
        path: "fast",
        priority: 1,
        outreach: { kind: "business", ms: 3_600_000 },
        status: { kind: "same-day" },
      },
      {
        name: "active-trial",
        path: "fast",
        priority: 2,
        outreach: { kind: "business", ms: 14_400_000 },
        status: { kind: "elapsed", ms: 86_400_000 },
      },
      {
        name: "high-intent-mql",
        path: "fast",
        priority: 2,
        outreach: { kind: "business", ms: 14_400_000 },
        status: { kind: "elapsed", ms: 86_400_000 },
      },
      {
        name: "standard-mql",
        path: "standard",
        priority: 3,
        outreach: { kind: "elapsed", ms: 86_400_000 },
        status: { kind: "elapsed", ms: 172_800_000 },
      },
    ]);
    expect(agreement.accounts).toMatchObject({
      leadType: "account-flag",
      tier: 1,
      status: { kind: "business-days", days: 5 },
      engaged: { contacts: 3, depth: "mid", withinMs: 30 * 86_400_000 },
      tiers: { 1: { priority: 1 } },
    });
    expect(agreement.signals).toMatchObject({
      demo_request: { points: 40, depth: "high" },
      pricing_page: { halfLifeMs: 14 * 86_400_000 },
    });
    expect(agreement.signals.demo_request).not.toHaveProperty("halfLifeMs");
    expect(agreement.clocks).toEqual({
      calendar: "assignee",
      elapsedRoll: { kind: "next-open", graceMs: 3_600_000 },
      warnAt: [0.5, 0.8],
      maxReassignments: 2,
      escalate: [
        { afterMs: 0, do: "notify-manager" },
        { afterMs: 1_800_000, do: "reassign" },
      ],
      pause: {
        reasons: ["lead-asked-to-wait", "legal-review"],
        atMost: { kind: "business-days", days: 3 },
      },
    });
    expect(agreement.reviews).toMatchObject({
      weekly: {
        on: { day: "mon", of: "week", time: "09:00" },
        everyWeeks: 1,
        signedWithin: { kind: "business-days", days: 2 },
      },
      monthly: { on: { day: "first-business-day", of: "month", time: "09:00" } },
      quarterly: { on: { day: "first-business-day", of: "quarter", time: "09:00" } },
    });
    expect(agreement.renurture.return.map((row) => row.when)).toEqual([
      { kind: "signal", signal: { depth: "high" }, atLeast: 1, at: "renurture.return[0].when" },
      { kind: "intent-rises", by: 20, at: "renurture.return[1].when" },
      { kind: "date", field: "revisitOn", at: "renurture.return[2].when" },
    ]);
    expect(Object.keys(agreement.answers.reasons)).toHaveLength(10);
    expect(agreement.answers.reasons["dated-timing"]).toEqual({
      group: "timing",
      // oxlint-disable-next-line no-thenable -- the agreement's own word; this object is never awaited
      then: "renurture",
      requires: { revisitOn: true },
    });
    expect(agreement.calendars.hq).toEqual({
      zone: "America/New_York",
      exceptions: { "2026-11-26": [], "2026-11-27": ["09:00-13:00"] },
      week: Object.fromEntries(
        ["mon", "tue", "wed", "thu", "fri"].map((day) => [day, ["09:00-17:00"]]),
      ),
    });
  });

  test("gives every condition its path in the file", () => {
    expect(agreement.checklist.map((item) => item.when.at)).toEqual([
      'checklist["role fit"]',
      'checklist["account fit"]',
      'checklist["use case fit"]',
      "checklist.timeframe",
    ]);
    expect(JSON.stringify(agreement.leadTypes[3]?.when)).toContain(
      '"at":"leadTypes[3].when.all[2].any[1].all[0]"',
    );
  });

  test("survives being stored as JSON", () =>
    expect(JSON.parse(JSON.stringify(agreement))).toEqual(agreement));
});

describe("a mistake is named with its line and what was expected", () => {
  test.each([
    ["zone: America/New_York", "zone: America/New_Yorck", "an IANA time zone"],
    ['["09:00-17:00"] }', '["9-17"] }', "HH:MM-HH:MM"],
    ["2026-11-26: []", "2026-02-30: []", "a date that exists"],
    ["mon-fri:", "mon-friday:", "days such as mon, mon-fri"],
    ["lead.favouriteTool: text", "lead.favouriteTool: word", "text, number, boolean, date or list"],
    ["lead.favouriteTool: text", "lead.email: text", "built in"],
    [
      "requiredFields: [account.name",
      "requiredFields: [account.nam",
      'did you mean "account.name"',
    ],
    [
      "{ lead.doNotContact: true }",
      "{ lead.doNotContact: yes please }",
      "true or false for lead.doNotContact",
    ],
    [
      "account.employees: { atLeast: 50, atMost: 5000 }",
      "account.employees: { gte: 50 }",
      'did you mean "atLeast"?',
    ],
    [
      "account.employees: { atLeast: 50, atMost: 5000 }",
      "account.employees: { atLeast: 5000, atMost: 50 }",
      "a range that some value can lie in",
    ],
    [
      "account.employees: { atLeast: 50, atMost: 5000 }",
      "account.employees: { atLeast: fifty }",
      "a number",
    ],
    [
      "account.employees: { atLeast: 50, atMost: 5000 }",
      "account.employes: { atLeast: 50 }",
      'did you mean "account.employees"?',
    ],
    [
      "account.industry: { in: [Software, Financial Services, Healthcare] }",
      "account.industry: [Software, Healthcare]",
      "`in:` before the list",
    ],
    [
      "account.industry: { in: [Software, Financial Services, Healthcare] }",
      "account.industry: { matches: ^Soft }",
      "not a regular expression",
    ],
    [
      "account.industry: { in: [Software, Financial Services, Healthcare] }",
      "account.size: 3",
      "or one declared under `fields:`",
    ],
    [
      "account.industry: { in: [Software, Financial Services, Healthcare] }",
      "account.industry: true",
      'put quotes around "true"',
    ],
    ["account fit: icp", "account fit: ipc", 'did you mean "icp"?'],
    ["account fit: icp", "account fit: engaged", "known only to `accounts.when`"],
    [
      "{ signal: demo_request, within: 30 days }",
      "{ signal: demo_requests, within: 30 days }",
      'did you mean "demo_request"?',
    ],
    [
      "{ signal: demo_request, within: 30 days }",
      "{ signal: demo_request, within: 30 business days }",
      "an elapsed duration",
    ],
    [
      "{ signal: demo_request, within: 30 days }",
      "{ signal: demo_request, since: exit }",
      "expected signal, atLeast or within",
    ],
    [
      "{ signal: demo_request, within: 30 days }",
      "{ signal: demo_request, depth: high }",
      "one of signal, depth or meaningful",
    ],
    ["{ band: { in: [A, B] } }", "{ band: { in: [A, E] } }", "A, B, C or D"],
    ["{ lead.emailKind: free }", "{ lead.emailKind: fre }", 'did you mean "free"?'],
    ["points: 40, depth: high", "points: forty, depth: high", "points from -1000 to 1000"],
    ["points: 40, depth: high", "points: 40, depth: deep", "high, mid or low"],
    ["  - { band: D }\n", "", "a last row without fit and intent"],
    ["    path: fast\n    priority: 1", "    path: quick\n    priority: 1", "fast or standard"],
    ["    path: fast\n    priority: 1", "    path: fast\n    priority: 0", "from 1 to 5"],
    [
      "outreach: 1 business hour\n    status: same day",
      "outreach: 1 bizness hour\n    status: same day",
      "`1 business hour`",
    ],
    [
      "outreach: 24 hours\n    status: 48 hours",
      "outreach: 24 hours\n    status: 12 hours",
      "no shorter than the outreach",
    ],
    ["calendar: assignee", "calendar: asignee", 'did you mean "assignee"?'],
    ["  elapsedGrace: 60 business minutes\n", "", "expected `elapsedGrace:`"],
    ["warnAt: [50%, 80%]", "warnAt: [80%, 50%]", "ascending"],
    ["warnAt: [50%, 80%]", "warnAt: [50, 80%]", "such as 50%"],
    ["after: 30 business minutes", "after: 30 minutes", "open time such as"],
    ["{ name: rest, pool: emea-sdr }", "{ name: rest }", "`pool:` or `within:`"],
    ["{ name: rest, pool: emea-sdr }", "{ name: dach, pool: emea-sdr }", "stands once"],
    ["  fallback: sales-ops", "  fallbak: sales-ops", 'did you mean "fallback"?'],
    ["unsupported-use-case:", "not-ready:", "a reason that says why"],
    ["unsupported-use-case:", "Not ready yet:", "a reason that says why"],
    [
      "calendars:",
      "calendars:\n  pool: { zone: UTC, week: { mon: [9:00-17:00] } }",
      "means whose hours",
    ],
    ["requires: { revisitOn: true }", "requires: { attempts: 1 }", '"not now" needs a date'],
    ["rateFit: 1-5", "rateFit: 5-1", "a scale such as 1-5"],
    ["on: monday 09:00", "on: monday 9am", "monday 09:00"],
    [
      "on: first business day of quarter 09:00",
      "on: first business day 09:00",
      "first business day of quarter",
    ],
    ["signedBy: [marketing, sales]", "signedBy: [marketing, marketing]", "two different parties"],
    ["{ date: revisitOn }", "{ date: tomorrow }", "expected revisitOn"],
    ["risesBy: 20", "risesBy: -20", "points from 0.1"],
    ["reason: competitor,", "reason: do-not-contact,", "stands once"],
  ])("%s -> %s", (from, to, message) => {
    const problem = firstOf(from, to);
    expect(problem?.message).toContain(message);
    expect(problem?.message).toMatch(/expected/);
    const start = lineOf(from);
    expect(problem?.line).toBeGreaterThanOrEqual(to === "" ? 1 : start);
    if (to !== "" && !["  - { band", "outreach"].some((part) => from.startsWith(part)))
      expect(problem?.line).toBeLessThanOrEqual(start + 4);
  });

  test("a missing section is named, with what it is for", () => {
    const text = exampleText.replace(/^nurture:[\s\S]*?(?=^reviews:)/m, "");
    const parsed = parseAgreement(text);
    expect(!parsed.ok && parsed.problems.map((one) => one.message)).toEqual([
      "expected `nurture:` here (who looks after leads that wait); it is missing",
    ]);
  });

  test("several mistakes come in one go, in the order of the file", () => {
    const problems = problemsOf(
      ["zone: America/New_York", "zone: Mars/Olympus"],
      ["depth: high }\n  trial_started", "depth: hihg }\n  trial_started"],
      ["calendar: assignee", "calendar: nobody"],
      ["hold: until-open", "hold: for ever"],
    );
    expect(problems.map((one) => one.path)).toEqual([
      "calendars.hq.zone",
      "signals.demo_request.depth",
      "clocks.calendar",
      "routing.hold",
    ]);
    expect(problems.map((one) => one.line)).toEqual(
      problems.map((one) => one.line).toSorted((a, b) => a - b),
    );
  });

  test("a mistake has the column of the word", () => {
    const problem = firstOf("path: fast\n    priority: 1", "path: quick\n    priority: 1")!;
    expect(
      edited(["path: fast\n    priority: 1", "path: quick\n    priority: 1"])
        .split("\n")
        .at(problem.line - 1)
        ?.slice(problem.column - 1),
    ).toMatch(/^quick/);
  });
});

describe("YAML that misleads is refused", () => {
  const head = "name: x\n";
  test.each([
    ["an alias", "a: &x 1\nb: *x\n", "aliases"],
    ["an anchor alone", "a: &x 1\n", "no anchor"],
    ["a billion laughs", `a: &a [x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n`, "aliases"],
    ["a key given twice", "name: y\n", 'expected "name" once; it stands here already on line 1'],
    ["a tag of its own", "a: !!js/function x\n", "without the tag"],
    ["two documents", "---\na: 1\n---\nb: 2\n", "one document"],
    ["a list as a key", "? [a, b]\n: 1\n", "a word before the colon"],
    ["a dangerous name", "__proto__: { a: 1 }\n", 'another name than "__proto__"'],
    [
      "another dangerous name",
      "conditions: { constructor: icp }\n",
      'another name than "constructor"',
    ],
    ["an unclosed bracket", "a: [1, 2\n", "valid YAML"],
    ["a tab as indent", "a:\n\tb: 1\n", "a tab"],
    ["merge keys", "<<: { a: 1 }\n", 'found "<<"'],
  ])("%s", (_, tail, message) => {
    const parsed = parseAgreement(head + tail);
    expect(parsed.ok).toBe(false);
    expect(!parsed.ok && parsed.problems.map((one) => one.message).join("\n")).toContain(message);
  });

  test.each([
    ["nothing", ""],
    ["a word", "hello"],
    ["a list", "- 1"],
    ["a number", "5"],
    ["only a comment", "# hi"],
    ["null", "null"],
  ])("%s is no agreement", (_, text) => {
    const parsed = parseAgreement(text);
    expect(!parsed.ok && parsed.problems[0]?.message).toContain("expected a mapping with `name:`");
  });

  test.each([
    ["brackets without end", "[".repeat(200_000)],
    ["braces without end", "a: " + "{a: ".repeat(50_000)],
    ["dashes without end", "- ".repeat(100_000)],
    ["indents without end", Array.from({ length: 700 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
    ["a hundred thousand keys", Array.from({ length: 40_000 }, (_, i) => `k${i}:`).join("\n")],
    ["one flow map of keys", `{${Array.from({ length: 35_000 }, (_, i) => `k${i}`).join(",")}}`],
    ["a very long file", "# ".repeat(200_000)],
    ["question marks", "? ".repeat(100_000)],
  ])("%s is refused at once", (_, text) => {
    const started = performance.now();
    expect(parseAgreement(text).ok).toBe(false);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
