import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAgreement } from "../../agreement/parse.ts";
import { logicOf } from "../../agreement/logic.ts";
import type { Condition, Matcher } from "../../handoff/agreement.ts";
import { compile } from "../../handoff/time/calendar.ts";
import { evaluate } from "../../handoff/qualify/condition.ts";
import type { Engagement, Facts } from "../../handoff/facts/facts.ts";
import { edited, exampleAgreement, exampleText, problemsOf } from "../support/example-agreement.ts";

const messages = (...edits: readonly (readonly [string, string])[]) =>
  problemsOf(...edits).map((one) => `${one.path}: ${one.message}`);
const warnings = (...edits: readonly (readonly [string, string])[]) => {
  const parsed = parseAgreement(edited(...edits));
  if (!parsed.ok) throw new Error(parsed.problems.map((one) => one.message).join("\n"));
  return parsed.warnings;
};
const demo = "when: { all: [icp, { signal: demo_request, within: 30 days }] }";
const trial = "when: { all: [icp, { signal: trial_active, within: 14 days }] }";
const withConditions = (conditions: string): [string, string] => [
  "\nchecklist:",
  `\nconditions:\n${conditions}\n\nchecklist:`,
];

describe("lead types that no lead can reach are refused", () => {
  test.each([
    ["the same condition as one above", trial, demo],
    [
      "a narrower window than one above",
      trial,
      "when: { all: [icp, { signal: demo_request, within: 7 days }] }",
    ],
    [
      "more of the same than one above",
      trial,
      "when: { all: [{ signal: demo_request, within: 30 days, atLeast: 2 }, icp, { " +
        "lead.seniority: vp }] }",
    ],
    [
      "the parts of a name above",
      trial,
      "when: { all: [{ account.employees: { atLeast: 100, atMost: 900 } }, { account.industry: " +
        "software }, { account.country: US }, { signal: demo_request, within: 1 days }] }",
    ],
  ])("%s", (_, from, to) =>
    expect(messages([from, to])).toEqual([
      expect.stringMatching(
        /leadTypes\[1\]: expected a lead type that some lead can reach; every lead of "active-trial" is already "demo-request"/,
      ),
    ]),
  );

  test.each([
    [
      "two countries at once",
      "when: { all: [icp, { account.country: US }, { account.country: DE }] }",
    ],
    ["a size outside the profile", "when: { all: [icp, { account.employees: { above: 5000 } }] }"],
    ["outside and inside the profile", "when: { all: [icp, { none: [icp] }] }"],
    [
      "known and missing",
      "when: { all: [{ lead.role: { exists: false } }, { lead.role: buyer }] }",
    ],
    [
      "only impossible ways",
      "when: { any: [{ all: [{ account.country: US }, { account.country: { notIn: [us, CA] } }] }] }",
    ],
  ])("%s", (_, to) =>
    expect(messages([demo, to])).toEqual([
      expect.stringContaining(
        "leadTypes[0]: expected a lead type that some lead can reach; the conditions of " +
          '"demo-request" exclude each other',
      ),
    ]),
  );

  test("a band that no row gives", () => {
    expect(
      messages(
        ["  - { band: B, fit: 30, intent: 15 }\n", ""],
        ["{ band: { in: [A, B] } }", "{ band: B }"],
      ),
    ).toEqual([expect.stringContaining('"standard-mql" exclude each other')]);
  });

  test.each([
    ["a wider window", trial, "when: { all: [icp, { signal: demo_request, within: 60 days }] }"],
    [
      "a list fact with two entries",
      trial,
      "when: { all: [{ account.techStack: { contains: HubSpot } }, { account.techStack: { " +
        "contains: Slack } }] }",
    ],
    [
      "one of two alternatives",
      trial,
      `when: { any: [{ signal: demo_request, within: 7 days }, { signal: trial_active }] }`,
    ],
  ])("but not %s", (_, from, to) => expect(messages([from, to])).toEqual([]));
});

