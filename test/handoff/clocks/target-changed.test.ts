import { describe, expect, test } from "vitest";
import { foldClock, type ClockEvent, type ClockRule } from "../../../handoff/clocks/clock.ts";
import { retargeting, termsOf } from "../../../handoff/clocks/terms.ts";
import type { HandoffClock } from "../../../handoff/clocks/escalation.ts";
import { compile, formatLocal } from "../../../handoff/time/calendar.ts";
import { parseTarget, type Target } from "../../../handoff/time/deadline.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const HOUR = 3_600_000;
const week = (hours: string[]) => ({ mon: hours, tue: hours, wed: hours, thu: hours, fri: hours });
const zone = "America/New_York";
const definitions = {
  hq: { zone, week: week(["09:00-17:00"]) },
  late: { zone, week: week(["12:00-20:00"]) },
};
const compiled = {
  hq: compile(definitions.hq, { from: 2026, to: 2027 }),
  late: compile(definitions.late, { from: 2026, to: 2027 }),
};
const hours = (key: string) => compiled[key as keyof typeof compiled];
/** A time of November 2026, before Thanksgiving; the 16th is a Monday. */
const ny = (wall: string) => Date.parse(`2026-11-${wall}:00-05:00`);
const local = (at: number | null) => (at === null ? null : formatLocal(zone, at).slice(8, 16));
const rule: ClockRule = { elapsedRoll: { kind: "none" }, warnAt: [0.5, 0.8] };

function targetOf(text: string): Target {
  const parsed = parseTarget(text);
  if ("error" in parsed) throw new Error(parsed.error);
  return parsed;
}
const start = (text: string, wall: string): ClockEvent => ({
  at: ny(wall),
  kind: "start",
  target: targetOf(text),
  calendar: "hq",
});
const changed = (text: string, wall: string, calendar = "hq"): ClockEvent => ({
  at: ny(wall),
  kind: "target-changed",
  target: targetOf(text),
  calendar,
});
const view = (events: readonly ClockEvent[], wall: string) =>
  foldClock(events, hours, rule, ny(wall));

