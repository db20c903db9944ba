import { describe, expect, test } from "vitest";
import {
  addBusinessDays,
  addBusinessTime,
  businessTimeBetween,
  CalendarError,
  checkCalendar,
  compile,
  formatLocal,
  intersect,
  isOpen,
  localDateOf,
  nextOpen,
  NoOpenTime,
  openIntervals,
  subtractBusinessTime,
  subtractIntervals,
  union,
} from "../../../handoff/time/calendar.ts";
import type { CalendarDef, DayName } from "../../../handoff/time/calendar.ts";

const HOUR = 3_600_000;
const workdays: DayName[] = ["mon", "tue", "wed", "thu", "fri"];
const everyDay: DayName[] = [...workdays, "sat", "sun"];

function weekly(
  zone: string,
  days: DayName[],
  shifts: string[],
  exceptions: Record<string, string[]> = {},
): CalendarDef {
  return { zone, week: Object.fromEntries(days.map((day) => [day, shifts])), exceptions };
}

const years = { from: 2026, to: 2027 };
const hq = compile(
  weekly("America/New_York", workdays, ["09:00-17:00"], {
    "2026-11-26": [],
    "2026-11-27": ["09:00-13:00"],
  }),
  years,
);
/** New York winter time. */
const ny = (wall: string) => Date.parse(`${wall}:00-05:00`);
const utc = (wall: string) => Date.parse(`${wall}:00Z`);
const local = (at: number | null) => (at === null ? null : formatLocal(hq.zone, at));

describe("open hours are half-open", () => {
  test("open at the opening, closed at the close", () => {
    expect(
      [
        ny("2026-11-23T08:59"),
        ny("2026-11-23T09:00"),
        ny("2026-11-23T16:59"),
        ny("2026-11-23T17:00"),
      ].map((at) => isOpen(hq, at)),
    ).toEqual([false, true, true, false]);
  });

  test("the next opening is now when open, else the next shift", () => {
    expect(nextOpen(hq, ny("2026-11-23T12:00"))).toBe(ny("2026-11-23T12:00"));
    expect(local(nextOpen(hq, ny("2026-11-20T17:00")))).toBe("2026-11-23 09:00 America/New_York");
  });
});

describe("deadlines", () => {
  test("a lead handed off Friday 16:30 with one hour is due Monday 09:30", () => {
    expect(local(addBusinessTime(hq, ny("2026-11-20T16:30"), HOUR))).toBe(
      "2026-11-23 09:30 America/New_York",
    );
  });

  test("filling the day exactly is due at its close, not the next morning", () => {
    expect(local(addBusinessTime(hq, ny("2026-11-20T09:00"), 8 * HOUR))).toBe(
      "2026-11-20 17:00 America/New_York",
    );
    expect(local(subtractBusinessTime(hq, ny("2026-11-23T17:00"), 8 * HOUR))).toBe(
      "2026-11-23 09:00 America/New_York",
    );
  });

  test("counted back, an exact fit starts at the latest opening", () => {
    expect(local(subtractBusinessTime(hq, ny("2026-11-24T09:00"), 8 * HOUR))).toBe(
      "2026-11-23 09:00 America/New_York",
    );
    expect(local(subtractBusinessTime(hq, ny("2026-11-23T11:00"), 2 * HOUR))).toBe(
      "2026-11-23 09:00 America/New_York",
    );
  });

  test("no time at all is the next opening, and itself when open", () => {
    expect(local(addBusinessTime(hq, ny("2026-11-21T12:00"), 0))).toBe(
      "2026-11-23 09:00 America/New_York",
    );
    expect(local(addBusinessTime(hq, ny("2026-11-23T12:00"), 0))).toBe(
      "2026-11-23 12:00 America/New_York",
    );
  });

  test("Thanksgiving is closed and the Friday after it half a day", () => {
    expect(businessTimeBetween(hq, ny("2026-11-25T17:00"), ny("2026-11-30T09:00"))).toBe(4 * HOUR);
    expect(businessTimeBetween(hq, ny("2026-11-30T09:00"), ny("2026-11-25T17:00"))).toBe(-4 * HOUR);
  });
});

describe("business days", () => {
  test("five business days from Friday end at the close of the next Friday", () => {
    expect(local(addBusinessDays(hq, ny("2026-11-13T16:50"), 5))).toBe(
      "2026-11-20 17:00 America/New_York",
    );
  });

  test("a holiday is no business day and a half day closes early", () => {
    expect(local(addBusinessDays(hq, ny("2026-11-25T10:00"), 1))).toBe(
      "2026-11-27 13:00 America/New_York",
    );
  });

  test("a handoff after the close belongs to the next business date", () => {
    expect(local(addBusinessDays(hq, ny("2026-11-20T17:00"), 0))).toBe(
      "2026-11-23 17:00 America/New_York",
    );
  });

  test("a night shift belongs to the evening it began, even past midnight", () => {
    const night = compile(weekly("UTC", workdays, ["22:00-06:00"]), years);
    expect(addBusinessDays(night, utc("2026-11-24T03:00"), 0)).toBe(utc("2026-11-24T06:00"));
    expect(addBusinessDays(night, utc("2026-11-24T03:00"), 1)).toBe(utc("2026-11-25T06:00"));
  });
});

