import { describe, expect, test } from "vitest";
import { businessTimeBetween, compile, formatLocal } from "../../../handoff/time/calendar.ts";
import type { Calendar } from "../../../handoff/time/calendar.ts";
import {
  ClockError,
  clockLedger,
  foldClock,
  printClockLedger,
} from "../../../handoff/clocks/clock.ts";
import type { ClockEvent, ClockRule, ClockView } from "../../../handoff/clocks/clock.ts";
import { parseTarget } from "../../../handoff/time/deadline.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const years = { from: 2026, to: 2027 };
const weekOf = (hours: string[]) => ({
  mon: hours,
  tue: hours,
  wed: hours,
  thu: hours,
  fri: hours,
});
const calendars: Record<string, Calendar> = {
  hq: compile(
    {
      zone: "America/New_York",
      week: weekOf(["09:00-17:00"]),
      exceptions: { "2026-11-26": [], "2026-11-27": ["09:00-13:00"] },
    },
    years,
  ),
  late: compile({ zone: "America/New_York", week: weekOf(["12:00-20:00"]) }, years),
  berlin: compile({ zone: "Europe/Berlin", week: weekOf(["09:00-17:00"]) }, years),
  never: compile({ zone: "UTC", week: {} }, years),
};
const hours = (key: string) => calendars[key]!;
const ny = (wall: string) => Date.parse(`2026-11-${wall}:00-05:00`);
const local = (at: number | null) =>
  at === null ? null : formatLocal("America/New_York", at).slice(8, 16);
const plain: ClockRule = { elapsedRoll: { kind: "none" }, warnAt: [0.5, 0.8] };
const rolling: ClockRule = {
  elapsedRoll: { kind: "next-open", graceMs: HOUR },
  warnAt: [0.5, 0.8],
};

function start(target: string, wall: string, calendar = "hq"): ClockEvent {
  const parsed = parseTarget(target);
  if ("error" in parsed) throw new Error(parsed.error);
  return { at: ny(wall), kind: "start", target: parsed, calendar };
}
const pause = (wall: string): ClockEvent => ({
  at: ny(wall),
  kind: "pause",
  reason: "legal-review",
});
const resume = (wall: string): ClockEvent => ({ at: ny(wall), kind: "resume" });
const stop = (wall: string): ClockEvent => ({ at: ny(wall), kind: "stop" });
const reassign = (wall: string, calendar: string): ClockEvent => ({
  at: ny(wall),
  kind: "reassign",
  calendar,
  restart: false,
});

function view(events: ClockEvent[], asOf: string, rule: ClockRule = plain): ClockView {
  return foldClock(events, hours, rule, ny(asOf));
}

describe("a clock of one business hour, started Friday 16:30", () => {
  const friday = start("1 business hour", "20T16:30");

  test.each([
    ["20T16:30", "running", 0, 60],
    ["20T16:45", "running", 15, 45],
    ["20T17:00", "outside-hours", 30, 30],
    ["21T12:00", "outside-hours", 30, 30],
    ["23T09:00", "running", 30, 30],
    ["23T09:30", "running", 60, 0],
  ])("at %s it is %s with %i minutes used and %i left", (asOf, state, used, left) => {
    const seen = view([friday], asOf);
    expect(seen).toMatchObject({
      state,
      usedMs: used * MINUTE,
      leftMs: left * MINUTE,
      late: false,
      open: true,
    });
    expect(local(seen.dueAt)).toBe("23 09:30");
  });

  test("it is not late before Monday 09:30, nor at 09:30, but a millisecond after", () => {
    const at = (ms: number) => foldClock([friday], hours, plain, ny("23T09:30") + ms);
    expect([at(-1).late, at(0).late, at(1).late]).toEqual([false, false, true]);
    expect(at(1)).toMatchObject({
      state: "breached",
      open: true,
      leftMs: 0,
      usedMs: HOUR + 1,
      stoppedAt: null,
    });
  });

  test("stopped at the deadline it is met; later, breached; and it says so for ever", () => {
    expect(view([friday, stop("23T09:30")], "30T10:00")).toMatchObject({
      state: "met",
      open: false,
      stoppedAt: ny("23T09:30"),
      usedMs: HOUR,
    });
    expect(view([friday, stop("23T09:31")], "30T10:00")).toMatchObject({
      state: "breached",
      open: false,
      usedMs: 61 * MINUTE,
    });
  });

  test("cancelled it is neither, even when it was late", () => {
    expect(view([friday, { at: ny("23T12:00"), kind: "cancel" }], "30T10:00")).toMatchObject({
      state: "cancelled",
      open: false,
      stoppedAt: ny("23T12:00"),
    });
  });

  test("warnings come at half and four fifths of the open time", () => {
    expect(local(view([friday], "20T16:30").nextWarnAt)).toBe("20 17:00");
    expect(local(view([friday], "20T17:00").nextWarnAt)).toBe("23 09:18");
    expect(view([friday], "23T09:18")).toMatchObject({
      nextWarnAt: null,
      warnings: [
        { fraction: 0.5, at: ny("20T17:00") },
        { fraction: 0.8, at: ny("23T09:18") },
      ],
    });
  });
});

