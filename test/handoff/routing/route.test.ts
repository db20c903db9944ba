import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyDeltas } from "../../../handoff/routing/round-robin.ts";
import type { Member } from "../../../handoff/routing/eligibility.ts";
import {
  routeAgain,
  walk,
  type PoolInput,
  type RouteInput,
} from "../../../handoff/routing/route.ts";
import { placeOf, routingEvidence } from "../../../handoff/routing/territory.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import {
  away,
  hour,
  member,
  poolOf,
  routing,
  tomorrow,
  wednesdayMorning as now,
} from "../../support/members.ts";

const asleep = (id: string) => member(id, { presence: tomorrow });
const absent = (id: string) => member(id, { presence: away });
const full = (id: string) => member(id, { caps: { open: 1 }, load: { open: 1 } });
const routed = (input: RouteInput) => routeAgain(input).routed;

describe("the order of routing", () => {
  const pool = poolOf([member("rp_1"), member("rp_2")]);

  test("a pool gives the lead to whose turn it is", () => {
    expect(routed(routing({ "east-sdr": pool }))).toEqual({
      kind: "assigned",
      repId: "rp_1",
      pool: "east-sdr",
      via: "territory",
    });
  });

  test("the owner of the account goes first, the manager's choice before the owner", () => {
    const owner = { repId: "rp_7", member: member("rp_7"), pool: null };
    const chosen = { repId: "rp_8", member: full("rp_8"), pool: "east-sdr" };
    expect(routed(routing({ "east-sdr": pool }, { owners: [owner] }))).toEqual({
      kind: "assigned",
      repId: "rp_7",
      pool: null,
      via: "owner",
    });
    expect(routed(routing({ "east-sdr": pool }, { owners: [owner], chosen }))).toEqual({
      kind: "assigned",
      repId: "rp_8",
      pool: "east-sdr",
      via: "manager",
    });
  });

  test("owner and manager cost nobody a turn", () => {
    const walked = walk(
      routing(
        { "east-sdr": pool },
        { owners: [{ repId: "rp_7", member: member("rp_7"), pool: null }] },
      ),
    );
    expect(walked).toMatchObject({ charge: null });
  });

  test("an owner who left, and a choice that nobody knows, are passed over and named", () => {
    const answer = routeAgain(
      routing(
        { "east-sdr": pool },
        {
          owners: [{ repId: "rp_7", member: member("rp_7", { active: false }), pool: null }],
          chosen: { repId: "rp_0", member: null, pool: null },
        },
      ),
    );
    expect(answer.routed).toMatchObject({ repId: "rp_1", via: "territory" });
    expect(answer.candidates.slice(0, 2)).toEqual([
      { repId: "rp_0", pool: null, as: "chosen", eligible: false, why: "not on the roster" },
      { repId: "rp_7", pool: null, as: "owner", eligible: false, why: "inactive" },
    ]);
  });

  test("of several who have the account the first who can take it does, and those before are named", () => {
    const several = ["rp_7", "rp_8", "rp_9"].map((repId) => ({
      repId,
      member: repId === "rp_7" ? full(repId) : member(repId),
      pool: "east-sdr",
    }));
    const answer = routeAgain(routing({ "east-sdr": pool }, { owners: several }));
    expect(answer.routed).toMatchObject({ repId: "rp_8", via: "owner" });
    expect(answer.candidates.map(({ repId, why }) => [repId, why])).toEqual([
      ["rp_7", "at capacity 1/1"],
      ["rp_8", null],
    ]);
    // None of them: whose turn it is.
    const none = several.map((one) => ({ ...one, member: absent(one.repId) }));
    expect(routed(routing({ "east-sdr": pool }, { owners: none }))).toMatchObject({
      repId: "rp_1",
      via: "territory",
    });
  });

  test("every candidate is in the answer, with the reason for being left out", () => {
    const answer = routeAgain(
      routing({
        "east-sdr": poolOf([member("rp_1"), asleep("rp_2"), full("rp_3"), absent("rp_4")], {
          rp_1: { millionths: 5, lastPick: 1 },
        }),
      }),
    );
    expect(answer.candidates.map((one) => [one.repId, one.eligible, one.why, one.credit])).toEqual([
      ["rp_1", true, null, 5],
      ["rp_2", false, "outside hours until 09:00", 0],
      ["rp_3", false, "at capacity 1/1", 0],
      ["rp_4", false, "absent to 2026-12-02", 0],
    ]);
  });

  test("a territory's language is asked of the rep, the lead's own goes before it", () => {
    const both = {
      dach: poolOf([member("rp_1", { languages: ["en"] }), member("rp_2", { languages: ["de"] })]),
    };
    const place = {
      territory: "dach",
      segment: null,
      trace: [],
      steps: [{ pool: "dach", via: "territory" as const, language: "de", siblings: [] }],
    };
    const needs = { language: "en", product: null, motion: null, exclude: [] };
    expect(routed(routing(both, { place }))).toMatchObject({ repId: "rp_2" });
    expect(routed(routing(both, { place, needs }))).toMatchObject({ repId: "rp_1" });
  });
});