describe("shifts as people write them", () => {
  test("a holiday removes the night shift that starts on it, not the tail of the one before", () => {
    const night = compile(weekly("UTC", everyDay, ["22:00-06:00"], { "2026-12-25": [] }), years);
    expect(openIntervals(night, utc("2026-12-24T12:00"), utc("2026-12-27T12:00"))).toEqual([
      { from: utc("2026-12-24T22:00"), to: utc("2026-12-25T06:00") },
      { from: utc("2026-12-26T22:00"), to: utc("2026-12-27T06:00") },
    ]);
  });

  test("24:00 meets 00:00 without a seam, and 22:00-00:00 ends at midnight", () => {
    const always = compile(weekly("UTC", everyDay, ["00:00-24:00"]), years);
    expect(openIntervals(always, utc("2026-03-01T12:00"), utc("2026-03-05T12:00"))).toHaveLength(1);
    const late = compile(weekly("UTC", everyDay, ["22:00-00:00"]), years);
    expect(businessTimeBetween(late, utc("2026-03-01T00:00"), utc("2026-03-03T00:00"))).toBe(
      4 * HOUR,
    );
  });

  test("overlapping and touching shifts count once", () => {
    const messy = compile(
      weekly("UTC", everyDay, ["09:00-12:00", "11:00-15:00", "15:00-16:00"]),
      years,
    );
    expect(openIntervals(messy, utc("2026-03-02T00:00"), utc("2026-03-03T00:00"))).toEqual([
      { from: utc("2026-03-02T09:00"), to: utc("2026-03-02T16:00") },
    ]);
  });

  test("an exception opens a date that is closed in the week", () => {
    const saturday = compile(
      weekly("UTC", workdays, ["09:00-17:00"], { "2026-11-21": ["10:00-12:00"] }),
      years,
    );
    expect(nextOpen(saturday, utc("2026-11-20T17:00"))).toBe(utc("2026-11-21T10:00"));
  });
});

describe("clocks going forward and back", () => {
  test("an hour that does not exist is not worked, an hour that comes twice is worked twice", () => {
    const sundays = compile(weekly("America/New_York", ["sun"], ["00:00-24:00"]), years);
    expect(businessTimeBetween(sundays, utc("2026-03-07T00:00"), utc("2026-03-10T00:00"))).toBe(
      23 * HOUR,
    );
    expect(businessTimeBetween(sundays, utc("2026-10-31T00:00"), utc("2026-11-03T00:00"))).toBe(
      25 * HOUR,
    );
  });

  test("a shift inside the missing hour is empty, and its date is no business date", () => {
    const gap = compile(weekly("America/New_York", ["sun"], ["02:00-03:00"]), years);
    expect(nextOpen(gap, utc("2026-03-08T00:00"))).toBe(utc("2026-03-15T06:00"));
    expect(addBusinessDays(gap, utc("2026-03-02T00:00"), 0)).toBe(utc("2026-03-15T07:00"));
  });

  test("a time that comes twice means its first occurrence", () => {
    const early = compile(weekly("America/New_York", ["sun"], ["01:30-03:00"]), years);
    expect(nextOpen(early, utc("2026-11-01T00:00"))).toBe(utc("2026-11-01T05:30"));
    expect(businessTimeBetween(early, utc("2026-11-01T00:00"), utc("2026-11-02T00:00"))).toBe(
      2.5 * HOUR,
    );
  });

  test("Lord Howe moves by half an hour", () => {
    const lordHowe = compile(weekly("Australia/Lord_Howe", ["sun"], ["00:00-24:00"]), years);
    expect(businessTimeBetween(lordHowe, utc("2026-04-03T00:00"), utc("2026-04-07T00:00"))).toBe(
      24.5 * HOUR,
    );
    expect(businessTimeBetween(lordHowe, utc("2026-10-02T00:00"), utc("2026-10-06T00:00"))).toBe(
      23.5 * HOUR,
    );
  });

  test("Apia never had 30 December 2011, so nobody worked on it", () => {
    const apia = compile(weekly("Pacific/Apia", everyDay, ["09:00-17:00"]), {
      from: 2011,
      to: 2012,
    });
    // The 29th, then at once the 31st: 16 hours between the close and the opening, not 40.
    expect(openIntervals(apia, utc("2011-12-29T12:00"), utc("2011-12-31T12:00"))).toEqual([
      { from: utc("2011-12-29T19:00"), to: utc("2011-12-30T03:00") },
      { from: utc("2011-12-30T19:00"), to: utc("2011-12-31T03:00") },
    ]);
    expect(localDateOf("Pacific/Apia", addBusinessDays(apia, utc("2011-12-29T20:00"), 1))).toBe(
      "2011-12-31",
    );
  });
});

