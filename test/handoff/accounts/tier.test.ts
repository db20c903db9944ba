import { describe, expect, test } from "vitest";
import { tierTerms, tierTrace } from "../../../handoff/accounts/tier.ts";
import { knownToRouting, outcomeOf } from "../../../handoff/process/stored.ts";
import type { Situation } from "../../../handoff/process/situation.ts";
import { routeAgain } from "../../../handoff/routing/route.ts";
import { placeOf, routingEvidence } from "../../../handoff/routing/territory.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import { after, decided, hour, monday, routed, situation } from "../../support/situation.ts";

const agreement = exampleAgreement([
  "    1: { priority: 1, outreach: 1 business hour }",
  "    1: { priority: 1, outreach: 1 business hour, pool: named-accounts }\n" +
    "    2: { status: 2 business hours, priority: 4 }\n    3: {}",
]);
const visited = (tier?: number): Situation =>
  situation({
    agreement,
    engagements: [{ id: "en_1", type: "pricing_page", occurredAt: monday - hour }],
    ...(tier === undefined ? {} : { tier }),
  });
const arrived = { kind: "arrived" } as const;
const targets = (at: Situation) =>
  Object.fromEntries(
    at.clocks.filter(({ scope }) => scope === "lead").map(({ kind, events }) => [kind, events[0]]),
  );
const offered = (tier?: number) =>
  after(
    after(visited(tier), arrived),
    routed({ kind: "assigned", repId: "rp_one", pool: "americas-sdr", via: "territory" }),
  );

describe("the tier of an account changes the handoff of its leads", () => {
  test("priority and targets, as declared, from the moment in which it begins", () => {
    const plain = after(visited(), arrived).handoff;
    expect(plain).toMatchObject({ leadType: "high-intent-mql", priority: 2 });
    expect(plain).not.toHaveProperty("tier");
    expect(after(visited(1), arrived).handoff).toMatchObject({ priority: 1, tier: 1 });
    expect(after(visited(2), arrived).handoff).toMatchObject({ priority: 4, tier: 2 });
    const type = agreement.leadTypes.find(({ name }) => name === "high-intent-mql")!;
    expect(tierTerms(agreement, type, 1)).toEqual({
      priority: 1,
      outreach: { kind: "business", ms: hour },
      status: type.status,
    });
    for (const tier of [undefined, 3, 9])
      expect(tierTerms(agreement, type, tier)).toEqual({
        priority: 2,
        outreach: type.outreach,
        status: type.status,
      });
  });

  test("its clocks run by it, for the lead and for the rep", () => {
    const { outreach } = targets(offered(1));
    expect(outreach).toMatchObject({ target: { kind: "business", ms: hour } });
    expect(targets(offered()).outreach).toMatchObject({ target: { ms: 4 * hour } });
    expect(targets(offered(2)).status).toMatchObject({ target: { ms: 2 * hour } });
    expect(targets(offered(2)).outreach).toEqual(targets(offered()).outreach);
  });

  test("it is frozen: another tier of the account later changes nothing of the open handoff", () => {
    const at = { ...after(visited(1), arrived), tier: 2 };
    const then = after(
      at,
      routed({ kind: "assigned", repId: "rp_one", pool: "americas-sdr", via: "territory" }),
    );
    expect(then.handoff).toMatchObject({ priority: 1, tier: 1 });
    expect(targets(then).outreach).toMatchObject({ target: { kind: "business", ms: hour } });
  });

  test("the trace and the reason say so, and nothing where no tier does anything", () => {
    const { found, because } = decided(visited(1), arrived);
    expect(JSON.stringify(found)).toContain("accounts.tiers.1");
    expect(because).toContain("account of tier 1");
    expect(tierTrace(agreement, 1)).toEqual([
      expect.objectContaining({
        value: 1,
        expected: "priority 1, outreach 1 business hour, pool named-accounts",
      }),
    ]);
    expect(tierTrace(agreement, undefined)).toEqual([]);
    expect(tierTrace(agreement, 9)).toEqual([]);
    const plain = decided(visited(), arrived);
    expect(JSON.stringify([plain.found, plain.because, plain.changes])).not.toContain("tier");
  });

  test("who takes it: the tier's pool is looked in first, and is found again from what is stored", () => {
    const at = after(visited(1), arrived);
    const evidence = routingEvidence(agreement, knownToRouting(at));
    expect(placeOf(agreement, evidence).steps.map(({ pool, via }) => [pool, via])).toEqual([
      ["named-accounts", "tier"],
      ["americas-sdr", "territory"],
    ]);
    expect(JSON.parse(JSON.stringify(evidence)).known.tier).toBe(1);
    const without = routingEvidence(agreement, knownToRouting(after(visited(2), arrived)));
    expect(without.known).not.toHaveProperty("tier");
    expect(placeOf(agreement, without).steps.map(({ pool }) => pool)).toEqual(["americas-sdr"]);
    expect(() =>
      routeAgain(
        { place: placeOf(agreement, without), evidence, pools: {}, owners: [], needs: {} } as never,
        agreement,
      ),
    ).toThrow("named-accounts");
  });

  test("a decision that was stored before tiers were known is taken again as it was", () => {
    const before = { ...visited(), facts: { ...visited().facts, "account.tier": 1 } };
    expect(outcomeOf(before, arrived).because).not.toContain("tier");
    expect(after(before, arrived).handoff).toMatchObject({ priority: 2 });
  });
});
