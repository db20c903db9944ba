import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { agreementOf } from "../../../agreement/stored.ts";
import type { Agreement } from "../../../handoff/agreement.ts";
import { agreementChanges } from "../../../handoff/governance/agreement-changes.ts";
import { printRuleChange } from "../../../handoff/governance/rule-change.ts";
import { exampleAgreement, exampleText } from "../../support/example-agreement.ts";
import { seededRandom } from "../../support/generated-leads.ts";

const example = exampleAgreement();
const said = (before: Agreement, after: Agreement) =>
  agreementChanges(before, after).map(printRuleChange);
type Edit = readonly [from: string, to: string];
const afterEdits = (...edits: readonly Edit[]) => said(example, exampleAgreement(...edits));

describe("a change is said in the words of the agreement", () => {
  test.each<[string, readonly Edit[], readonly string[]]>([
    [
      "a band of a lead type",
      [["{ band: { in: [A, B] } }", "{ band: { in: [A, B, C] } }"]],
      ["lead type standard-mql: band C added"],
    ],
    [
      "a deadline",
      [["status: same day", "status: 1 business day"]],
      ["status of demo-request: same day -> 1 business day"],
    ],
    [
      "one of two bounds",
      [["atLeast: 50, atMost: 5000", "atLeast: 100, atMost: 5000"]],
      ["icp: account.employees at least 50 -> at least 100"],
    ],
    [
      "a bound that goes",
      [["atLeast: 50, atMost: 5000", "atLeast: 50"]],
      ["icp: account.employees at most 5000 -> no other bound"],
    ],
    [
      "a country out, another in",
      [
        [
          "account.country: { in: [US, CA, GB, DE] }\n\n",
          "account.country: { in: [US, CA, GB, FR] }\n\n",
        ],
      ],
      ["icp: account.country DE removed", "icp: account.country FR added"],
    ],
    [
      "a part of a condition",
      [
        [
          "when: { all: [icp, { signal: demo_request, within: 30 days }] }",
          "when: { all: [icp, { signal: demo_request, within: 14 days }, { lead.phone: { " +
            "exists: true } }] }",
        ],
      ],
      [
        "lead type demo-request: demo_request within 30 days -> demo_request within 14 days",
        "lead type demo-request: lead.phone known added",
      ],
    ],
    [
      "a signal",
      [
        [
          "pricing_page:     { points: 15, depth: high, halfLife: 14 days }",
          "pricing_page:     { points: 20, depth: high }",
        ],
      ],
      ["signal pricing_page: points 15 -> 20", "signal pricing_page: half-life 14 days -> none"],
    ],
    [
      "points for who they are",
      [["{ points: 30, when: icp }", "{ points: 25, when: icp }"]],
      ["fit for icp: points 30 -> 25"],
    ],
    [
      "a threshold of a band",
      [["{ band: B, fit: 30, intent: 15 }", "{ band: B, fit: 30, intent: 10 }"]],
      ["band B: intent from 15 -> 10"],
    ],
    [
      "a reason that is no longer accepted",
      [["    wrong-role:           { group: no-access, then: renurture }\n", ""]],
      ["reason wrong-role: removed"],
    ],
    [
      "a reason under another name",
      [["    wrong-role: ", "    role-unknown: "]],
      ["reason wrong-role: renamed to role-unknown"],
    ],
    [
      "how a rejection is answered",
      [
        [
          "unreachable:          { group: no-access, then: renurture, requires: { attempts: 3 } }",
          "unreachable:          { group: no-access, then: disqualify, requires: { attempts: 4 } }",
        ],
      ],
      [
        "reason unreachable: then renurture -> disqualify",
        "reason unreachable: required attempts 3 -> 4",
      ],
    ],
    [
      "clocks",
      [
        ["warnAt: [50%, 80%]", "warnAt: [80%]"],
        ["maxReassignments: 2", "maxReassignments: 1"],
        ["after: 30 business minutes, do: reassign", "after: 60 business minutes, do: reassign"],
      ],
      [
        "warnings: at 50 % removed",
        "escalation: reassign 30 minutes of open time after the breach -> reassign 1 hour of open " +
          "time after the breach",
        "reassignments at most: 2 -> 1",
      ],
    ],
    [
      "a territory's pool",
      [["pool: dach-sdr, language: de", "pool: emea-sdr"]],
      ["territory dach: pool dach-sdr -> emea-sdr", "territory dach: language de -> none"],
    ],
    [
      "opening hours and a closed date",
      [
        ['mon-fri: ["09:00-17:00"]', 'mon-thu: ["09:00-17:00"], fri: ["09:00-15:00"]'],
        ["2026-11-26: [],", "2026-11-26: [], 2026-12-24: [],"],
      ],
      ["calendar hq: fri 09:00-17:00 -> 09:00-15:00", "calendar hq: 2026-12-24 as usual -> closed"],
    ],
    [
      "who comes back, and when",
      [
        [
          "{ when: { intent: { risesBy: 20 }, since: exit } }",
          "{ when: { intent: { risesBy: 30 }, since: exit } }",
        ],
        [
          "returnClosed: { lost: 90 days, won: never }",
          "returnClosed: { lost: 60 days, won: 180 days }",
        ],
      ],
      [
        "return from re-nurture: on intent risen by 20 -> intent risen by 30",
        "return of closed leads, lost: after 90 days -> after 60 days",
        "return of closed leads, won: never -> after 180 days",
      ],
    ],
    [
      "reviews",
      [["monday 09:00, every: 1 week", "tuesday 09:00, every: 2 weeks"]],
      ["weekly review: mon 09:00 -> tue 09:00, every 2 weeks"],
    ],
    [
      "who signs reviews",
      [["reviews:\n", "reviews:\n  signedBy: one party\n"]],
      ["reviews are signed by: both parties -> one party"],
    ],
    [
      "accounts",
      [
        ["engaged: { contacts: 3,", "engaged: { contacts: 4,"],
        ["coolDown: 60 days", "coolDown: 30 days"],
      ],
      [
        "engaged account: 3 people, mid or deeper, within 30 days -> 4 people, mid or deeper, " +
          "within 30 days",
        "account handoffs: cool-down 60 days -> 30 days",
      ],
    ],
  ])("%s", (_what, edits, expected) => {
    expect(afterEdits(...edits)).toEqual(expected);
  });

  test("a lead type that is added is said with its rule and deadlines", () => {
    const added =
      "  - name: partner\n    path: fast\n    priority: 2\n    when: { lead.motion: partner }\n" +
      "    outreach: 8 business hours\n    status: 2 business days\n";
    expect(
      afterEdits([
        "leadTypes:                                # first match wins; no match means nurture\n",
        `leadTypes:\n${added}`,
      ]),
    ).toEqual([
      "lead type partner: added (fast path, priority 2, when lead.motion is partner, outreach " +
        "8 business hours, status 2 business days)",
    ]);
  });

  test("rules whose first match wins are told when their order changes", () => {
    const { leadTypes } = example;
    expect(said(example, { ...example, leadTypes: leadTypes.toReversed() })).toEqual([
      "lead types: order demo-request, active-trial, high-intent-mql, standard-mql -> " +
        "standard-mql, high-intent-mql, active-trial, demo-request",
    ]);
  });

  test("all instead of any is another rule, and so is a part turned into an exception", () => {
    const part = { kind: "named", name: "icp", at: "" } as const;
    const other = { kind: "signal", signal: "demo_request", atLeast: 1, at: "" } as const;
    const named = (kind: "all" | "any" | "none") => ({
      ...example,
      named: { ...example.named, test: { kind, of: [part, other], at: "" } as const },
    });
    expect(said(named("all"), named("any"))).toEqual([
      "test: icp and demo_request -> icp or demo_request",
    ]);
    expect(said(named("all"), named("none"))).toEqual([
      "test: icp and demo_request -> none of (icp; demo_request)",
    ]);
  });
});