describe("what no lead can reach or nothing can produce", () => {
  test("bands in an order that makes one unreachable are refused on the row's line", () => {
    const found = problemsOf([
      "  - { band: A, fit: 30, intent: 40 }\n  - { band: B, fit: 30, intent: 15 }\n",
      "  - { band: B, fit: 30, intent: 15 }\n  - { band: A, fit: 30, intent: 40 }\n",
    ]);
    expect(found).toMatchObject([
      { path: "bands[1]", message: expect.stringContaining("already has band B by row 1") },
    ]);
    expect(exampleText.split("\n")[(found[0]?.line ?? 0) - 1]).toContain("band: B");
  });

  test.each([
    ["account.country: { in: [US, CA] } }, pool", "account.country: { in: [USA, Kanada] } }, pool"],
    [
      "account.country: { in: [DE, AT, CH] }",
      "account.country: { in: [Deutschland, Austria, Suisse] }",
    ],
    ["language: de }", "language: German }"],
  ])("countries and languages may be written as people write them: %s", (from, to) => {
    expect(warnings([from, to])).toEqual([]);
    expect(exampleAgreement([from, to]).routing).toEqual(exampleAgreement().routing);
  });

  test("a band that asks for more fit than there are points is a warning with its line", () => {
    const line = "  - { band: A, fit: 30, intent: 40 }";
    expect(warnings([line, "  - { band: A, fit: 40, intent: 40 }"])).toEqual([]);
    const found = warnings([line, "  - { band: A, fit: 41, intent: 40 }"]);
    expect(found).toMatchObject([
      { path: "bands[0]", message: expect.stringContaining("are 40 together") },
    ]);
  });

  test("words that no fact can hold are a warning with their line", () => {
    const found = warnings([
      "account.country: { in: [DE, AT, CH] }",
      "account.country: { in: [DE, Atlantis] }",
    ]);
    expect(found).toMatchObject([
      {
        message:
          'expected a country by its name or ISO 3166 code, found "Atlantis"; facts of ' +
          "account.country hold codes",
      },
    ]);
    expect(exampleText.split("\n")[(found[0]?.line ?? 0) - 1]).toContain("name: dach");
    expect(
      warnings([
        "account.country: { in: [DE, AT, CH] }",
        'account.country: { matches: "Deutsch*" }',
      ]),
    ).toContainEqual(expect.objectContaining({ message: expect.stringContaining("hold codes") }));
  });

  test.each([
    ["lead.timeline: unknown", "no fact holds one"],
    ["account.domain: acme", "no fact of account.domain can be that"],
    ["account.employees: -1", "no fact of account.employees can be that"],
  ])("%s is what no fact becomes", (to, message) => {
    expect(warnings(["lead.emailKind: free", to])).toMatchObject([
      { message: expect.stringContaining(message) },
    ]);
  });

  test("addresses and domains are compared in the form in which facts hold them", () => {
    const ruleOf = (to: string) => exampleAgreement(["lead.emailKind: free", to]).fit[2]?.when;
    expect(ruleOf("lead.email: Jo@Bücher.DE")).toMatchObject({
      matchers: [{ op: "is", value: "jo@xn--bcher-kva.de" }],
    });
    expect(ruleOf("account.domain: https://www.acme.com/about")).toMatchObject({
      matchers: [{ op: "is", value: "acme.com" }],
    });
  });

  test("an unknown language is refused", () => {
    expect(messages(["language: de }", "language: klingon }"])).toEqual([
      expect.stringContaining('expected a language by its name or ISO 639 code, found "klingon"'),
    ]);
  });

  test.each([
    ["reviewer: marketing-ops", "reviewer: marketing-opps", "marketing-ops"],
    ["fallback: sales-ops ", "fallback: sales-op ", "sales-ops"],
  ])("%s: a queue that is nearly a role's is a warning", (from, to, meant) => {
    expect(warnings([from, to])).toMatchObject([
      { message: expect.stringContaining(`(did you mean "${meant}"?)`) },
    ]);
  });
});