describe("late means later by some open time", () => {
  test("due Friday 17:00, a pick-up on Monday at 09:00 sharp is on time, a minute later it is not", () => {
    const due = start("1 business hour", "20T16:00");
    expect(view([due, stop("23T09:00")], "23T12:00")).toMatchObject({
      state: "met",
      dueAt: ny("20T17:00"),
      lateAfter: ny("23T09:00"),
    });
    expect(view([due, stop("23T09:01")], "23T12:00")).toMatchObject({
      state: "breached",
      dueAt: ny("20T17:00"),
    });
    expect(view([due], "21T12:00")).toMatchObject({
      state: "outside-hours",
      late: false,
      leftMs: 0,
    });
  });

  test("the same for a business day that closed", () => {
    expect(view([start("1 business day", "19T10:00"), stop("23T09:00")], "24T09:00").state).toBe(
      "met",
    );
    expect(view([start("1 business day", "19T10:00"), stop("23T09:01")], "24T09:00").state).toBe(
      "breached",
    );
  });

  test("an elapsed target that never rolls is late by the wall clock, at night too", () => {
    const elapsed = start("24 hours", "20T16:50");
    expect(view([elapsed], "21T16:50").late).toBe(false);
    expect(view([elapsed], "21T16:51")).toMatchObject({ state: "breached", dueAt: ny("21T16:50") });
    expect(view([elapsed], "21T03:00").state).toBe("running");
  });
});

