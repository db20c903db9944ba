import { describe, expect, test } from "vitest";
import { explainHours, hoursLine } from "../../words/hours.ts";
import type { CalendarDef } from "../../handoff/time/calendar.ts";
import { exampleAgreement } from "../support/people-world.ts";
import { agreementOf } from "../../agreement/stored.ts";

const week: CalendarDef["week"] = Object.fromEntries(
  ["mon", "tue", "wed", "thu", "fri"].map((day) => [day, ["09:00-17:00"]]),
);
const newYork: CalendarDef = { zone: "America/New_York", week };
const berlin: CalendarDef = {
  zone: "Europe/Berlin",
  week: {
    mon: ["09:00-12:30", "13:30-18:00"],
    tue: ["09:00-12:30", "13:30-18:00"],
    sat: ["10:00-12:00"],
  },
  exceptions: { "2026-11-01": [], "2026-12-24": ["09:00-12:00"], "2026-12-25": [] },
};
const agreement = agreementOf(exampleAgreement);
const friday = Date.parse("2026-11-20T23:00:00Z");

describe("hours as a person reads them", () => {
  test("days with the same hours stand together, dates that are over are left out", () => {
    expect(hoursLine(newYork, friday)).toBe("mon-fri 09:00-17:00 (America/New_York)");
    expect(hoursLine(berlin, friday)).toBe(
      "mon-tue 09:00-12:30 and 13:30-18:00, sat 10:00-12:00 (Europe/Berlin); 2026-12-24 " +
        "09:00-12:00; 2026-12-25 closed",
    );
    expect(hoursLine({ zone: "UTC", week: {} }, friday)).toBe("never (UTC)");
  });

  test("on a Friday night it says until when clocks stand still, absences counted", () => {
    const rep = { id: "rp_one", hours: newYork, absences: [] };
    const pool = { id: "americas", hours: newYork };
    expect(explainHours({ agreement, rep, pool, now: friday })).toEqual([
      "Hours:",
      "  rp_one: mon-fri 09:00-17:00 (America/New_York)",
      "  pool americas: mon-fri 09:00-17:00 (America/New_York)",
      "  Now it is outside hours: clocks stand still until 2026-11-23 09:00 America/New_York.",
    ]);
    const monday = Date.parse("2026-11-23T05:00:00Z");
    const away = {
      ...rep,
      absences: [{ from: monday, to: monday + 24 * 3_600_000, reason: "vacation" }],
    };
    expect(explainHours({ agreement, rep: away, pool, now: friday }).slice(2)).toEqual([
      "  rp_one is away 2026-11-23 00:00 America/New_York to 2026-11-24 00:00 America/New_York",
      "  pool americas: mon-fri 09:00-17:00 (America/New_York)",
      "  Now it is outside hours: clocks stand still until 2026-11-24 09:00 America/New_York.",
    ]);
  });

  test("who has no hours works those of the pool, then those of the agreement", () => {
    const rep = { id: "rp_one", hours: null, absences: [] };
    const noon = Date.parse("2026-11-20T17:00:00Z");
    expect(explainHours({ agreement, rep, pool: { id: "p", hours: null }, now: noon })).toEqual([
      "Hours:",
      "  rp_one: those of the pool",
      "  pool p: those of the agreement",
      "  the agreement: mon-fri 09:00-17:00 (America/New_York); 2026-11-26 closed; 2026-11-27 " +
        "09:00-13:00",
      "  Now it is within hours: clocks run.",
    ]);
  });

  test("hours that never come are said", () => {
    const rep = { id: "rp_one", hours: { zone: "UTC", week: {} }, absences: [] };
    expect(explainHours({ agreement, rep, pool: null, now: friday }).at(-1)).toBe(
      "  Now it is outside hours, and no opening is known.",
    );
  });
});