describe("one mistake is one message, and no mistake hides another", () => {
  test("mistakes of every kind are told at once", () => {
    const found = problemsOf(
      ["zone: America/New_York", "zone: EST"],
      ["language: de }", "language: klingon }"],
      ["band: B, fit: 30, intent: 15", "band: B, fit: 40, intent: 45"],
      ["outreach: 24 hours\n    status: 48 hours", "outreach: 24 hours\n    status: 12 hours"],
      ["account.industry: { in: [Software,", "account.industri: { in: [Software,"],
      ["name: active-trial", "name: demo-request"],
      ["elapsedGrace: 60 business minutes", "elapsedGrace: soon"],
      ["returnClosed: { lost: 90 days", "returnClosed: { lots: 90 days"],
    );
    expect(found.map(({ path }) => path)).toEqual([
      "calendars.hq.zone",
      "icp.all[1]",
      "bands[1]",
      "leadTypes[1]",
      "leadTypes[3].status",
      "clocks.elapsedGrace",
      "routing.territories[1].language",
      "renurture.returnClosed.lots",
    ]);
  });

  test.each([
    ["in: [US, CA, GB, DE] }\n\nchecklist", "in: [US, CA, GB, DE }\n\nchecklist"],
    ["suppress:", "suppress: none"],
    ["  maxCycles: 3", "   maxCycles: 3"],
    ["  - { band: D }", "\t- { band: D }"],
    ["leadType: account-flag", "leadType: demo-request"],
    ["\nfit:", "\nfitt:"],
    ["\nsignals:", "\nsignal:"],
    ["\ncalendars:", "\ncalendar:"],
    ["\nfields:", "\nfield:"],
  ])("%s: what follows from a mistake is not told", (from, to) => {
    const read = parseAgreement(edited([from, to]));
    expect([...(read.ok ? [] : read.problems), ...read.warnings]).toHaveLength(1);
  });

  test("what stands beside a mistake is checked all the same", () => {
    const target = [
      "outreach: 24 hours\n    status: 48 hours",
      "outreach: 24 hours\n    status: 1 business hour",
    ] as const;
    for (const mistake of [
      ["calendar: assignee  ", "calendar: hqs  "],
      ["elapsedRoll: next-open  ", "elapsedRoll: never  "],
      ["elapsedGrace: 60 business minutes", "elapsedGrace: soon"],
      ["  maxReassignments: 2", "  maxReassignment: 2"],
      ["path: standard\n", "path: slow\n"],
      ["2026-11-26: []", "2026-13-26: []"],
    ] as const)
      expect(
        problemsOf(target, mistake).map(({ path }) => path),
        mistake[1],
      ).toContain("leadTypes[3].status");
  });

  test.each([
    ["2600 business days", "48 hours", 1],
    ["48 hours", "2600 business days", 0],
    ["3660 days", "48 business hours", 1],
  ])("outreach %s and status %s, years away, are compared", (outreach, status, count) => {
    expect(
      problemsOf([
        "outreach: 24 hours\n    status: 48 hours",
        `outreach: ${outreach}\n    status: ${status}`,
      ]),
    ).toHaveLength(count);
  });

  test("of hours that cannot be known nothing is said", () => {
    expect(
      messages(
        ["outreach: 24 hours\n    status: 48 hours", "outreach: 24 hours\n    status: same day"],
        ['week: { mon-fri: ["09:00-17:00"] }', 'week: { mon-fri: ["9-17"] }'],
      ),
    ).toHaveLength(1);
  });

  test("a word that is defined under another name is told once, with all lines of its rules", () => {
    expect(messages(["  demo_request:     {", "  Demo Request:     {"])).toEqual([
      expect.stringMatching(
        /expected a signal .*, found "demo_request" \(did you mean "Demo Request"\?\); also on line \d+$/,
      ),
    ]);
  });

  test.each([
    ["  hq:", "\u00a0\u00a0hq:", 5, 1],
    ["name: Inbound", "name:\u202fInbound", 1, 6],
    ["    zone: America", "  \u3000\u3000zone: America", 6, 3],
  ])("spaces that are copied from a page are told where they stand", (from, to, line, column) => {
    expect(problemsOf([from, to])).toEqual([
      {
        line,
        column,
        path: "",
        message: "expected spaces here, found a no-break space or one like it",
      },
    ]);
  });

  test("and are let be in text", () => {
    expect(problemsOf(["name: Inbound and", "name: Inbound\u00a0and"])).toEqual([]);
  });

  test("every tab is a mistake of its own", () => {
    const found = problemsOf(
      ["  maxCycles: 3", "\tmaxCycles: 3"],
      ["  reviewEvery: quarter", "\treviewEvery: quarter"],
    );
    expect(found.map(({ message }) => message)).toEqual(
      Array(2).fill("expected spaces at the start of the line, found a tab"),
    );
  });
});

