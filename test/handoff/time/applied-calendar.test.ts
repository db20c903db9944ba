import { describe, expect, test } from "vitest";
import {
  appliedCalendar,
  agreementHours,
  compileApplied,
} from "../../../handoff/time/applied-calendar.ts";
import {
  addBusinessTime,
  businessTimeBetween,
  isOpen,
  type CalendarDef,
} from "../../../handoff/time/calendar.ts";
import type { RepPool, Rep } from "../../../handoff/routing/roster.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const everyDay = (zone: string, hours: string): CalendarDef => ({
  zone,
  week: { mon: [hours], tue: [hours], wed: [hours], thu: [hours], fri: [hours] },
});
const rep = (other: Partial<Rep> = {}): Rep => ({
  id: "rp_1",
  active: true,
  managerId: null,
  hours: null,
  languages: [],
  products: [],
  motions: [],
  caps: {},
  absences: [],
  ...other,
});
const pool = (hours: CalendarDef | null): RepPool => ({ id: "dach-sdr", hours, members: {} });
const berlin = everyDay("Europe/Berlin", "08:00-18:00");
const early = everyDay("Europe/Berlin", "07:00-15:00");
const at = (text: string) => Date.parse(text);

describe("which calendar applies, and that it is written down", () => {
  test("assignee: the rep's hours inside the pool's coverage", () => {
    const applied = appliedCalendar(agreement, rep({ hours: early }), pool(berlin));
    expect(applied).toEqual({ hours: early, within: berlin, minus: [], from: "rep" });
    const open = compileApplied(applied, at("2026-11-18T12:00:00Z"));
    // 07:30: the rep is there, the pool is not covered
    expect(isOpen(open, at("2026-11-18T06:30:00Z"))).toBe(false);
    expect(isOpen(open, at("2026-11-18T07:00:00Z"))).toBe(true);
    expect(isOpen(open, at("2026-11-18T14:00:00Z"))).toBe(false); // 15:00
  });

  test("a rep without hours works the pool's, a pool without hours the agreement's", () => {
    expect(appliedCalendar(agreement, rep(), pool(berlin))).toEqual({
      hours: berlin,
      minus: [],
      from: "pool",
    });
    expect(appliedCalendar(agreement, rep(), pool(null))).toEqual({
      hours: agreement.calendars.hq,
      minus: [],
      from: "agreement",
    });
    expect(appliedCalendar(agreement, rep({ hours: early }), pool(null))).toEqual({
      hours: early,
      minus: [],
      from: "rep",
    });
    expect(appliedCalendar(agreement, null, null)).toMatchObject({ from: "agreement" });
  });

  test("absence does not count as the rep's time: four hours of work take four open hours", () => {
    const away = {
      from: at("2026-11-18T09:00:00Z"),
      to: at("2026-11-19T09:00:00Z"),
      reason: "training",
    };
    const applied = appliedCalendar(agreement, rep({ absences: [away] }), pool(berlin));
    expect(applied.minus).toEqual([{ from: away.from, to: away.to }]);
    const open = compileApplied(applied, at("2026-11-18T08:00:00Z"));
    expect(addBusinessTime(open, at("2026-11-18T08:00:00Z"), 4 * 3_600_000)).toBe(
      at("2026-11-19T12:00:00Z"),
    );
    expect(businessTimeBetween(open, away.from, away.to)).toBe(0);
  });

  test("pool: whoever has it, absent or not", () => {
    const byPool = { ...agreement, clocks: { ...agreement.clocks, calendar: "pool" } };
    const away = { from: 0, to: at("2030-01-01T00:00:00Z"), reason: "gone" };
    expect(appliedCalendar(byPool, rep({ hours: early, absences: [away] }), pool(berlin))).toEqual({
      hours: berlin,
      minus: [],
      from: "pool",
    });
  });

  test("a named calendar of the agreement, whatever rep and pool work", () => {
    const byName = {
      ...agreement,
      calendars: { ...agreement.calendars, berlin },
      clocks: { ...agreement.clocks, calendar: "berlin" },
    };
    expect(appliedCalendar(byName, rep({ hours: early }), pool(early))).toEqual({
      hours: berlin,
      minus: [],
      from: "agreement",
    });
  });

  test("an agreement without calendars is open round the clock", () => {
    const open = compileApplied(
      { hours: agreementHours({ ...agreement, calendars: {} }), minus: [], from: "agreement" },
      at("2026-11-22T03:00:00Z"),
    );
    expect(businessTimeBetween(open, at("2026-11-22T00:00:00Z"), at("2026-11-29T00:00:00Z"))).toBe(
      7 * 86_400_000,
    );
  });

  test("it reaches two years to either side of the moment asked about", () => {
    const open = compileApplied(appliedCalendar(agreement, null, null), at("2026-11-18T12:00:00Z"));
    expect([open.from, open.to]).toEqual([at("2024-01-01T00:00:00Z"), at("2029-01-01T00:00:00Z")]);
  });
});
