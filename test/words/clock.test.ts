import { describe, expect, test } from "vitest";
import { sayInstant, sayLastOf, sayStep, withTimes } from "../../words/clock.ts";

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

describe("times in a sentence are said as their reader says them", () => {
  test.each([
    ["last heard of at 2026-11-23T14:05:33.121Z", "last heard of at Mon 09:05"],
    [
      'first touch in [a], found "2026-11-02T14:05:00Z"',
      'first touch in [a], found "Mon 2 Nov 09:05"',
    ],
    ["paused until 2026-11-23T14:05:00+01:00", "paused until Mon 08:05"],
    ["it was to be revisited on 2026-12-01", "it was to be revisited on Tue 1 Dec"],
    ["from 2025-12-31 on", "from Wed 31 Dec 2025 on"],
    ["due 2026-11-24 17:00 Europe/Berlin, now", "due Tue 17:00 (Berlin), now"],
    ["mon-fri 09:00-17:00 (America/New_York)", "mon-fri 09:00-17:00 (New York)"],
    ["by the clock (Europe/Berlin), (UTC), (a/b), A/B", "by the clock (Berlin), (UTC), (a/b), A/B"],
    [
      "1 business hour of opening hours from 2026-12-04 16:50: 0:10:00 on 2026-12-04, 0:50:00 on " +
        "2026-12-07; so until 2026-12-07 09:50 (America/New_York)",
      "1 business hour of opening hours from Fri 4 Dec 16:50: 10 min on Fri 4 Dec, 50 min on Mon " +
        "7 Dec; so until Mon 7 Dec 09:50 (New York)",
    ],
  ])("%j", (kept, said) => {
    expect(withTimes(kept, now, "America/New_York")).toBe(said);
  });

  test.each(["2026-13-45", "webinar-2026-11-05", "2026-11-05-webinar", "v1.2026-1", "at 14:05"])(
    "%j is no time and stays",
    (text) => {
      expect(withTimes(text, now, "UTC")).toBe(text);
    },
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