describe("hours and targets", () => {
  test.each(["EST", "MST", "EST5EDT", "CET", "Etc/GMT+5", "etc/gmt-1"])(
    "the zone %s is refused",
    (zone) => {
      expect(messages(["zone: America/New_York", `zone: ${zone}`])).toEqual([
        expect.stringContaining("expected the zone of a place such as America/New_York"),
      ]);
    },
  );

  test("hours in the wrong order are a warning; a night shift is none", () => {
    expect(warnings(['mon-fri: ["09:00-17:00"]', 'mon-fri: ["17:00-09:00"]'])).toMatchObject([
      {
        path: "calendars.hq.week.mon-fri[0]",
        message: expect.stringContaining("goes over midnight for 16 hours"),
      },
    ]);
    expect(warnings(['mon-fri: ["09:00-17:00"]', 'mon-fri: ["22:00-06:00"]'])).toEqual([]);
  });

  test("hours that are no hours are one mistake, for however many days they are", () => {
    expect(problemsOf(['mon-fri: ["09:00-17:00"]', 'mon-fri: ["09:00-25:00"]'])).toHaveLength(1);
    const both = 'mon-thu: ["9-17"], fri: ["9-17"]';
    expect(problemsOf(['mon-fri: ["09:00-17:00"]', both])).toHaveLength(2);
  });

  const minutes = (n: number) =>
    `${String(Math.floor(n / 60)).padStart(2, "0")}:${String(n % 60).padStart(2, "0")}`;
  const shifts = (count: number) =>
    Array.from({ length: count }, (_, n) => {
      const step = Math.floor(1_440 / count);
      return `"${minutes(n * step)}-${minutes((n + 1) * step - 1)}"`;
    });

  test("of more shifts than hours are worked out for one mistake is told", () => {
    expect(
      messages(
        ['week: { mon-fri: ["09:00-17:00"] }', `week: { mon-sun: [${shifts(96).join(", ")}] }`],
        [
          "outreach: 24 hours\n    status: 48 hours",
          "outreach: 24 hours\n    status: 2 business days",
        ],
      ),
    ).toEqual(["calendars.hq.week: expected at most 90 shifts in all, found 672"]);
  });

  test("as many as are allowed can be worked out for twenty years", () => {
    const week = `mon-fri: [${shifts(12).join(", ")}], sat-sun: [${shifts(15).join(", ")}]`;
    const dates = Array.from({ length: 50 }, (_, n) => `2030-0${1 + (n % 9)}-1${n % 10}`);
    const exceptions = [...new Set(dates)].map((date) => `${date}: [${shifts(96).join(", ")}]`);
    const { hq } = exampleAgreement(
      ['week: { mon-fri: ["09:00-17:00"] }', `week: { ${week} }`],
      ["2026-11-26: []", ["2026-11-26: []", ...exceptions].join(", ")],
    ).calendars;
    expect(compile(hq!, { from: 2020, to: 2039 }).shifts.length).toBeGreaterThan(90_000);
  });

  test.each([
    ["24 hours", "2 business days"],
    ["same day", "3 business days"],
    ["1 business hour", "24 hours"],
  ])("a status target of %s that ends before an outreach of %s is refused", (status, outreach) => {
    expect(
      messages([
        "outreach: 24 hours\n    status: 48 hours",
        `outreach: ${outreach}\n    status: ${status}`,
      ]),
    ).toEqual([
      expect.stringContaining(
        "leadTypes[3].status: expected a status target that ends after the outreach target",
      ),
    ]);
  });
});

describe("names", () => {
  test("a condition under `conditions:` can be used anywhere, also inside others", () => {
    const agreement = exampleAgreement(
      withConditions(
        "  big: { account.employees: { atLeast: 1000 } }\n  big in the US: { all: [big, { " +
          "account.country: US }] }",
      ),
      ["account fit: icp", "account fit: big in the US"],
    );
    expect(Object.keys(agreement.named)).toEqual(["icp", "big", "big in the US"]);
  });

  test("an unused name is a warning with its line", () => {
    const edit = withConditions("  big: { account.employees: { atLeast: 1000 } }");
    const [warning] = warnings(edit);
    expect(warning).toMatchObject({
      path: "conditions.big",
      message: '"big" is defined but no rule uses it',
    });
    expect(edited(edit).split("\n")[warning!.line - 1]).toContain("big:");
  });

  test("names in a circle are refused", () => {
    expect(
      messages(withConditions("  a: { all: [b] }\n  b: { none: [a] }"), [
        "account fit: icp",
        "account fit: a",
      ]),
    ).toEqual([expect.stringContaining("does not lead back to itself")]);
    expect(
      messages(
        ["account fit: icp", "account fit: icp"],
        ["icp:\n  all:\n", "icp:\n  all:\n    - icp\n"],
      ),
    ).toEqual([expect.stringContaining("does not lead back to itself")]);
  });

  test("icp and engaged keep their places", () => {
    expect(messages(withConditions("  engaged: icp"))[0]).toContain("another name");
    expect(messages(["when: { all: [icp, engaged] }", "when: engaged"])).toEqual([]);
  });
});

