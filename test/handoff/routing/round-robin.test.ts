import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ONE_LEAD,
  applyDeltas,
  pick,
  replay,
  reversed,
  spreadLeavers,
  type Deltas,
  type CreditLedger,
  type Weighted,
} from "../../../handoff/routing/round-robin.ts";

const sum = (ledger: CreditLedger) =>
  Object.values(ledger).reduce((total, one) => total + one.millionths, 0);
const total = (deltas: Deltas) => Object.values(deltas).reduce((all, one) => all + one, 0);
const reps = (weights: readonly number[]): Weighted[] =>
  weights.map((weight, i) => ({ repId: `rp_${i}`, weight }));

/** Runs picks one after the other and keeps the entries, as the store does. */
class Run {
  ledger: CreditLedger = {};
  readonly entries: { id: number; deltas: Deltas; winner: string | null }[] = [];
  readonly won: string[] = [];
  take(eligible: readonly Weighted[]): string | null {
    const turn = pick(this.ledger, eligible);
    if (!turn) return null;
    this.note(turn.deltas, turn.winner);
    this.won.push(turn.winner);
    return turn.winner;
  }
  members(members: readonly Weighted[]): void {
    const deltas = spreadLeavers(this.ledger, members);
    if (deltas) this.note(deltas, null);
  }
  note(deltas: Deltas, winner: string | null): void {
    const id = this.entries.length + 1;
    this.entries.push({ id, deltas, winner });
    this.ledger = applyDeltas(
      this.ledger,
      deltas,
      winner === null ? undefined : { winner, entry: id },
    );
  }
}

const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 10 });

describe("promise 1: credits sum to 0 after any history, and replay reproduces them", () => {
  test("for any weights, subsets, leavers and reversals", () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("take" as const),
        who: fc.array(fc.nat({ max: 9 }), { maxLength: 10 }),
      }),
      fc.record({
        do: fc.constant("members" as const),
        who: fc.array(fc.nat({ max: 9 }), { maxLength: 10 }),
      }),
      fc.record({
        do: fc.constant("reverse" as const),
        who: fc.array(fc.nat(), { minLength: 1, maxLength: 1 }),
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 10, maxLength: 10 }),
        fc.array(step, { maxLength: 120 }),
        (all, steps) => {
          const pool = reps(all);
          const run = new Run();
          for (const one of steps) {
            const some = pool.filter((_, i) => one.who.includes(i));
            if (one.do === "take") run.take(some);
            if (one.do === "members") run.members(some);
            const picks = run.entries.filter((entry) => entry.winner !== null);
            const undo = picks[one.who[0]! % Math.max(1, picks.length)];
            if (one.do === "reverse" && undo) run.note(reversed(undo.deltas), null);
            expect(sum(run.ledger)).toBe(0);
          }
          expect(replay(run.entries)).toEqual(run.ledger);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("one pick moves whole millionths that sum to 0, thirds included", () => {
    const turn = pick({}, reps([1, 1, 1]))!;
    expect(turn).toEqual({
      winner: "rp_0",
      deltas: { rp_0: 333_334 - ONE_LEAD, rp_1: 333_333, rp_2: 333_333 },
    });
    expect(total(turn.deltas)).toBe(0);
  });

  test("nobody with a weight: no pick, no entry", () => {
    expect(pick({}, [])).toBeNull();
    expect(pick({}, reps([0, 0]))).toBeNull();
  });
});

describe("promise 2: in a static pool every prefix is near its entitlement", () => {
  test("|n_i - k w_i / W| < 1.5 for every k", () => {
    fc.assert(
      fc.property(weights, (given) => {
        const pool = reps(given);
        const all = given.reduce((a, b) => a + b, 0);
        const run = new Run();
        const counts = new Map<string, number>();
        let furthest = 0;
        for (let k = 1; k <= 400; k++) {
          const winner = run.take(pool)!;
          counts.set(winner, (counts.get(winner) ?? 0) + 1);
          for (const one of pool)
            furthest = Math.max(
              furthest,
              Math.abs((counts.get(one.repId) ?? 0) - (k * one.weight) / all),
            );
        }
        expect(furthest).toBeLessThan(1.5);
      }),
      { numRuns: 100 },
    );
  });
});

