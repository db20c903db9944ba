import fc from "fast-check";
import { expect, test } from "vitest";
import { foldClock, type ClockEvent } from "../../../handoff/clocks/clock.ts";
import { compileApplied } from "../../../handoff/time/applied-calendar.ts";
import { SlowOracle } from "../../support/slow-oracle.ts";

const minute = 60_000;
const day = 86_400_000;
const from = Date.parse("2026-11-02T00:00:00Z");
const week = (hours: string[]) => ({ mon: hours, tue: hours, wed: hours, thu: hours, fri: hours });
const definitions = {
  newYork: { zone: "America/New_York", week: week(["09:00-17:00"]) },
  berlin: { zone: "Europe/Berlin", week: week(["08:00-12:00", "13:00-18:00"]) },
  late: { zone: "America/New_York", week: week(["12:00-20:00"]) },
};
const applied = Object.fromEntries(
  Object.entries(definitions).map(([id, hours]) => [
    id,
    { hours, minus: [], from: "rep" as const },
  ]),
);
const compiled = new Map(
  Object.entries(applied).map(([id, one]) => [id, compileApplied(one, from)]),
);
const oracle = new SlowOracle({ from: from - 7 * day, to: from + 42 * day });
const rule = { elapsedRoll: { kind: "next-open" as const, graceMs: 60 * minute }, warnAt: [] };

const calendar = fc.constantFrom(...Object.keys(definitions));
const target = fc.oneof(
  fc
    .integer({ min: 1, max: 1_200 })
    .map((minutes) => ({ kind: "business" as const, ms: minutes * minute })),
  fc
    .integer({ min: 1, max: 4_000 })
    .map((minutes) => ({ kind: "elapsed" as const, ms: minutes * minute })),
  fc.constant({ kind: "same-day" as const }),
);
type Happening = Exclude<ClockEvent["kind"], "start" | "stop" | "cancel">;
const happening = fc.record({
  after: fc.integer({ min: 1, max: 1_500 }),
  kind: fc.constantFrom<Happening>(
    "pause",
    "resume",
    "reassign",
    "calendar-changed",
    "target-changed",
    "target-changed",
  ),
  calendar,
  target,
});

/** Never re-judged is what was missed by then: no event changes the target of a clock that is late. */
test("clocks whose targets change under way are what walking minute by minute finds", () => {
  let [retargeted, late] = [0, 0];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10_000 }),
      calendar,
      target,
      fc.array(happening, { maxLength: 5 }),
      fc.integer({ min: 0, max: 4_000 }),
      (begin, first, asked, happenings, look) => {
        const start = from + begin * minute;
        let [at, isPaused] = [start, false];
        const events: ClockEvent[] = [{ at, kind: "start", target: asked, calendar: first }];
        const hours = (id: string) => compiled.get(id)!;
        for (const one of happenings) {
          const then = at + one.after * minute;
          if (foldClock(events, hours, rule, then).late) break;
          if ((one.kind === "pause") === isPaused && ["pause", "resume"].includes(one.kind))
            continue;
          // Other hours of a pause are not of this test.
          if (isPaused && (one.kind === "reassign" || one.kind === "calendar-changed")) continue;
          at = then;
          if (one.kind === "pause") events.push({ at, kind: one.kind, reason: "legal-review" });
          else if (one.kind === "resume") events.push({ at, kind: one.kind });
          else if (one.kind === "reassign")
            events.push({ at, kind: one.kind, calendar: one.calendar, restart: false });
          else if (one.kind === "calendar-changed")
            events.push({ at, kind: one.kind, calendar: one.calendar });
          else events.push({ at, kind: one.kind, calendar: one.calendar, target: one.target });
          if (one.kind === "pause") isPaused = true;
          if (one.kind === "resume") isPaused = false;
          if (one.kind === "target-changed") retargeted++;
        }
        const asOf = at + look * minute;
        const seen = foldClock(events, hours, rule, asOf);
        const { dueAt, lateAfter } = oracle.judge(events, applied, asOf, null);
        if (!isPaused) expect(seen.dueAt).toBe(dueAt);
        expect(seen.late).toBe(lateAfter !== null && asOf > lateAfter);
        if (seen.late) late++;
      },
    ),
    { numRuns: 400, endOnFailure: true },
  );
  expect(retargeted).toBeGreaterThan(100);
  expect(late).toBeGreaterThan(20);
});