describe("bounds", () => {
  const nested = (depth: number) =>
    `when: ${"{ all: [".repeat(depth - 1)}icp, { lead.role: x }${"] }".repeat(depth - 1)}`;

  test("14 groups around the profile are read, 15 are one too many once the name is unfolded", () => {
    expect(messages([demo, nested(15)])).toEqual([]);
    expect(messages([demo, nested(16)])).toEqual([
      expect.stringContaining(
        "at most 16 conditions inside each other, found 17 when names are unfolded",
      ),
    ]);
    expect(messages([demo, nested(18)])).toEqual([
      expect.stringContaining("at most 16 conditions inside each other"),
    ]);
  });

  test("names cannot hide depth", () => {
    const chain = Array.from(
      { length: 20 },
      (_, i) => `  n${i}: { all: [${i === 0 ? "{ lead.role: x }" : `n${i - 1}`}] }`,
    ).join("\n");
    expect(messages(withConditions(chain), ["account fit: icp", "account fit: n19"])).toEqual([
      expect.stringContaining("found 21 when names are unfolded"),
    ]);
  });

  test("what is too deep is told where it stands, and not where its name is", () => {
    const deep = nested(18).slice("when: ".length);
    expect(
      messages(
        withConditions(`  deep: ${deep}`),
        ["account fit: icp", "account fit: { all: [deep] }"],
        ["{ points: 30, when: icp }", "{ points: 30, when: { any: [deep, icp] } }"],
      ),
    ).toEqual([expect.stringMatching(/^conditions\.deep\.all/)]);
    const unread = nested(16).replace("lead.role: x", "lead.rol: x");
    expect(messages([demo, unread])).toEqual([
      expect.stringContaining("found 17 when names are unfolded"),
      expect.stringContaining('did you mean "lead.role"'),
    ]);
  });

  test("500 conditions are read, more are not", () => {
    const many = (count: number) =>
      "when: { any: " +
      `[${Array.from({ length: count }, (_, i) => `{ lead.role: r${i} }`).join(", ")}] }`;
    expect(messages([demo, many(400)])).toEqual([]);
    expect(messages([demo, many(500)])).toEqual([
      expect.stringContaining("at most 500 conditions"),
    ]);
  });

  test("names that double at each step stay fast to read and to judge", () => {
    const doubling = Array.from(
      { length: 14 },
      (_, i) =>
        `  n${i}: { any: [${Array.from({ length: 15 }, () => (i === 0 ? "{ lead.role: x }" : `n${i - 1}`)).join(", ")}] }`,
    ).join("\n");
    const agreement = exampleAgreement(withConditions(doubling), [
      "account fit: icp",
      "account fit: n13",
    ]);
    const { result, trace } = evaluate(
      { kind: "named", name: "n13", at: "x" },
      { facts: {}, engagements: [], now: 0 },
      agreement,
    );
    expect(result).toBe("unknown");
    expect(trace.length).toBeLessThan(500);
  });
});

