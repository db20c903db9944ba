import fc from "fast-check";
import {
  addBusinessDays,
  addBusinessTime,
  businessTimeBetween,
  compile,
  formatLocal,
  isOpen,
  localDateOf,
  nextOpen,
} from "../../../../handoff/time/calendar.ts";
import { clockLedger, printClockLedger } from "../../../../handoff/clocks/clock.ts";
import { hoursIn, minuteIn, windows, yearsOf } from "./generated.ts";
import { compiledVectors, vectors } from "./vectors.ts";

/**
 * Run as a process of its own under different TZ settings: prints answers to many questions, the
 * worked cases among them, with the zone the process believes to be in.
 */
function answers(): unknown[] {
  const given: unknown[] = [];
  const calendars = compiledVectors();
  for (const { calendar, start, business_seconds } of vectors.deadline_cases) {
    const c = calendars[calendar]!;
    const at = Date.parse(start);
    const due = addBusinessTime(c, at, business_seconds * 1_000);
    const events = [
      { at, kind: "start", target: { kind: "business", ms: business_seconds * 1_000 }, calendar },
    ] as const;
    given.push(due, formatLocal(c.zone, due), localDateOf(c.zone, due));
    given.push(
      printClockLedger(
        clockLedger(events, () => c, { elapsedRoll: { kind: "none" }, warnAt: [0.5, 0.8] }, due),
      ),
    );
  }
  for (const { calendar, start, end } of vectors.elapsed_cases) {
    given.push(businessTimeBetween(calendars[calendar]!, Date.parse(start), Date.parse(end)));
  }
  for (const window of windows) {
    for (const [def, a, b] of fc.sample(
      fc.tuple(hoursIn(window), minuteIn(window), minuteIn(window)),
      { numRuns: 20, seed: 7 },
    )) {
      const c = compile(def, yearsOf(window));
      given.push(isOpen(c, a), nextOpen(c, a), businessTimeBetween(c, a, b));
      given.push(
        orSaid(() => addBusinessTime(c, a, 3_600_000)),
        orSaid(() => addBusinessDays(c, b, 1)),
      );
    }
  }
  return given;
}

function orSaid(ask: () => number): number | string {
  try {
    return ask();
  } catch (error) {
    return String(error);
  }
}

process.stdout.write(
  JSON.stringify({ zone: Intl.DateTimeFormat().resolvedOptions().timeZone, answers: answers() }),
);
