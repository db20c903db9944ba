import { describe, expect, test } from "vitest";
import type { Engagement } from "../../../handoff/facts/facts.ts";
import type { PoolExit } from "../../../handoff/answers/renurture.ts";
import { returns } from "../../../handoff/answers/renurture.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const entered = Date.UTC(2026, 8, 1, 12);
const day = 86_400_000;
const did = (type: string, daysAfter: number): Engagement => ({
  id: `${type}${daysAfter}`,
  type,
  occurredAt: entered + daysAfter * day,
});
const ask = (daysAfter: number, engagements: readonly Engagement[], exit: Partial<PoolExit> = {}) =>
  returns(agreement, {
    facts: {},
    engagements,
    now: entered + daysAfter * day,
    exit: { at: entered, intent: 0, ...exit },
  });

describe("a lead in the pool comes back", () => {
  test("for a high-depth signal since it entered, not for one before", () => {
    expect(ask(10, [did("demo_request", 3)])).toMatchObject({
      due: true,
      because: "new signal of high depth",
      at: "renurture.return[0].when",
    });
    expect(ask(10, [did("demo_request", -3)], { intent: 40 })).toMatchObject({
      due: false,
      nextAt: null,
    });
    expect(ask(10, [did("blog_view", 3)])).toMatchObject({ due: false });
  });

  test("not for a signal of the very moment it entered, which is what sent it there", () => {
    expect(ask(10, [did("demo_request", 0)], { intent: 40 }).due).toBe(false);
  });

  test("when intent has risen by 20 since", () => {
    const readers = [
      did("buyers_guide", 9),
      did("roi_calculator", 9.5),
      did("webinar_attended", 10),
    ];
    expect(ask(10, readers, { intent: 5 })).toMatchObject({
      due: true,
      at: "renurture.return[1].when",
    });
    expect(ask(10, readers, { intent: 12 }).due).toBe(false);
  });

  test("on its date, from midnight in the sellers' own zone", () => {
    const exit = { revisitOn: "2026-10-05" };
    const midnight = Date.UTC(2026, 9, 5, 4); // New York, summer time
    const waiting = ask(10, [], exit);
    expect(waiting).toMatchObject({ due: false, nextAt: midnight });
    const at = (now: number) =>
      returns(agreement, {
        facts: {},
        engagements: [],
        now,
        exit: { at: entered, intent: 0, ...exit },
      });
    expect(at(midnight - 1).due).toBe(false);
    expect(at(midnight)).toMatchObject({
      due: true,
      because: "it was to be revisited on 2026-10-05",
      at: "renurture.return[2].when",
    });
  });

  test("without a date and without news it waits for people", () => {
    const waiting = ask(400, []);
    expect(waiting).toMatchObject({ due: false, nextAt: null });
    expect(!waiting.due && waiting.trace.map((line) => line.result)).toEqual([
      false,
      false,
      "unknown",
    ]);
  });

  test("a date that is none is a missing date, not an error", () => {
    expect(ask(10, [], { revisitOn: "soon" })).toMatchObject({ due: false, nextAt: null });
  });

  test("when a bad signal fades, at the moment the score has risen enough", () => {
    const harsh = exampleAgreement([
      "  blog_view:        { points: 1,  depth: low,  halfLife: 7 days }",
      "  blog_view: { points: -30, depth: low, halfLife: 7 days }",
    ]);
    const known = {
      facts: {},
      engagements: [did("blog_view", -1)],
      now: entered,
      exit: { at: entered, intent: -28 },
    };
    const waiting = returns(harsh, known);
    if (waiting.due || waiting.nextAt === null) throw new Error("expected a moment to wait for");
    expect(returns(harsh, { ...known, now: waiting.nextAt - 1 }).due).toBe(false);
    expect(returns(harsh, { ...known, now: waiting.nextAt }).due).toBe(true);
  });
});