describe("territories", () => {
  const americas = "when: { account.country: { in: [US, CA] } }";

  test("siblings that share a country are a warning that names it", () => {
    expect(warnings([americas, "when: { account.country: { in: [US, CA, de] } }"])).toEqual([
      expect.objectContaining({
        path: "routing.territories[1]",
        message: expect.stringMatching(
          /^"dach" and "americas" overlap \(account.country DE\)/i,
        ) as string,
      }),
    ]);
  });

  test("siblings on different fields overlap too; exclusive ones do not", () => {
    expect(warnings([americas, "when: { account.industry: Software }"])).toHaveLength(1);
    expect(
      warnings([
        americas,
        "when: { all: [{ account.country: { in: [US, DE] } }, { account.country: { notIn: [DE] " +
          "} }] }",
      ]),
    ).toEqual([]);
    expect(
      warnings(
        [americas, "when: { account.employees: { below: 100 } }"],
        [
          "when: { account.country: { in: [DE, AT, CH] } }",
          "when: { account.employees: { atLeast: 100 } }",
        ],
      ),
    ).toEqual([]);
  });

  test("a tree without a catch-all is a warning that names the queue", () => {
    expect(warnings(["    - { name: rest, pool: emea-sdr }\n", ""])).toEqual([
      expect.objectContaining({
        message: expect.stringContaining('they go to the queue "sales-ops"') as string,
      }),
    ]);
  });

  test("two catch-alls side by side are refused", () => {
    expect(
      messages([
        `{ name: americas, ${americas}, pool: americas-sdr }`,
        "{ name: americas, pool: americas-sdr }",
      ]),
    ).toEqual([expect.stringContaining("expected one territory without `when:`")]);
  });

  test("a territory that its parent excludes is refused", () => {
    const tree =
      `{ name: americas, ${americas}, pool: americas-sdr, within: [{ name: bavaria, when: { ` +
      "account.country: DE }, pool: dach-sdr }] }";
    expect(messages([`{ name: americas, ${americas}, pool: americas-sdr }`, tree])).toEqual([
      expect.stringContaining('"bavaria" excludes itself or what it lies in'),
    ]);
  });
});

test("fit cannot ask for what is made of it", () => {
  expect(messages(["{ points: 30, when: icp }", "{ points: 30, when: { band: A } }"])).toEqual([
    expect.stringContaining("scores and bands are made from these rows"),
  ]);
  expect(
    messages(withConditions("  hot: { score.intent: { atLeast: 3 } }"), [
      "{ points: 30, when: icp }",
      "{ points: 30, when: { all: [hot] } }",
    ]),
  ).toHaveLength(1);
});

describe("what is claimed about conditions is true of every lead", () => {
  const agreement = exampleAgreement(withConditions("  us: { account.country: US }"), [
    "account fit: icp",
    "account fit: us",
  ]);
  const logic = logicOf(agreement);
  const now = 1_000 * 86_400_000;
  const leaf: fc.Arbitrary<Condition> = fc.oneof(
    fc
      .record({
        op: fc.constantFrom("in" as const, "notIn" as const),
        values: fc.subarray(["US", "CA", "DE"], { minLength: 1 }),
      })
      .map((matcher): Condition => ({
        kind: "fact",
        field: "account.country",
        matchers: [matcher],
        at: "x",
      })),
    fc
      .record({
        op: fc.constantFrom(
          "atLeast" as const,
          "atMost" as const,
          "above" as const,
          "below" as const,
        ),
        value: fc.integer({ min: 1, max: 4 }),
      })
      .map((matcher): Condition => ({
        kind: "fact",
        field: "account.employees",
        matchers: [matcher],
        at: "x",
      })),
    fc
      .constantFrom<Matcher>(
        { op: "exists", value: true },
        { op: "exists", value: false },
        { op: "contains", value: "a" },
        { op: "contains", value: "ab" },
        { op: "in", values: ["a", "ab"] },
        { op: "notIn", values: ["a"] },
      )
      .chain((matcher) =>
        fc
          .constantFrom("account.techStack", "lead.role")
          .map((field): Condition => ({ kind: "fact", field, matchers: [matcher], at: "x" })),
      ),
    fc
      .record({
        signal: fc.constantFrom<string | { depth: "high" | "mid" }>(
          "demo_request",
          "buyers_guide",
          { depth: "high" },
          { depth: "mid" },
        ),
        atLeast: fc.integer({ min: 1, max: 2 }),
        withinMs: fc.constantFrom(10, 20),
      })
      .map((given): Condition => ({ kind: "signal", ...given, at: "x" })),
    fc
      .record({ count: fc.integer({ min: 1, max: 2 }), withinMs: fc.constantFrom(10, 20) })
      .map((given): Condition => ({ kind: "meaningful", ...given, at: "x" })),
    fc.constant<Condition>({ kind: "named", name: "us", at: "x" }),
  );
  const condition = fc.letrec<{ node: Condition }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc
        .tuple(
          fc.constantFrom("all" as const, "any" as const, "none" as const),
          fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
        )
        .map(([kind, of]): Condition => ({ kind, of, at: "x" })),
    ),
  })).node;
  const facts = fc.record(
    {
      "account.country": fc.constantFrom("US", "CA", "DE", "FR"),
      "account.employees": fc.integer({ min: 0, max: 5 }),
      "account.techStack": fc.subarray(["a", "ab", "c"]),
      "lead.role": fc.constantFrom("a", "ab", "c"),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Facts>;
  const engagements = fc
    .array(
      fc.record({
        type: fc.constantFrom("demo_request", "buyers_guide", "blog_view", "pricing_page"),
        age: fc.integer({ min: 0, max: 25 }),
      }),
      { maxLength: 4 },
    )
    .map((all) =>
      all.map(({ type, age }, i): Engagement => ({ id: String(i), type, occurredAt: now - age })),
    );
  const holds = (c: Condition, f: Facts, e: readonly Engagement[]) =>
    evaluate(c, { facts: f, engagements: e, now }, agreement).result === true;

  test("what is said to follow follows; what is said to be impossible never holds", () => {
    let claims = 0;
    fc.assert(
      fc.property(
        condition,
        condition,
        fc.array(fc.tuple(facts, engagements), { minLength: 20, maxLength: 20 }),
        (a, b, leads) => {
          const follows = logic.implies(a, b);
          const never = logic.neverTrue(a);
          claims += Number(follows) + Number(never);
          for (const [f, e] of leads) {
            if (follows && holds(a, f, e)) expect(holds(b, f, e)).toBe(true);
            if (never) expect(holds(a, f, e)).toBe(false);
          }
        },
      ),
      { numRuns: 3_000 },
    );
    expect(claims).toBeGreaterThan(20);
  });

  test("what is said to be possible together is possible", () => {
    const all: Facts[] = ["US", "CA", "DE", "FR", undefined].flatMap((country) =>
      [0, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, undefined].flatMap((employees) =>
        [undefined, "a", "ab", "c"].flatMap((role) =>
          [undefined, [], ["a"], ["ab"], ["c"], ["a", "ab", "c"]].map(
            (stack) =>
              Object.fromEntries(
                Object.entries({
                  "account.country": country,
                  "account.employees": employees,
                  "lead.role": role,
                  "account.techStack": stack,
                }).filter(([, value]) => value !== undefined),
              ) as Facts,
          ),
        ),
      ),
    );
    const plenty: Engagement[] = [
      "demo_request",
      "demo_request",
      "buyers_guide",
      "buyers_guide",
      "pricing_page",
      "roi_calculator",
    ].map((type, i) => ({ id: String(i), type, occurredAt: now }));
    fc.assert(
      fc.property(condition, condition, (a, b) => {
        if (logic.bothPossible(a, b))
          expect(all.some((f) => [plenty, []].some((e) => holds(a, f, e) && holds(b, f, e)))).toBe(
            true,
          );
      }),
      { numRuns: 300 },
    );
  });
});