describe("pauses", () => {
  const begun = start("4 business hours", "23T10:00");

  test("while paused there is no deadline and nothing is used", () => {
    expect(view([begun, pause("23T12:00")], "24T16:00")).toMatchObject({
      state: "paused",
      dueAt: null,
      nextWarnAt: null,
      late: false,
      lateAfter: null,
      usedMs: 2 * HOUR,
      leftMs: 2 * HOUR,
      pauseReason: "legal-review",
    });
  });

  test("after the resume the rest runs", () => {
    const seen = view([begun, pause("23T12:00"), resume("24T16:00")], "24T16:30");
    expect(seen).toMatchObject({ state: "running", usedMs: 2.5 * HOUR, pauseReason: null });
    expect(local(seen.dueAt)).toBe("25 10:00");
  });

  test("a pause outside hours costs nothing", () => {
    expect(
      local(
        view(
          [start("4 business hours", "20T16:00"), pause("20T18:00"), resume("23T08:00")],
          "23T10:00",
        ).dueAt,
      ),
    ).toBe("23 12:00");
  });

  test("a deadline that came before the pause stays, and so does the lateness", () => {
    const seen = view([begun, pause("23T15:00")], "24T12:00");
    expect(seen).toMatchObject({
      state: "breached",
      dueAt: ny("23T14:00"),
      late: true,
      pauseReason: "legal-review",
    });
  });

  test("a deadline that comes with the pause is not missed by it", () => {
    expect(view([begun, pause("23T14:00")], "24T12:00")).toMatchObject({
      state: "paused",
      dueAt: ny("23T14:00"),
      late: false,
    });
    expect(view([begun, pause("23T14:00"), stop("24T12:00")], "24T12:00").state).toBe("met");
    expect(view([begun, pause("23T14:00"), resume("24T12:00")], "24T12:01").state).toBe("breached");
  });

  test("what was due before a pause is not late by an opening inside the pause", () => {
    const dueAtClose = start("7 business hours", "23T10:00");
    const begins = [dueAtClose, pause("24T08:30")];
    expect(view(begins, "24T12:00")).toMatchObject({ state: "paused", dueAt: ny("23T17:00") });
    const resumed = [...begins, resume("24T09:30")];
    expect(view(resumed, "24T09:30").late).toBe(false);
    expect(view(resumed, "24T09:31")).toMatchObject({
      state: "breached",
      lateAfter: ny("24T09:30"),
    });
    const given = [...resumed, reassign("24T09:30", "late")];
    expect(view(given, "24T12:00").late).toBe(false);
    expect(view(given, "24T12:01")).toMatchObject({ state: "breached", lateAfter: ny("24T12:00") });
  });

  test("a second pause and a resume without one change nothing", () => {
    const doubled = view(
      [
        begun,
        resume("23T11:00"),
        pause("23T12:00"),
        pause("23T13:00"),
        resume("24T16:00"),
        resume("24T16:10"),
      ],
      "24T16:30",
    );
    expect(doubled).toEqual(view([begun, pause("23T12:00"), resume("24T16:00")], "24T16:30"));
    const again: ClockEvent = { at: ny("23T13:00"), kind: "pause", reason: "lead-asked-to-wait" };
    expect(view([begun, pause("23T12:00"), again], "23T14:00").pauseReason).toBe("legal-review");
  });

  test("elapsed time moves on by the pause", () => {
    expect(
      local(
        view([start("24 hours", "23T10:00"), pause("23T12:00"), resume("24T15:00")], "24T15:00")
          .dueAt,
      ),
    ).toBe("25 13:00");
  });

  test("an elapsed target that ran out on Saturday keeps what is left of its grace", () => {
    const rolled = [start("24 hours", "20T16:50"), pause("23T09:20"), resume("24T09:00")];
    expect(local(foldClock(rolled.slice(0, 1), hours, rolling, ny("20T17:00")).dueAt)).toBe(
      "23 10:00",
    );
    expect(local(foldClock(rolled, hours, rolling, ny("24T09:00")).dueAt)).toBe("24 09:40");
  });

  test("business days go on by the open time that was left before a pause over closing", () => {
    const five = start("5 business days", "16T10:00");
    expect(local(view([five], "16T10:00").dueAt)).toBe("23 17:00");
    // Fourteen open hours of pause.
    expect(local(view([five, pause("18T12:00"), resume("20T10:00")], "20T10:00").dueAt)).toBe(
      "25 15:00",
    );
    // One open minute of pause costs one open minute.
    expect(local(view([five, pause("18T16:59"), resume("19T09:00")], "19T09:00").dueAt)).toBe(
      "24 09:01",
    );
    // As does each of several, and none at all where nothing was open.
    const often = [
      five,
      pause("18T16:59"),
      resume("19T09:00"),
      pause("19T16:59"),
      resume("20T09:00"),
    ];
    expect(local(view(often, "20T09:00").dueAt)).toBe("24 09:02");
    expect(local(view([five, pause("18T17:00"), resume("19T08:00")], "19T08:00").dueAt)).toBe(
      "23 17:00",
    );
    // Within one date no date is suspended.
    expect(local(view([five, pause("18T12:00"), resume("18T15:00")], "18T15:00").dueAt)).toBe(
      "23 17:00",
    );
  });

  test("same day, paused over the night, leaves what was left of the day", () => {
    const status = start("same day", "23T10:00");
    const rule = { ...plain, outreachDueAt: ny("23T11:00") };
    expect(local(view([status], "23T10:00", rule).dueAt)).toBe("23 17:00");
    expect(
      local(view([status, pause("23T16:00"), resume("24T09:30")], "24T10:00", rule).dueAt),
    ).toBe("24 10:30");
  });

  test("warnings go on after a pause, by what is used and left in all", () => {
    const five = start("5 business days", "16T10:00");
    const before = view([five], "16T10:00");
    const seen = view([five, pause("18T12:00"), resume("20T10:00")], "20T10:00");
    expect(seen.usedMs + seen.leftMs).toBe(before.usedMs + before.leftMs);
    const paused = 14 * HOUR;
    const warned = businessTimeBetween(hours("hq"), before.nextWarnAt!, seen.nextWarnAt!);
    expect(warned).toBe(paused);
  });
});

