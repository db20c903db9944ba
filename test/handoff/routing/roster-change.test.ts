import { describe, expect, test } from "vitest";
import type { RepPool, Rep, Roster } from "../../../handoff/routing/roster.ts";
import { rosterChange } from "../../../handoff/routing/roster-change.ts";

const hours = { zone: "UTC", week: { mon: ["09:00-17:00"] } };
const away = { from: 10, to: 20, reason: "leave" };

function rep(id: string, more: Partial<Rep> = {}): Rep {
  return {
    id,
    active: true,
    managerId: null,
    hours: null,
    languages: [],
    products: [],
    motions: [],
    caps: {},
    absences: [],
    ...more,
  };
}

const before: Roster = {
  reps: { rp_a: rep("rp_a", { managerId: "rp_m" }), rp_b: rep("rp_b"), rp_m: rep("rp_m") },
  pools: {
    east: { id: "east", hours: null, members: { rp_a: 1, rp_b: 1 } },
    west: { id: "west", hours: null, members: { rp_b: 1 } },
  },
};
const nothing = { people: [], named: [], hours: [], moved: [], holding: [], left: [] };

function withRep(id: string, more: Partial<Rep>): Roster {
  return { ...before, reps: { ...before.reps, [id]: { ...rep(id), ...before.reps[id], ...more } } };
}
function withPool(id: string, more: Partial<RepPool>): Roster {
  return {
    ...before,
    pools: {
      ...before.pools,
      [id]: { id, hours: null, members: {}, ...before.pools[id], ...more },
    },
  };
}

describe("what a change of the roster concerns", () => {
  test.each<[string, Roster, Partial<typeof nothing> | Record<string, unknown>]>([
    ["nothing changed", withRep("rp_a", {}), {}],
    [
      "a rep leaves",
      withRep("rp_a", { active: false }),
      {
        people: ["rp_a"],
        named: ["rp_a"],
        holding: ["east"],
        left: ["rp_a"],
      },
    ],
    ["other hours", withRep("rp_b", { hours }), { people: ["rp_b"], holding: ["east", "west"] }],
    ["an absence", withRep("rp_a", { absences: [away] }), { people: ["rp_a"], holding: ["east"] }],
    ["a deputy", withRep("rp_a", { deputyId: "rp_b" }), { people: ["rp_a"] }],
    ["another manager", withRep("rp_a", { managerId: "rp_b" }), { named: ["rp_a"] }],
    ["more room", withRep("rp_a", { caps: { open: 9 } }), { holding: ["east"] }],
    ["another language", withRep("rp_a", { languages: ["de"] }), { holding: ["east"] }],
    [
      "somebody new, in no pool yet",
      withRep("rp_new", {}),
      { people: ["rp_new"], named: ["rp_new"] },
    ],
    ["other coverage", withPool("west", { hours }), { hours: ["west"], holding: ["west"] }],
    [
      "a member leaves a pool",
      withPool("east", { members: { rp_b: 1 } }),
      {
        moved: [{ pool: "east", repId: "rp_a" }],
        holding: ["east"],
      },
    ],
    [
      "a member joins a pool",
      withPool("west", { members: { rp_a: 1, rp_b: 1 } }),
      { holding: ["west"] },
    ],
    ["a new pool", withPool("north", { members: { rp_a: 1 } }), { holding: ["north"] }],
  ])("%s", (_, after, expected) => {
    expect(rosterChange(before, after)).toEqual({ ...nothing, ...expected });
  });

  test("the reason of an absence, which nobody's clock asks about, concerns nobody", () => {
    const one = withRep("rp_a", { absences: [away] });
    const other = withRep("rp_a", { absences: [{ ...away, reason: "training" }] });
    expect(rosterChange(one, other)).toEqual(nothing);
  });
});