describe("no text makes the parser throw", () => {
  test("arbitrary text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.json()), (text) => {
        parseAgreement(text);
      }),
      { numRuns: 1_000 },
    );
  });

  test("the example with anything anywhere in it", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "\n",
        "  ",
        "&a ",
        "*a",
        "!!x ",
        "null",
        "~",
        "all: []",
        "{ all: [] }",
        "\t",
        "|",
        ">",
        '"',
        "'",
        "#",
        "? ",
        "__proto__",
        "1e400",
        ".nan",
        "0x1F",
        "-",
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: exampleText.length }),
        fc.integer({ min: 0, max: 60 }),
        piece,
        (at, cut, insert) => {
          const parsed = parseAgreement(
            exampleText.slice(0, at) + insert + exampleText.slice(at + cut),
          );
          if (parsed.ok) return;
          expect(parsed.problems.length).toBeGreaterThan(0);
          for (const problem of parsed.problems) {
            expect(problem.line).toBeGreaterThanOrEqual(1);
            expect(problem.message).toMatch(/expected/);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test("each value of the example replaced by values of other kinds", () => {
    const lines = exampleText.split("\n");
    for (const [k, value] of [
      "[]",
      "{}",
      "5",
      "true",
      "null",
      "x",
      "[[1]]",
      "{ a: { b: 1 } }",
      "-1",
      "''",
      ".inf",
      "[null]",
      "{ null: 1 }",
    ].entries()) {
      for (const [i, line] of lines.entries()) {
        const match = /^(\s*(?:- )?[\w. -]+:)(?: |$)/.exec(line);
        if (match && (i + k) % 4 === 0)
          parseAgreement(
            [...lines.slice(0, i), `${match[1]} ${value}`, ...lines.slice(i + 1)].join("\n"),
          );
      }
    }
  });
});
