import { describe, expect, test } from "vitest";
import {
  judgeClocks,
  type ClocksInput,
  type HandoffClock,
} from "../../../handoff/clocks/escalation.ts";
import type { ClockEvent } from "../../../handoff/clocks/clock.ts";
import { smallAgreement } from "../../support/small-agreement.ts";

const minute = 60_000;
const start = Date.parse("2026-11-23T10:00:00Z"); // a Monday, inside hours
const agreement = {
  ...smallAgreement,
  clocks: {
    ...smallAgreement.clocks,
    warnAt: [0.5, 0.8],
    escalate: [
      { afterMs: 0, do: "notify-manager" as const },
      { afterMs: 30 * minute, do: "reassign" as const },
    ],
  },
};
const calendars = {
  cal: {
    hours: { zone: "UTC", week: { mon: ["09:00-17:00"], tue: ["09:00-17:00"] } },
    minus: [],
    from: "agreement" as const,
  },
};

function clock(more: Partial<HandoffClock> = {}, events: ClockEvent[] = []): HandoffClock {
  return {
    id: "ho/outreach/rep/1",
    kind: "outreach",
    scope: "rep",
    warned: 0,
    rung: 0,
    breached: false,
    events: [
      { kind: "start", at: start, target: { kind: "business", ms: 60 * minute }, calendar: "cal" },
      ...events,
    ],
    ...more,
  };
}
function judged(at: number, state: Partial<HandoffClock> = {}, more: Partial<ClocksInput> = {}) {
  return judgeClocks(agreement, {
    clocks: [clock(state)],
    calendars,
    reassignments: 0,
    pausedUntil: null,
    now: start + at,
    ...more,
  });
}

describe("the rep's clock", () => {
  test("asks for nothing before the first warning, and names what comes next", () => {
    expect(judged(10 * minute)).toMatchObject({
      steps: [],
      next: { at: start + 30 * minute, what: "outreach warning" },
      dueAt: start + 60 * minute,
    });
  });
  test("warns once for each share; a late wake gives one warning, not a volley", () => {
    expect(judged(30 * minute).steps).toEqual([
      { do: "warn", clock: "ho/outreach/rep/1", n: 1, fraction: 0.5 },
    ]);
    expect(judged(50 * minute).steps).toEqual([
      { do: "warn", clock: "ho/outreach/rep/1", n: 2, fraction: 0.8 },
    ]);
    expect(judged(50 * minute, { warned: 2 }).steps).toEqual([]);
  });
  test("is not breached at the deadline itself, nor while an answer may still be on its way", () => {
    expect(judged(60 * minute, { warned: 2 })).toMatchObject({
      steps: [],
      next: { at: start + 60 * minute + 2_000 },
    });
    expect(judged(60 * minute + 2_000, { warned: 2 }).steps).toEqual([
      { do: "breach", clock: "ho/outreach/rep/1", at: start + 60 * minute },
      { do: "notify-manager", clock: "ho/outreach/rep/1", rung: 1 },
    ]);
  });
  test("climbs the ladder once per rung, in open time after the breach", () => {
    expect(judged(61 * minute, { warned: 2, rung: 1, breached: true })).toMatchObject({
      steps: [],
      next: { at: start + 90 * minute },
    });
    expect(judged(90 * minute, { warned: 2, rung: 1, breached: true }).steps).toEqual([
      { do: "reassign", clock: "ho/outreach/rep/1", rung: 2 },
    ]);
    expect(judged(90 * minute, { warned: 2, rung: 2, breached: true }).steps).toEqual([]);
  });
  test("goes to the manager's queue when the agreed reassignments are used up", () => {
    expect(
      judged(90 * minute, { warned: 2, rung: 1, breached: true }, { reassignments: 2 }).steps,
    ).toEqual([{ do: "manager-queue", clock: "ho/outreach/rep/1", rung: 2 }]);
  });
  test("a rung whose hours never come is taken after the same time elapsed", () => {
    const late = Date.parse("2026-11-24T16:59:00Z");
    const clocks = [
      {
        ...clock({ warned: 2, rung: 1, breached: true }),
        events: [
          {
            kind: "start" as const,
            at: late - 60 * minute,
            target: { kind: "business" as const, ms: 30 * minute },
            calendar: "gone",
          },
        ],
      },
    ];
    const gone = {
      gone: {
        hours: { zone: "UTC", week: { tue: ["09:00-17:00"] } },
        minus: [{ from: late, to: late + 5 * 366 * 86_400_000 }],
        from: "rep" as const,
      },
    };
    const answer = judgeClocks(agreement, {
      clocks,
      calendars: gone,
      reassignments: 0,
      pausedUntil: null,
      now: late + 31 * minute,
    });
    expect(answer.steps.map((step) => step.do)).toEqual(["reassign"]);
  });
});

test("the lead clock is judged for the record only", () => {
  const steps = judged(120 * minute, { scope: "lead", id: "ho/outreach/lead" }).steps;
  expect(steps).toEqual([{ do: "breach", clock: "ho/outreach/lead", at: start + 60 * minute }]);
});

describe("a pause", () => {
  const paused = [{ kind: "pause" as const, at: start + 10 * minute, reason: "legal-review" }];
  const input = {
    clocks: [clock({}, paused)],
    calendars,
    reassignments: 0,
    now: start + 3 * 60 * minute,
  };
  test("keeps every deadline away and wakes at its end", () => {
    expect(
      judgeClocks(agreement, { ...input, pausedUntil: start + 24 * 60 * minute }),
    ).toMatchObject({
      steps: [],
      dueAt: null,
      next: { at: start + 24 * 60 * minute, what: "pause ends" },
    });
  });
  test("that has reached its limit ends", () => {
    expect(judgeClocks(agreement, { ...input, pausedUntil: start + 60 * minute }).steps).toEqual([
      { do: "end-pause" },
    ]);
  });
});
