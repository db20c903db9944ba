import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addBusinessTime,
  businessTimeBetween,
  NoOpenTime,
  subtractIntervals,
} from "../../../handoff/time/calendar.ts";
import type { Calendar, Instant } from "../../../handoff/time/calendar.ts";
import { clockLedger, foldClock } from "../../../handoff/clocks/clock.ts";
import type { ClockEvent } from "../../../handoff/clocks/clock.ts";
import { dueAt } from "../../../handoff/time/deadline.ts";
import type { Target } from "../../../handoff/time/deadline.ts";
import { MINUTE, anyWindow, calendarIn } from "../time/business-time/generated.ts";
import type { Window } from "../time/business-time/generated.ts";

const runs = { numRuns: 300 };

const target = fc.oneof(
  fc
    .integer({ min: 0, max: 3_000 })
    .map((minutes): Target => ({ kind: "business", ms: minutes * MINUTE })),
  fc
    .integer({ min: 0, max: 6_000 })
    .map((minutes): Target => ({ kind: "elapsed", ms: minutes * MINUTE })),
  fc.integer({ min: 1, max: 4 }).map((days): Target => ({ kind: "business-days", days })),
  fc.constant<Target>({ kind: "same-day" }),
);

const rule = fc.record({
  elapsedRoll: fc.oneof(
    fc.constant({ kind: "none" } as const),
    fc
      .integer({ min: 0, max: 90 })
      .map((m) => ({ kind: "next-open", graceMs: m * MINUTE }) as const),
  ),
  warnAt: fc.constantFrom([0.5, 0.8], [0.25], []),
});

/** Two calendars of one window and ordered instants to put events at. */
function scene(window: Window) {
  const calendar = calendarIn(window);
  const moments = fc
    .array(fc.integer({ min: window.from, max: window.to }), { minLength: 8, maxLength: 8 })
    .map((at) => at.sort((a, b) => a - b));
  return fc.record({ one: calendar, two: calendar, moments, target, rule });
}
const anyScene = anyWindow.chain(scene);

describe("pauses are holes in the open time (addWithPauses, usedWithPauses)", () => {
  test("deadline and used time equal those on the calendar without the pauses", () => {
    fc.assert(
      fc.property(
        anyScene,
        fc.nat(3_000),
        fc.boolean(),
        ({ one, moments: [start, p1, r1, p2, r2, asOf] }, minutes, ended) => {
          const ms = minutes * MINUTE;
          const pauses = [
            { from: p1!, to: r1! },
            { from: p2!, to: ended ? r2! : null },
          ];
          const events: ClockEvent[] = [
            { at: start!, kind: "start", target: { kind: "business", ms }, calendar: "one" },
            ...pauses.flatMap(({ from, to }): ClockEvent[] => [
              { at: from, kind: "pause", reason: "legal-review" },
              ...(to === null ? [] : [{ at: to, kind: "resume" } as const]),
            ]),
          ];
          const holes = subtractIntervals(one, pauses);
          const seen = foldClock(
            events,
            () => one,
            { elapsedRoll: { kind: "none" }, warnAt: [] },
            asOf!,
          );
          expect(seen.usedMs).toBe(businessTimeBetween(holes, start!, asOf!));
          expect(seen.dueAt).toBe(orNull(() => addBusinessTime(holes, start!, ms)));
          expect(seen.late).toBe(seen.usedMs > ms);
        },
      ),
      runs,
    );
  });
});

describe("changed hours keep used time (addWithCalendarChange)", () => {
  test.each(["calendar-changed", "reassign"] as const)("%s", (kind) => {
    fc.assert(
      fc.property(
        anyScene,
        fc.nat(3_000),
        ({ one, two, moments: [start, change, asOf] }, minutes) => {
          const ms = minutes * MINUTE;
          const events: ClockEvent[] = [
            { at: start!, kind: "start", target: { kind: "business", ms }, calendar: "one" },
            kind === "reassign"
              ? { at: change!, kind, calendar: "two", restart: false }
              : { at: change!, kind, calendar: "two" },
          ];
          const used = businessTimeBetween(one, start!, change!);
          const kept = used >= ms ? orNull(() => addBusinessTime(one, start!, ms)) : null;
          // A target of no time whose old hours never came has no deadline to keep; it gets one
          // from the new hours.
          const expected =
            kept ?? orNull(() => addBusinessTime(two, change!, Math.max(0, ms - used)));
          const seen = foldClock(
            events,
            (key) => (key === "one" ? one : two),
            { elapsedRoll: { kind: "none" }, warnAt: [] },
            asOf!,
          );
          expect(seen.dueAt).toBe(expected);
          expect(seen.usedMs).toBe(used + businessTimeBetween(two, change!, asOf!));
        },
      ),
      runs,
    );
  });
});