describe("another version's target on a clock that runs", () => {
  const begun = start("4 business hours", "16T10:00");

  test("used time stays used, whichever way the target goes", () => {
    expect(view([begun, changed("8 business hours", "16T12:00")], "16T12:00")).toMatchObject({
      usedMs: 2 * HOUR,
      leftMs: 6 * HOUR,
      dueAt: ny("17T10:00"),
      startedAt: ny("16T10:00"),
    });
    expect(view([begun, changed("3 business hours", "16T12:00")], "16T12:00")).toMatchObject({
      leftMs: HOUR,
      dueAt: ny("16T13:00"),
    });
  });

  test("a target that would be used up already is due now, and late only after it", () => {
    const events = [begun, changed("1 business hour", "16T12:00")];
    expect(view(events, "16T12:00")).toMatchObject({ dueAt: ny("16T12:00"), late: false });
    expect(view(events, "16T12:01")).toMatchObject({ dueAt: ny("16T12:00"), late: true });
    // At night the next opening is the last moment, as for every deadline at a close.
    const night = [start("8 business hours", "16T10:00"), changed("1 business hour", "16T22:00")];
    expect(view(night, "17T09:00").late).toBe(false);
    expect(view(night, "17T09:01").late).toBe(true);
  });

  test.each([
    ["24 hours", "17 10:00", 2 * HOUR],
    ["2 business days", "18 17:00", 2 * HOUR],
    ["same day", "16 17:00", 2 * HOUR],
  ])("counts from the start in the measure of %s", (text, due, used) => {
    const seen = view([begun, changed(text, "16T12:00")], "16T12:00");
    expect([local(seen.dueAt), seen.usedMs]).toEqual([due, used]);
  });

  test("elapsed nights are no business hours, and the other way round", () => {
    const elapsed = start("24 hours", "16T16:00");
    // One hour of the sixteen that passed was open.
    expect(view([elapsed, changed("4 business hours", "17T08:00")], "17T08:00")).toMatchObject({
      usedMs: HOUR,
      dueAt: ny("17T12:00"),
    });
    expect(
      view([start("8 business hours", "16T16:00"), changed("24 hours", "17T08:00")], "17T08:00"),
    ).toMatchObject({ usedMs: 16 * HOUR, dueAt: ny("17T16:00") });
  });

  test("pauses of before stay out, and a clock that is paused goes on when it is resumed", () => {
    const paused: ClockEvent[] = [
      begun,
      { at: ny("16T11:00"), kind: "pause", reason: "legal-review" },
    ];
    const back: ClockEvent = { at: ny("16T15:00"), kind: "resume" };
    expect(
      local(view([...paused, back, changed("2 business hours", "16T15:30")], "16T15:30").dueAt),
    ).toBe("16 16:00");
    const meanwhile = [...paused, changed("2 business hours", "16T13:00")];
    expect(view(meanwhile, "16T14:00")).toMatchObject({ state: "paused", dueAt: null });
    expect(local(view([...meanwhile, back], "16T15:00").dueAt)).toBe("16 16:00");
  });

  test("the rest runs on the hours of the version; a new owner has all of the new target", () => {
    expect(
      local(view([begun, changed("8 business hours", "16T12:00", "late")], "16T12:00").dueAt),
    ).toBe("16 18:00");
    const taken: ClockEvent = {
      at: ny("17T12:00"),
      kind: "reassign",
      calendar: "hq",
      restart: true,
    };
    expect(view([begun, changed("3 business hours", "16T12:00"), taken], "17T12:00")).toMatchObject(
      { usedMs: 0, dueAt: ny("17T15:00") },
    );
  });

  test("twice: the last one holds, as if the others had not been", () => {
    const twice = [
      begun,
      changed("1 business hour", "16T10:30"),
      changed("6 business hours", "16T12:00"),
    ];
    expect(view(twice, "16T12:00").dueAt).toBe(ny("16T16:00"));
  });
});

describe("whether a clock goes on by another version", () => {
  const agreement = exampleAgreement();
  const applied = { hq: { hours: definitions.hq, minus: [], from: "agreement" as const } };
  const input = (clock: HandoffClock, wall: string) => ({
    clocks: [clock],
    calendars: applied,
    now: ny(wall),
  });
  const clock = (events: readonly ClockEvent[], breached = false): HandoffClock => ({
    id: "ho_1/outreach/lead",
    kind: "outreach",
    scope: "lead",
    events,
    warned: 0,
    rung: 0,
    breached,
  });
  const ask = (one: HandoffClock, text: string, wall: string) =>
    retargeting(agreement, input(one, wall), one, { target: targetOf(text), calendar: "hq" });

  test("only while it runs in time, and only where something is other than before", () => {
    const running = clock([start("4 business hours", "16T10:00")]);
    expect(ask(running, "8 business hours", "16T12:00")).toEqual(
      changed("8 business hours", "16T12:00"),
    );
    expect(ask(running, "4 business hours", "16T12:00")).toBeNull();
    // Missed at 14:00: a looser rule of later does not make it good.
    expect(ask(running, "8 business hours", "16T14:30")).toBeNull();
    expect(ask({ ...running, breached: true }, "8 business hours", "16T12:00")).toBeNull();
    const over = clock([...running.events, { at: ny("16T11:00"), kind: "stop" }]);
    expect(ask(over, "8 business hours", "16T12:00")).toBeNull();
  });

  test("by what the version asks of the lead type; a type that is gone asks nothing", () => {
    const terms = termsOf(agreement, "ag_2", { leadType: "demo-request" });
    expect(terms).toMatchObject({ agreementId: "ag_2", calendar: "assignee" });
    expect(terms?.outreach).toEqual(targetOf("1 business hour"));
    expect(termsOf(agreement, "ag_2", { leadType: "no-such-type" })).toBeNull();
  });
});
