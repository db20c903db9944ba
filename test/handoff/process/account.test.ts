import { describe, expect, test } from "vitest";
import type { Situation } from "../../../handoff/process/situation.ts";
import {
  accepted,
  acted,
  action,
  afterAll,
  assigned,
  decided,
  goodFacts,
  hour,
  later,
  minute,
  offered,
  refused,
  reloaded,
  situation,
} from "../../support/situation.ts";

/** Of a company nothing is known that only a person has. */
const facts = Object.fromEntries(
  Object.entries(goodFacts).filter(([path]) => path.startsWith("account.")),
);
const flagged: Partial<Situation> = {
  subject: { kind: "account", id: "ac_1" },
  facts,
  tier: 1,
  accountFlag: { contacts: 3 },
};
const arrived = (more: Partial<Situation> = {}) =>
  decided(situation({ ...flagged, ...more }), { kind: "arrived" });
const ends = ({ changes }: ReturnType<typeof decided>) =>
  changes.flatMap((change) => (change.do === "end-flag" ? [change] : []));

describe("a flagged account", () => {
  test("is handed off by its flag alone, with its own SLA row and the priority of its tier", () => {
    const { after, because } = arrived({ engagements: [] });
    expect(after.process).toMatchObject({ stage: "mql", waitingOn: "assessment" });
    expect(after.handoff).toMatchObject({
      id: "ho_ac_1_1",
      leadType: "account-flag",
      priority: 1,
      tier: 1,
    });
    expect(because).toMatch(/^3 people engaged; band/);
    const there = offered(flagged);
    const due = there.clocks.find(({ kind, scope }) => kind === "outreach" && scope === "rep");
    expect(due?.events[0]).toMatchObject({ target: { kind: "elapsed", ms: 48 * hour } });
  });

  test.each([
    [
      "suppressed",
      { facts: { ...facts, "account.customer": true } },
      "suppressed: existing-customer",
    ],
    [
      "in active pipeline",
      { facts: { ...facts, "account.openOpportunities": 1 } },
      "suppressed: active-pipeline",
    ],
    [
      "outside the profile",
      { facts: { ...facts, "account.employees": 3 } },
      "the company is no longer one that the agreement asks for",
    ],
    ["whose flag was withdrawn", { accountFlag: undefined }, "no flag of it stands"],
  ])("%s is not, and its flag ends", (_, more, why) => {
    const decision = arrived(more as Partial<Situation>);
    expect(decision.after.process).toMatchObject({ stage: "disqualified", closedReason: why });
    expect(ends(decision)).toEqual([{ do: "end-flag", how: why, by: "baton" }]);
  });

  test("ends when the company becomes a customer, and goes on while people engage or facts change", () => {
    const there = offered(flagged);
    for (const kind of ["engaged", "policy", "facts"] as const)
      expect(decided(there, { kind }).after.process).toMatchObject({ stage: "mql" });
    const customer = { ...there, facts: { ...facts, "account.customer": true } };
    const ended = decided(customer, { kind: "facts" });
    expect(ended.after.process.stage).toBe("disqualified");
    expect(ends(ended)).toHaveLength(1);
  });
});

describe("an answer about an account", () => {
  test.each(["no-authority", "unsupported-use-case", "bad-contact-data"])(
    "a rejection (%s) ends the handoff and its flag; nothing brings it back but the next flag",
    (reason) => {
      const there = later(offered(flagged), minute);
      const decision = decided(there, action(there, "reject", { reason }, "rp_one"));
      expect(decision.after.process).toMatchObject({
        stage: "disqualified",
        closedReason: `rejected: ${reason}`,
        cycle: 1,
      });
      expect(decision.after.tasks).toEqual([]);
      expect(ends(decision)).toEqual([
        { do: "end-flag", how: `rejected: ${reason}`, by: "rp_one" },
      ]);
      for (const kind of ["engaged", "facts", "time"] as const)
        expect(decided(reloaded(decision.after), { kind }).changes).toEqual([]);
    },
  );

  test("handed back it ends; accepted it goes on to SQL, and no further by hand", () => {
    expect(acted(accepted(flagged), "handBack", {}).process.stage).toBe("disqualified");
    const confirmed = acted(accepted(flagged), "advance", {});
    expect(confirmed.process.stage).toBe("sql");
    const then = later(confirmed, minute);
    expect(refused(then, action(then, "advance", {}, "rp_one"))).toMatchObject({
      code: "not-possible-now",
      message: "an opportunity is opened for one of its people",
    });
  });

  test("an opportunity of one of its people ends it well after acceptance, and is left where it is", () => {
    const opportunity = { id: "op_1", createdAt: later(offered(), minute).now };
    const before = decided({ ...offered(flagged), opportunity }, { kind: "facts" });
    expect(before.after.process.stage).toBe("mql");
    const decision = decided({ ...accepted(flagged), opportunity }, { kind: "facts" });
    expect(decision.after.process.stage).toBe("opportunity");
    expect(decision.changes.map((change) => change.do)).not.toContain("link-opportunity");
    expect(ends(decision)).toHaveLength(1);
  });
});

test("a lead that qualifies while its account is handed off says so with its handoff; others do not", () => {
  const attached = afterAll(situation({ accountHandoffId: "ho_ac_1_1" }), { kind: "arrived" });
  expect(attached.handoff?.accountHandoffId).toBe("ho_ac_1_1");
  expect(offered().handoff).not.toHaveProperty("accountHandoffId");
  expect(afterAll(attached, assigned("rp_one")).process.owner).toBe("rp_one");
});
