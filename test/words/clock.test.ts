import { describe, expect, test } from "vitest";
import { sayInstant, sayLastOf, sayStep, withMoments, withZones } from "../../words/clock.ts";

const now = Date.parse("2026-11-23T15:00:00Z");

describe("a next step", () => {
  test.each([
    ["outreach warning 2026-11-23 10:30:20 America/New_York", "outreach warning"],
    ["status due 2026-11-23 17:00 UTC", "status due"],
    ["facts to be corrected: lead.role", "facts to be corrected: role"],
    ["held until the pool opens", "held until the pool opens"],
    ["reviewed on 2026-12-01", "reviewed on 2026-12-01"],
  ])("%s is said without its time", (step, said) => {
    expect(sayStep(step)).toBe(said);
  });
});

test("instants in a sentence are the reader's moments", () => {
  expect(withMoments("last heard of at 2026-11-23T14:05:33.121Z", now, "America/New_York")).toBe(
    "last heard of at Mon 09:05",
  );
  expect(withMoments("on 2026-11-23, 14:05Z", now, "UTC")).toBe("on 2026-11-23, 14:05Z");
});

test("zones in brackets are called by their city, and what is none stays", () => {
  expect(withZones("mon-fri 09:00-17:00 (America/New_York)")).toBe(
    "mon-fri 09:00-17:00 (New York)",
  );
  expect(withZones("by the clock (Europe/Berlin), (UTC), (a/b), A/B")).toBe(
    "by the clock (Berlin), (UTC), (a/b), A/B",
  );
});

test("an absence is over on its last day, or at the moment at which it ends", () => {
  const until = (at: string, zone: string) => sayLastOf(Date.parse(at), now, zone);
  expect(until("2026-12-08T05:00:00Z", "America/New_York")).toBe("Mon 7 Dec");
  expect(until("2026-12-08T05:00:00Z", "Europe/Berlin")).toBe("Tue 8 Dec 06:00");
  expect(until("2026-11-24T18:00:00Z", "America/New_York")).toBe("Tue 13:00");
});

describe("a fact that is an instant", () => {
  test("is said as a moment of the reader", () => {
    expect(sayInstant("2026-11-23T14:05:33.121Z", now, "America/New_York")).toBe("Mon 09:05");
    expect(sayInstant("2026-11-23T14:05:00+01:00", now, "UTC")).toBe("Mon 13:05");
  });

  test.each(["2026-11-23", "2026-13-45T99:99:99Z", "at 2026-11-23T14:05:33Z", "Software", ""])(
    "%j is none and stays",
    (text) => {
      expect(sayInstant(text, now, "UTC")).toBe(text);
    },
  );
});