describe("nothing is said of what changes nothing", () => {
  test("comments, spaces and quotes", () => {
    const plain = stringify(parse(exampleText));
    expect(said(example, agreementOf(plain))).toEqual([]);
  });

  test("keys and parts in another order, at every depth", () => {
    const random = seededRandom(11);
    for (let n = 0; n < 50; n += 1) {
      const text = stringify(shuffled(parse(exampleText), random));
      expect(said(example, agreementOf(text))).toEqual([]);
    }
  });

  test("capitals of what is compared without them, what stands twice, and who signs first", () => {
    const industries = "in: [Software, Financial Services, Healthcare]";
    for (const edit of [
      [industries, "in: [software, FINANCIAL services, Healthcare]"],
      [industries, "in: [Software, Software, Financial Services, Healthcare]"],
      ["{ points: 30, when: icp }", "{ points: 30, when: { all: [icp, icp] } }"],
      ['"Select"', '"select", "SELECT"'],
      ["signedBy: [marketing, sales]", "signedBy: [sales, marketing]"],
    ] as const)
      expect([edit[1], afterEdits(edit)]).toEqual([edit[1], []]);
    expect(afterEdits([industries, "in: [SOFTWARE, Financial Services]"])).toEqual([
      "icp: account.industry Healthcare removed",
    ]);
    expect(afterEdits(["signedBy: [marketing, sales]", "signedBy: [marketing, legal]"])).toEqual([
      "signed by: marketing and sales -> marketing and legal",
    ]);
  });

  test("one entry in the place of another is one sentence; more are told one by one", () => {
    expect(afterEdits(["warnAt: [50%, 80%]", "warnAt: [50%, 90%]"])).toEqual([
      "warnings: at 80 % -> 90 %",
    ]);
    expect(
      afterEdits([
        "after: 30 business minutes, do: reassign",
        "after: 45 business minutes, do: reassign",
      ]),
    ).toEqual([
      "escalation: reassign 30 minutes of open time after the breach -> reassign 45 minutes of " +
        "open time after the breach",
    ]);
    expect(afterEdits(["risesBy: 20", "risesBy: 25"])).toEqual([
      "return from re-nurture: on intent risen by 20 -> intent risen by 25",
    ]);
    expect(afterEdits(["warnAt: [50%, 80%]", "warnAt: [60%, 90%]"])).toHaveLength(4);
  });

  test("one part with or without `all` around it, and `all` within `all`", () => {
    const icp = "{ points: 30, when: icp }";
    expect(afterEdits([icp, "{ points: 30, when: { all: [icp] } }"])).toEqual([]);
    expect(afterEdits([icp, "{ points: 30, when: { all: [{ any: [icp] }] } }"])).toEqual([]);
  });
});