describe("for every kind of target", () => {
  test("undisturbed, the clock's deadline is the target's, whenever one looks", () => {
    fc.assert(
      fc.property(anyScene, ({ one, moments: [start, ...looks], target, rule }) => {
        const events: ClockEvent[] = [{ at: start!, kind: "start", target, calendar: "one" }];
        const due = orNull(() => dueAt(target, start!, one, rule));
        for (const asOf of looks) {
          const seen = foldClock(events, () => one, rule, asOf);
          expect(seen.dueAt).toBe(due);
          expect(seen.unreachable === null).toBe(due !== null);
          if (due !== null && seen.late) expect(asOf).toBeGreaterThan(due);
          if (due !== null && asOf <= due) expect(seen.late).toBe(false);
          if (due !== null && asOf < due && target.kind !== "elapsed")
            expect(seen.leftMs).toBe(businessTimeBetween(one, asOf, due));
        }
      }),
      runs,
    );
  });

  test("warnings come in order of their share, before the deadline, and the same whenever one looks", () => {
    fc.assert(
      fc.property(anyScene, ({ one, moments: [start, ...looks], target, rule }) => {
        const events: ClockEvent[] = [{ at: start!, kind: "start", target, calendar: "one" }];
        const fired: Instant[] = [];
        let next = foldClock(events, () => one, rule, start!).nextWarnAt;
        while (next !== null && fired.length < 5) {
          fired.push(next);
          next = next > one.to ? null : foldClock(events, () => one, rule, next).nextWarnAt;
        }
        const atStart = foldClock(events, () => one, rule, start!).warnings.length;
        expect(fired.length + atStart).toBeLessThanOrEqual(rule.warnAt.length);
        const due = foldClock(events, () => one, rule, start!).dueAt;
        for (const at of fired) expect(at).toBeLessThan(due!);
        for (const asOf of looks) {
          const ahead = fired.filter((at) => at > asOf);
          expect(foldClock(events, () => one, rule, asOf).nextWarnAt).toBe(ahead[0] ?? null);
        }
        if (
          target.kind === "business" &&
          target.ms > 0 &&
          due !== null &&
          fired.length === rule.warnAt.length
        ) {
          expect(fired).toEqual(
            rule.warnAt.map((share) =>
              addBusinessTime(one, start!, Math.floor((target.ms / 1_000) * share) * 1_000),
            ),
          );
        }
      }),
      runs,
    );
  });

  /** Any legal history: pauses, reassignments and edits in any order, perhaps stopped. */
  const history = anyScene.chain((s) =>
    fc.record({
      scene: fc.constant(s),
      kinds: fc.array(
        fc.constantFrom(
          "pause",
          "resume",
          "reassign",
          "restart",
          "calendar-changed",
          "target-changed",
          "stop",
        ),
        { minLength: 6, maxLength: 6 },
      ),
      other: target,
    }),
  );

  test(
    "any history: totals agree with the ledger, looking twice is looking once, closed stays " +
      "closed",
    () => {
      fc.assert(
        fc.property(history, ({ scene: { one, two, moments, target, rule }, kinds, other }) => {
          const events = eventsOf(target, moments, kinds, other);
          const hours = (key: string): Calendar => (key === "one" ? one : two);
          for (const asOf of moments) {
            const seen = foldClock(events, hours, rule, asOf);
            const rows = clockLedger(events, hours, rule, asOf);
            let totalMs = 0;
            for (const row of rows)
              totalMs =
                row.kind === "counted" ? row.totalMs : row.kind === "restarted" ? 0 : totalMs;
            expect(totalMs).toBe(seen.usedMs);
            expect(rows.at(-1)).toEqual({
              kind: "verdict",
              at: seen.stoppedAt ?? asOf,
              zone: hours(seen.calendar).zone,
              view: seen,
            });
            expect(seen.usedMs).toBeGreaterThanOrEqual(0);
            expect(seen.leftMs).toBeGreaterThanOrEqual(0);
            expect(
              foldClock(
                events.filter((event) => event.at <= asOf),
                hours,
                rule,
                asOf,
              ),
            ).toEqual(seen);
            if (!seen.open) expect(foldClock(events, hours, rule, moments.at(-1)!)).toEqual(seen);
            if (seen.state === "met") expect(seen.late).toBe(false);
            if (seen.late && seen.dueAt !== null)
              expect(seen.stoppedAt ?? asOf).toBeGreaterThan(seen.dueAt);
            // A target of no time keeps the deadline of hours that changed, so used time on the new
            // ones says nothing.
            const isOne = !kinds.includes("target-changed");
            if (isOne && target.kind === "business" && target.ms > 0 && seen.unreachable === null)
              expect(seen.late).toBe(seen.usedMs > target.ms);
          }
        }),
        runs,
      );
    },
  );
});

function eventsOf(
  target: Target,
  moments: readonly Instant[],
  kinds: readonly string[],
  other: Target,
): ClockEvent[] {
  return [
    { at: moments[0]!, kind: "start", target, calendar: "one" },
    ...kinds.map((kind, i): ClockEvent => {
      const at = moments[i + 1]!;
      const calendar = i % 2 === 0 ? "two" : "one";
      if (kind === "pause") return { at, kind, reason: "legal-review" };
      if (kind === "reassign" || kind === "restart")
        return { at, kind: "reassign", calendar, restart: kind === "restart" };
      if (kind === "calendar-changed") return { at, kind, calendar };
      if (kind === "target-changed") return { at, kind, target: other, calendar };
      return { at, kind: kind === "stop" ? "stop" : "resume" };
    }),
  ];
}

function orNull(ask: () => number): number | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof NoOpenTime) return null;
    throw error;
  }
}
