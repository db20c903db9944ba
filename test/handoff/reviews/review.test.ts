import { describe, expect, test } from "vitest";
import type { Engagement } from "../../../handoff/facts/facts.ts";
import { lookAtPoolLead, type PoolLead } from "../../../handoff/answers/pool-review.ts";
import {
  heldAt,
  isPeriod,
  periodOf,
  agreedReview,
  agreedReviews,
  askAgainAt,
  figuresPeriod,
  isHeldBy,
  latestPeriod,
  periodBefore,
  reviewTimes,
  type AgreedReview,
} from "../../../handoff/reviews/review.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const quarterly = agreedReview(agreement, "quarterly")!;
const monthly = agreedReview(agreement, "monthly")!;
const weekly = agreedReview(agreement, "weekly")!;
const at = (iso: string): number => Date.parse(iso);
const day = 86_400_000;

function withHours(
  exceptions: Record<string, string[]>,
  zone = "America/New_York",
  time = "09:00",
): AgreedReview {
  return {
    ...quarterly,
    hours: {
      zone,
      week: {
        mon: ["09:00-17:00"],
        tue: ["09:00-17:00"],
        wed: ["09:00-17:00"],
        thu: ["09:00-17:00"],
        fri: ["09:00-17:00"],
      },
      exceptions,
    },
    rule: { ...quarterly.rule, on: { ...quarterly.rule.on, time } },
  };
}

describe("when the pool is reviewed", () => {
  test(
    "the example agreement has all three reviews; the pool belongs to the one that it names, " +
      "or to none",
    () => {
      const poolOf = (one: typeof agreement) =>
        agreedReviews(one).map(({ kind, hasPool }) => [kind, hasPool]);
      expect(poolOf(agreement)).toEqual([
        ["weekly", false],
        ["monthly", false],
        ["quarterly", true],
      ]);
      const monthlyPool = { ...agreement.renurture, reviewEvery: "month" as const };
      expect(poolOf({ ...agreement, renurture: monthlyPool })).toEqual([
        ["weekly", false],
        ["monthly", true],
        ["quarterly", false],
      ]);
      expect(poolOf({ ...agreement, reviews: { weekly: weekly.rule } })).toEqual([
        ["weekly", false],
      ]);
      expect(agreedReview({ ...agreement, reviews: {} }, "weekly")).toBeUndefined();
    },
  );

  test("the period is the one on the wall of the review's zone, not in UTC", () => {
    expect(periodOf(quarterly, at("2026-10-01T03:59:59Z"))).toBe("2026-Q3");
    expect(periodOf(quarterly, at("2026-10-01T04:00:00Z"))).toBe("2026-Q4");
    expect(periodOf(monthly, at("2027-01-01T04:59:00Z"))).toBe("2026-12");
  });

  test.each<[string, Record<string, string[]>, string, string]>([
    ["2026-Q4", {}, "2026-10-01T13:00:00Z", "a Thursday, in summer time"],
    [
      "2027-Q1",
      { "2027-01-01": [] },
      "2027-01-04T14:00:00Z",
      "New Year on a Friday, then a weekend",
    ],
    [
      "2028-Q1",
      { "2028-01-03": [] },
      "2028-01-04T14:00:00Z",
      "the 1st is a Saturday, the Monday a holiday",
    ],
    [
      "2028-Q1",
      { "2028-01-01": ["10:00-11:00"] },
      "2028-01-01T14:00:00Z",
      "a Saturday on which somebody works is a business day",
    ],
  ])("the review of %s with holidays %o is held at %s: %s", (period, exceptions, expected) => {
    expect(new Date(heldAt(withHours(exceptions), period)).toISOString()).toBe(
      new Date(expected).toISOString(),
    );
  });

  test("a night shift that began in the old quarter does not make its first morning the business day", () => {
    const nights: AgreedReview = {
      ...quarterly,
      hours: { zone: "UTC", week: { wed: ["22:00-06:00"], fri: ["22:00-23:00"] } },
    };
    // 2026-09-30 is a Wednesday.
    expect(new Date(heldAt(nights, "2026-Q4")).toISOString()).toBe("2026-10-02T09:00:00.000Z");
  });

  test("a time that the clocks skip that day is held at the first moment after the gap", () => {
    // Lord Howe goes forward at 02:00 on the first Sunday of October, here the first business day.
    const review: AgreedReview = {
      ...withHours({}, "Australia/Lord_Howe", "02:15"),
      hours: { zone: "Australia/Lord_Howe", week: { sun: ["00:00-24:00"] } },
    };
    expect(new Date(heldAt(review, "2026-Q4")).toISOString()).toBe("2026-10-03T15:30:00.000Z");
  });

  test("a period that does not exist is refused, and so is a quarter in which nobody works", () => {
    for (const text of ["2026-Q5", "2026-Q0", "2026-11", "Q4", "2026-Q4 "])
      expect(() => heldAt(quarterly, text)).toThrow(RangeError);
    expect([
      isPeriod("monthly", "2026-12"),
      isPeriod("monthly", "2026-13"),
      isPeriod("quarterly", "2026-Q4"),
    ]).toEqual([true, false, true]);
    expect(() =>
      heldAt(
        {
          ...quarterly,
          hours: { zone: "UTC", week: { mon: [] }, exceptions: { "2027-01-04": ["09:00-10:00"] } },
        },
        "2026-Q4",
      ),
    ).toThrow("no business day in 2026-Q4");
  });

  test("ten business days to decide, called to mind at half time within opening hours", () => {
    const times = reviewTimes(withHours({}), at("2026-10-01T13:00:00Z"));
    expect(new Date(times.dueAt).toISOString()).toBe("2026-10-15T21:00:00.000Z");
    // Half time is Thursday 2026-10-08 17:00 UTC, which is 13:00 in New York.
    expect(new Date(times.remindAt).toISOString()).toBe("2026-10-08T17:00:00.000Z");
    const overnight = reviewTimes(withHours({}), at("2026-10-01T21:00:00Z"));
    expect(new Date(overnight.remindAt).toISOString()).toBe("2026-10-09T13:00:00.000Z");
  });
});