describe("reassignment and new hours", () => {
  const begun = start("4 business hours", "23T10:00");
  const to = (wall: string, restart: boolean, calendar = "late"): ClockEvent => ({
    at: ny(wall),
    kind: "reassign",
    calendar,
    restart,
  });

  test("the lead clock keeps its used time and runs the rest on the new rep's hours", () => {
    const seen = view([begun, to("23T12:00", false)], "23T12:30");
    expect(seen).toMatchObject({ usedMs: 2.5 * HOUR, startedAt: ny("23T10:00"), calendar: "late" });
    expect(local(seen.dueAt)).toBe("23 14:00");
    expect(
      local(view([start("8 business hours", "23T10:00"), to("23T16:00", false)], "23T16:00").dueAt),
    ).toBe("23 18:00");
  });

  test("the rep clock begins again, warnings included", () => {
    const seen = view([begun, to("23T16:00", true)], "23T16:00");
    expect(seen).toMatchObject({
      usedMs: 0,
      leftMs: 4 * HOUR,
      startedAt: ny("23T16:00"),
      warnings: [],
      late: false,
      calendar: "late",
    });
    expect(local(seen.dueAt)).toBe("23 20:00");
    expect(local(seen.nextWarnAt)).toBe("23 18:00");
  });

  test("a breach does not follow the lead to the next rep", () => {
    expect(view([begun, to("24T12:30", true)], "24T13:00")).toMatchObject({
      state: "running",
      late: false,
    });
    expect(view([begun, to("24T12:30", false)], "24T13:00")).toMatchObject({
      state: "breached",
      late: true,
      dueAt: ny("23T14:00"),
    });
  });

  test("a calendar edit keeps used time; a deadline already reached is not moved", () => {
    const edit = (wall: string): ClockEvent => ({
      at: ny(wall),
      kind: "calendar-changed",
      calendar: "late",
    });
    expect(
      local(view([start("8 business hours", "23T10:00"), edit("23T13:00")], "23T13:00").dueAt),
    ).toBe("23 18:00");
    expect(local(view([begun, edit("23T14:00")], "23T14:00").dueAt)).toBe("23 14:00");
    expect(
      local(view([start("0 business minutes", "21T12:00"), edit("21T13:00")], "21T14:00").dueAt),
    ).toBe("23 09:00");
  });

  test("a calendar edit during a pause counts from the resume", () => {
    const events: ClockEvent[] = [
      begun,
      pause("23T12:00"),
      { at: ny("24T10:00"), kind: "calendar-changed", calendar: "late" },
      resume("24T11:00"),
    ];
    expect(local(view(events, "24T11:00").dueAt)).toBe("24 14:00");
  });

  test("business dates left continue on the new calendar", () => {
    const events: ClockEvent[] = [
      start("3 business days", "24T10:00"),
      { at: ny("25T10:00"), kind: "calendar-changed", calendar: "late" },
    ];
    // HQ: 25th, 27th, 30th. The other team works on Thanksgiving: two more dates after the 25th.
    expect(local(view(events.slice(0, 1), "25T10:00").dueAt)).toBe("30 17:00");
    expect(local(view(events, "25T10:00").dueAt)).toBe("27 20:00");
  });

  test("a closed clock is never rewritten", () => {
    const closed = [begun, stop("23T12:00")];
    const after: ClockEvent[] = [
      ...closed,
      { at: ny("24T10:00"), kind: "calendar-changed", calendar: "never" },
      to("25T10:00", true),
      stop("25T11:00"),
    ];
    expect(view(after, "30T10:00")).toEqual(view(closed, "23T12:00"));
  });
});

describe("warnings of the other kinds", () => {
  test("elapsed warnings outside hours move to the next opening when deadlines roll, else stay", () => {
    const friday = start("24 hours", "20T16:50");
    expect(local(view([friday], "20T16:50", rolling).nextWarnAt)).toBe("23 09:00");
    expect(local(view([friday], "22T12:00", rolling).nextWarnAt)).toBe("23 09:00");
    expect(local(view([friday], "20T16:50").nextWarnAt)).toBe("21 04:50");
  });

  test("business days warn by open time from start to deadline", () => {
    const seen = view([start("1 business day", "23T09:00")], "23T09:00");
    // 16 open hours in all: half is Monday's close.
    expect(local(seen.nextWarnAt)).toBe("23 17:00");
    expect(seen.leftMs).toBe(16 * HOUR);
  });

  test("a pause does not give a warning twice", () => {
    const events = [start("4 business hours", "23T10:00"), pause("23T12:30"), resume("24T10:00")];
    const seen = view(events, "24T10:00");
    expect(seen.warnings).toEqual([{ fraction: 0.5, at: ny("23T12:00") }]);
    expect(local(seen.nextWarnAt)).toBe("24 10:42");
  });
});

