import { describe, expect, test } from "vitest";
import { backTest, sayBackTest, type PastPart } from "../../../handoff/governance/back-test.ts";

/** Park and Miller's generator: the same runs for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

interface Truth {
  readonly kept: number;
  readonly dropped: number;
  readonly version: number;
}

/**
 * A history with a known truth: each lead has a score and a chance that sales accepts it, which
 * grows with the score. The old rules hand off above one score, the new ones above another and only
 * some, so that there are leads of every part. Only who was handed off has an outcome.
 */
function generated(next: () => number, leads: number) {
  const noPart = () => ({ handoffs: 0, decided: 0, accepted: 0, qualified: 0 });
  const parts = { kept: noPart(), dropped: noPart() };
  const chances = { kept: 0, dropped: 0, added: 0 };
  let added = 0;
  for (let n = 0; n < leads; n++) {
    const score = next();
    const chance = 0.1 + 0.7 * score;
    const isOld = score > 0.5;
    const isNew = score > 0.35 && next() < 0.8;
    if (isNew && !isOld) {
      added++;
      chances.added += chance;
    }
    if (!isOld) continue;
    const name = isNew ? "kept" : "dropped";
    const part = parts[name];
    part.handoffs++;
    chances[name] += chance;
    part.decided++;
    if (next() < chance) part.accepted++;
  }
  const truth: Truth = {
    kept: chances.kept / parts.kept.handoffs,
    dropped: chances.dropped / parts.dropped.handoffs,
    version: (chances.kept + chances.added) / (parts.kept.handoffs + added),
  };
  return { parts, added, truth };
}

/**
 * The same history with exploration: better leads are drawn with another probability than others, so that
 * only weights make an honest estimate.
 */
function explore(next: () => number, leads: number) {
  const noPart = () => ({ handoffs: 0, decided: 0, accepted: 0, qualified: 0 });
  const parts = { kept: noPart(), dropped: noPart() };
  const shares = [0.05, 0.3] as const;
  const explored = shares.map((propensity) => ({ propensity, ...noPart() }));
  const chances = { kept: 0, added: 0 };
  let [added, population] = [0, 0];
  for (let n = 0; n < leads; n++) {
    const score = next();
    const chance = 0.1 + 0.7 * score;
    const isOld = score > 0.6;
    if (!(score > 0.2 && next() < 0.8)) continue;
    if (isOld) {
      parts.kept.handoffs++;
      parts.kept.decided++;
      chances.kept += chance;
      if (next() < chance) parts.kept.accepted++;
      continue;
    }
    population++;
    chances.added += chance;
    const part = explored[score > 0.4 ? 1 : 0]!;
    if (next() >= part.propensity) {
      added++;
      continue;
    }
    part.handoffs++;
    part.decided++;
    if (next() < chance) part.accepted++;
  }
  return {
    parts,
    added,
    couldBeExplored: added,
    explored,
    truth: {
      added: chances.added / population,
      version: (chances.kept + chances.added) / (parts.kept.handoffs + population),
    },
  };
}

describe("a back-test on generated history whose truth is known", () => {
  test("its intervals cover the truth in at least 93 of 100 runs", () => {
    const next = random(20_261_129);
    const runs = 500;
    const covered = { kept: 0, dropped: 0, version: 0 };
    for (let run = 0; run < runs; run++) {
      const { parts, added, truth } = generated(next, 40 + Math.floor(next() * 400));
      const { kept, dropped, version } = backTest({ ...parts, added });
      const holds = (low: number | null, high: number | null, is: number) =>
        low !== null && high !== null && low <= is && is <= high;
      if (holds(kept.acceptance.low, kept.acceptance.high, truth.kept)) covered.kept++;
      if (holds(dropped.acceptance.low, dropped.acceptance.high, truth.dropped)) covered.dropped++;
      if (holds(version?.low ?? null, version?.high ?? null, truth.version)) covered.version++;
    }
    for (const part of Object.values(covered)) expect(part / runs).toBeGreaterThanOrEqual(0.93);
  });

  test("with exploration the estimate for the added covers their truth as often, whatever the shares", () => {
    const next = random(20_261_130);
    const runs = 500;
    const covered = { added: 0, version: 0, all: 0 };
    for (let run = 0; run < runs; run++) {
      const { parts, truth, ...explored } = explore(next, 400 + Math.floor(next() * 3_000));
      const { added, version } = backTest({ ...parts, ...explored });
      if (!added?.explored || !version) continue;
      covered.all++;
      const { low, high, rate, of, handoffs } = added.explored;
      expect(of).toBe(added.handoffs);
      expect(handoffs).toBeLessThan(of);
      expect(low <= rate && rate <= high).toBe(true);
      if (low <= truth.added && truth.added <= high) covered.added++;
      if (version.low <= truth.version && truth.version <= version.high) covered.version++;
    }
    expect(covered.all).toBeGreaterThan(450);
    expect(covered.added / covered.all).toBeGreaterThanOrEqual(0.93);
    expect(covered.version / covered.all).toBeGreaterThanOrEqual(0.93);
  });

  test("without the weights it would not: whom a larger share drew would count for too many", () => {
    const next = random(11);
    let [covered, all] = [0, 0];
    for (let run = 0; run < 300; run++) {
      const { parts, truth, ...past } = explore(next, 6_000);
      const { added } = backTest({
        ...parts,
        ...past,
        explored: past.explored.map((one) => ({ ...one, propensity: 0.1 })),
      });
      if (!added?.explored) continue;
      all++;
      if (added.explored.low <= truth.added && truth.added <= added.explored.high) covered++;
    }
    expect(covered / all).toBeLessThan(0.9);
  });

  test("an interval that is too narrow would be found out", () => {
    const next = random(7);
    let covered = 0;
    for (let run = 0; run < 500; run++) {
      const { parts, truth } = generated(next, 200);
      const { rate, low, high } = backTest({ ...parts, added: 0 }).kept.acceptance;
      const half = ((high ?? 0) - (low ?? 0)) / 4;
      if (Math.abs((rate ?? 0) - truth.kept) <= half) covered++;
    }
    expect(covered / 500).toBeLessThan(0.9);
  });
});