describe("when a weekly review is held", () => {
  const every = (everyWeeks: 1 | 2, day: "mon" | "fri" = "mon"): AgreedReview => ({
    ...weekly,
    hours: withHours({}).hours,
    rule: { ...weekly.rule, everyWeeks, on: { ...weekly.rule.on, day } },
  });
  const held = (review: AgreedReview, period: string) =>
    new Date(heldAt(review, period)).toISOString();

  test("a week is named by ISO 8601, also around New Year and in years of 53 weeks", () => {
    for (const [iso, week] of [
      ["2026-11-29T12:00:00Z", "2026-W48"],
      ["2026-12-31T12:00:00Z", "2026-W53"],
      ["2027-01-03T12:00:00Z", "2026-W53"],
      ["2027-01-04T12:00:00Z", "2027-W01"],
      ["2024-12-30T12:00:00Z", "2025-W01"],
    ] as const)
      expect([iso, periodOf(every(1), at(iso))]).toEqual([iso, week]);
    expect([
      isPeriod("weekly", "2026-W53"),
      isPeriod("weekly", "2025-W53"),
      isPeriod("weekly", "2026-W00"),
      isPeriod("weekly", "2026-W5"),
    ]).toEqual([true, false, false, false]);
  });

  test("it is held on its weekday at the agreed time; on a holiday, on the next business day", () => {
    expect(held(every(1), "2026-W48")).toBe("2026-11-23T14:00:00.000Z");
    const hours = withHours({ "2026-11-23": [], "2026-11-27": [] }).hours;
    expect(held({ ...every(1), hours }, "2026-W48")).toBe("2026-11-24T14:00:00.000Z");
    // A Friday: then it is the Monday of the week after, and still that week's review.
    const friday = { ...every(1, "fri"), hours };
    expect(held(friday, "2026-W48")).toBe("2026-11-30T14:00:00.000Z");
    expect(latestPeriod(friday, at("2026-11-30T13:59:59Z"))).toBe("2026-W47");
    // Asked on the Monday, it is not the review of that week yet.
    expect(latestPeriod(friday, at("2026-11-30T14:00:00Z"))).toBe("2026-W48");
  });

  test("every second week stays every second week over years of 52 and of 53 weeks", () => {
    const second = every(2);
    const names = new Set<string>();
    for (let day = at("2024-01-01T17:00:00Z"); day < at("2034-01-01"); day += 86_400_000)
      names.add(periodOf(second, day));
    const times = [...names].map((period) => heldAt(second, period));
    // Business days and a clock change apart, two weeks lie between any two.
    expect(
      times.slice(1).every((one, n) => Math.round((one - times[n]!) / 86_400_000) === 14),
    ).toBe(true);
    expect(periodOf(second, at("2026-12-30T12:00:00Z"))).toBe("2026-W53");
    expect(periodOf(second, at("2027-01-08T12:00:00Z"))).toBe("2026-W53");
    expect(periodBefore(second, "2026-W53")).toBe("2026-W51");
  });

  test("its figures are about the period before the one in which it is held", () => {
    const span = (review: AgreedReview, period: string) => {
      const { from, to } = figuresPeriod(review, period);
      return [new Date(from).toISOString(), new Date(to).toISOString()];
    };
    expect(span(every(1), "2026-W48")).toEqual([
      "2026-11-16T05:00:00.000Z",
      "2026-11-23T05:00:00.000Z",
    ]);
    expect(span(every(2), "2026-W53")).toEqual([
      "2026-12-14T05:00:00.000Z",
      "2026-12-28T05:00:00.000Z",
    ]);
    expect(span(monthly, "2026-11")).toEqual([
      "2026-10-01T04:00:00.000Z",
      "2026-11-01T04:00:00.000Z",
    ]);
    expect(span(quarterly, "2027-Q1")).toEqual([
      "2026-10-01T04:00:00.000Z",
      "2027-01-01T05:00:00.000Z",
    ]);
  });

  test(
    "in weeks in which nobody works it is not held, and a review that is ignored is asked for " +
      "less and less",
    () => {
      const closed = { ...every(1), hours: { zone: "UTC", week: { mon: [] } } };
      expect(isHeldBy(closed, "2026-W48", at("2030-01-01"))).toBe(false);
      const now = at("2026-11-24T15:00:00Z");
      const days = (asked: number) => (askAgainAt(every(1), asked, now) - now) / day;
      expect([days(0), days(4), days(5)]).toEqual([1, 1, 7]);
      // From a Friday it is not Saturday, but Monday when the office opens.
      expect(new Date(askAgainAt(every(1), 0, at("2026-11-27T15:00:00Z"))).toISOString()).toBe(
        "2026-11-30T14:00:00.000Z",
      );
    },
  );
});