describe("promise 7: fallback, no error", () => {
  const late = { dueAt: now };
  test.each([
    ["all absent", [absent("rp_1"), absent("rp_2")]],
    ["all at cap and the lead due", [full("rp_1"), full("rp_2")]],
    ["all caps 0", [member("rp_1", { caps: { perDay: 0 } })]],
    ["all weights 0", [member("rp_1", { weight: 0 }), member("rp_2", { weight: 0 })]],
    ["all had the lead, or left", [member("rp_1", { active: false })]],
    ["nobody in the pool", []],
  ])("%s", (_name, members: Member[]) => {
    expect(routed(routing({ "east-sdr": poolOf(members) }, late))).toEqual({
      kind: "queue",
      queue: "sales-ops",
    });
  });

  test("the parent territory's pool is asked before the fallback queue", () => {
    expect(
      routed(
        routing({ "east-sdr": poolOf([absent("rp_1")]), "americas-sdr": poolOf([member("rp_9")]) }),
      ),
    ).toEqual({ kind: "assigned", repId: "rp_9", pool: "americas-sdr", via: "parent" });
  });

  test("no territory holds at all", () => {
    expect(routed(routing({}))).toEqual({ kind: "queue", queue: "sales-ops" });
  });
});

describe("holding", () => {
  test("nobody in hours: until the first opening of anybody who can take it", () => {
    const later = member("rp_2", { presence: { ...tomorrow, opensAt: now + 22 * hour } });
    const mute = member("rp_3", {
      presence: { ...tomorrow, opensAt: now + hour },
      languages: ["fr"],
    });
    const needs = { language: "en", product: null, motion: null, exclude: [] };
    expect(
      routed(routing({ "east-sdr": poolOf([asleep("rp_1"), later, mute]) }, { needs })),
    ).toEqual({ kind: "held", pool: "east-sdr", untilAt: now + 22 * hour });
  });

  test("only room is missing: held without a known end; a known one comes first", () => {
    expect(routed(routing({ "east-sdr": poolOf([full("rp_1")]) }))).toEqual({
      kind: "held",
      pool: "east-sdr",
      untilAt: null,
    });
    expect(routed(routing({ "east-sdr": poolOf([full("rp_1"), asleep("rp_2")]) }))).toEqual({
      kind: "held",
      pool: "east-sdr",
      untilAt: now + 23 * hour,
    });
  });

  test("a pool that will open is waited for, the parent's is not asked", () => {
    expect(
      routed(
        routing({ "east-sdr": poolOf([asleep("rp_1")]), "americas-sdr": poolOf([member("rp_9")]) }),
      ),
    ).toMatchObject({ kind: "held", pool: "east-sdr" });
  });

  const place = {
    territory: "east",
    segment: null,
    trace: [],
    steps: [
      {
        pool: "east-sdr",
        via: "territory" as const,
        language: null,
        siblings: ["west-sdr", "pacific-sdr"],
      },
    ],
  };
  const around = {
    "east-sdr": poolOf([asleep("rp_1")]),
    "west-sdr": poolOf([full("rp_2")]),
    "pacific-sdr": poolOf([member("rp_3")]),
  };

  test("an agreement that follows the sun looks in the sibling pools first", () => {
    expect(routed(routing(around, { place, followTheSun: true }))).toEqual({
      kind: "assigned",
      repId: "rp_3",
      pool: "pacific-sdr",
      via: "sibling",
    });
  });

  test(
    "it holds where the lead belongs when the siblings sleep too, or when it does not follow " +
      "the sun",
    () => {
      expect(
        routed(
          routing(
            { ...around, "pacific-sdr": poolOf([asleep("rp_3")]) },
            { place, followTheSun: true },
          ),
        ),
      ).toMatchObject({ kind: "held", pool: "east-sdr" });
      expect(routed(routing(around, { place }))).toMatchObject({ kind: "held", pool: "east-sdr" });
    },
  );
});