describe("what cannot be", () => {
  test("hours that never come give a sentence instead of a deadline", () => {
    for (const target of ["1 business hour", "1 business day", "same day"]) {
      const seen = view([start(target, "23T10:00", "never")], "24T10:00");
      expect(seen).toMatchObject({
        state: "outside-hours",
        dueAt: null,
        late: false,
        nextWarnAt: null,
      });
      expect(seen.unreachable).toMatch(/never opens/);
    }
  });

  test("moved to hours that exist, it has a deadline again", () => {
    const events: ClockEvent[] = [
      start("1 business day", "23T10:00", "never"),
      { at: ny("24T10:00"), kind: "reassign", calendar: "hq", restart: false },
    ];
    expect(view(events, "24T10:00")).toMatchObject({ unreachable: null, dueAt: ny("25T17:00") });
    const none: ClockEvent[] = [
      start("0 business minutes", "23T10:00", "never"),
      { at: ny("24T08:00"), kind: "calendar-changed", calendar: "hq" },
    ];
    expect(view(none, "24T08:00")).toMatchObject({ unreachable: null, dueAt: ny("24T09:00") });
  });

  test.each<[string, ClockEvent[]]>([
    ["no events", []],
    ["no start", [stop("23T10:00")]],
    ["two starts", [start("1 business hour", "23T10:00"), start("1 business hour", "23T11:00")]],
    ["time running backwards", [start("1 business hour", "23T10:00"), stop("23T09:00")]],
  ])("%s is no history of a clock", (_, events) => {
    expect(() => view(events, "24T10:00")).toThrow(ClockError);
  });

  test("looking before the start is refused, and later events have not happened yet", () => {
    const events = [start("1 business hour", "23T10:00"), stop("23T10:30")];
    expect(() => view(events, "23T09:00")).toThrow(ClockError);
    expect(view(events, "23T10:15")).toMatchObject({
      state: "running",
      open: true,
      usedMs: 15 * MINUTE,
    });
  });
});

describe("the ledger a rep can check by hand", () => {
  const events: ClockEvent[] = [
    start("20 business hours", "24T16:00"),
    pause("25T10:00"),
    resume("25T12:00"),
    { at: ny("27T12:00"), kind: "reassign", calendar: "berlin", restart: false },
    stop("30T10:00"),
  ];

  test("prints hours, exceptions, pauses, counted intervals and the running total", () => {
    expect(printClockLedger(clockLedger(events, hours, plain, ny("30T12:00")))).toBe(
      [
        "hours hq, from 2026-11-24 16:00 America/New_York",
        "  on 2026-11-26 instead: closed",
        "  on 2026-11-27 instead: 09:00-13:00",
        "  2026-11-24 16:00 to 2026-11-24 17:00  1:00:00  total 1:00:00",
        "  2026-11-25 09:00 to 2026-11-25 10:00  1:00:00  total 2:00:00",
        "  2026-11-25 10:00 to 2026-11-25 12:00  paused: legal-review",
        "  2026-11-25 12:00 to 2026-11-25 17:00  5:00:00  total 7:00:00",
        "  2026-11-27 09:00 to 2026-11-27 12:00  3:00:00  total 10:00:00",
        "hours berlin, from 2026-11-27 18:00 Europe/Berlin",
        "  2026-11-30 09:00 to 2026-11-30 16:00  7:00:00  total 17:00:00",
        "met at 2026-11-30 16:00 Europe/Berlin: 20 business hours, used 17:00:00, left " +
          "3:00:00, due 2026-12-01 11:00 Europe/Berlin",
      ].join("\n"),
    );
  });

  test("a restart begins the total again", () => {
    const rows = clockLedger(
      [
        start("4 business hours", "23T10:00"),
        { at: ny("23T12:00"), kind: "reassign", calendar: "hq", restart: true },
      ],
      hours,
      plain,
      ny("23T12:30"),
    );
    expect(rows.map((row) => (row.kind === "counted" ? row.totalMs / MINUTE : row.kind))).toEqual([
      "hours",
      120,
      "restarted",
      30,
      "verdict",
    ]);
  });

  test("an elapsed target counts nights", () => {
    const rows = clockLedger(
      [start("24 hours", "20T16:50"), stop("21T10:50")],
      hours,
      plain,
      ny("24T12:00"),
    );
    expect(rows).toMatchObject([
      { kind: "hours" },
      { kind: "counted", ms: 18 * HOUR },
      { kind: "verdict", view: { state: "met" } },
    ]);
  });

  test("says so while there is no deadline", () => {
    expect(
      printClockLedger(
        clockLedger(
          [start("4 business hours", "23T10:00"), pause("23T10:00")],
          hours,
          plain,
          ny("23T12:00"),
        ),
      ),
    ).toContain("no deadline while paused");
  });
});