describe("leads that were never handed off", () => {
  const part = (handoffs: number, accepted: number, decided = handoffs): PastPart => ({
    handoffs,
    decided,
    accepted,
    qualified: 0,
  });

  test("have bounds and no rate, however many were accepted of the others", () => {
    const tested = backTest({ kept: part(80, 80), dropped: part(0, 0), added: 20 });
    expect(tested.added).toEqual({ handoffs: 20, low: 0, high: 1 });
    expect(tested.version).toMatchObject({ handoffs: 100, high: 1 });
    expect(tested.version?.low).toBeLessThan(0.8);
    expect(JSON.stringify([tested.added, tested.version])).not.toContain("rate");
    expect(sayBackTest(tested).join(" ")).toMatch(
      /20 it would add were never handed off: nobody knows how many/,
    );
  });

  test("widen the bounds of the version: with added ones alone nothing is known", () => {
    expect(backTest({ kept: part(0, 0), dropped: part(5, 1), added: 3 }).version).toEqual({
      handoffs: 3,
      low: 0,
      high: 1,
    });
    expect(backTest({ kept: part(0, 0), dropped: part(0, 0), added: 0 })).toMatchObject({
      added: null,
      version: null,
    });
  });

  test("are estimated from those like them that were drawn, and only where they could be drawn", () => {
    const explored = [{ propensity: 0.02, handoffs: 12, decided: 10, accepted: 4 }];
    const all = backTest({
      kept: part(80, 80),
      dropped: part(0, 0),
      added: 300,
      couldBeExplored: 300,
      explored,
    });
    expect(all.added).toMatchObject({
      handoffs: 312,
      explored: { handoffs: 12, of: 312, decided: 10, accepted: 4, undecided: 2, rate: 0.4 },
    });
    expect(all.added?.low).toBeCloseTo(0.168, 3);
    expect(all.added?.high).toBeCloseTo(0.687, 3);
    expect(sayBackTest(all)).toContain(
      "Of 312 it would add, 12 were drawn and handed off to explore: 4 of 10 decided were accepted, " +
        "2 undecided. Weighed by how likely each was to be drawn, sales would accept 40 % of them " +
        "(17 % to 69 %).",
    );
    const some = backTest({
      kept: part(80, 80),
      dropped: part(0, 0),
      added: 300,
      couldBeExplored: 144,
      explored,
    });
    expect(some.added?.explored?.of).toBe(156);
    expect(some.added?.low).toBeCloseTo(0.168 / 2, 3);
    expect(some.added?.high).toBeCloseTo(0.687 / 2 + 0.5, 3);
    expect(sayBackTest(some).join(" ")).toMatch(/156 it would add were never handed off: nobody/);
  });

  test("are not estimated from explored ones of which none is decided", () => {
    const explored = [{ propensity: 0.02, handoffs: 3, decided: 0, accepted: 0 }];
    const { added } = backTest({
      kept: part(0, 0),
      dropped: part(0, 0),
      added: 5,
      couldBeExplored: 5,
      explored,
    });
    expect(added).toEqual({ handoffs: 8, low: 0, high: 1 });
  });

  test("young handoffs are counted apart, and none decided is no rate", () => {
    const tested = backTest({ kept: part(4, 0, 0), dropped: part(10, 4, 8), added: 0 });
    expect(tested.kept).toMatchObject({ undecided: 4, acceptance: { rate: null } });
    expect(sayBackTest(tested)).toEqual([
      "4 handoffs that both versions make: none of them is decided yet.",
      "10 handoffs that it would drop: 4 of 8 decided were accepted, 50 % (22 % to 78 %); " +
        "2 undecided.",
      "It would add none.",
    ]);
  });
});