describe("what is suggested for a lead of the pool", () => {
  const now = at("2026-10-01T13:00:00Z");
  const facts = {
    "account.employees": 200,
    "account.industry": "Software",
    "account.country": "US",
  };
  const did = (type: string, daysAgo: number, id = `${type}-${daysAgo}`): Engagement => ({
    id,
    type,
    occurredAt: now - daysAgo * day,
  });
  const look = (lead: Partial<PoolLead> = {}) =>
    lookAtPoolLead(agreement, {
      facts,
      engagements: [],
      now,
      cycles: 1,
      exit: { at: now - 30 * day, intent: 12 },
      ...lead,
    });

  test(
    "what it did since it entered the pool is counted by type with the last time; what it did " +
      "before is not",
    () => {
      const found = look({
        engagements: [
          did("blog_view", 40),
          did("blog_view", 20),
          did("blog_view", 3),
          did("webinar_attended", 10),
        ],
      });
      expect(found.since).toEqual([
        { type: "blog_view", count: 2, lastAt: now - 3 * day },
        { type: "webinar_attended", count: 1, lastAt: now - 10 * day },
      ]);
      expect(found.intentThen).toBe(12);
      expect(found.intentNow).toBeGreaterThan(6);
    },
  );

  test.each<[string, Partial<PoolLead>, string, RegExp]>([
    [
      "one meaningful engagement brings it back",
      { engagements: [did("webinar_attended", 2)] },
      "return",
      /^1 meaningful engagement since/,
    ],
    [
      "also when its cycles are used up, and says so",
      { cycles: 3, engagements: [did("webinar_attended", 2)] },
      "return",
      /only a person can return it/,
    ],
    [
      "outside the ICP it is retired, whatever it did",
      { facts: { ...facts, "account.employees": 10 }, engagements: [did("webinar_attended", 2)] },
      "retire",
      /ICP/,
    ],
    ["an unknown fact is no reason to retire", { facts: {} }, "keep", /silent/],
    [
      "whoever named a date is left alone until then",
      { cycles: 3, exit: { at: now - 300 * day, intent: 0, revisitOn: "2026-10-02" } },
      "keep",
      /2026-10-02/,
    ],
    [
      "but not on that day any more",
      { cycles: 3, exit: { at: now - 300 * day, intent: 0, revisitOn: "2026-10-01" } },
      "retire",
      /3 cycles are used up/,
    ],
    [
      "silent for half a year it is retired",
      { exit: { at: now - 180 * day, intent: 0 } },
      "retire",
      /silent for 180 days/,
    ],
    [
      "a day less and it is kept",
      { exit: { at: now - 179 * day, intent: 0 } },
      "keep",
      /only for 179 days/,
    ],
    [
      "shallow interest is kept, however long it takes",
      { exit: { at: now - 400 * day, intent: 0 }, engagements: [did("blog_view", 200)] },
      "keep",
      /still looking/,
    ],
    [
      "an engagement in the future has not happened",
      { exit: { at: now - 180 * day, intent: 0 }, engagements: [did("webinar_attended", -1)] },
      "retire",
      /silent/,
    ],
  ])("%s", (_, lead, suggestion, because) => {
    const found = look(lead);
    expect(found.suggestion).toBe(suggestion);
    expect(found.because).toMatch(because);
  });
});
