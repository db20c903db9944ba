import { describe, expect, test } from "vitest";
import type { Agreement } from "../../../handoff/agreement.ts";
import { drawOf, isExplored, propensityOf } from "../../../handoff/qualify/exploration.ts";
import { judgeNow } from "../../../handoff/qualify/qualify.ts";
import { generatedLeads } from "../../support/generated-leads.ts";
import { agreement, decided, demo, goodFacts, monday, situation } from "../../support/situation.ts";

const icp = { kind: "named", name: "icp", at: "exploration.when" } as const;
const exploring = (share: number, more: object = {}): Agreement => ({
  ...agreement,
  exploration: { share, leadType: "standard-mql", ...more },
});
const ids = Array.from({ length: 20_000 }, (_, n) => `ld_01kb${n.toString(36).padStart(8, "0")}`);
/** One that is drawn at 5 %, and one that is not. */
const drawn = ids.find((id) => drawOf(id) < 0.05)!;
const passed = ids.find((id) => drawOf(id) >= 0.05)!;
const arrive = (id: string, by: Agreement, more: Partial<ReturnType<typeof situation>> = {}) =>
  decided(situation({ subject: { kind: "lead", id }, agreement: by, engagements: [], ...more }), {
    kind: "arrived",
  });

describe("the draw", () => {
  test("belongs to the lead, and spreads evenly over ids that follow each other", () => {
    expect(drawOf("ld_one")).toBe(drawOf("ld_one"));
    const cells = Array.from({ length: 20 }, () => 0);
    for (const id of ids) cells[Math.floor(drawOf(id) * 20)]!++;
    // Chi square of 19 degrees: above 43.8 once in a thousand.
    const expected = ids.length / 20;
    expect(cells.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(43.8);
  });

  test("a larger share keeps whom a smaller one has drawn", () => {
    const lead = { facts: goodFacts, engagements: [], now: monday, matches: 1 };
    const of = (share: number) => {
      const by = exploring(share);
      return ids.filter((id) => isExplored(by, id, lead));
    };
    const [two, five] = [of(0.02), new Set(of(0.05))];
    expect(two.length / ids.length).toBeCloseTo(0.02, 2);
    expect(two.every((id) => five.has(id))).toBe(true);
  });
});

describe("a lead that no lead type lets through", () => {
  test("is handed off when it is drawn, with its probability, on the named terms, and says so", () => {
    const { after, because, found } = arrive(drawn, exploring(0.05));
    expect(after.process.stage).toBe("mql");
    expect(after.handoff).toMatchObject({
      leadType: "standard-mql",
      propensity: 0.05,
      priority: 3,
    });
    expect(because).toMatch(/^no lead type holds.*handed off to explore, as 5 % of such leads are/);
    expect(found.qualification?.verdict).toBe("nurture");
    expect(found.qualification?.trace.at(-1)).toMatchObject({
      at: "exploration.share",
      field: "draw",
      result: true,
    });
  });

  test("is nurtured when it is not drawn, and the trace shows the draw", () => {
    const { after, found } = arrive(passed, exploring(0.05));
    expect(after.process.stage).toBe("nurture");
    expect(found.qualification?.trace.at(-1)).toMatchObject({
      at: "exploration.share",
      result: false,
    });
  });

  test("is judged as ever where nothing is explored: no key, or a share of none", () => {
    const without = arrive(drawn, agreement);
    expect(without.after.process.stage).toBe("nurture");
    expect(JSON.stringify(without)).not.toContain("exploration");
    const none = arrive(drawn, exploring(0));
    expect([none.found, none.changes]).toEqual([without.found, without.changes]);
  });

  test("is not explored among whom `when` does not hold, or is not known to", () => {
    const among = exploring(0.05, { when: icp });
    const small = { ...goodFacts, "account.employees": 5 };
    const { "account.employees": _, ...unknown } = goodFacts;
    expect(arrive(drawn, among).after.process.stage).toBe("mql");
    for (const facts of [small, unknown]) {
      expect(arrive(drawn, among, { facts }).after.process.stage).toBe("nurture");
      expect(propensityOf(among, { facts, engagements: [], now: monday })).toBe(0);
    }
  });

  test("`when` may ask for scores: a band is known there", () => {
    const band = { kind: "derived", of: "band", at: "exploration.when" } as const;
    const of = (value: string) =>
      exploring(0.05, { when: { ...band, matchers: [{ op: "is", value }] } });
    const facts = { ...goodFacts };
    const lead = { facts, engagements: [], now: monday, matches: 1 };
    const is = judgeNow(agreement, lead).band;
    expect(propensityOf(of(is), lead)).toBe(0.05);
    expect(propensityOf(of(is === "A" ? "B" : "A"), lead)).toBe(0);
    expect(arrive(drawn, of(is)).after.process.stage).toBe("mql");
  });
});

describe("never explored is", () => {
  const all = exploring(0.5);
  const stage = (more: Parameters<typeof arrive>[2]) =>
    arrive(drawn, all, more).after.process.stage;

  test("whom a suppression holds back, or whose data is missing or wrong", () => {
    expect(stage({ facts: { ...goodFacts, "lead.doNotContact": true } })).toBe("disqualified");
    const { "lead.role": _, ...incomplete } = goodFacts;
    expect(arrive(drawn, all, { facts: incomplete }).after.handoff).toBeNull();
    expect(arrive(drawn, all, { matches: 2 }).after.handoff).toBeNull();
  });

  test("whom a rule lets through: that handoff has no probability", () => {
    const { after } = arrive(drawn, all, { engagements: [demo()] });
    expect(after.handoff?.leadType).toBe("demo-request");
    expect(after.handoff).not.toHaveProperty("propensity");
  });

  test("who comes for a second time", () => {
    const at = situation({ subject: { kind: "lead", id: drawn }, agreement: all, engagements: [] });
    const again = { ...at, process: { ...at.process, cycle: 2 } };
    expect(decided(again, { kind: "arrived" }).after.process.stage).toBe("nurture");
  });
});

test("without a trace the same leads are explored as by the decision", () => {
  const by = exploring(0.3, { when: icp });
  let seen = 0;
  for (const [n, lead] of generatedLeads(3, 320, monday).entries()) {
    const { facts, engagements, matches } = lead;
    const id = ids[n]!;
    const known = { facts, engagements, matches, now: monday };
    const isNurture = judgeNow(by, known).verdict === "nurture";
    const { after } = arrive(id, by, { facts, engagements, matches });
    expect(after.handoff?.propensity === 0.3).toBe(isNurture && isExplored(by, id, known));
    if (after.handoff?.propensity !== undefined) seen++;
  }
  expect(seen).toBeGreaterThan(3);
});