describe("calendars combined", () => {
  const berlin = compile(weekly("Europe/Berlin", workdays, ["09:00-17:00"]), years);

  test("two sites together cover from Berlin's morning to New York's evening", () => {
    expect(
      openIntervals(union(hq, berlin), utc("2026-11-23T00:00"), utc("2026-11-24T00:00")),
    ).toEqual([{ from: utc("2026-11-23T08:00"), to: utc("2026-11-23T22:00") }]);
  });

  test("what they share keeps the dates and zone of the first", () => {
    const shared = intersect(hq, berlin);
    expect(shared.zone).toBe("America/New_York");
    expect(openIntervals(shared, utc("2026-11-23T00:00"), utc("2026-11-24T00:00"))).toEqual([
      { from: utc("2026-11-23T14:00"), to: utc("2026-11-23T16:00") },
    ]);
    expect(local(addBusinessDays(shared, ny("2026-11-25T10:30"), 1))).toBe(
      "2026-11-27 11:00 America/New_York",
    );
  });

  test("a day of absence is no business day of the rep", () => {
    const rep = subtractIntervals(hq, [
      { from: ny("2026-11-24T00:00"), to: ny("2026-11-25T00:00") },
    ]);
    expect(local(addBusinessDays(rep, ny("2026-11-23T10:00"), 1))).toBe(
      "2026-11-25 17:00 America/New_York",
    );
    expect(local(addBusinessTime(rep, ny("2026-11-23T16:00"), 2 * HOUR))).toBe(
      "2026-11-25 10:00 America/New_York",
    );
  });

  test("calendars of different years cannot be combined", () => {
    const past = compile(weekly("UTC", workdays, ["09:00-17:00"]), { from: 2020, to: 2021 });
    expect(() => union(hq, past)).toThrow(CalendarError);
  });
});

describe("a bad definition names the rule and the text", () => {
  const rows: [string, unknown, string, string[]][] = [
    ["a zone that does not exist", { zone: "Mars/Olympus", week: {} }, "known-zone", ["zone"]],
    ["an offset instead of a zone", { zone: "+05:00", week: {} }, "known-zone", ["zone"]],
    [
      "a day that does not exist",
      { zone: "UTC", week: { monday: [] } },
      "known-day",
      ["week", "monday"],
    ],
    [
      "hours that are not text",
      { zone: "UTC", week: { mon: "09:00-17:00" } },
      "shift-list",
      ["week", "mon"],
    ],
    [
      "a single time",
      { zone: "UTC", week: { mon: ["09:00"] } },
      "shift-text",
      ["week", "mon", "0"],
    ],
    [
      "an hour past 24",
      { zone: "UTC", week: { mon: ["09:00-17:00", "18:00-25:00"] } },
      "shift-text",
      ["week", "mon", "1"],
    ],
    [
      "a shift that starts at 24:00",
      { zone: "UTC", week: { mon: ["24:00-06:00"] } },
      "shift-text",
      ["week", "mon", "0"],
    ],
    [
      "a shift of no length",
      { zone: "UTC", week: { mon: ["09:00-09:00"] } },
      "shift-not-empty",
      ["week", "mon", "0"],
    ],
    [
      "a date that does not exist",
      { zone: "UTC", week: {}, exceptions: { "2026-02-30": [] } },
      "real-date",
      ["exceptions", "2026-02-30"],
    ],
    [
      "bad hours on a date",
      { zone: "UTC", week: {}, exceptions: { "2026-02-03": ["9-5"] } },
      "shift-text",
      ["exceptions", "2026-02-03", "0"],
    ],
    [
      "too many shifts",
      { zone: "UTC", week: { mon: Array.from({ length: 97 }, () => "09:00-17:00") } },
      "shift-count",
      ["week", "mon"],
    ],
  ];

  test.each(rows)("%s", (_, def, rule, path) => {
    expect(checkCalendar(def as CalendarDef)).toMatchObject([{ rule, path }]);
    const refused = refusal(() => compile(def as CalendarDef, years));
    expect(refused.rule).toBe(rule);
    expect(refused.message).toContain(path.join("."));
  });

  test("all problems are listed at once, and a good definition has none", () => {
    expect(
      checkCalendar({ zone: "Nowhere", week: { mon: ["9-17"] }, exceptions: { "2026-13-01": [] } }),
    ).toHaveLength(3);
    expect(
      checkCalendar(
        weekly("Europe/London", everyDay, ["00:00-24:00", "22:00-06:00"], { "2028-02-29": [] }),
      ),
    ).toEqual([]);
  });

  test.each([
    [2027, 2026],
    [2026.5, 2027],
    [1800, 1801],
    [2000, 2020],
  ])("years %s to %s are refused", (from, to) => {
    expect(refusal(() => compile(weekly("UTC", workdays, []), { from, to })).rule).toBe("years");
  });
});