describe("a stored decision judged again gives the same answer", () => {
  test("for any pool, through JSON and back", () => {
    const anyone = fc.record({
      weight: fc.nat({ max: 5 }),
      active: fc.boolean(),
      languages: fc.subarray(["de", "en"]),
      presence: fc.constantFrom(undefined, tomorrow, away),
      open: fc.nat({ max: 3 }),
      cap: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
      credit: fc.integer({ min: -2_000_000, max: 2_000_000 }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(anyone, { maxLength: 6 }), { maxLength: 3 }),
        fc.constantFrom(null, "de", "en"),
        fc.boolean(),
        (pools, language, due) => {
          const built = Object.fromEntries(
            pools.map((members, p): [string, PoolInput] => [
              `pool-${p}`,
              poolOf(
                members.map((one, i) =>
                  member(`rp_${p}${i}`, {
                    weight: one.weight,
                    active: one.active,
                    languages: one.languages,
                    ...(one.presence ? { presence: one.presence } : {}),
                    ...(one.cap === undefined ? {} : { caps: { open: one.cap } }),
                    load: { open: one.open },
                  }),
                ),
                Object.fromEntries(
                  members.map((one, i) => [`rp_${p}${i}`, { millionths: one.credit, lastPick: i }]),
                ),
              ),
            ]),
          );
          const input = routing(built, {
            needs: { language, product: null, motion: null, exclude: [] },
            dueAt: due ? now : now + hour,
          });
          const answer = routeAgain(input);
          expect(routeAgain(JSON.parse(JSON.stringify(input)) as RouteInput)).toEqual(answer);
          // Never nowhere, and never to somebody with a reason against.
          if (answer.routed.kind === "assigned") {
            const { repId, pool } = answer.routed;
            expect(
              answer.candidates.filter((one) => one.repId === repId && one.pool === pool),
            ).toMatchObject([{ eligible: true, why: null }]);
          }
          if (answer.routed.kind === "queue") expect(answer.routed.queue).toBe("sales-ops");
        },
      ),
    );
  });

  test("with the agreement, the territory is found again from the stored evidence", () => {
    const agreement = exampleAgreement();
    const evidence = routingEvidence(agreement, {
      facts: { "account.country": "DE" },
      engagements: [],
      now,
    });
    const place = placeOf(agreement, evidence);
    const input = routing({ "dach-sdr": poolOf([member("rp_1")]) }, { place, evidence });
    expect(routeAgain(input, agreement)).toEqual(routeAgain(input));
    expect(
      routeAgain({ ...input, place: { ...place, territory: "forged" } }, agreement).territory,
    ).toBe("dach");
  });

  test("an input without the pool that the walk comes to is refused", () => {
    const input = routing({ "east-sdr": poolOf([absent("rp_1")]), "americas-sdr": poolOf([]) });
    expect(() => routeAgain({ ...input, pools: { "east-sdr": input.pools["east-sdr"]! } })).toThrow(
      "lacks the pool americas-sdr",
    );
  });
});

test("promise 9: alternating lead types, hot leads differ by at most 1 between reps", () => {
  const members = [member("rp_1"), member("rp_2")];
  const ledgers: Record<string, PoolInput["ledger"]> = { hot: {}, cold: {} };
  const got: Record<string, number> = { rp_1: 0, rp_2: 0 };
  for (let k = 0; k < 101; k++) {
    const type = k % 2 === 0 ? "hot" : "cold";
    const walked = walk(routing({ "east-sdr": poolOf(members, ledgers[type]) }));
    if ("unread" in walked || walked.answer.routed.kind !== "assigned" || !walked.charge)
      throw new Error("expected an assignment");
    const { repId } = walked.answer.routed;
    ledgers[type] = applyDeltas(ledgers[type]!, walked.charge.deltas, {
      winner: repId,
      entry: k + 1,
    });
    if (type === "hot") got[repId] = (got[repId] ?? 0) + 1;
    expect(Math.abs(got.rp_1! - got.rp_2!)).toBeLessThanOrEqual(1);
  }
});
