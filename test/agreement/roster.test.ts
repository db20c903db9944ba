import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rosterDocument } from "../../agreement/roster-text.ts";
import { missingPools, parseRoster } from "../../agreement/roster.ts";
import { compile, isOpen } from "../../handoff/time/calendar.ts";
import { oneAddress } from "../../messages/mail/mail.ts";
import { exampleAgreement } from "../support/example-agreement.ts";

const text = readFileSync(new URL("../../agreement/roster.yaml", import.meta.url), "utf8");
const parsed = parseRoster(text);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
const { roster } = parsed;

test("the example roster fills every pool of the example agreement", () => {
  expect(missingPools(exampleAgreement(), roster)).toEqual([]);
  expect(missingPools(exampleAgreement(["pool: dach-sdr", "pool: alps-sdr"]), roster)).toEqual([
    "alps-sdr",
  ]);
});

test("everybody has an address of the example domain, and every rep a manager", () => {
  expect(roster.reps.every((rep) => rep.email.endsWith("@example.com"))).toBe(true);
  expect(roster.reps.filter((rep) => rep.role === "rep" && rep.managerId === null)).toEqual([]);
  expect(roster.reps.find((rep) => rep.id === "rp_dach_1")).toMatchObject({
    managerId: "rp_manager_emea",
    languages: ["de", "en"],
    caps: { open: 25, perDay: 40 },
    hours: { zone: "Europe/Berlin" },
  });
});

describe("an address of the roster is one that mails go to", () => {
  const written = (address: string) =>
    parseRoster(text.replace("email: rep.dach1@example.com", `email: ${JSON.stringify(address)}`));

  test.each([
    ["Ada <ada@acme.com>", "ada@acme.com"],
    ["mailto:ada@acme.com", "ada@acme.com"],
    ["Ada.Byron@Acme.com", "Ada.Byron@Acme.com"],
    ["ada@bücher.de", "ada@xn--bcher-kva.de"],
  ])("%s is %s", (given, email) => {
    const read = written(given);
    expect(read.ok && read.roster.reps.find(({ id }) => id === "rp_dach_1")?.email).toBe(email);
    expect(oneAddress(email)).toBe(email);
  });

  test.each(["josé@acme.com", "José <josé@acme.com>"])("%s is refused", (given) => {
    expect(written(given)).toMatchObject({
      problems: [{ path: "people.rp_dach_1.email", message: expect.stringContaining("ASCII") }],
    });
  });
});

test("an absence of whole days is local and includes its last day", () => {
  const [absence] = roster.absences.rp_dach_2 ?? [];
  expect(absence).toEqual({
    from: Date.UTC(2026, 11, 20, 23),
    to: Date.UTC(2026, 11, 31, 23),
    reason: "vacation",
    deputyId: null,
  });
});

// Each was compared with each before: two thousand took five seconds.
test("ten thousand people with hours of their own are written in the time of as many names", () => {
  const week = (n: number) => ({
    mon: [
      `0${n % 10}:${String(10 + (Math.floor(n / 10) % 50))}-${12 + (Math.floor(n / 500) % 10)}:00`,
    ],
    tue: [`0${Math.floor(n / 5_000)}:00-12:00`],
  });
  const reps = Array.from({ length: 10_000 }, (_, n) => ({
    id: `rp_${n}`,
    name: `Person ${n}`,
    email: `p${n}@example.com`,
    role: "rep" as const,
    managerId: null,
    deputyId: null,
    active: true,
    languages: [],
    products: [],
    motions: [],
    caps: {},
    crmId: null,
    hours: { zone: "Europe/Berlin", week: week(n) },
  }));
  const namedHours = {
    hours: { "europe-berlin-3": { zone: "UTC", week: {} } },
    people: {},
    pools: {},
  };
  const { hours, people } = rosterDocument({ reps, pools: [], absences: {}, namedHours }, 0) as {
    hours: Record<string, unknown>;
    people: Record<string, { hours: string }>;
  };
  expect(Object.keys(hours)).toHaveLength(10_001);
  expect([0, 1, 2, 9_999].map((n) => people[`rp_${n}`]?.hours)).toEqual([
    "europe-berlin",
    "europe-berlin-2",
    "europe-berlin-4",
    "europe-berlin-10001",
  ]);
});

test("every calendar of the roster can be compiled and is open at some time of a Tuesday", () => {
  for (const { hours } of [...roster.reps, ...roster.pools]) {
    if (!hours) continue;
    const calendar = compile(hours, { from: 2026, to: 2027 });
    expect(
      Array.from({ length: 24 }, (_, hour) => isOpen(calendar, Date.UTC(2026, 10, 24, hour))).some(
        Boolean,
      ),
    ).toBe(true);
  }
});

describe("a mistake is named with its line", () => {
  test.each([
    ["hours: berlin, languages", "hours: bern, languages", 'found "bern" (did you mean "berlin"?)'],
    [
      "manager: rp_manager_emea, hours: berlin",
      "manager: rp_nobody, hours: berlin",
      "expected a person",
    ],
    ["email: rep.dach1@example.com", "email: rep.dach1", "expected exactly one @"],
    ["caps: { open: 12,", "caps: { opened: 12,", "expected open, perDay or perHour"],
    ["caps: { open: 12,", "caps: { open: 1.5,", "a count from 0"],
    ["rp_dach_1: 1,", "rp_dach_9: 1,", "somebody under `people:`"],
    ["rp_dach_1: 1,", "rp_dach_1: -1,", "a weight from 0"],
    ["  rp_dach_1: {", "  dach_1: {", "an id such as rp_americas_1"],
    ["from: 2026-12-21", "from: 2027-12-21", "ends after it begins"],
    ["from: 2026-12-21", "from: Monday", "dates such as 2026-12-24"],
    [
      "email: manager.emea@example.com,",
      "email: manager.emea@example.com, manager: rp_emea_1,",
      "a manager who does not report",
    ],
    ["zone: Europe/Berlin", "zone: Europe/Bern1", "an IANA time zone"],
    ["role: sales-ops", "role: salesops", 'did you mean "sales-ops"'],
  ])("%s -> %s", (from, to, message) => {
    expect(text).toContain(from);
    const broken = parseRoster(text.replace(from, to));
    const problem = broken.ok
      ? undefined
      : broken.problems.find((one) => one.message.includes(message));
    expect(problem, JSON.stringify(broken)).toBeDefined();
    const line = text.slice(0, text.indexOf(from)).split("\n").length;
    expect(Math.abs((problem?.line ?? 0) - line)).toBeLessThanOrEqual(2);
  });

  test("what stands under an id that is refused is told by its own place", () => {
    const broken = parseRoster(
      [
        ["hours: berlin, languages: [de, en]", "crmId: c1, hours: berlin, languages: [de, en]"],
        ["  rp_dach_2:\n", "  bob:\n    crmId: c1\n"],
        ["from: 2026-12-21", "from: Monday"],
      ].reduce((all, [from, to]) => all.replace(from!, to!), text),
    );
    expect(broken.ok ? [] : broken.problems.map(({ path }) => path)).toEqual([
      "people.bob",
      "people.bob.crmId",
      "people.bob.absences[0]",
      "pools.dach-sdr.members.rp_dach_2",
    ]);
  });

  test("no text makes it throw", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: text.length }),
        fc.integer({ min: 0, max: 40 }),
        fc.string(),
        (at, cut, insert) => {
          parseRoster(text.slice(0, at) + insert + text.slice(at + cut));
        },
      ),
      { numRuns: 300 },
    );
  });
});