/** Lists whose order means nothing. */
const unordered = new Set(["all", "any", "none", "in", "requiredFields", "nullWords", "return"]);

function shuffled(value: unknown, random: () => number, isFree = false): unknown {
  if (Array.isArray(value)) {
    const of = value.map((one) => shuffled(one, random));
    return isFree ? mixed(of, random) : of;
  }
  if (typeof value !== "object" || value === null) return value;
  const free = (key: string) => unordered.has(key);
  const isTable = (key: string) => !["escalate"].includes(key);
  return Object.fromEntries(
    mixed(
      Object.entries(value).map(([key, inner]) => [
        key,
        isTable(key) ? shuffled(inner, random, free(key)) : inner,
      ]),
      random,
    ),
  );
}

function mixed<T>(of: readonly T[], random: () => number): T[] {
  return of
    .map((one) => [random(), one] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, one]) => one);
}

/** What no version can say otherwise. */
const hasOneValue = new Set(["renurture.return.2.when.field", "reviews.weekly.on.of"]);

describe("no change goes unsaid", () => {
  const paths = leafPaths(example).filter((path) => {
    // Where a rule stands, and a kind that has no other of the same form.
    const isKind = path.at(-1) === "kind" || path.at(-1) === "op";
    if (path.at(-1) === "at" || hasOneValue.has(path.join("."))) return false;
    return !(isKind && isAlone(valueAt(example, path)));
  });

  test("of whatever single value, wherever it stands", () => {
    expect(paths.length).toBeGreaterThan(300);
    const unsaid = paths.filter((path) => {
      const changed = withChanged(example, path) as Agreement;
      return agreementChanges(example, changed).length === 0;
    });
    expect(unsaid.map((path) => path.join("."))).toEqual([]);
  });

  test("of whatever entry that is left out", () => {
    const unsaid = entryPaths(example).filter((path) => {
      const changed = without(example, path) as Agreement;
      return agreementChanges(example, changed).length === 0;
    });
    expect(unsaid.map((path) => path.join("."))).toEqual([]);
  });

  test("and what is said of a version against itself is nothing", () => {
    expect(agreementChanges(example, structuredClone(example))).toEqual([]);
  });
});

type At = readonly (string | number)[];

function isAlone(kind: unknown): boolean {
  return another(kind) === `${String(kind)}x`;
}

function valueAt(value: unknown, path: At): unknown {
  return path.reduce(
    (held, key) => (held as Readonly<Record<string | number, unknown>>)[key],
    value,
  );
}

function leafPaths(value: unknown, path: At = []): At[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leafPaths(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** Entries of lists and of tables by name, which a version may leave out. */
function entryPaths(value: unknown, path: At = []): At[] {
  if (typeof value !== "object" || value === null) return [];
  const tables = ["calendars", "fields", "named", "signals", "reasons", "tiers", "reviews"];
  const mayGo = Array.isArray(value) || tables.includes(String(path.at(-1)));
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    return [...(mayGo ? [at] : []), ...entryPaths(inner, at)];
  });
}

/** A copy with another value there: of the kind that it was, so that it still can be said. */
function withChanged(value: unknown, [key, ...rest]: At): unknown {
  if (key === undefined) return another(value);
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  const held = copy as Record<string | number, unknown>;
  held[key] = withChanged(held[key], rest);
  return copy;
}

function another(value: unknown): unknown {
  if (typeof value === "number") return value < 1 ? value / 2 + 0.05 : value + 1;
  if (typeof value === "boolean") return !value;
  switch (value) {
    case null:
      return { kind: "elapsed", ms: 86_400_000 };
    case "business":
      return "elapsed";
    case "elapsed":
      return "business";
    case "all":
      return "none";
    case "any":
    case "none":
      return "all";
    case "atLeast":
      return "above";
    case "atMost":
      return "below";
    case "in":
      return "notIn";
    case "mid":
      return "high";
    case "high":
      return "low";
    case "low":
      return "mid";
    default:
      return `${String(value)}x`;
  }
}

function without(value: unknown, [key, ...rest]: At): unknown {
  if (key === undefined) return value;
  if (rest.length === 0) {
    if (Array.isArray(value)) return value.toSpliced(Number(key), 1);
    const { [key]: _, ...left } = value as Record<string, unknown>;
    return left;
  }
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  const held = copy as Record<string | number, unknown>;
  held[key] = without(held[key], rest);
  return copy;
}