describe("no open time is an answer, not a loop", () => {
  const never = compile({ zone: "UTC", week: {} }, years);

  test("a calendar that never opens says so", () => {
    expect(nextOpen(never, utc("2026-06-01T00:00"))).toBeNull();
    expect(businessTimeBetween(never, utc("2026-06-01T00:00"), utc("2027-06-01T00:00"))).toBe(0);
    for (const ask of [addBusinessTime, subtractBusinessTime, addBusinessDays]) {
      expect(() => ask(never, utc("2026-06-01T00:00"), 1)).toThrow(
        new NoOpenTime("The calendar never opens, so no business time can pass on it"),
      );
    }
  });

  test("a deadline past the compiled years is refused, the last instant inside them is not", () => {
    const always = compile(weekly("UTC", everyDay, ["00:00-24:00"]), { from: 2026, to: 2026 });
    const end = utc("2027-01-01T00:00");
    expect(addBusinessTime(always, end - HOUR, HOUR)).toBe(end);
    expect(() => addBusinessTime(always, end - HOUR, HOUR + 1)).toThrow(NoOpenTime);
    expect(() => addBusinessTime(always, end - HOUR, HOUR + 1)).toThrow(/2026-01-01 to 2026-12-31/);
    expect(() => subtractBusinessTime(always, utc("2026-01-01T01:00"), HOUR + 1)).toThrow(
      NoOpenTime,
    );
    expect(refusal(() => isOpen(always, end + 1)).rule).toBe("compiled-years");
  });

  test("one minute a week answers a target of years", () => {
    const rare = compile(weekly("Africa/Casablanca", ["sun"], ["03:00-03:01"]), {
      from: 2010,
      to: 2029,
    });
    expect(() => addBusinessTime(rare, utc("2010-06-01T00:00"), 87_600 * HOUR)).toThrow(NoOpenTime);
  });

  test("a calendar of far too many shifts is refused by name", () => {
    const alternating = Array.from(
      { length: 96 },
      (_, i) =>
        `${String(Math.floor(i / 4)).padStart(2, "0")}:${String((i % 4) * 15).padStart(2, "0")}-${String(Math.floor(i / 4)).padStart(2, "0")}:${String((i % 4) * 15 + 7).padStart(2, "0")}`,
    );
    const def = weekly("UTC", everyDay, alternating);
    expect(compile(def, years).open.opens.length).toBeGreaterThan(70_000);
    expect(refusal(() => compile(def, { from: 2010, to: 2029 })).rule).toBe("calendar-size");
  });

  test.each([[Number.NaN], [Infinity], [1.5]])("an instant of %s is broken, not answered", (at) => {
    expect(() => isOpen(hq, at)).toThrow(RangeError);
    expect(() => addBusinessTime(hq, ny("2026-11-23T12:00"), at)).toThrow(RangeError);
  });

  test("negative amounts are broken", () => {
    expect(() => addBusinessTime(hq, ny("2026-11-23T12:00"), -1)).toThrow(RangeError);
    expect(() => addBusinessDays(hq, ny("2026-11-23T12:00"), -1)).toThrow(RangeError);
  });
});

describe("local time for people", () => {
  test("minutes, and seconds only when there are any", () => {
    expect(formatLocal("America/New_York", utc("2026-11-23T15:00"))).toBe(
      "2026-11-23 10:00 America/New_York",
    );
    expect(formatLocal("Asia/Kathmandu", utc("2026-11-23T15:00") + 5_000)).toBe(
      "2026-11-23 20:45:05 Asia/Kathmandu",
    );
  });

  test("the date turns at local midnight", () => {
    expect(localDateOf("Pacific/Auckland", utc("2026-06-30T11:59"))).toBe("2026-06-30");
    expect(localDateOf("Pacific/Auckland", utc("2026-06-30T12:00"))).toBe("2026-07-01");
    expect(localDateOf("America/New_York", utc("2028-03-01T04:59"))).toBe("2028-02-29");
  });
});

function refusal(ask: () => unknown): CalendarError {
  try {
    ask();
  } catch (error) {
    if (error instanceof CalendarError) return error;
    throw error;
  }
  throw new Error("expected a CalendarError");
}