describe("promise 3: equal weights, adversarial subsets", () => {
  test("nobody is ever further than (n-1)/2 leads from what is due to them", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.array(fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1, maxLength: 8 }), {
          maxLength: 300,
        }),
        (n, subsets) => {
          const pool = reps(Array.from({ length: n }, () => 1));
          const run = new Run();
          for (const subset of subsets) {
            run.take(pool.filter((_, i) => subset.includes(i)));
            for (const one of Object.values(run.ledger))
              expect(Math.abs(one.millionths)).toBeLessThanOrEqual(((n - 1) / 2) * ONE_LEAD + n);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("an adversary that always asks for the two with the most credit cannot pass the bound either", () => {
    const pool = reps(Array.from({ length: 8 }, () => 1));
    const run = new Run();
    for (let k = 0; k < 5_000; k++) {
      const byCredit = [...pool].sort(
        (a, b) => (run.ledger[b.repId]?.millionths ?? 0) - (run.ledger[a.repId]?.millionths ?? 0),
      );
      run.take(byCredit.slice(k % 2, (k % 2) + 2));
      for (const one of Object.values(run.ledger))
        expect(Math.abs(one.millionths)).toBeLessThanOrEqual(3.5 * ONE_LEAD + 8);
    }
  });
});

test("promise 4: a rep who is back after 500 leads gets at most 3 in a row", () => {
  const pool = reps([1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
  for (const absent of pool) {
    const run = new Run();
    for (let k = 0; k < 137; k++) run.take(pool);
    for (let k = 0; k < 500; k++) run.take(pool.filter((one) => one !== absent));
    const back = run.won.length;
    for (let k = 0; k < 100; k++) run.take(pool);
    expect(longestRun(run.won.slice(back), absent.repId)).toBeLessThanOrEqual(3);
  }
});

test("promise 6: thirty single leads, two reps: 15 and 15", () => {
  const run = new Run();
  for (let k = 0; k < 30; k++) run.take(reps([1, 1]));
  expect(run.won.filter((id) => id === "rp_0")).toHaveLength(15);
  expect(run.won.filter((id) => id === "rp_1")).toHaveLength(15);
});

test("promise 10: a rejection with reversal restores the credits exactly", () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 0, max: 60 }), (given, before) => {
      const run = new Run();
      for (let k = 0; k < before; k++) run.take(reps(given));
      const credits = Object.fromEntries(
        reps(given).map(({ repId }) => [repId, run.ledger[repId]?.millionths ?? 0]),
      );
      run.take(reps(given));
      run.note(reversed(run.entries.at(-1)!.deltas), null);
      expect(
        Object.fromEntries(Object.entries(run.ledger).map(([id, one]) => [id, one.millionths])),
      ).toEqual(credits);
    }),
  );
});

describe("promise 11: weights and members change mid-stream", () => {
  const changes = fc.array(
    fc.record({
      picks: fc.integer({ min: 1, max: 40 }),
      pool: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 10, maxLength: 10 }),
    }),
    { minLength: 1, maxLength: 8 },
  );

  test("credits sum to 0, and nobody is 1.5 leads from what is due to them, before and after", () => {
    fc.assert(
      fc.property(changes, (phases) => {
        const run = new Run();
        for (const phase of phases) {
          const pool = reps(phase.pool).filter((one) => one.weight > 0);
          run.members(pool);
          for (let k = 0; k < phase.picks; k++) {
            run.take(pool);
            expect(sum(run.ledger)).toBe(0);
            // A credit is exactly entitlement minus leads received, so this is the distance of
            // every prefix.
            expect(
              Math.max(...Object.values(run.ledger).map((one) => Math.abs(one.millionths))),
            ).toBeLessThan(1.5 * ONE_LEAD);
          }
        }
        expect(replay(run.entries)).toEqual(run.ledger);
      }),
      { numRuns: 150 },
    );
  });

  test("a joiner starts at 0 and is not flooded", () => {
    const run = new Run();
    for (let k = 0; k < 1_000; k++) run.take(reps([1, 1, 1]));
    for (let k = 0; k < 8; k++) run.take(reps([1, 1, 1, 1]));
    expect(run.won.slice(-8).filter((id) => id === "rp_3")).toHaveLength(2);
  });

  test("a leaver's credit goes to the rest, to the last millionth", () => {
    const before: CreditLedger = {
      rp_0: { millionths: -700_001, lastPick: 3 },
      rp_1: { millionths: 300_000, lastPick: 2 },
      rp_2: { millionths: 400_001, lastPick: 1 },
    };
    const deltas = spreadLeavers(before, reps([0, 1, 2]).slice(1))!;
    expect(deltas).toEqual({ rp_0: 700_001, rp_1: -233_334, rp_2: -466_667 });
    expect(spreadLeavers(applyDeltas(before, deltas), reps([0, 1, 2]).slice(1))).toBeNull();
  });

  test("when everybody left, the credit waits for the first who comes", () => {
    const before: CreditLedger = {
      rp_0: { millionths: -5, lastPick: 1 },
      rp_1: { millionths: 5, lastPick: 0 },
    };
    expect(spreadLeavers(before, [])).toBeNull();
    expect(
      applyDeltas(before, spreadLeavers(before, [{ repId: "rp_9", weight: 0 }])!),
    ).toMatchObject({
      rp_0: { millionths: 0 },
      rp_1: { millionths: 0 },
      rp_9: { millionths: 0 },
    });
  });
});

test("ties go to whoever waited longest, then to the smaller id", () => {
  expect(
    pick(
      { rp_0: { millionths: 0, lastPick: 9 }, rp_1: { millionths: 0, lastPick: 4 } },
      reps([1, 1]),
    )?.winner,
  ).toBe("rp_1");
  expect(pick({}, [...reps([1, 1])].reverse())?.winner).toBe("rp_0");
});

function longestRun(won: readonly string[], id: string): number {
  let longest = 0;
  let now = 0;
  for (const one of won) longest = Math.max(longest, (now = one === id ? now + 1 : 0));
  return longest;
}
