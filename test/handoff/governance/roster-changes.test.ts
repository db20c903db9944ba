import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { parseRoster } from "../../../agreement/roster.ts";
import { printRuleChange } from "../../../handoff/governance/rule-change.ts";
import { rosterChanges } from "../../../handoff/governance/roster-changes.ts";

const text = readFileSync(new URL("../../../agreement/roster.yaml", import.meta.url), "utf8");
const rosterOf = (source: string) => {
  const parsed = parseRoster(source);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.roster;
};
const now = Date.parse("2026-11-29T12:00:00Z");
const example = rosterOf(text);
const member = example.pools.find(({ id }) => id === "dach-sdr");
if (!member) throw new Error("the example roster has no pool dach-sdr");

const said = (after: typeof example, at = now) =>
  rosterChanges(example, after, at).map(printRuleChange);
const rep = (id: string, change: Partial<(typeof example.reps)[number]>) => ({
  ...example,
  reps: example.reps.map((one) => (one.id === id ? { ...one, ...change } : one)),
});

test("a weight, a member who comes and one who goes are said of the pool", () => {
  const [first = "", ...others] = Object.keys(member.members);
  const members = { ...Object.fromEntries(others.slice(1).map((id) => [id, 1])), [first]: 4 };
  const after = {
    ...example,
    pools: example.pools.map((pool) =>
      pool.id === "dach-sdr" ? { ...pool, members: { ...members, rp_new: 1 } } : pool,
    ),
  };
  expect(said(after)).toContain(`dach-sdr: weight of ${first} ${member.members[first]} -> 4`);
  expect(said(after)).toContain(`dach-sdr: ${others[0]} removed`);
  expect(said(after)).toContain("dach-sdr: rp_new added");
});

test("who leaves, another manager, limits, languages and hours are said of the person", () => {
  const id = "rp_dach_1";
  expect(said(rep(id, { active: false }))).toEqual([`${id}: active -> left`]);
  expect(said(rep(id, { managerId: "rp_manager_us" }))).toEqual([
    `${id}: manager rp_manager_emea -> rp_manager_us`,
  ]);
  expect(said(rep(id, { caps: { open: 10 } }))).toEqual([
    `${id}: open offers at most 25 -> 10`,
    `${id}: offers a day at most 40 -> no limit`,
  ]);
  expect(said(rep(id, { languages: ["de", "fr"] }))).toEqual([
    `${id}: language en removed`,
    `${id}: language fr added`,
  ]);
  expect(said(rep(id, { hours: null }))[0]).toMatch(/^rp_dach_1: hours mon .* -> none of its own$/);
});

test("of a name and an address it is said only that they changed", () => {
  const changes = said(rep("rp_dach_1", { name: "Somebody", email: "somebody@example.com" }));
  expect(changes).toEqual(["rp_dach_1: name changed", "rp_dach_1: address changed"]);
});

test("an absence is said in the person's own time, until it is over", () => {
  const without = { ...example, absences: {} };
  expect(said(without)).toEqual([
    expect.stringMatching(
      /^rp_dach_2: away .*2026-12-21 00:00.* to .*2027-01-01 00:00.* \(vacation\) removed$/,
    ),
  ]);
  expect(said(without, Date.parse("2027-02-01T00:00:00Z"))).toEqual([]);
});

test("nothing is said of people whom the file does not name, nor of keys in another order", () => {
  expect(said({ ...example, reps: example.reps.slice(0, 1), absences: example.absences })).toEqual(
    [],
  );
  const turned = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .map(([k, v]) => [k, turned(v)] as const)
            .toReversed(),
        )
      : value;
  expect(said(rosterOf(stringify(turned(parse(text)))))).toEqual([]);
});
