import { describe, expect, test } from "vitest";
import { repHours } from "../../../handoff/time/applied-calendar.ts";
import type { CalendarDef } from "../../../handoff/time/calendar.ts";
import { eligibility, ownerEligibility, type Needs } from "../../../handoff/routing/eligibility.ts";
import { localSpan, presenceAt } from "../../../handoff/routing/presence.ts";
import { away, hour, member, tomorrow, wednesdayMorning as now } from "../../support/members.ts";

const nothing: Needs = { language: null, product: null, motion: null, exclude: [] };
const noon = { now, dueAt: now + 2 * hour };

describe("the reason for being left out is said in the words of the decision record", () => {
  test.each([
    ["inactive", member("rp_1", { active: false }), nothing],
    ["weight 0", member("rp_1", { weight: 0 }), nothing],
    [
      "does not speak de",
      member("rp_1", { languages: ["en", "fr"] }),
      { ...nothing, language: "de" },
    ],
    [
      "does not sell sequencer",
      member("rp_1", { products: ["router"] }),
      { ...nothing, product: "sequencer" },
    ],
    [
      "does not work partner leads",
      member("rp_1", { motions: ["inbound"] }),
      { ...nothing, motion: "partner" },
    ],
    [
      "had this lead in round 1",
      member("rp_1"),
      { ...nothing, exclude: [{ repId: "rp_1", round: 1 }] },
    ],
    ["absent to 2026-12-02", member("rp_1", { presence: away }), nothing],
    [
      "outside hours until 2026-11-21 09:00",
      member("rp_1", {
        presence: { ...tomorrow, opensAt: Date.parse("2026-11-21T14:00:00Z"), dayEndsAt: null },
      }),
      nothing,
    ],
    [
      "has no open hours",
      member("rp_1", { presence: { ...tomorrow, opensAt: null, dayEndsAt: null } }),
      nothing,
    ],
    ["at capacity 0/0", member("rp_1", { caps: { open: 0 } }), nothing],
  ])("%s", (why, rep, needs) => {
    expect(eligibility(rep, needs, noon)).toEqual({ can: "never", why });
  });

  test("a rep who states no languages, products or motions is not limited in them", () => {
    expect(
      eligibility(
        member("rp_1"),
        { ...nothing, language: "de", product: "router", motion: "partner" },
        noon,
      ),
    ).toEqual({ can: "now" });
  });

  test("de-AT, de_CH and DE are all de", () => {
    for (const language of ["de-AT", "de_CH", "DE", " de "])
      expect(
        eligibility(member("rp_1", { languages: ["de-DE"] }), { ...nothing, language }, noon),
      ).toEqual({ can: "now" });
  });
});

describe("hours are waited for, a longer absence is not", () => {
  test("outside hours until 09:00: later, even when the lead is overdue by then", () => {
    const rep = member("rp_1", { presence: tomorrow });
    expect(eligibility(rep, nothing, noon)).toEqual({
      can: "later",
      at: now + 23 * hour,
      why: "outside hours until 09:00",
    });
  });

  test("an absence that ends before the lead is due, or within the working day, is waited for", () => {
    const dentist = {
      zone: "America/New_York",
      opensAt: now + hour,
      dayEndsAt: now + 7 * hour,
      absentTo: now + hour,
    };
    expect(eligibility(member("rp_1", { presence: dentist }), nothing, noon)).toMatchObject({
      can: "later",
      at: now + hour,
      why: "absent to 2026-11-18 11:00",
    });
    expect(
      eligibility(member("rp_1", { presence: away }), nothing, {
        now,
        dueAt: Date.parse("2026-12-03T00:00:00Z"),
      }),
    ).toMatchObject({ can: "later" });
  });
});

describe("room is waited for while the lead can still be on time", () => {
  const full = member("rp_1", { caps: { open: 20 }, load: { open: 20 } });
  test("open offers: nobody knows when one is worked, but not longer than until due", () => {
    expect(eligibility(full, nothing, noon)).toEqual({
      can: "later",
      at: null,
      why: "at capacity 20/20",
    });
    expect(eligibility(full, nothing, { now, dueAt: now })).toEqual({
      can: "never",
      why: "at capacity 20/20",
    });
  });

  test("one below the cap takes it, one at the cap does not", () => {
    expect(
      eligibility(member("rp_1", { caps: { open: 20 }, load: { open: 19 } }), nothing, noon),
    ).toEqual({ can: "now" });
    expect(
      eligibility(member("rp_1", { caps: { perHour: 2 }, load: { thisHour: 2 } }), nothing, noon),
    ).toEqual({ can: "later", at: now + hour, why: "at capacity 2/2 this hour" });
  });

  test("the day's cap opens at midnight, too late for a lead due at noon", () => {
    const rep = member("rp_1", { caps: { perDay: 5 }, load: { today: 5 } });
    expect(eligibility(rep, nothing, noon)).toEqual({ can: "never", why: "at capacity 5/5 today" });
    expect(eligibility(rep, nothing, { now, dueAt: now + 48 * hour })).toEqual({
      can: "later",
      at: now + 14 * hour,
      why: "at capacity 5/5 today",
    });
  });
});

describe("the account's owner", () => {
  test("keeps the account outside hours, for the clock runs on the owner's hours", () => {
    expect(ownerEligibility(member("rp_1", { presence: tomorrow }), nothing, noon)).toEqual({
      can: "now",
    });
  });
  test("does not get it while absent, full, inactive, or after having had it", () => {
    expect(ownerEligibility(member("rp_1", { presence: away }), nothing, noon)).toEqual({
      can: "never",
      why: "absent to 2026-12-02",
    });
    expect(
      ownerEligibility(
        member("rp_1", { presence: { ...away, opensAt: now + hour, absentTo: now + hour } }),
        nothing,
        noon,
      ),
    ).toMatchObject({ can: "never" });
    expect(
      ownerEligibility(member("rp_1", { caps: { open: 1 }, load: { open: 1 } }), nothing, noon),
    ).toEqual({ can: "never", why: "at capacity 1/1" });
    expect(ownerEligibility(member("rp_1", { active: false }), nothing, noon)).toEqual({
      can: "never",
      why: "inactive",
    });
    expect(
      ownerEligibility(
        member("rp_1"),
        { ...nothing, exclude: [{ repId: "rp_1", round: 2 }] },
        noon,
      ),
    ).toEqual({ can: "never", why: "had this lead in round 2" });
  });
});

describe("presence, from hours and absences", () => {
  const nine: CalendarDef = {
    zone: "America/New_York",
    week: {
      mon: ["09:00-17:00"],
      tue: ["09:00-17:00"],
      wed: ["09:00-17:00"],
      thu: ["09:00-17:00"],
      fri: ["09:00-17:00"],
    },
  };
  const at = (text: string) => Date.parse(text);
  const of = (absences: { from: number; to: number }[], moment = now) =>
    presenceAt(repHours({ hours: nine, absences }, null, nine), moment);

  test("at work, after hours, over the weekend", () => {
    expect(of([])).toEqual({
      zone: "America/New_York",
      opensAt: now,
      dayEndsAt: at("2026-11-18T22:00:00Z"),
      absentTo: null,
    });
    expect(of([], at("2026-11-18T22:00:00Z"))).toMatchObject({
      opensAt: at("2026-11-19T14:00:00Z"),
      dayEndsAt: at("2026-11-19T22:00:00Z"),
    });
    expect(of([], at("2026-11-20T22:30:00Z"))).toMatchObject({
      opensAt: at("2026-11-23T14:00:00Z"),
      absentTo: null,
    });
  });

  test("absences that touch or overlap count as one, in any order", () => {
    const first = { from: at("2026-11-18T05:00:00Z"), to: at("2026-11-19T05:00:00Z") };
    const second = { from: at("2026-11-19T05:00:00Z"), to: at("2026-11-20T15:00:00Z") };
    expect(of([second, first])).toMatchObject({
      opensAt: at("2026-11-20T15:00:00Z"),
      absentTo: at("2026-11-20T15:00:00Z"),
      dayEndsAt: at("2026-11-18T22:00:00Z"),
    });
  });

  test("an absence tomorrow does not count today, one over night does not count at all", () => {
    expect(
      of([{ from: at("2026-11-19T05:00:00Z"), to: at("2026-11-20T05:00:00Z") }]),
    ).toMatchObject({ opensAt: now, absentTo: null });
    expect(
      of(
        [{ from: at("2026-11-18T22:00:00Z"), to: at("2026-11-19T14:00:00Z") }],
        at("2026-11-18T23:00:00Z"),
      ),
    ).toMatchObject({ opensAt: at("2026-11-19T14:00:00Z"), absentTo: null });
  });

  test("a rep who never opens, or is away beyond the years worked out, has no opening", () => {
    expect(
      presenceAt(repHours({ hours: { zone: "UTC", week: {} }, absences: [] }, null, nine), now),
    ).toMatchObject({ opensAt: null, dayEndsAt: null });
    expect(of([{ from: 0, to: at("2100-01-01T00:00:00Z") }])).toMatchObject({
      opensAt: null,
      absentTo: at("2100-01-01T00:00:00Z"),
    });
  });

  test("the local day and hour, on the day of 25 hours and in a zone of half hours", () => {
    expect(localSpan("America/New_York", at("2026-11-01T15:00:00Z"))).toMatchObject({
      dayFrom: at("2026-11-01T04:00:00Z"),
      dayTo: at("2026-11-02T05:00:00Z"),
    });
    expect(localSpan("Asia/Kolkata", at("2026-11-18T15:10:00Z"))).toMatchObject({
      hourFrom: at("2026-11-18T14:30:00Z"),
      hourTo: at("2026-11-18T15:30:00Z"),
    });
  });
});
